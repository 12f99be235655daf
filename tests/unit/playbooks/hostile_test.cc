// Playbooks made to mislead the linter or to keep it busy for ever. Where a limit is missing, these do not end.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "firebreak/base/text.h"
#include "firebreak/playbooks/expression.h"
#include "firebreak/playbooks/lint.h"
#include "tests/unit/playbooks/specs.h"

namespace firebreak {
namespace {

constexpr char kHead[] = "playbook: p\ntitle: t\n";
constexpr char kStep[] = "steps:\n- note: {do: incident.note, with: {text: x}}\n";

LintReport Lint(const std::string& yaml) { return LintPlaybook("p.yaml", yaml, testing::LanguageSpecPointers()); }

bool HasError(const LintReport& report, std::string_view rule) {
  return std::any_of(report.findings.begin(), report.findings.end(),
                     [&](const v1::LintFinding& one) { return one.error() && one.rule() == rule; });
}

TEST(HostilePlaybook, WarningsNeverHideAnError) {
  std::string labels = "types: [";
  for (int i = 0; i < 300; ++i) StrAppend(&labels, "x", i, ", ");
  labels += "x]\n";
  const std::string head = StrCat(kHead, labels);
  EXPECT_TRUE(Lint(StrCat(head, kStep)).ok()) << "warnings alone are no reason";
  EXPECT_EQ(Lint(StrCat(head, kStep)).findings.size(), static_cast<size_t>(kFindingsMax));
  const LintReport report = Lint(StrCat(head, "steps:\n- roll: {do: rollback.apply, with: {deployment: x, plan: y}}\n"));
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(report.findings.size(), static_cast<size_t>(kFindingsMax));
}

TEST(HostilePlaybook, ManyStepsInputsKeysCasesAndChoicesAreAnswered) {
  std::string steps = "steps:\n";
  for (int i = 0; i < 4000; ++i) StrAppend(&steps, "- s", i, ": {do: incident.note, with: {text: x}}\n");
  const LintReport many_steps = Lint(StrCat(kHead, steps));
  EXPECT_TRUE(HasError(many_steps, "limit"));
  EXPECT_EQ(many_steps.playbook.steps_size(), kStepsMax);

  std::string handlers = "on_failure:\n";
  for (int i = 0; i < kStepsMax; ++i) StrAppend(&handlers, "- h", i, ": {do: incident.note, with: {text: x}}\n");
  EXPECT_TRUE(HasError(Lint(StrCat(kHead, kStep, handlers)), "limit")) << "handlers count as well";

  std::string inputs = "inputs:\n";
  for (int i = 0; i < 8000; ++i) StrAppend(&inputs, "  i", i, ": {type: string}\n");
  EXPECT_TRUE(HasError(Lint(StrCat(kHead, inputs, kStep)), "limit"));

  std::string keys;
  for (int i = 0; i < 22'000; ++i) StrAppend(&keys, "k", i, ": 1\n");
  EXPECT_TRUE(HasError(Lint(StrCat(kHead, keys, kStep)), "unknown-key"));
  EXPECT_TRUE(HasError(Lint(StrCat(kHead, keys, kStep, "k21999: 2\n")), "duplicate-key"));

  std::string cases = "inputs: {a: {type: string}}\nsteps:\n- one:\n    switch: $a\n    cases:\n";
  for (int i = 0; i < 9000; ++i) StrAppend(&cases, "    - {is: c", i, "}\n");
  EXPECT_TRUE(HasError(Lint(StrCat(kHead, cases)), "limit"));

  std::string choices = "inputs:\n  a: {type: enum, of: [";
  for (int i = 0; i < 30'000; ++i) StrAppend(&choices, "c", i, ", ");
  EXPECT_TRUE(HasError(Lint(StrCat(kHead, choices, "c]}\n", kStep)), "limit"));
}

TEST(HostilePlaybook, DeepNestingIsRefused) {
  for (const std::string& open : {std::string("["), std::string("{a: "), std::string("- "), std::string("? ")}) {
    std::string deep;
    for (size_t i = 0; i < 50'000; ++i) deep += open;
    EXPECT_FALSE(Lint(StrCat(kHead, "steps: ", open == "- " || open == "? " ? "\n" : "", deep)).ok()) << open;
  }
}

TEST(HostilePlaybook, NumbersOfAnExpressionAreThoseThatAreWritten) {
  EXPECT_TRUE(std::holds_alternative<ParsedExpression>(ParseExpression("$a == 9007199254740992")));
  for (const char* text : {"$a == 9007199254740993", "$a == -9007199254740994", "$a == 99999999999999999999999999999999"}) {
    EXPECT_TRUE(std::holds_alternative<ExpressionFault>(ParseExpression(text))) << text;
  }
  EXPECT_TRUE(std::holds_alternative<ExpressionFault>(ParseExpression("$a == " + std::string(400, '9'))));
}

}  // namespace
}  // namespace firebreak
