// The linter on steps that hold steps: what is sure after them, what can never run in them, what runs at once.
#include <algorithm>
#include <map>

#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "services/playbooks/step_linter.h"

namespace firebreak {

void StepLinter::MergeMaybe(const Seen& branch, Seen& seen) {
  for (const std::set<std::string>* names : {&branch.surely, &branch.ended, &branch.maybe}) {
    seen.maybe.insert(names->begin(), names->end());
  }
  seen.hidden.insert(branch.hidden.begin(), branch.hidden.end());
}

void StepLinter::Hide(const Steps& steps, const std::string& loop, Seen& seen) {
  ForEachStep(steps, [&](const v1::Step& step) { seen.hidden.emplace(step.name(), loop); });
}

void StepLinter::Dead(const Steps& steps, const std::string& why) {
  if (steps.empty()) return;
  findings_.Warning(steps[0].position(), "unreachable", StrCat(Of(steps[0]), " never runs: ", why));
}

void StepLinter::LintIf(const v1::Step& step, Seen& seen) {
  const v1::IfStep& branch = step.branch();
  Seen in_then = seen;
  Seen in_else = seen;
  const std::optional<ParsedExpression> condition = Parse(branch.condition());
  const std::optional<DataType> type = condition ? TypeOf(branch.condition(), *condition, seen) : std::nullopt;
  if (type && type->kind != ValueType::kBool) {
    findings_.Error(branch.condition().position(), "type",
                    StrCat(Of(step), ": the condition is ", TypeName(*type), ", not bool"));
  }
  if (condition) {
    for (Seen* side : {&in_then, &in_else}) {
      const Implied implied = ImpliedBy(*condition, side == &in_then);
      side->approved.insert(implied.approved.begin(), implied.approved.end());
      side->surely.insert(implied.done.begin(), implied.done.end());
    }
    if (const std::optional<bool> constant = ConstantCondition(*condition)) {
      const char* value = *constant ? "true" : "false";
      findings_.Warning(branch.condition().position(), "constant-condition",
                        StrCat(Of(step), ": the condition is always ", value));
      Dead(*constant ? branch.else_steps() : branch.then_steps(),
           StrCat("the condition of ", step.name(), " is always ", value));
    }
  }
  Walk(branch.then_steps(), in_then);
  Walk(branch.else_steps(), in_else);
  MergeMaybe(in_then, seen);
  MergeMaybe(in_else, seen);
}

void StepLinter::LintWhile(const v1::Step& step, Seen& seen) {
  const v1::WhileStep& loop = step.loop();
  Seen in_round = seen;
  Walk(loop.steps(), in_round);
  // The condition may look at the round before; before the first one such a value counts as "go on".
  const std::optional<ParsedExpression> condition = Parse(loop.condition());
  const std::optional<DataType> type = condition ? TypeOf(loop.condition(), *condition, in_round) : std::nullopt;
  if (type && type->kind != ValueType::kBool) {
    findings_.Error(loop.condition().position(), "type",
                    StrCat(Of(step), ": the condition is ", TypeName(*type), ", not bool"));
  }
  Hide(loop.steps(), step.name(), seen);
  if (!condition) return;
  if (ConstantCondition(*condition) == false) {
    findings_.Warning(loop.condition().position(), "constant-condition", StrCat(Of(step), ": the condition is always false"));
    return Dead(loop.steps(), StrCat("the condition of ", step.name(), " is always false"));
  }
  std::set<std::string> inside;
  ForEachStep(loop.steps(), [&inside](const v1::Step& inner) { inside.insert(inner.name()); });
  for (const auto& [reference, offset] : ReferencesOf(*condition)) {
    if (inside.count(reference.scope) > 0) return;
  }
  findings_.Error(loop.condition().position(), "endless-loop",
                  StrCat(Of(step), ": no step inside it changes the condition, so it only ends by failing at max"),
                  loop.steps().empty() ? "" : StrCat("name an output of a step inside, such as $", loop.steps(0).name(), ".…"));
}

void StepLinter::LintCase(const v1::Step& step, int number, const DataType& type, std::vector<std::string>& met) {
  const v1::SwitchCase& one = step.choice().cases(number);
  const std::string text = PrintJson(one.value());
  if (std::find(met.begin(), met.end(), text) != met.end()) {
    findings_.Error(one.position(), "duplicate-case",
                    StrCat(Of(step), ": case ", text, " stands here twice; the second never runs"));
  }
  met.push_back(text);
  if (type.kind == ValueType::kList) return;
  if (type.kind == ValueType::kEnum && one.value().kind_case() == google::protobuf::Value::kStringValue) {
    if (ValueMatches(one.value(), type)) return;
    const std::string nearest = NearestName(one.value().string_value(), type.choices);
    findings_.Error(one.position(), "never-equal",
                    StrCat(Of(step), ": case ", text, " never fits: ", step.choice().subject().text(), " is ", TypeName(type)),
                    nearest.empty() ? absl::StrJoin(type.choices, ", ") : StrCat("did you mean ", nearest));
    return;
  }
  if (!ValueMatches(one.value(), type)) {
    findings_.Error(one.position(), "type",
                    StrCat(Of(step), ": case ", text, " is no ", TypeName(type), ", as ", step.choice().subject().text(), " is"));
  }
}

// Cases that are missing, and a default that nothing is left for.
void StepLinter::LintCoverage(const v1::Step& step, const DataType& type, const std::vector<std::string>& met) {
  std::vector<std::string> all;
  if (type.kind == ValueType::kBool) all = {"true", "false"};
  for (const std::string& choice : type.choices) {
    google::protobuf::Value value;
    value.set_string_value(choice);
    all.push_back(PrintJson(value));
  }
  if (all.empty()) return;
  std::vector<std::string> missing;
  for (const std::string& value : all) {
    if (std::find(met.begin(), met.end(), value) == met.end()) missing.push_back(value);
  }
  if (missing.empty()) {
    Dead(step.choice().default_steps(), StrCat("the cases of ", step.name(), " cover every value"));
  } else if (step.choice().default_steps().empty()) {
    findings_.Warning(step.choice().subject().position(), "case-missing",
                      StrCat(Of(step), ": no case for ", absl::StrJoin(missing, ", ")), "a case each, or default: […]");
  }
}

void StepLinter::LintSwitch(const v1::Step& step, Seen& seen) {
  const v1::SwitchStep& choice = step.choice();
  const std::optional<ParsedExpression> subject = Parse(choice.subject());
  const std::optional<DataType> type = subject ? TypeOf(choice.subject(), *subject, seen) : std::nullopt;
  if (type && type->kind == ValueType::kList) {
    findings_.Error(choice.subject().position(), "type", StrCat(Of(step), ": a list cannot choose a case"),
                    "count(…) or for_each");
  }
  std::vector<std::string> met;
  Seen after = seen;
  for (int i = 0; i < choice.cases_size(); ++i) {
    if (type) LintCase(step, i, *type, met);
    Seen in_case = seen;
    const auto whole = ParseExpression(
        StrCat("(", choice.subject().text(), ") == ", PrintJson(choice.cases(i).value())));  // what the case says
    if (const auto* parsed = std::get_if<ParsedExpression>(&whole)) {
      const Implied implied = ImpliedBy(*parsed, true);
      in_case.approved.insert(implied.approved.begin(), implied.approved.end());
      in_case.surely.insert(implied.done.begin(), implied.done.end());
    }
    Walk(choice.cases(i).steps(), in_case);
    MergeMaybe(in_case, after);
  }
  if (type) LintCoverage(step, *type, met);
  Seen in_default = seen;
  Walk(choice.default_steps(), in_default);
  MergeMaybe(in_default, after);
  seen = std::move(after);
}

void StepLinter::LintParallel(const v1::Step& step, Seen& seen) {
  const v1::ParallelStep& parallel = step.parallel();
  const auto branches = static_cast<uint32_t>(parallel.branches_size());
  if (branches == 1) {
    findings_.Error(step.position(), "parallel", StrCat(Of(step), " has one branch: nothing runs beside it"), "steps: […]");
  }
  if (parallel.need() > branches) {
    findings_.Error(marks_.At(step.name(), "join", step.position()), "parallel",
                    StrCat(Of(step), ": join ", parallel.need(), " can never be reached with ", branches, " branches"), "all");
  }
  const bool all = parallel.need() == 0 || parallel.need() >= branches;
  Seen after = seen;
  for (int i = 0; i < parallel.branches_size(); ++i) {
    Seen in_branch = seen;
    for (int other = 0; other < parallel.branches_size(); ++other) {
      if (other == i) continue;
      ForEachStep(parallel.branches(other), [&](const v1::Step& inner) { in_branch.beside.insert(inner.name()); });
    }
    WalkOne(parallel.branches(i), in_branch);
    if (all) {
      after.surely.insert(in_branch.surely.begin(), in_branch.surely.end());
      after.ended.insert(in_branch.ended.begin(), in_branch.ended.end());
    }
    MergeMaybe(in_branch, after);
  }
  seen = std::move(after);
  LintWrites(step);
}

// Two branches that change the same thing race: which of them wins would be chance.
void StepLinter::LintWrites(const v1::Step& step) {
  std::map<std::string, std::pair<int, const v1::Step*>> written;  // target -> the first branch that writes it
  for (int i = 0; i < step.parallel().branches_size(); ++i) {
    ForEachStep(step.parallel().branches(i), [&](const v1::Step& inner) {
      const ActionSpec* spec = inner.has_do_() ? scope_.FindAction(inner.do_().action()) : nullptr;
      if (spec == nullptr || spec->action_class == ActionClass::kRead) return;
      for (const v1::Argument& argument : inner.do_().with()) {
        const auto field = std::find_if(spec->inputs.begin(), spec->inputs.end(),
                                        [&](const ActionField& input) { return input.name == argument.name(); });
        if (field == spec->inputs.end() || (field->type != "deployment" && field->type != "snapshot")) continue;
        const std::string target = argument.has_expression() ? argument.expression().text() : PrintJson(argument.literal());
        const auto [place, added] = written.emplace(StrCat(field->type, " ", target), std::make_pair(i, &inner));
        if (added || place->second.first == i) continue;
        findings_.Error(argument.position(), "parallel-write",
                        StrCat(Of(inner), " changes ", place->first, " beside step ", place->second.second->name(),
                               ": which one wins would be chance"),
                        "one after the other");
      }
    });
  }
}

void StepLinter::LintForEach(const v1::Step& step, Seen& seen) {
  const v1::ForEachStep& loop = step.for_each();
  DataType element(ValueType::kString);
  const std::optional<DataType> list = TypeOf(loop.list(), seen);
  if (list && list->kind != ValueType::kList) {
    findings_.Error(loop.list().position(), "type", StrCat(Of(step), ": for_each needs a list, this is ", TypeName(*list)));
  } else if (list) {
    element = list->element;
  }
  if (!loop.item_type().empty()) {
    const std::optional<DataType> declared = ParseType(loop.item_type());
    const v1::SourcePosition& position = marks_.At(step.name(), "type", step.position());
    if (!declared || declared->kind == ValueType::kList || declared->kind == ValueType::kEnum) {
      const std::string nearest = NearestName(loop.item_type(), TypeNames());
      findings_.Error(position, "type", StrCat(Of(step), ": an element cannot be of type '", loop.item_type(), "'"),
                      nearest.empty() ? "" : StrCat("did you mean ", nearest));
    } else if (list && list->kind == ValueType::kList && !Accepts(*declared, element)) {
      findings_.Error(position, "type",
                      StrCat(Of(step), ": ", loop.list().text(), " holds ", TypeName(element), ", not ", TypeName(*declared)));
    } else {
      element = *declared;
    }
  }
  CheckItemName(step);
  Seen in_round = seen;
  in_round.items[loop.item_name()] = element;
  Walk(loop.steps(), in_round);
  if (!loop.item_name().empty() && !scope_.InputUsed(loop.item_name())) {
    findings_.Warning(marks_.At(step.name(), "as", step.position()), "unused-input",
                      StrCat(Of(step), ": the element $", loop.item_name(), " is never used"));
  }
  Hide(loop.steps(), step.name(), seen);
}

void StepLinter::CheckItemName(const v1::Step& step) {
  const std::string& name = step.for_each().item_name();
  if (name.empty()) return;  // reported as missing
  const v1::SourcePosition& position = marks_.At(step.name(), "as", step.position());
  if (!IsStepName(name)) {
    findings_.Error(position, "name",
                    StrCat("element '", name, "': names are lowercase letters, digits and _, starting with a letter"));
  } else if (!names_.insert(name).second || scope_.steps().count(name) > 0) {
    findings_.Error(position, "duplicate-name", StrCat("'", name, "' already names a step or an input"));
  }
}

}  // namespace firebreak
