// What every built-in action declares about itself, without the actions: for linters, editors, exports and desks that are made before
// there is anything to act on.
#ifndef FIREBREAK_ACTIONS_SPECS_H_
#define FIREBREAK_ACTIONS_SPECS_H_

#include <vector>

#include "firebreak/playbooks/action_spec.h"

namespace firebreak {

// All of them; they live as long as the program.
std::vector<const ActionSpec*> BuiltinSpecs();

namespace specs {

const ActionSpec& Contain();
const ActionSpec& Release();
const ActionSpec& Freeze();
const ActionSpec& Unfreeze();
const ActionSpec& VerifyFleet();
const ActionSpec& Plan();
const ActionSpec& Apply();
const ActionSpec& Confirm();
const ActionSpec& Quarantine();
const ActionSpec& Verify();
const ActionSpec& Lift();
const ActionSpec& Revoke();
const ActionSpec& Sweep();
const ActionSpec& Describe();
const ActionSpec& SignedBy();
const ActionSpec& Serving();
const ActionSpec& List();
const ActionSpec& Capture();
const ActionSpec& Note();
const ActionSpec& Advance();
const ActionSpec& Report();
const ActionSpec& Share();
const ActionSpec& Severity();
const ActionSpec& Assign();
const ActionSpec& Status();
const ActionSpec& Close();
const ActionSpec& Call();
const ActionSpec& Webhook();
const ActionSpec& Page();
const ActionSpec& Sleep();
const ActionSpec& Require();

}  // namespace specs
}  // namespace firebreak

#endif  // FIREBREAK_ACTIONS_SPECS_H_
