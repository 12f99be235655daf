// What comes in from outside as an action's inputs, brought into the types its spec declares.
#ifndef FIREBREAK_SERVICES_ACTIONS_ACTION_INPUTS_H_
#define FIREBREAK_SERVICES_ACTIONS_ACTION_INPUTS_H_

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/playbooks/action_spec.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

// Pure. CACAO variables are texts, so a text is read as JSON where the spec wants an int, number, bool or list. A member
// "incident" that is no input of the action is whom it is done for. kInvalidArgument names the member, its type and the nearest name.
absl::StatusOr<google::protobuf::Struct> ReadActionInputs(const ActionSpec& spec, const google::protobuf::Struct& given, IncidentId& incident);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ACTIONS_ACTION_INPUTS_H_
