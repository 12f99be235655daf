// rollback.plan, rollback.apply, rollback.confirm: exactly the plan that was approved, then proof that it is what serves.
#include <memory>
#include <utility>

#include "firebreak/base/text.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

class PlanAction final : public Action {
 public:
  explicit PlanAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return PlanSpec(); }

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
  const ActionSpec& spec() const override { return ApplySpec(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    RollbackWish rollback;
    rollback.plan_digest = TextField(call.inputs, "plan");
    rollback.wish.deployment = DeploymentOf(call);
    rollback.wish.reason = StrCat("roll-back by ", call.run.text(), call.incident.empty() ? "" : StrCat(" for ", call.incident.text()));
    rollback.wish.incident = call.incident;
    rollback.wish.run = call.run;
    rollback.wish.effect_id = call.effect;
    rollback.wish.decided_by = RunActor(call);
    rollback.wish.approved_by = call.approved_by;
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

 private:
  const ActionParts parts_;
};

class ConfirmAction final : public Action {
 public:
  explicit ConfirmAction(const ActionParts& parts) : parts_(parts) {}
  const ActionSpec& spec() const override { return ConfirmSpec(); }

  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    ASSIGN_OR_RETURN(ProofWait wait, AwaitProofs(parts_.fleet, DeploymentOf(call), Epoch{NumberField(call.inputs, "epoch")}));
    if (!wait.done) return ActionResult(std::move(wait.pending));
    return Outputs().List("proven", wait.progress.proven).Text("snapshot", wait.progress.snapshot).Done();
  }

 private:
  const ActionParts parts_;
};

}  // namespace

const ActionSpec& PlanSpec() {
  static const ActionSpec spec = {
      .name = "rollback.plan",
      .action_class = ActionClass::kRead,
      .inputs = {{"deployment", "deployment", true, "what to roll back"}},
      .outputs = {{"digest", "string", true, "of the plan; approvals bind to it"},
                  {"target", "string", true, "model that would be served, empty when none may"},
                  {"target_digest", "string", true, "its content digest"},
                  {"eligible", "bool", true, "a release passes every gate"},
                  {"refused", "list", true, "gates that did not pass, with evidence"}},
      .about = "chooses the newest known-good release through the gates"};
  return spec;
}

const ActionSpec& ApplySpec() {
  static const ActionSpec spec = {
      .name = "rollback.apply",
      .action_class = ActionClass::kConverge,
      .inputs = {{"deployment", "deployment", true, "what to roll back"},
                 {"plan", "string", true, "digest of the plan that was approved"}},
      .outputs = {{"epoch", "int", true, "of the decision"},
                  {"decision", "string", true, "digest of the signed decision"},
                  {"release", "string", true, "model that is to be served"}},
      .about = "issues the roll-back of exactly this plan, or fails because the world changed",
      .changes_production = true};
  return spec;
}

const ActionSpec& ConfirmSpec() {
  static const ActionSpec spec = {
      .name = "rollback.confirm",
      .action_class = ActionClass::kRead,
      .inputs = {{"deployment", "deployment", true, "what was rolled back"}, {"epoch", "int", true, "of the roll-back decision"}},
      .outputs = {{"proven", "list", true, "agents that proved it"},
                  {"snapshot", "string", true, "digest the agents recomputed from what they serve"}},
      .about = "waits until every connected agent proved what it serves"};
  return spec;
}

void AddRollbackActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<PlanAction>(parts));
  catalogue.Add(std::make_unique<ApplyAction>(parts));
  catalogue.Add(std::make_unique<ConfirmAction>(parts));
}

}  // namespace firebreak
