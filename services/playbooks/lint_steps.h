// The linter's walk over the steps: names, actions and their arguments, questions, branches, undo and handlers.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_LINT_STEPS_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_LINT_STEPS_H_

#include <string_view>

#include "firebreak/v1/playbook.pb.h"
#include "services/playbooks/findings.h"
#include "services/playbooks/lint_scope.h"

namespace firebreak {

void LintSteps(const v1::Playbook& playbook, LintScope& scope, Findings& findings);

// 1..63 of [a-z0-9_], starting with a letter; so that $name and $name.field are one word in an expression.
bool IsStepName(std::string_view name);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_LINT_STEPS_H_
