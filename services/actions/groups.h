// The groups builtin.cc puts together, and what they share.
#ifndef FIREBREAK_SERVICES_ACTIONS_GROUPS_H_
#define FIREBREAK_SERVICES_ACTIONS_GROUPS_H_

#include <string>
#include <string_view>
#include <vector>

#include "firebreak/actions/builtin.h"
#include "firebreak/runs/action.h"

namespace firebreak {

void AddFleetActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddFreezeActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddRollbackActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddSnapshotActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddTrustActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddScopeActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddEvidenceActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddRecordActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddIncidentActions(ActionCatalogue& catalogue, const ActionParts& parts);
void AddOutsideActions(ActionCatalogue& catalogue, const ActionParts& parts);

// Done once every connected agent has proved `epoch`; until then it says who is waited for.
struct ProofWait {
  bool done = false;
  ActionPending pending;
  ProofProgress progress;
};
absl::StatusOr<ProofWait> AwaitProofs(const FleetDesk& fleet, const DeploymentName& deployment, Epoch epoch);

// The decision of `kind` in the name of the call; the same effect id answers the decision it led to.
absl::StatusOr<v1::IssuedDecision> IssueDecision(const ActionParts& parts, const ActionCall& call, v1::DecisionKind kind,
                                                 std::string reason);

// A signer by key id or by a name that only one key has; kNotFound names the nearest.
absl::StatusOr<v1::TrustedSigner> FindSigner(const ActionParts& parts, std::string_view name_or_key);

// "serves model/fraud@7 (epoch 4)", "contained (epoch 5)", "serves nothing yet".
std::string ServingText(const v1::Deployment& deployment);
// "deployment fraud-prod, 3 agents".
std::string ReachText(const v1::Deployment& deployment);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ACTIONS_GROUPS_H_
