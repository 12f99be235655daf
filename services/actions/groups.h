// The groups builtin.cc puts together. Each answers its specs without, and its actions with, something to act on.
#ifndef FIREBREAK_SERVICES_ACTIONS_GROUPS_H_
#define FIREBREAK_SERVICES_ACTIONS_GROUPS_H_

#include <vector>

#include "firebreak/actions/builtin.h"
#include "firebreak/runs/action.h"

namespace firebreak {

const ActionSpec& ContainSpec();
const ActionSpec& ReleaseSpec();
void AddFleetActions(ActionCatalogue& catalogue, const ActionParts& parts);

const ActionSpec& PlanSpec();
const ActionSpec& ApplySpec();
const ActionSpec& ConfirmSpec();
void AddRollbackActions(ActionCatalogue& catalogue, const ActionParts& parts);

const ActionSpec& QuarantineSpec();
const ActionSpec& VerifySpec();
void AddSnapshotActions(ActionCatalogue& catalogue, const ActionParts& parts);

const ActionSpec& NoteSpec();
const ActionSpec& AdvanceSpec();
const ActionSpec& ReportSpec();
const ActionSpec& ShareSpec();
void AddRecordActions(ActionCatalogue& catalogue, const ActionParts& parts);

// Done once every connected agent has proved `epoch`; until then it says who is waited for.
struct ProofWait {
  bool done = false;
  ActionPending pending;
  ProofProgress progress;
};
absl::StatusOr<ProofWait> AwaitProofs(const FleetDesk& fleet, const DeploymentName& deployment, Epoch epoch);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ACTIONS_GROUPS_H_
