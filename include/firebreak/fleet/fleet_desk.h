// FleetDesk: the Fleet service's handlers and what other use cases ask of the fleet. It is where decisions are signed.
#ifndef FIREBREAK_FLEET_FLEET_DESK_H_
#define FIREBREAK_FLEET_FLEET_DESK_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/random.h"
#include "firebreak/base/stream.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/fleet/agent_hub.h"
#include "firebreak/fleet/decision.h"
#include "firebreak/fleet/snapshot_view.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/store/v1/fleet.pb.h"
#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

// How far a decision has got. Names are agents'; an agent is in exactly one list.
struct ProofProgress {
  std::vector<std::string> proven;     // proved this epoch or a later one
  std::vector<std::string> pending;    // connected (or just cut off) and not there yet: wait for these
  std::vector<std::string> diverged;   // proved the epoch, but could not do what it says
  std::vector<std::string> absent;     // enrolled, not connected, not there yet: nobody waits for these
  std::string snapshot;                // model snapshot digest the proven agents recomputed; empty when they serve none
};

// A roll-back exactly as it was shown: `wish.kind` and `wish.release` are filled in by the desk.
struct RollbackWish {
  std::string plan_digest;
  std::string to;                      // as given to MakePlan
  DecisionWish wish;
};

struct FleetOptions {
  absl::Duration join_token_ttl = absl::Hours(1);
  absl::Duration certificate_ttl = absl::Hours(24 * 365);
  int agents_per_deployment_max = 1024;
  // Whether the deployment is free for this decision: not when a playbook run has it in its hands, and not for a run whose lock
  // was taken over. May record that a person overrode a run. Empty: no runs here.
  std::function<absl::Status(Draft&, const DecisionWish&)> check_run;
  // Whether the incident a person names for a decision exists. Empty: any name is taken.
  std::function<absl::Status(const IncidentId&)> check_incident;
  // An agent connected and showed what it holds (FollowRequest.checkpoint and head). Empty: nobody wants to know.
  std::function<void(const AgentName&, const v1::FollowRequest&)> presented = {};
};

// Thread-safe. Everything it is given outlives it.
class FleetDesk {
 public:
  FleetDesk(Ledger& ledger, AgentHub& hub, const Clock& clock, Random& random, Log& log, const CertificateAuthority& authority,
            EcPrivateKey decision_key, SnapshotView snapshots, FleetOptions options = {});

  // The Fleet service. Those that change something are durable when they answer.
  absl::StatusOr<v1::CreateDeploymentResponse> CreateDeployment(const Caller&, const v1::CreateDeploymentRequest&);
  absl::StatusOr<v1::GetDeploymentResponse> GetDeployment(const Caller&, const v1::GetDeploymentRequest&);
  absl::StatusOr<v1::ListDeploymentsResponse> ListDeployments(const Caller&, const v1::ListDeploymentsRequest&);
  absl::StatusOr<v1::DeployResponse> Deploy(const Caller&, const v1::DeployRequest&);
  absl::StatusOr<v1::ContainResponse> Contain(const Caller&, const v1::ContainRequest&);
  absl::StatusOr<v1::ReleaseContainmentResponse> ReleaseContainment(const Caller&, const v1::ReleaseContainmentRequest&);
  absl::StatusOr<v1::FreezeResponse> Freeze(const Caller&, const v1::FreezeRequest&);
  absl::StatusOr<v1::PlanRollbackResponse> PlanRollback(const Caller&, const v1::PlanRollbackRequest&);
  absl::StatusOr<v1::RollBackResponse> RollBack(const Caller&, const v1::RollBackRequest&);
  absl::StatusOr<v1::ListDecisionsResponse> ListDecisions(const Caller&, const v1::ListDecisionsRequest&);
  absl::StatusOr<v1::CreateJoinTokenResponse> CreateJoinToken(const Caller&, const v1::CreateJoinTokenRequest&);
  absl::StatusOr<v1::EnrolAgentResponse> EnrolAgent(const Caller&, const v1::EnrolAgentRequest&);
  absl::StatusOr<v1::RemoveAgentResponse> RemoveAgent(const Caller&, const v1::RemoveAgentRequest&);
  absl::StatusOr<v1::GetDecisionChainResponse> GetDecisionChain(const Caller&, const v1::GetDecisionChainRequest&);
  absl::StatusOr<v1::ReportProofResponse> ReportProof(const Caller&, const v1::ReportProofRequest&);
  absl::StatusOr<std::unique_ptr<Subscription>> Follow(const Caller&, const v1::FollowRequest&,
                                                       std::shared_ptr<Sink<v1::FollowEvent>> sink);

