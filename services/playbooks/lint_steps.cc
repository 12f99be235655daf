#include "services/playbooks/lint_steps.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "firebreak/access/permissions.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/question.h"

namespace firebreak {
namespace {

using Steps = google::protobuf::RepeatedPtrField<v1::Step>;

std::vector<std::string> RoleNames() {
  std::vector<std::string> names;
  for (int number = v1::Role_MIN + 1; number <= v1::Role_MAX; ++number) {
    if (v1::Role_IsValid(number)) names.emplace_back(RoleName(static_cast<v1::Role>(number)));
  }
  return names;
}

bool MayAnswer(std::string_view role_name) {
  const std::vector<v1::Role>& roles = RolesGranting(Permission::kRespond);
  return std::any_of(roles.begin(), roles.end(), [&](v1::Role role) { return RoleName(role) == role_name; });
}

class StepLinter {
 public:
  StepLinter(const v1::Playbook& playbook, LintScope& scope, Findings& findings)
      : playbook_(playbook), scope_(scope), findings_(findings) {}

  void Run() {
    for (const v1::InputDeclaration& input : playbook_.inputs()) names_.insert(input.name());
    Seen seen;
    Walk(playbook_.steps(), seen);
    // A handler runs after any step failed: nothing is sure but inputs and earlier handlers.
    Seen on_failure;
    on_failure.maybe = seen.surely;
    on_failure.maybe.insert(seen.maybe.begin(), seen.maybe.end());
    Walk(playbook_.on_failure(), on_failure);
    for (const v1::Step& step : playbook_.on_failure()) {
      if (step.has_ask())
        findings_.Error(step.position(), "handler-asks",
                        StrCat("step ", step.name(), ": a failure handler cannot ask"));
      if (step.has_undo())
        findings_.Error(step.position(), "handler-undo",
                        StrCat("step ", step.name(), ": a failure handler has no undo"));
    }
    if (count_ > kStepsMax)
      findings_.Error({}, "limit", StrCat("a playbook has at most ", kStepsMax, " steps, this has ", count_));
    for (const v1::Step* ask : asks_) {
      if (scope_.FieldUsed(ask->name(), "approved") || scope_.FieldUsed(ask->name(), "decision")) continue;
      findings_.Error(ask->position(), "unheeded-ask",
                      StrCat("nobody looks at the answer of ", ask->name(), ": a denial would change nothing"),
                      StrCat("if: $", ask->name(), ".approved"));
    }
  }

 private:
  void Walk(const Steps& steps, Seen& seen) {
    for (const v1::Step& step : steps) {
      ++count_;
      CheckStepName(step);
      Seen here = seen;
      if (step.always()) {  // may run when the steps before it did not: only earlier always steps are sure
        for (const std::string& name : here.surely) {
          if (always_.count(name) == 0) here.maybe.insert(name);
        }
        for (const std::string& name : here.maybe) here.surely.erase(name);
      }
      if (step.has_do_()) {
        LintDo(step, step.do_(), here);
        LintUndo(step, here);
      } else if (step.has_ask()) {
        LintAsk(step, here);
      } else if (step.has_branch()) {
        LintBranch(step, seen);
        continue;
      }
      seen.surely.insert(step.name());
      if (step.always()) always_.insert(step.name());
    }
  }

  void CheckStepName(const v1::Step& step) {
    static constexpr std::string_view kReserved[] = {"undo", "then", "else", "on_failure", "incident",
                                                     "and",  "or",   "not",  "true",       "false"};
    if (!IsStepName(step.name())) {
      findings_.Error(
          step.position(), "name",
          StrCat("step '", step.name(), "': names are lowercase letters, digits and _, starting with a letter"));
    } else if (std::find(std::begin(kReserved), std::end(kReserved), step.name()) != std::end(kReserved)) {
      findings_.Error(step.position(), "name",
                      StrCat("'", step.name(), "' cannot name a step: the language uses it itself"));
    }
    if (!names_.insert(step.name()).second) {
      findings_.Error(step.position(), "duplicate-name",
                      StrCat("'", step.name(), "' already names a step or an input"));
    }
  }

