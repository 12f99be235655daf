// fleet.contain and fleet.release: a decision, then proof from the agents that carry it out.
#include <memory>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/actions/specs.h"
#include "firebreak/base/text.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

// Agents' proofs are committed and poke the run; this is how often it looks again when a hint is lost.
constexpr absl::Duration kLookAgain = absl::Seconds(1);

class ContainAction final : public Action {
 public:
  explicit ContainAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Contain(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    const DeploymentName deployment = DeploymentOf(call);
    std::string reason = TextField(call.inputs, "reason");
    if (reason.empty()) reason = StrCat("containment by ", Cause(call));
    ASSIGN_OR_RETURN(v1::Deployment before, parts_.fleet.LoadDeployment(deployment));
    ASSIGN_OR_RETURN(v1::IssuedDecision issued, IssueDecision(parts_, call, v1::DECISION_KIND_CONTAIN, std::move(reason)));
    ASSIGN_OR_RETURN(ProofWait wait, AwaitProofs(parts_.fleet, deployment, Epoch{issued.decision().epoch()}));
    if (!wait.done) return ActionResult(std::move(wait.pending));
    if (!call.incident.empty()) {
      RETURN_IF_ERROR(MarkContained(call, deployment, wait.progress.proven));
    }
    return Outputs()
        .Number("epoch", issued.decision().epoch())
        .Text("decision", issued.digest())
        .List("proven", wait.progress.proven)
        .Text("previous_release", before.wanted().model_name())
        .Done();
  }

  absl::StatusOr<ActionPreview> Preview(const ActionCall& call) const override {
    ASSIGN_OR_RETURN(const v1::Deployment deployment, parts_.fleet.LoadDeployment(DeploymentOf(call)));
    if (deployment.epoch() == 0) return absl::FailedPreconditionError(StrCat(deployment.name(), " serves nothing yet"));
    ActionPreview preview;
    preview.now = ServingText(deployment);
    preview.then = StrCat("contained (epoch ", deployment.epoch() + 1, ")");
    preview.blast_radius = ReachText(deployment);
    preview.expected = specs::Contain().typical;
    (*preview.outputs.mutable_fields())["previous_release"].set_string_value(deployment.wanted().model_name());
    return preview;
  }

 private:
  absl::Status MarkContained(const ActionCall& call, const DeploymentName& deployment, const std::vector<std::string>& proven) {
    return Write(parts_.ledger, [&](Draft& draft) -> absl::Status {
      RETURN_IF_ERROR(parts_.incidents.Advance(draft, call.incident, v1::INCIDENT_STATE_CONTAINED, RunActor(call),
                                               StrCat(deployment.text(), " is contained, proved by ", absl::StrJoin(proven, ", "))));
      return parts_.incidents.AddAffected(draft, call.incident, {StrCat("deployment/", deployment.text())});
    });
  }

  const ActionParts parts_;
};

class ReleaseAction final : public Action {
 public:
  explicit ReleaseAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Release(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    RETURN_IF_ERROR(NeedApproval(call, specs::Release().name));
    ASSIGN_OR_RETURN(v1::IssuedDecision issued,
                     IssueDecision(parts_, call, v1::DECISION_KIND_RELEASE, TextField(call.inputs, "reason")));
    ASSIGN_OR_RETURN(ProofWait wait, AwaitProofs(parts_.fleet, DeploymentOf(call), Epoch{issued.decision().epoch()}));
    if (!wait.done) return ActionResult(std::move(wait.pending));
    return Outputs().Number("epoch", issued.decision().epoch()).Done();
  }

  absl::StatusOr<ActionPreview> Preview(const ActionCall& call) const override {
    ASSIGN_OR_RETURN(const v1::Deployment deployment, parts_.fleet.LoadDeployment(DeploymentOf(call)));
    if (!deployment.contained() && !deployment.frozen()) {
      return absl::FailedPreconditionError(StrCat(deployment.name(), " is neither contained nor frozen"));
    }
    ActionPreview preview;
    preview.now = ServingText(deployment);
    preview.then = StrCat("serves ", deployment.wanted().model_name(), " (epoch ", deployment.epoch() + 1, ")");
    preview.blast_radius = ReachText(deployment);
    preview.expected = specs::Release().typical;
    return preview;
  }

 private:
  const ActionParts parts_;
};

}  // namespace

absl::StatusOr<v1::IssuedDecision> IssueDecision(const ActionParts& parts, const ActionCall& call, v1::DecisionKind kind,
                                                 std::string reason) {
  DecisionWish wish;
  wish.deployment = DeploymentOf(call);
  wish.kind = kind;
  wish.reason = std::move(reason);
  wish.incident = call.incident;
  wish.run = call.run;
  wish.effect_id = call.effect;
  wish.decided_by = RunActor(call);
  wish.approved_by = call.approved_by;
  // The run's fence is that of the deployment it has locked; over others it has none.
  if (wish.deployment == call.deployment) wish.fence = call.fence;
  // What a step decided is only undone while nobody has decided about it since.
  if (call.undoes) wish.only_at_epoch = NumberField(*call.undoes, "epoch");
  v1::IssuedDecision issued;
  RETURN_IF_ERROR(Write(parts.ledger, [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(issued, parts.fleet.AddDecision(draft, wish));
    return absl::OkStatus();
  }));
  return issued;
}

std::string ServingText(const v1::Deployment& deployment) {
  if (deployment.epoch() == 0) return "serves nothing yet";
  if (deployment.contained()) return StrCat("contained (epoch ", deployment.epoch(), ")");
  return StrCat("serves ", deployment.wanted().model_name(), " (epoch ", deployment.epoch(), ")");
}

std::string ReachText(const v1::Deployment& deployment) {
  return StrCat("deployment ", deployment.name(), ", ", deployment.agents_size(), deployment.agents_size() == 1 ? " agent" : " agents");
}

absl::StatusOr<ProofWait> AwaitProofs(const FleetDesk& fleet, const DeploymentName& deployment, Epoch epoch) {
  ProofWait wait;
  ASSIGN_OR_RETURN(wait.progress, fleet.Progress(deployment, epoch));
  const ProofProgress& progress = wait.progress;
  const bool nobody = progress.proven.empty() && progress.pending.empty() && progress.diverged.empty() && progress.absent.empty();
  // A deployment without agents has nothing that serves; there is nobody to wait for.
  wait.done = nobody || (!progress.proven.empty() && progress.pending.empty() && progress.diverged.empty());
  if (wait.done) return wait;
  std::vector<std::string> missing = progress.pending;
  for (const std::string& agent : progress.diverged) missing.push_back(StrCat(agent, " (failed to do it)"));
  if (missing.empty()) {
    for (const std::string& agent : progress.absent) missing.push_back(StrCat(agent, " (not connected)"));
  }
  wait.pending.retry_after = kLookAgain;
  wait.pending.waiting_for = StrCat("proof of epoch ", epoch.value, " of ", deployment.text(), " from ", absl::StrJoin(missing, ", "));
  return wait;
}

void AddFleetActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<ContainAction>(parts));
  catalogue.Add(std::make_unique<ReleaseAction>(parts));
}

}  // namespace firebreak
