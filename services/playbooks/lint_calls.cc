// The linter on steps that call something: do with its arguments, undo and retry, and run.
#include <algorithm>

#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "services/playbooks/step_linter.h"

namespace firebreak {
namespace {

std::string DidYouMean(std::string_view name, const std::vector<std::string>& known) {
  const std::string nearest = NearestName(name, known);
  return nearest.empty() ? "" : StrCat("did you mean ", nearest);
}

// What would make a literal of the wrong kind right.
std::string LiteralHint(const google::protobuf::Value& literal, const DataType& wanted) {
  if (literal.kind_case() == google::protobuf::Value::kStringValue) {
    if (wanted.kind == ValueType::kEnum) return DidYouMean(literal.string_value(), wanted.choices);
    if (wanted.kind == ValueType::kDuration) return "90s, 10m, 4h";
    if (wanted.kind == ValueType::kList) return StrCat("[", literal.string_value(), "]");
    return "";
  }
  if (wanted.kind == ValueType::kString && literal.kind_case() != google::protobuf::Value::kListValue &&
      literal.kind_case() != google::protobuf::Value::kStructValue) {
    return StrCat("\"", DisplayValue(literal), "\"");
  }
  return "";
}

}  // namespace

void StepLinter::LintDo(const v1::Step& step, const v1::DoStep& call, const Seen& seen) {
  const ActionSpec* spec = scope_.FindAction(call.action());
  if (spec == nullptr) {
    findings_.Error(call.position(), "unknown-action", StrCat(Of(step), ": unknown action '", call.action(), "'"),
                    DidYouMean(call.action(), scope_.ActionNames()));
    for (const v1::Argument& argument : call.with()) {
      if (argument.has_expression()) TypeOf(argument.expression(), seen);
    }
    return;
  }
  LintArguments(step, call.with(), spec->name, spec->inputs, call.position(), seen);
  if (spec->changes_production && !changes_production_) changes_production_ = call.position();
  LintGuard(step, call, *spec, seen);
}

void StepLinter::LintArguments(const v1::Step& step, const google::protobuf::RepeatedPtrField<v1::Argument>& given,
                               const std::string& callee, const std::vector<ActionField>& fields,
                               const v1::SourcePosition& position, const Seen& seen) {
  for (const v1::Argument& argument : given) LintArgument(step, argument, callee, fields, seen);
  for (const ActionField& field : fields) {
    const bool is_given = std::any_of(given.begin(), given.end(),
                                      [&field](const v1::Argument& argument) { return argument.name() == field.name; });
    if (!field.required || is_given) continue;
    findings_.Error(position, "missing-argument",
                    StrCat(Of(step), ": ", callee, " needs ", field.name, " (", field.type, ")"), field.about);
  }
}

void StepLinter::LintArgument(const v1::Step& step, const v1::Argument& argument, const std::string& callee,
                              const std::vector<ActionField>& fields, const Seen& seen) {
  std::optional<DataType> given;
  if (argument.has_expression()) {
    given = TypeOf(argument.expression(), seen);
    if (!given) return;
  }
  std::vector<std::string> known;
  const ActionField* field = nullptr;
  for (const ActionField& input : fields) {
    known.push_back(input.name);
    if (input.name == argument.name()) field = &input;
  }
  if (field == nullptr) {
    const std::string nearest = DidYouMean(argument.name(), known);
    const std::string all = known.empty() ? "it takes nothing" : StrCat("it takes ", absl::StrJoin(known, ", "));
    findings_.Error(argument.position(), "unknown-argument",
                    StrCat(Of(step), ": ", callee, " takes no '", argument.name(), "'"), nearest.empty() ? all : nearest);
    return;
  }
  const DataType wanted = ParseType(field->type).value_or(DataType(ValueType::kString));
  if (given) {
    if (Accepts(wanted, *given)) return;
    findings_.Error(argument.position(), "type",
                    StrCat(Of(step), ": ", argument.name(), " must be ", TypeName(wanted), ", ",
                           argument.expression().text(), " is ", TypeName(*given)));
  } else if (!ValueMatches(argument.literal(), wanted)) {
    findings_.Error(argument.position(), "type",
                    StrCat(Of(step), ": ", argument.name(), " must be ", TypeName(wanted), ", this is ",
                           PrintJson(argument.literal())),
                    LiteralHint(argument.literal(), wanted));
  }
}

// What loosens protection runs only where somebody else than the trigger has surely approved.
void StepLinter::LintGuard(const v1::Step& step, const v1::DoStep& call, const ActionSpec& spec, const Seen& seen) {
  if (!spec.needs_approval) return;
  if (seen.approved.empty()) {
    findings_.Error(call.position(), "unguarded-change",
                    StrCat(Of(step), ": ", spec.name, " runs here though nobody has approved it"),
                    "ask first, and do it under if: $gate.approved");
    return;
  }
  for (const std::string& name : seen.approved) {
    const auto ask = scope_.steps().find(name);
    if (ask == scope_.steps().end() || !ask->second->has_ask()) continue;
    const auto& excluded = ask->second->ask().not_identities();
    if (std::find(excluded.begin(), excluded.end(), "trigger") != excluded.end()) return;
  }
  const std::string& name = *seen.approved.begin();
  findings_.Error(call.position(), "guard-allows-trigger",
                  StrCat(Of(step), ": whoever started the run could approve ", spec.name, " alone, in ", name),
                  StrCat("who: {not: [trigger]} in ", name));
}

void StepLinter::LintUndo(const v1::Step& step, const Seen& seen) {
  const ActionSpec* spec = scope_.FindAction(step.do_().action());
  if (step.has_undo()) {
    Seen after = seen;
    after.surely.insert(step.name());
    LintDo(step, step.undo(), after);
    if (spec != nullptr && spec->keeps_on_failure) {
      findings_.Warning(step.undo().position(), "undo-ignored",
                        StrCat(Of(step), ": ", spec->name, " contains; a failed run never undoes it, only a person does"));
    }
    return;
  }
  if (spec == nullptr || spec->keeps_on_failure) return;
  const std::string hint = "undo: {do: fleet.contain, with: {deployment: $deployment}}";
  if (spec->needs_undo) {
    findings_.Error(step.do_().position(), "no-undo",
                    StrCat(Of(step), ": ", spec->name, " must say with undo what happens when a later step fails"), hint);
  } else if (spec->changes_production) {
    findings_.Warning(step.do_().position(), "no-undo",
                      StrCat(Of(step), ": ", spec->name, " changes production and says nothing about a failure after it"),
                      hint);
  }
}

void StepLinter::LintRetry(const v1::Step& step) {
  const ActionSpec* spec = scope_.FindAction(step.do_().action());
  const v1::SourcePosition& retry = marks_.At(step.name(), "retry", step.position());
  if (spec != nullptr && spec->action_class == ActionClass::kOnce && step.has_retry() && step.retry().times() > 0) {
    findings_.Error(retry, "retry-once",
                    StrCat(Of(step), ": ", spec->name, " cannot be asked for twice: a second attempt could do it again"),
                    "leave retry out; a person settles it with firebreak run resolve");
  }
  if (!step.has_timeout() || !step.retry().has_backoff_min() || step.retry().times() == 0) return;
  if (FromProto(step.timeout()) > FromProto(step.retry().backoff_min())) return;
  findings_.Error(marks_.At(step.name(), "timeout", step.position()), "short-timeout",
                  StrCat(Of(step), ": the timeout ends the step before the first retry could begin"),
                  "a timeout longer than backoff");
}

void StepLinter::LintRun(const v1::Step& step, const Seen& seen) {
  const v1::RunStep& run = step.run();
  std::optional<v1::Playbook> child;
  if (!run.digest().empty()) {
    if (surroundings_.find_playbook) child = surroundings_.find_playbook(run.digest());
    if (!child && surroundings_.find_playbook && surroundings_.whole_shelf) {
      findings_.Error(run.position(), "unknown-playbook", StrCat(Of(step), ": no playbook ", run.digest(), " is stored"),
                      "firebreak playbook put, then its digest from firebreak playbook list");
    } else if (!child) {
      findings_.Warning(
          run.position(), "unresolved-run",
          StrCat(Of(step), ": whether ", run.playbook(), " exists and takes these inputs is only known to the service"),
          "firebreak playbook lint --online");
    }
  }
  if (!child) {
    for (const v1::Argument& argument : run.with()) {
      if (argument.has_expression()) TypeOf(argument.expression(), seen);
    }
    return;
  }
  if (child->name() != run.playbook()) {
    findings_.Error(run.position(), "run-name",
                    StrCat(Of(step), ": the digest belongs to ", child->name(), ", not to ", run.playbook()), child->name());
  }
  std::vector<ActionField> inputs;
  for (const v1::InputDeclaration& input : child->inputs()) {
    inputs.push_back({input.name(), TypeName(TypeOfInput(input)), !input.has_default_value(), input.about()});
  }
  LintArguments(step, run.with(), child->name(), inputs, run.position(), seen);
  LintNestedRuns(*child, step, 1);
}

// What the other playbook does counts for this one: what it changes, and that it does not come back here.
void StepLinter::LintNestedRuns(const v1::Playbook& playbook, const v1::Step& step, int depth) {
  const v1::SourcePosition& position = step.run().position();
  if (playbook.name() == playbook_.name()) {
    findings_.Error(position, "recursive-run", StrCat(Of(step), ": ", playbook_.name(), " would run itself"));
    return;
  }
  if (depth > kRunDepthMax) {
    findings_.Error(position, "limit", StrCat(Of(step), ": playbooks run one another more than ", kRunDepthMax, " deep"));
    return;
  }
  ForEachStep(playbook.steps(), [&](const v1::Step& inner) {
    const ActionSpec* spec = inner.has_do_() ? scope_.FindAction(inner.do_().action()) : nullptr;
    if (spec != nullptr && spec->changes_production && !changes_production_) changes_production_ = position;
    if (!inner.has_run() || inner.run().digest().empty()) return;
    if (const std::optional<v1::Playbook> next = surroundings_.find_playbook(inner.run().digest()))
      LintNestedRuns(*next, step, depth + 1);
  });
}

}  // namespace firebreak
