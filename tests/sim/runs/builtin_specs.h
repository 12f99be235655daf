// The specs of the built-in actions as playbooks see them, for tests that need the names and types but not the effects.
#ifndef FIREBREAK_TESTS_SIM_RUNS_BUILTIN_SPECS_H_
#define FIREBREAK_TESTS_SIM_RUNS_BUILTIN_SPECS_H_

#include <vector>

#include "firebreak/playbooks/action_spec.h"

namespace firebreak::testing {

inline const std::vector<ActionSpec>& BuiltinSpecs() {
  using C = ActionClass;
  static const std::vector<ActionSpec>& specs = *new std::vector<ActionSpec>{
      {"fleet.contain",
       C::kConverge,
       {{"deployment", "deployment", true, ""}, {"reason", "string", false, ""}},
       {{"epoch", "int", true, ""},
        {"decision", "string", true, ""},
        {"proven", "list", true, ""},
        {"previous_release", "string", true, ""}},
       "",
       true,
       true},
      {"fleet.release",
       C::kConverge,
       {{"deployment", "deployment", true, ""}, {"reason", "string", true, ""}},
       {{"epoch", "int", true, ""}},
       "",
       false,
       true},
      {"snapshot.quarantine",
       C::kConverge,
       {{"snapshot", "snapshot", true, ""}, {"with_parents", "bool", false, ""}},
       {{"snapshot", "string", true, ""},
        {"parents", "list", true, ""},
        {"tainted", "list", true, ""},
        {"deployments", "list", true, ""}},
       "",
       true,
       false},
      {"snapshot.verify",
       C::kRead,
       {{"snapshot", "snapshot", true, ""}},
       {{"verdict", "string", true, ""}, {"findings", "list", true, ""}},
       "",
       false,
       false},
      {"rollback.plan",
       C::kRead,
       {{"deployment", "deployment", true, ""}},
       {{"digest", "string", true, ""},
        {"target", "string", true, ""},
        {"target_digest", "string", true, ""},
        {"eligible", "bool", true, ""},
        {"refused", "list", true, ""}},
       "",
       false,
       false},
      {"rollback.apply",
       C::kConverge,
       {{"deployment", "deployment", true, ""}, {"plan", "string", true, ""}},
       {{"epoch", "int", true, ""}, {"decision", "string", true, ""}, {"release", "string", true, ""}},
       "",
       false,
       true},
      {"rollback.confirm",
       C::kRead,
       {{"deployment", "deployment", true, ""}, {"epoch", "int", true, ""}},
       {{"proven", "list", true, ""}, {"snapshot", "string", true, ""}},
       "",
       false,
       false},
      {"incident.note", C::kKeyed, {{"text", "string", true, ""}}, {}, "", false, false},
      {"incident.advance", C::kConverge, {{"state", "string", true, ""}}, {}, "", false, false},
      {"report.build",
       C::kKeyed,
       {},
       {{"report", "string", true, ""}, {"digest", "string", true, ""}},
       "",
       false,
       false},
      {"share.request",
       C::kKeyed,
       {{"destination", "string", true, ""}},
       {{"share", "string", true, ""}},
       "",
       false,
       false},
      {"test.page", C::kOnce, {{"text", "string", true, ""}}, {}, "", false, false},
  };
  return specs;
}

inline std::vector<const ActionSpec*> BuiltinSpecPointers() {
  std::vector<const ActionSpec*> pointers;
  for (const ActionSpec& spec : BuiltinSpecs()) pointers.push_back(&spec);
  return pointers;
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SIM_RUNS_BUILTIN_SPECS_H_
