// What the fuzzers do with outside bytes; the corpus is replayed through the same functions as an ordinary test.
#ifndef FIREBREAK_TESTS_FUZZ_PLAYBOOKS_FUZZ_PLAYBOOK_H_
#define FIREBREAK_TESTS_FUZZ_PLAYBOOKS_FUZZ_PLAYBOOK_H_

#include <string_view>

#include "firebreak/actions/specs.h"
#include "firebreak/base/check.h"
#include "firebreak/cacao/print_yaml.h"
#include "firebreak/playbooks/expression.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/question.h"

namespace firebreak::testing {

// Any bytes give a report; every finding has a place and a rule. What lints is the same playbook when it was printed and read again.
inline void FuzzPlaybook(std::string_view bytes) {
  static const std::vector<const ActionSpec*> specs = BuiltinSpecs();
  const LintReport report = LintPlaybook("fuzz.yaml", bytes, specs);
  for (const v1::LintFinding& finding : report.findings) {
    FIREBREAK_CHECK(finding.position().line() >= 1 && finding.position().column() >= 1 && !finding.rule().empty());
    FIREBREAK_CHECK(!FormatFinding(finding).empty());
  }
  if (!report.ok()) return;
  FIREBREAK_CHECK(!report.playbook.name().empty() && report.playbook.steps_size() > 0);
  const LintReport again = LintPlaybook("printed.yaml", PrintPlaybook(report.playbook), specs);
  FIREBREAK_CHECK(again.ok());
  FIREBREAK_CHECK(WithoutPositions(again.playbook).SerializeAsString() == WithoutPositions(report.playbook).SerializeAsString());
}

// Any text parses or has a fault inside it; what the checker passes evaluates or says what is missing.
inline void FuzzExpression(std::string_view text) {
  const auto parsed = ParseExpression(text);
  if (const auto* fault = std::get_if<ExpressionFault>(&parsed)) {
    FIREBREAK_CHECK(fault->offset <= text.size() && !fault->rule.empty());
    return;
  }
  const auto& expression = std::get<ParsedExpression>(parsed);
  const auto type = CheckExpression(
      expression, [](const Reference&) { return std::variant<DataType, ExpressionFault>(DataType(ValueType::kInt)); });
  const auto value = Evaluate(expression, [](const Reference&) -> absl::StatusOr<google::protobuf::Value> {
    google::protobuf::Value one;
    one.set_number_value(1);
    return one;
  });
  if (std::holds_alternative<DataType>(type)) FIREBREAK_CHECK(value.ok());
  (void)ResolveText(
      text, [](const Reference&) { return absl::StatusOr<google::protobuf::Value>(absl::NotFoundError("none")); });
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_FUZZ_PLAYBOOKS_FUZZ_PLAYBOOK_H_