  // The type of an expression at this place; nullopt when a finding was made.
  std::optional<ValueType> TypeOf(const v1::Expression& expression, const Seen& seen) {
    const auto parsed = ParseExpression(expression.text());
    if (const auto* fault = std::get_if<ExpressionFault>(&parsed)) {
      findings_.Fault(expression.position(), *fault);
      return std::nullopt;
    }
    const auto type = CheckExpression(std::get<ParsedExpression>(parsed),
                                      [&](const Reference& reference) { return scope_.TypeOf(reference, seen); });
    if (const auto* fault = std::get_if<ExpressionFault>(&type)) {
      findings_.Fault(expression.position(), *fault);
      return std::nullopt;
    }
    return std::get<ValueType>(type);
  }

  void LintDo(const v1::Step& step, const v1::DoStep& call, const Seen& seen) {
    const ActionSpec* spec = scope_.FindAction(call.action());
    if (spec == nullptr) {
      const std::string nearest = NearestName(call.action(), scope_.ActionNames());
      findings_.Error(call.position(), "unknown-action",
                      StrCat("step ", step.name(), ": unknown action '", call.action(), "'"),
                      nearest.empty() ? "" : StrCat("did you mean ", nearest));
    }
    std::set<std::string> given;
    for (const v1::Argument& argument : call.with()) {
      given.insert(argument.name());
      LintArgument(step, argument, spec, seen);
    }
    if (spec == nullptr) return;
    for (const ActionField& input : spec->inputs) {
      if (input.required && given.count(input.name) == 0) {
        findings_.Error(call.position(), "missing-argument",
                        StrCat("step ", step.name(), ": ", spec->name, " needs ", input.name, " (", input.type, ")"),
                        input.about);
      }
    }
  }

  void LintArgument(const v1::Step& step, const v1::Argument& argument, const ActionSpec* spec, const Seen& seen) {
    std::optional<ValueType> given;
    if (argument.has_expression()) given = TypeOf(argument.expression(), seen);
    if (spec == nullptr) return;
    std::vector<std::string> known;
    const ActionField* field = nullptr;
    for (const ActionField& input : spec->inputs) {
      known.push_back(input.name);
      if (input.name == argument.name()) field = &input;
    }
    if (field == nullptr) {
      const std::string nearest = NearestName(argument.name(), known);
      findings_.Error(
          argument.position(), "unknown-argument",
          StrCat("step ", step.name(), ": ", spec->name, " takes no '", argument.name(), "'"),
          nearest.empty() ? StrCat("it takes ", absl::StrJoin(known, ", ")) : StrCat("did you mean ", nearest));
      return;
    }
    const ValueType wanted = FindValueType(field->type).value_or(ValueType::kString);
    if (argument.has_expression() ? given && !Accepts(wanted, *given) : !ValueMatches(argument.literal(), wanted)) {
      findings_.Error(
          argument.position(), "type",
          StrCat("step ", step.name(), ": ", argument.name(), " must be ", TypeName(wanted),
                 given ? StrCat(", ", argument.expression().text(), " is ", TypeName(*given)) : std::string()));
    }
  }

  void LintUndo(const v1::Step& step, const Seen& seen) {
    const ActionSpec* spec = scope_.FindAction(step.do_().action());
    if (step.has_undo()) {
      Seen after = seen;
      after.surely.insert(step.name());
      LintDo(step, step.undo(), after);
      if (spec != nullptr && spec->keeps_on_failure) {
        findings_.Warning(step.undo().position(), "undo-ignored",
                          StrCat("step ", step.name(), ": ", spec->name,
                                 " contains; a failed run never undoes it, only a person does"));
      }
      return;
    }
    if (spec != nullptr && spec->changes_production && !spec->keeps_on_failure) {
      findings_.Warning(step.do_().position(), "no-undo",
                        StrCat("step ", step.name(), ": ", spec->name,
                               " changes production and says nothing about a failure after it"),
                        "undo: {do: fleet.contain, with: {deployment: $deployment}}");
    }
  }

