#include "firebreak/playbooks/lint.h"

#include <algorithm>
#include <set>
#include <utility>

#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "services/playbooks/findings.h"
#include "services/playbooks/lint_scope.h"
#include "services/playbooks/lint_steps.h"
#include "services/playbooks/read_playbook.h"
#include "services/playbooks/yaml_tree.h"

namespace firebreak {
namespace {

// A condition before the run: bool over incident.* only.
void LintTrigger(const v1::Trigger& trigger, Findings& findings) {
  if (trigger.event() != "incident.opened") {
    findings.Error(trigger.when().position(), "value", StrCat("trigger: unknown event '", trigger.event(), "'"),
                   "incident.opened");
  }
  if (!trigger.has_when()) return;
  const auto parsed = ParseExpression(trigger.when().text());
  if (const auto* fault = std::get_if<ExpressionFault>(&parsed))
    return findings.Fault(trigger.when().position(), *fault);
  const auto type = CheckExpression(std::get<ParsedExpression>(parsed), LintScope::IncidentTypeOf);
  if (const auto* fault = std::get_if<ExpressionFault>(&type)) return findings.Fault(trigger.when().position(), *fault);
  if (std::get<ValueType>(type) != ValueType::kBool) {
    findings.Error(trigger.when().position(), "type", "trigger: when must be true or false",
                   "incident.kind == \"model-poisoning\"");
  }
}

void LintInput(const v1::InputDeclaration& input, Findings& findings) {
  const std::optional<ValueType> type = FindValueType(input.type());
  if (!IsStepName(input.name())) {
    findings.Error(
        input.position(), "name",
        StrCat("input '", input.name(), "': names are lowercase letters, digits and _, starting with a letter"));
  }
  if (!type) {
    if (!input.type().empty()) {
      findings.Error(input.position(), "type", StrCat("input ", input.name(), ": unknown type '", input.type(), "'"),
                     "string, int, number, bool, duration, list, incident, deployment or snapshot");
    }
    return;
  }
  if (input.has_default_value() && !ValueMatches(input.default_value(), *type)) {
    findings.Error(input.position(), "type", StrCat("input ", input.name(), ": the default is no ", TypeName(*type)));
  }
  if (!input.has_from()) return;
  const auto parsed = ParseExpression(input.from().text());
  if (const auto* fault = std::get_if<ExpressionFault>(&parsed)) return findings.Fault(input.from().position(), *fault);
  const auto from = CheckExpression(std::get<ParsedExpression>(parsed), LintScope::IncidentTypeOf);
  if (const auto* fault = std::get_if<ExpressionFault>(&from)) return findings.Fault(input.from().position(), *fault);
  if (!Accepts(*type, std::get<ValueType>(from))) {
    findings.Error(input.from().position(), "type",
                   StrCat("input ", input.name(), " is ", TypeName(*type), ", ", input.from().text(), " is ",
                          TypeName(std::get<ValueType>(from))));
  }
}

// "deployment/$name": the one kind of lock there is.
void LintLock(const v1::Playbook& playbook, LintScope& scope, Findings& findings) {
  if (!playbook.has_lock()) return;
  const std::string& text = playbook.lock().text();
  const std::string wanted = "deployment/$";
  if (!text.starts_with(wanted)) {
    return findings.Error(playbook.lock().position(), "lock",
                          StrCat("lock '", text, "' is not of the form deployment/$input"), "deployment/$deployment");
  }
  ExpressionFault fault;
  const auto type = scope.TypeOf({"", text.substr(wanted.size())}, {});
  if (const auto* bad = std::get_if<ExpressionFault>(&type)) {
    fault = *bad;
    fault.offset = wanted.size() - 1;
    return findings.Fault(playbook.lock().position(), fault);
  }
  if (!Accepts(ValueType::kDeployment, std::get<ValueType>(type))) {
    findings.Error(playbook.lock().position(), "type",
                   StrCat("lock: ", text.substr(wanted.size() - 1), " is no deployment"));
  }
}

bool ChangesProduction(const LintScope& scope) {
  return std::any_of(scope.steps().begin(), scope.steps().end(), [&scope](const auto& entry) {
    const ActionSpec* spec = entry.second->has_do_() ? scope.FindAction(entry.second->do_().action()) : nullptr;
    return spec != nullptr && spec->changes_production;
  });
}

void LintWhole(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions, Findings& findings) {
  LintScope scope(playbook, actions);
  if (playbook.has_trigger()) LintTrigger(playbook.trigger(), findings);
  std::set<std::string> inputs;
  for (const v1::InputDeclaration& input : playbook.inputs()) {
    LintInput(input, findings);
    inputs.insert(input.name());
  }
  LintSteps(playbook, scope, findings);
  LintLock(playbook, scope, findings);
  v1::SourcePosition start;
  if (!playbook.has_lock() && ChangesProduction(scope)) {
    findings.Warning(start, "no-lock",
                     "this playbook changes production without a lock: two runs may act on one deployment",
                     "run: {lock: deployment/$deployment}");
  }
  for (const v1::InputDeclaration& input : playbook.inputs()) {
    if (!scope.InputUsed(input.name()))
      findings.Warning(input.position(), "unused-input", StrCat("input ", input.name(), " is never used"));
  }
}

}  // namespace

LintReport LintPlaybook(std::string_view file, std::string_view yaml, absl::Span<const ActionSpec* const> actions) {
  Findings findings(file);
  LintReport report;
  std::variant<YamlNode, YamlFault> tree = ReadYaml(yaml);
  if (const auto* fault = std::get_if<YamlFault>(&tree)) {
    findings.Error(fault->position, fault->rule, fault->message, fault->hint);
  } else {
    report.playbook = ReadPlaybook(std::get<YamlNode>(tree), findings);
    LintWhole(report.playbook, actions, findings);
  }
  report.playbook.set_digest(Sha256(yaml).text());
  report.findings = findings.TakeSorted();
  return report;
}

}  // namespace firebreak
