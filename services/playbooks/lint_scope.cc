#include "services/playbooks/lint_scope.h"

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/incident_values.h"

namespace firebreak {
namespace {

ExpressionFault Dangling(std::string rule, std::string message, std::string hint = "") {
  return ExpressionFault{0, std::move(rule), std::move(message), std::move(hint)};
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& known, std::string_view prefix) {
  const std::string nearest = NearestName(name, known);
  return nearest.empty() ? "" : StrCat("did you mean ", prefix, nearest);
}

}  // namespace

const std::vector<ActionField>& AskOutputs() {
  static const std::vector<ActionField>& outputs =
      *new std::vector<ActionField>{{"decision", "string", true, "approve or deny"},
                                    {"approved", "bool", true, "enough people approved in time"},
                                    {"expired", "bool", true, "nobody decided in time, which denies"},
                                    {"approvers", "list", true, "who approved"}};
  return outputs;
}

LintScope::LintScope(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions) {
  for (const ActionSpec* spec : actions) actions_.emplace(spec->name, spec);
  for (const v1::InputDeclaration& input : playbook.inputs()) {
    inputs_.emplace(input.name(), FindValueType(input.type()).value_or(ValueType::kString));
  }
  CollectSteps(playbook.steps());
  CollectSteps(playbook.on_failure());
}

void LintScope::CollectSteps(const google::protobuf::RepeatedPtrField<v1::Step>& steps) {
  for (const v1::Step& step : steps) {
    steps_.emplace(step.name(), &step);
    if (!step.has_branch()) continue;
    CollectSteps(step.branch().then_steps());
    CollectSteps(step.branch().else_steps());
  }
}

const ActionSpec* LintScope::FindAction(std::string_view name) const {
  const auto found = actions_.find(std::string(name));
  return found == actions_.end() ? nullptr : found->second;
}

std::vector<std::string> LintScope::ActionNames() const {
  std::vector<std::string> names;
  for (const auto& [name, spec] : actions_) names.push_back(name);
  return names;
}

std::variant<ValueType, ExpressionFault> LintScope::IncidentTypeOf(const Reference& reference) {
  if (reference.scope != "incident") {
    return Dangling("not-bound", StrCat(reference.text(), " has no value before the run starts"),
                    "only incident.* can be named here");
  }
  if (const std::optional<ValueType> type = FindIncidentField(reference.field)) return *type;
  return Dangling("unknown-reference", StrCat("an incident has no field '", reference.field, "'"),
                  DidYouMean(reference.field, IncidentFields(), "incident."));
}

std::variant<ValueType, ExpressionFault> LintScope::TypeOf(const Reference& reference, const Seen& seen) {
  if (reference.scope == "incident") return IncidentTypeOf(reference);
  if (reference.scope.empty()) {
    if (const auto found = inputs_.find(reference.field); found != inputs_.end()) {
      used_inputs_.insert(reference.field);
      return found->second;
    }
    std::vector<std::string> known;
    for (const auto& [name, type] : inputs_) known.push_back(name);
    if (steps_.count(reference.field) > 0) {
      return Dangling("unknown-reference", StrCat(reference.text(), " is a step; a step's output needs its field name"),
                      StrCat("$", reference.field, ".field"));
    }
    return Dangling("undeclared-input", StrCat("input ", reference.text(), " is not declared"),
                    DidYouMean(reference.field, known, "$"));
  }
  const auto found = steps_.find(reference.scope);
  if (found == steps_.end()) {
    std::vector<std::string> known;
    for (const auto& [name, step] : steps_) known.push_back(name);
    return Dangling("unknown-reference", StrCat("there is no step '", reference.scope, "'"),
                    DidYouMean(reference.scope, known, "$"));
  }
  if (seen.surely.count(reference.scope) == 0) {
    if (seen.maybe.count(reference.scope) > 0) {
      return Dangling(
          "unset-on-some-path",
          StrCat(reference.text(), " has no value on some path: step ", reference.scope, " may not have run"),
          "use it inside the same branch, or after steps that always run");
    }
    return Dangling("later-reference",
                    StrCat(reference.text(), " has no value yet: step ", reference.scope, " comes later"));
  }
  return StepFieldType(*found->second, reference);
}

std::variant<ValueType, ExpressionFault> LintScope::StepFieldType(const v1::Step& step, const Reference& reference) {
  if (step.has_branch())
    return Dangling("unknown-reference", StrCat("step ", step.name(), " is an if and has no outputs"));
  const ActionSpec* spec = step.has_do_() ? FindAction(step.do_().action()) : nullptr;
  if (step.has_do_() && spec == nullptr) {  // already reported as unknown-action
    used_fields_.insert({reference.scope, reference.field});
    return ValueType::kString;
  }
  const std::vector<ActionField>& outputs = spec != nullptr ? spec->outputs : AskOutputs();
  std::vector<std::string> known;
  for (const ActionField& output : outputs) {
    known.push_back(output.name);
    if (output.name != reference.field) continue;
    used_fields_.insert({reference.scope, reference.field});
    return FindValueType(output.type).value_or(ValueType::kString);
  }
  return Dangling("unknown-reference", StrCat("step ", step.name(), " has no output '", reference.field, "'"),
                  DidYouMean(reference.field, known, StrCat("$", step.name(), ".")));
}

}  // namespace firebreak
