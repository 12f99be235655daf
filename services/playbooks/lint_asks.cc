// The linter on questions: who may answer, whether anybody can, and whether anybody heeds the answer.
#include <algorithm>

#include "absl/strings/str_join.h"
#include "firebreak/access/permissions.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/question.h"
#include "services/playbooks/step_linter.h"

namespace firebreak {
namespace {

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

}  // namespace

void StepLinter::LintAsk(const v1::Step& step, const Seen& seen) {
  asks_.push_back(&step);
  const v1::AskStep& ask = step.ask();
  if (ask.question().empty()) findings_.Error(ask.position(), "value", StrCat(Of(step), " asks nothing"));
  const auto references = ReferencesInText(ask.question());
  if (const auto* fault = std::get_if<ExpressionFault>(&references)) {
    findings_.Fault(ask.position(), *fault);
  } else {
    using Found = std::vector<std::pair<Reference, size_t>>;
    for (const auto& [reference, offset] : std::get<Found>(references)) {
      TypeAnswer type = scope_.TypeOf(reference, seen);
      if (auto* bad = std::get_if<ExpressionFault>(&type)) {
        bad->offset = offset;
        findings_.Fault(ask.position(), *bad);
      }
    }
  }
  if (ask.has_about()) {
    TypeOf(ask.about(), seen);
  } else {
    findings_.Warning(step.position(), "unbound-ask", StrCat(Of(step), ": the approval binds to the question's text only"),
                      "about: $plan.digest");
  }
  LintRoles(step, ask);
}

void StepLinter::LintRoles(const v1::Step& step, const v1::AskStep& ask) {
  const std::vector<std::string> known = RoleNames();
  bool anybody = false;
  for (int i = 0; i < ask.roles_size(); ++i) {
    const std::string& role = ask.roles(i);
    const v1::SourcePosition& position = marks_.At(step.name(), StrCat("roles/", i), ask.position());
    if (std::find(known.begin(), known.end(), role) == known.end()) {
      const std::string nearest = NearestName(role, known);
      findings_.Error(position, "unknown-role", StrCat(Of(step), ": there is no role '", role, "'"),
                      nearest.empty() ? absl::StrJoin(known, ", ") : StrCat("did you mean ", nearest));
    } else if (MayAnswer(role)) {
      anybody = true;
    } else {
      findings_.Warning(position, "role-cannot-answer", StrCat(Of(step), ": role ", role, " may not answer approvals"));
    }
  }
  if (!anybody) {
    findings_.Error(marks_.At(step.name(), "roles", ask.position()), "unanswerable-ask",
                    StrCat(Of(step), ": nobody can answer this: no role listed may answer approvals"),
                    "roles: [responder, security-lead]");
  } else {
    LintPeople(step, ask);
  }
  for (int i = 0; i < ask.not_identities_size(); ++i) {
    const std::string& identity = ask.not_identities(i);
    if (identity == "author" || identity == "trigger") continue;
    const std::string nearest = NearestName(identity, {"author", "trigger"});
    findings_.Error(marks_.At(step.name(), StrCat("not/", i), ask.position()), "value",
                    StrCat(Of(step), ": not: '", identity, "' is neither author nor trigger"),
                    nearest.empty() ? "" : StrCat("did you mean ", nearest));
  }
}

// Who holds a role changes with time, so these are warnings; but an approval that nobody can give now is worth knowing now.
void StepLinter::LintPeople(const v1::Step& step, const v1::AskStep& ask) {
  if (!surroundings_.people) return;
  std::set<std::string> people;
  for (int i = 0; i < ask.roles_size(); ++i) {
    const auto holders = surroundings_.people->find(ask.roles(i));
    if (holders == surroundings_.people->end() || holders->second.empty()) {
      findings_.Warning(marks_.At(step.name(), StrCat("roles/", i), ask.position()), "role-nobody-holds",
                        StrCat(Of(step), ": nobody holds role ", ask.roles(i), " now"),
                        StrCat("firebreak token create --role ", ask.roles(i)));
    } else if (MayAnswer(ask.roles(i))) {
      people.insert(holders->second.begin(), holders->second.end());
    }
  }
  const size_t excluded = static_cast<size_t>(ask.not_identities_size());
  const v1::SourcePosition& position =
      marks_.At(step.name(), "need", marks_.At(step.name(), "roles", ask.position()));
  if (people.size() < ask.need()) {
    findings_.Warning(position, "too-few-people",
                      StrCat(Of(step), " needs ", ask.need(), " people, and ", people.size(), " could answer now"),
                      "more roles, or a smaller need");
  } else if (people.size() < ask.need() + excluded) {
    findings_.Warning(position, "too-few-people",
                      StrCat(Of(step), " needs ", ask.need(), " people, and ", people.size(),
                             " could answer now: too few when those under 'not' are among them"),
                      "more roles, or a smaller need");
  }
}

void StepLinter::LintUnheeded() {
  for (const v1::Step* ask : asks_) {
    if (scope_.FieldUsed(ask->name(), "approved") || scope_.FieldUsed(ask->name(), "decision")) continue;
    findings_.Error(ask->position(), "unheeded-ask",
                    StrCat("nobody looks at the answer of ", ask->name(), ": a denial would change nothing"),
                    StrCat("if: $", ask->name(), ".approved"));
  }
}

}  // namespace firebreak
