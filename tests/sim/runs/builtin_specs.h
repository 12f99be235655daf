// The specs of the built-in actions and of a few for tests: one whose effect can happen only once, one that changes something and needs
// nobody's approval, one that reads lists.
#ifndef FIREBREAK_TESTS_SIM_RUNS_BUILTIN_SPECS_H_
#define FIREBREAK_TESTS_SIM_RUNS_BUILTIN_SPECS_H_

#include <utility>
#include <vector>

#include "firebreak/actions/specs.h"
#include "firebreak/playbooks/action_spec.h"

namespace firebreak::testing {

inline const std::vector<ActionSpec>& BuiltinSpecs() {
  static const auto& specs = *[] {
    auto* copies = new std::vector<ActionSpec>;
    for (const ActionSpec* spec : firebreak::BuiltinSpecs()) copies->push_back(*spec);
    auto add = [copies](const char* name, ActionClass action_class, std::vector<ActionField> inputs, std::vector<ActionField> outputs) {
      ActionSpec spec;
      spec.name = name;
      spec.action_class = action_class;
      spec.inputs = std::move(inputs);
      spec.outputs = std::move(outputs);
      copies->push_back(std::move(spec));
    };
    add("test.page", ActionClass::kOnce, {{"text", "string", true, ""}}, {});
    add("test.change", ActionClass::kConverge, {{"text", "string", true, ""}}, {{"epoch", "int", true, ""}});
    add("test.look", ActionClass::kRead, {},
        {{"good", "bool", true, ""}, {"names", "list<string>", true, ""}, {"kind", "enum<a|b|c>", true, ""}});
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
