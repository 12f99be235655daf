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

DataType TypeOfInput(const v1::InputDeclaration& input) {
  const ValueType kind = FindValueType(input.type()).value_or(ValueType::kString);
  if (kind == ValueType::kEnum) return DataType::EnumOf({input.choices().begin(), input.choices().end()});
  if (kind == ValueType::kList)
    return DataType::ListOf(FindValueType(input.element_type()).value_or(ValueType::kString));
  return kind;
}

const std::vector<ActionField>& OutputsOf(const v1::Step& step, const ActionSpec* spec) {
  using Fields = std::vector<ActionField>;
  static const auto& none = *new Fields;
  static const auto& ask = *new Fields{{"decision", "enum<approve|deny>", true, "what was decided"},
                                       {"approved", "bool", true, "enough people approved in time"},
                                       {"expired", "bool", true, "nobody decided in time, which denies"},
                                       {"approvers", "list", true, "who approved"}};
  static const auto& loop = *new Fields{{"rounds", "int", true, "how often its steps ran"}};
  static const auto& choice = *new Fields{{"case", "string", true, "the value that fitted, or default"}};
  static const auto& parallel = *new Fields{{"done", "int", true, "branches that are done"}};
  static const auto& for_each = *new Fields{{"count", "int", true, "elements of the list"},
                                            {"failed", "int", true, "elements whose steps failed"}};
  switch (step.kind_case()) {
    case v1::Step::kDo:
      return spec != nullptr ? spec->outputs : none;
    case v1::Step::kAsk:
      return ask;
    case v1::Step::kLoop:
      return loop;
    case v1::Step::kChoice:
      return choice;
    case v1::Step::kParallel:
      return parallel;
    case v1::Step::kForEach:
      return for_each;
    case v1::Step::kBranch:
    case v1::Step::kGroup:
    case v1::Step::kRun:
    case v1::Step::KIND_NOT_SET:
      break;
  }
  return none;
}

std::vector<const google::protobuf::RepeatedPtrField<v1::Step>*> NestedLists(const v1::Step& step) {
  switch (step.kind_case()) {
    case v1::Step::kBranch:
      return {&step.branch().then_steps(), &step.branch().else_steps()};
    case v1::Step::kLoop:
      return {&step.loop().steps()};
    case v1::Step::kChoice: {
      std::vector<const google::protobuf::RepeatedPtrField<v1::Step>*> lists;
      for (const v1::SwitchCase& one : step.choice().cases()) lists.push_back(&one.steps());
      lists.push_back(&step.choice().default_steps());
      return lists;
    }
    case v1::Step::kParallel:
      return {&step.parallel().branches()};
    case v1::Step::kGroup:
      return {&step.group().steps()};
    case v1::Step::kForEach:
      return {&step.for_each().steps()};
    case v1::Step::kDo:
    case v1::Step::kAsk:
    case v1::Step::kRun:
    case v1::Step::KIND_NOT_SET:
      break;
  }
  return {};
}

void ForEachStep(const v1::Step& step, const std::function<void(const v1::Step&)>& visit) {
  visit(step);
  for (const auto* nested : NestedLists(step)) ForEachStep(*nested, visit);
}

void ForEachStep(const google::protobuf::RepeatedPtrField<v1::Step>& steps,
                 const std::function<void(const v1::Step&)>& visit) {
  for (const v1::Step& step : steps) ForEachStep(step, visit);
}