  // For other use cases.

  // Signs the next decision into the draft: record, chain, history, audit entry "decision.issued". The same effect id answers
  // the decision it led to and adds nothing (kAlreadyExists when it was asked for something else). A decision that puts a
  // release back into service passes the four snapshot gates first; the failing gate's evidence is the error
  // (kFailedPrecondition). The signature is in the draft: callers see the decision only once the draft is committed.
  absl::StatusOr<v1::IssuedDecision> AddDecision(Draft& draft, const DecisionWish& wish);

  // Makes the plan again inside the draft and issues its roll-back; kAborted when the plan is no longer the one shown.
  // Asked again with the same effect id it answers the decision already issued.
  absl::StatusOr<v1::IssuedDecision> AddRollback(Draft& draft, const RollbackWish& rollback);

  // With the agents filled in. kNotFound names the nearest known deployment.
  absl::StatusOr<v1::Deployment> LoadDeployment(const DeploymentName& name) const;

  // `to`: model/x@6, a release digest, or empty = the newest release that passes every gate. A plan without a target is an
  // answer, not an error: its candidates say why.
  absl::StatusOr<v1::RollbackPlan> MakePlan(const DeploymentName& name, std::string_view to) const;

  // Deployments whose wanted release holds the snapshot, contained ones included: lifting would bring it back.
  absl::StatusOr<std::vector<DeploymentName>> DeploymentsServing(const Digest& snapshot) const;

  // An agent holds a later decision than the records know: they were put back to an older state. A decision that this fleet's
  // key signed is taken into the records, so that the next one has a higher epoch and continues the agents' chain. Nothing when
  // `head` is not later; an error when it is not genuine. Decisions between the two stay lost: an agent that stands there has to
  // be enrolled again.
  absl::Status AdoptHead(const AgentName& agent, const DeploymentName& name, const v1::Envelope& head);

  absl::StatusOr<ProofProgress> Progress(const DeploymentName& name, Epoch epoch) const;

  absl::StatusOr<v1::IssuedDecision> LoadDecision(const DeploymentName& name, Epoch epoch) const;

  EcPublicKey decision_key() const { return decision_key_.public_key(); }

 private:
  // Everything but the signature: idempotence excluded, gates included.
  absl::StatusOr<v1::Decision> PrepareDecision(Draft& draft, const DecisionWish& wish, v1::Deployment& deployment) const;
  absl::StatusOr<std::optional<v1::IssuedDecision>> FindIssued(Draft& draft, const DecisionWish& wish) const;
  absl::StatusOr<v1::Release> ComposeRelease(const v1::DeployRequest& request) const;
  absl::Status CheckReleaseGates(Draft& draft, const DeploymentName& name, const v1::Release& release) const;
  absl::StatusOr<v1::RollbackPlan> PlanFrom(const v1::Deployment& deployment, std::string_view to) const;
  absl::StatusOr<std::vector<store::v1::AgentProof>> ListProofs(const DeploymentName& name) const;
  absl::Status FillAgents(v1::Deployment& deployment) const;
  absl::Status CheckAgentCaller(const Caller& caller, const DeploymentName& name) const;
  absl::Status UnknownDeployment(const DeploymentName& name) const;
  absl::StatusOr<v1::Deployment> LoadForChange(Draft& draft, const DeploymentName& name) const;
  template <typename Response>
  absl::StatusOr<Response> Decide(const DecisionWish& wish, bool validate_only);
  absl::Status StoreProof(const v1::ServingProof& proof, const v1::Envelope& envelope, const v1::Decision& decision);

  // Constant after construction.
  Ledger& ledger_;
  AgentHub& hub_;
  const Clock& clock_;
  Random& random_;
  Log& log_;
  const CertificateAuthority& authority_;
  const EcPrivateKey decision_key_;
  const SnapshotView snapshots_;
  const FleetOptions options_;
};

}  // namespace firebreak

#endif  // FIREBREAK_FLEET_FLEET_DESK_H_
