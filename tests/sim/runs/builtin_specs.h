// The specs of the built-in actions and of one whose effect can happen only once, for tests that need names and types.
#ifndef FIREBREAK_TESTS_SIM_RUNS_BUILTIN_SPECS_H_
#define FIREBREAK_TESTS_SIM_RUNS_BUILTIN_SPECS_H_

#include <vector>

#include "firebreak/actions/builtin.h"
#include "firebreak/playbooks/action_spec.h"

namespace firebreak::testing {

inline const std::vector<ActionSpec>& BuiltinSpecs() {
  static const auto& specs = *[] {
    auto* copies = new std::vector<ActionSpec>;
    for (const ActionSpec* spec : firebreak::BuiltinSpecs()) copies->push_back(*spec);
    copies->push_back({"test.page", ActionClass::kOnce, {{"text", "string", true, ""}}, {}, "", false, false});
    return copies;
  }();
  return specs;
}

inline std::vector<const ActionSpec*> BuiltinSpecPointers() {
  std::vector<const ActionSpec*> pointers;
  for (const ActionSpec& spec : BuiltinSpecs()) pointers.push_back(&spec);
  return pointers;
}

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SIM_RUNS_BUILTIN_SPECS_H_
