// fleet.contain and fleet.release: a decision, then proof from the agents that carry it out.
#include <memory>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/text.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

// Agents' proofs are committed and poke the run; this is how often it looks again when a hint is lost.
constexpr absl::Duration kLookAgain = absl::Seconds(1);

absl::StatusOr<v1::IssuedDecision> Decide(const ActionParts& parts, const ActionCall& call, v1::DecisionKind kind,
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
  v1::IssuedDecision issued;
  RETURN_IF_ERROR(Write(parts.ledger, [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(issued, parts.fleet.AddDecision(draft, wish));
    return absl::OkStatus();
  }));
  return issued;
}

class ContainAction final : public Action {
 public:
  explicit ContainAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return ContainSpec(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    const DeploymentName deployment = DeploymentOf(call);
    std::string reason = TextField(call.inputs, "reason");
    if (reason.empty()) reason = StrCat("containment by ", call.run.text());
    ASSIGN_OR_RETURN(v1::Deployment before, parts_.fleet.LoadDeployment(deployment));
    ASSIGN_OR_RETURN(v1::IssuedDecision issued, Decide(parts_, call, v1::DECISION_KIND_CONTAIN, std::move(reason)));
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
  const ActionSpec& spec() const override { return ReleaseSpec(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    ASSIGN_OR_RETURN(v1::IssuedDecision issued,
                     Decide(parts_, call, v1::DECISION_KIND_RELEASE, TextField(call.inputs, "reason")));
    ASSIGN_OR_RETURN(ProofWait wait, AwaitProofs(parts_.fleet, DeploymentOf(call), Epoch{issued.decision().epoch()}));
    if (!wait.done) return ActionResult(std::move(wait.pending));
    return Outputs().Number("epoch", issued.decision().epoch()).Done();
  }

 private:
  const ActionParts parts_;
};

}  // namespace

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

const ActionSpec& ContainSpec() {
  static const ActionSpec spec = {
      .name = "fleet.contain",
      .action_class = ActionClass::kConverge,
      .inputs = {{"deployment", "deployment", true, "what to take out of production"},
                 {"reason", "string", false, "kept in the decision"}},
      .outputs = {{"epoch", "int", true, "of the decision"},
                  {"decision", "string", true, "digest of the signed decision"},
                  {"proven", "list", true, "agents that proved it"},
                  {"previous_release", "string", true, "model that was served before"}},
      .about = "takes the model out of production and waits until every connected agent proved it",
      .keeps_on_failure = true,
      .changes_production = true};
  return spec;
}

const ActionSpec& ReleaseSpec() {
  static const ActionSpec spec = {
      .name = "fleet.release",
      .action_class = ActionClass::kConverge,
      .inputs = {{"deployment", "deployment", true, "what to serve again"}, {"reason", "string", true, "kept in the decision"}},
      .outputs = {{"epoch", "int", true, "of the decision"}},
      .about = "lifts a containment or freeze: serves what was served before",
      .changes_production = true};
  return spec;
}

void AddFleetActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<ContainAction>(parts));
  catalogue.Add(std::make_unique<ReleaseAction>(parts));
}

}  // namespace firebreak
