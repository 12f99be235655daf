// Actions for tests of the linter: like the built-in ones, and fixed, so that messages can be compared whole.
#ifndef FIREBREAK_TESTS_UNIT_PLAYBOOKS_SPECS_H_
#define FIREBREAK_TESTS_UNIT_PLAYBOOKS_SPECS_H_

#include <vector>

#include "firebreak/playbooks/action_spec.h"

namespace firebreak::testing {

inline const std::vector<ActionSpec>& LanguageSpecs() {
  static const auto& specs = *new std::vector<ActionSpec>{
      {.name = "fleet.contain",
       .action_class = ActionClass::kConverge,
       .inputs = {{"deployment", "deployment", true, "what to take out of production"},
                  {"reason", "string", false, "kept in the decision"}},
       .outputs = {{"epoch", "int", true, "of the decision"}, {"proven", "list", true, "agents that proved it"}},
       .about = "",
       .keeps_on_failure = true,
       .changes_production = true},
      {.name = "fleet.shift",
       .action_class = ActionClass::kConverge,
       .inputs = {{"deployment", "deployment", true, ""}, {"percent", "int", true, ""}},
       .outputs = {},
       .about = "",
       .changes_production = true},
      {.name = "rollback.plan",
       .action_class = ActionClass::kRead,
       .inputs = {{"deployment", "deployment", true, "what to roll back"}},
       .outputs = {{"digest", "string", true, ""},
                   {"target", "string", true, ""},
                   {"target_digest", "string", true, ""},
                   {"eligible", "bool", true, ""},
                   {"refused", "list", true, ""}},
       .about = ""},
      {.name = "rollback.apply",
       .action_class = ActionClass::kConverge,
       .inputs = {{"deployment", "deployment", true, ""}, {"plan", "string", true, "digest of the plan"}},
       .outputs = {{"epoch", "int", true, ""}, {"release", "string", true, ""}},
       .about = "",
       .changes_production = true,
       .needs_approval = true,
       .needs_undo = true},
      {.name = "snapshot.verify",
       .action_class = ActionClass::kRead,
       .inputs = {{"snapshot", "snapshot", true, ""}},
       .outputs = {{"verdict", "enum<intact|damaged>", true, ""}, {"findings", "list", true, ""}},
       .about = ""},
      {.name = "snapshot.quarantine",
       .action_class = ActionClass::kConverge,
       .inputs = {{"snapshot", "snapshot", true, ""}, {"with_parents", "bool", false, ""}},
       .outputs = {{"tainted", "list<snapshot>", true, ""}, {"deployments", "list<deployment>", true, ""}},
       .about = "",
       .keeps_on_failure = true},
      {.name = "health.probe",
       .action_class = ActionClass::kRead,
       .inputs = {{"deployment", "deployment", true, ""}, {"wait", "duration", false, ""}, {"labels", "list", false, ""}},
       .outputs = {{"healthy", "bool", true, ""}, {"score", "number", true, ""}, {"count", "int", true, ""},
                   {"lag", "duration", true, ""}},
       .about = ""},
      {.name = "incident.note",
       .action_class = ActionClass::kKeyed,
       .inputs = {{"text", "string", true, "at most 2 KiB"}},
       .outputs = {},
       .about = ""},
      {.name = "incident.advance",
       .action_class = ActionClass::kConverge,
       .inputs = {{"state", "enum<triaged|contained|eradicated|recovered>", true, ""}},
       .outputs = {},
       .about = ""},
      {.name = "test.page",
       .action_class = ActionClass::kOnce,
       .inputs = {{"text", "string", true, ""}},
       .outputs = {},
       .about = ""},
  };
  return specs;
}

inline const std::vector<const ActionSpec*>& LanguageSpecPointers() {
  static const auto& pointers = *[] {
    auto* all = new std::vector<const ActionSpec*>;
    for (const ActionSpec& spec : LanguageSpecs()) all->push_back(&spec);
    return all;
  }();
  return pointers;
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_PLAYBOOKS_SPECS_H_
