// rollback.plan, rollback.apply, rollback.confirm: exactly the plan that was approved, then proof that it is what serves.
#include <memory>
#include <utility>

#include "firebreak/actions/specs.h"
#include "firebreak/base/text.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

class PlanAction final : public Action {
 public:
  explicit PlanAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Plan(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    ASSIGN_OR_RETURN(v1::RollbackPlan plan, parts_.fleet.MakePlan(DeploymentOf(call), ""));
    std::vector<std::string> refused;
    for (const v1::RollbackCandidate& candidate : plan.candidates()) {
      for (const v1::GateResult& gate : candidate.gates()) {
        if (gate.verdict() == v1::GATE_VERDICT_PASS) continue;
        refused.push_back(StrCat(candidate.release().model_name(), ": ", gate.gate(), ": ", gate.evidence()));
      }
    }
    return Outputs()
        .Text("digest", plan.digest())
        .Text("target", plan.target().model_name())
        .Text("target_digest", plan.target().model_digest())
        .Flag("eligible", plan.has_target())
        .List("refused", refused)
        .Done();
  }

 private:
  const ActionParts parts_;
};

class ApplyAction final : public Action {
 public:
  explicit ApplyAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Apply(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    RETURN_IF_ERROR(NeedApproval(call, specs::Apply().name));
    RollbackWish rollback;
    rollback.plan_digest = TextField(call.inputs, "plan");
    rollback.wish.deployment = DeploymentOf(call);
    rollback.wish.reason = StrCat("roll-back by ", Cause(call), call.incident.empty() ? "" : StrCat(" for ", call.incident.text()));
    rollback.wish.incident = call.incident;
    rollback.wish.run = call.run;
    rollback.wish.effect_id = call.effect;
    rollback.wish.decided_by = RunActor(call);
    rollback.wish.approved_by = call.approved_by;
    if (rollback.wish.deployment == call.deployment) rollback.wish.fence = call.fence;
    v1::IssuedDecision issued;
    RETURN_IF_ERROR(Write(parts_.ledger, [&](Draft& draft) -> absl::Status {
      ASSIGN_OR_RETURN(issued, parts_.fleet.AddRollback(draft, rollback));
      return absl::OkStatus();
    }));
    return Outputs()
        .Number("epoch", issued.decision().epoch())
        .Text("decision", issued.digest())
        .Text("release", issued.decision().release().model_name())
        .Done();
  }

  absl::StatusOr<ActionPreview> Preview(const ActionCall& call) const override {
    ASSIGN_OR_RETURN(const v1::Deployment deployment, parts_.fleet.LoadDeployment(DeploymentOf(call)));
    ASSIGN_OR_RETURN(const v1::RollbackPlan plan, parts_.fleet.MakePlan(DeploymentOf(call), ""));
    if (!plan.has_target()) return absl::FailedPreconditionError(StrCat(deployment.name(), ": no release passes every gate"));
    const std::string shown = TextField(call.inputs, "plan");
    if (!shown.empty() && shown != plan.digest()) return absl::AbortedError(StrCat(deployment.name(), ": the plan is no longer the one shown"));
    ActionPreview preview;
    preview.now = ServingText(deployment);
    preview.then = StrCat("serves ", plan.target().model_name(), " (roll-back)");
    preview.blast_radius = ReachText(deployment);
    preview.expected = specs::Apply().typical;
    (*preview.outputs.mutable_fields())["release"].set_string_value(plan.target().model_name());
    return preview;
  }

 private:
  const ActionParts parts_;
};

class ConfirmAction final : public Action {
 public:
  explicit ConfirmAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return specs::Confirm(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    ASSIGN_OR_RETURN(ProofWait wait, AwaitProofs(parts_.fleet, DeploymentOf(call), Epoch{NumberField(call.inputs, "epoch")}));
    if (!wait.done) return ActionResult(std::move(wait.pending));
    return Outputs().List("proven", wait.progress.proven).Text("snapshot", wait.progress.snapshot).Done();
  }

 private:
  const ActionParts parts_;
};

}  // namespace

void AddRollbackActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<PlanAction>(parts));
  catalogue.Add(std::make_unique<ApplyAction>(parts));
  catalogue.Add(std::make_unique<ConfirmAction>(parts));
}

}  // namespace firebreak