LintScope::LintScope(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions) {
  for (const ActionSpec* spec : actions) actions_.emplace(spec->name, spec);
  for (const v1::InputDeclaration& input : playbook.inputs()) inputs_.emplace(input.name(), TypeOfInput(input));
  auto collect = [this](const v1::Step& step) { steps_.emplace(step.name(), &step); };
  ForEachStep(playbook.steps(), collect);
  ForEachStep(playbook.on_failure(), collect);
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

TypeAnswer LintScope::IncidentTypeOf(const Reference& reference) {
  if (reference.scope != "incident") {
    return Dangling("not-bound", StrCat(reference.text(), " has no value before the run starts"),
                    "only incident.* can be named here");
  }
  if (const std::optional<ValueType> type = FindIncidentField(reference.field)) return DataType(*type);
  return Dangling("unknown-reference", StrCat("an incident has no field '", reference.field, "'"),
                  DidYouMean(reference.field, IncidentFields(), "incident."));
}

TypeAnswer LintScope::InputType(const Reference& reference, const Seen& seen) {
  if (const auto item = seen.items.find(reference.field); item != seen.items.end()) {
    used_inputs_.insert(reference.field);
    return item->second;
  }
  if (const auto found = inputs_.find(reference.field); found != inputs_.end()) {
    used_inputs_.insert(reference.field);
    return found->second;
  }
  if (steps_.count(reference.field) > 0) {
    return Dangling("unknown-reference", StrCat(reference.text(), " is a step; a step's output needs its field name"),
                    StrCat("$", reference.field, ".field"));
  }
  std::vector<std::string> known;
  for (const auto& [name, type] : inputs_) known.push_back(name);
  for (const auto& [name, type] : seen.items) known.push_back(name);
  return Dangling("undeclared-input", StrCat("input ", reference.text(), " is not declared"),
                  DidYouMean(reference.field, known, "$"));
}

TypeAnswer LintScope::TypeOf(const Reference& reference, const Seen& seen, const std::set<std::string>& done) {
  if (reference.scope == "incident") return IncidentTypeOf(reference);
  if (reference.scope.empty()) return InputType(reference, seen);
  const std::string& name = reference.scope;
  const auto found = steps_.find(name);
  if (found == steps_.end()) {
    std::vector<std::string> known;
    for (const auto& [step_name, step] : steps_) known.push_back(step_name);
    return Dangling("unknown-reference", StrCat("there is no step '", name, "'"), DidYouMean(name, known, "$"));
  }
  const bool about_end = reference.field == "ok" || reference.field == "error";
  if (seen.surely.count(name) > 0 || done.count(name) > 0 || (about_end && seen.ended.count(name) > 0))
    return StepFieldType(*found->second, reference);
  if (const auto loop = seen.hidden.find(name); loop != seen.hidden.end()) {
    return Dangling("out-of-scope",
                    StrCat(reference.text(), " has no single value: step ", name, " ran in the rounds of ", loop->second),
                    StrCat("use it inside ", loop->second));
  }
  if (seen.beside.count(name) > 0) {
    return Dangling("out-of-scope", StrCat(reference.text(), " has no value here: step ", name, " runs beside this one"),
                    "use it after the parallel");
  }
  if (seen.ended.count(name) > 0) {
    return Dangling("unset-on-some-path",
                    StrCat(reference.text(), " has no value when step ", name, " failed, and the run goes on then"),
                    StrCat("if: $", name, ".ok"));
  }
  if (seen.maybe.count(name) > 0) {
    return Dangling("unset-on-some-path",
                    StrCat(reference.text(), " has no value on some path: step ", name, " may not have run"),
                    "use it inside the same branch, or after steps that always run");
  }
  return Dangling("later-reference", StrCat(reference.text(), " has no value yet: step ", name, " comes later"));
}

TypeAnswer LintScope::StepFieldType(const v1::Step& step, const Reference& reference) {
  used_fields_.insert({reference.scope, reference.field});
  if (reference.field == "ok") return DataType(ValueType::kBool);
  if (reference.field == "error") return DataType(ValueType::kString);
  const ActionSpec* spec = step.has_do_() ? FindAction(step.do_().action()) : nullptr;
  if (step.has_do_() && spec == nullptr) return DataType(ValueType::kString);  // reported as unknown-action already
  std::vector<std::string> known;
  for (const ActionField& output : OutputsOf(step, spec)) {
    known.push_back(output.name);
    if (output.name == reference.field) return ParseType(output.type).value_or(DataType(ValueType::kString));
  }
  const std::string prefix = StrCat("$", step.name(), ".");
  std::string hint = DidYouMean(reference.field, known, prefix);
  if (known.empty()) hint = StrCat("it has only ", prefix, "ok and ", prefix, "error");
  return Dangling("unknown-reference", StrCat("step ", step.name(), " has no output '", reference.field, "'"),
                  std::move(hint));
}

}  // namespace firebreak