  void LintAsk(const v1::Step& step, const Seen& seen) {
    asks_.push_back(&step);
    const v1::AskStep& ask = step.ask();
    if (ask.question().empty()) findings_.Error(ask.position(), "value", StrCat("step ", step.name(), " asks nothing"));
    const auto references = ReferencesInText(ask.question());
    if (const auto* fault = std::get_if<ExpressionFault>(&references)) {
      findings_.Fault(ask.position(), *fault);
    } else {
      using Found = std::vector<std::pair<Reference, size_t>>;
      for (const auto& [reference, offset] : std::get<Found>(references)) {
        auto type = scope_.TypeOf(reference, seen);
        if (auto* bad = std::get_if<ExpressionFault>(&type)) {
          bad->offset = offset;
          findings_.Fault(ask.position(), *bad);
        }
      }
    }
    if (ask.has_about()) {
      TypeOf(ask.about(), seen);
    } else {
      findings_.Warning(step.position(), "unbound-ask",
                        StrCat("step ", step.name(), ": the approval binds to the question's text only"),
                        "about: $plan.digest");
    }
    LintRoles(step, ask);
  }

  void LintRoles(const v1::Step& step, const v1::AskStep& ask) {
    const std::vector<std::string> known = RoleNames();
    bool anybody = false;
    for (const std::string& role : ask.roles()) {
      if (std::find(known.begin(), known.end(), role) == known.end()) {
        const std::string nearest = NearestName(role, known);
        findings_.Error(ask.position(), "unknown-role", StrCat("step ", step.name(), ": there is no role '", role, "'"),
                        nearest.empty() ? absl::StrJoin(known, ", ") : StrCat("did you mean ", nearest));
      } else if (MayAnswer(role)) {
        anybody = true;
      } else {
        findings_.Warning(ask.position(), "role-cannot-answer",
                          StrCat("step ", step.name(), ": role ", role, " may not answer approvals"));
      }
    }
    if (!anybody) {
      findings_.Error(ask.position(), "unanswerable-ask",
                      StrCat("step ", step.name(), ": nobody can answer this: no role listed may answer approvals"),
                      "roles: [responder, security-lead]");
    }
    for (const std::string& identity : ask.not_identities()) {
      if (identity == "author" || identity == "trigger") continue;
      findings_.Error(ask.position(), "value",
                      StrCat("step ", step.name(), ": not: '", identity, "' is neither author nor trigger"));
    }
  }

  void LintBranch(const v1::Step& step, Seen& seen) {
    const v1::IfStep& branch = step.branch();
    if (const std::optional<ValueType> type = TypeOf(branch.condition(), seen); type && *type != ValueType::kBool) {
      findings_.Error(branch.condition().position(), "type",
                      StrCat("step ", step.name(), ": the condition is ", TypeName(*type), ", not bool"));
    }
    Seen in_then = seen;
    Seen in_else = seen;
    Walk(branch.then_steps(), in_then);
    Walk(branch.else_steps(), in_else);
    for (const Seen* side : {&in_then, &in_else}) {
      seen.maybe.insert(side->surely.begin(), side->surely.end());
      seen.maybe.insert(side->maybe.begin(), side->maybe.end());
    }
    seen.maybe.insert(step.name());
  }

  const v1::Playbook& playbook_;
  LintScope& scope_;
  Findings& findings_;
  std::set<std::string> names_;   // steps and inputs met so far
  std::set<std::string> always_;  // always steps met so far
  std::vector<const v1::Step*> asks_;
  int count_ = 0;
};

}  // namespace

bool IsStepName(std::string_view name) {
  if (name.empty() || name.size() > 63 || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

void LintSteps(const v1::Playbook& playbook, LintScope& scope, Findings& findings) {
  StepLinter(playbook, scope, findings).Run();
}

}  // namespace firebreak
