// Decisions that the records lost and an agent still holds.
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/fleet.h"

namespace firebreak {

absl::Status FleetDesk::AdoptHead(const AgentName& agent, const DeploymentName& name, const v1::Envelope& head) {
  if (head.payload().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::Decision decision, OpenDecision(head, decision_key_.public_key()));
  if (decision.deployment() != name.text()) {
    return absl::InvalidArgumentError(StrCat("the decision agent ", agent.text(), " holds is for ", decision.deployment()));
  }
  v1::IssuedDecision issued;
  *issued.mutable_decision() = decision;
  *issued.mutable_envelope() = head;
  issued.set_digest(Sha256(head.payload()).text());
  bool adopted = false;
  auto build = [&](Draft& draft) -> absl::Status {
    adopted = false;
    ASSIGN_OR_RETURN(v1::Deployment deployment, LoadForChange(draft, name));
    if (decision.epoch() <= deployment.epoch()) return absl::OkStatus();
    if (decision.epoch() == deployment.epoch() + 1 && decision.previous_digest() != deployment.last_decision_digest()) {
      return absl::FailedPreconditionError(StrCat("decision ", decision.epoch(), " of agent ", agent.text(), " does not continue the decisions made here"));
    }
    if (deployment.contained() && decision.kind() != v1::DECISION_KIND_CONTAIN) {
      return absl::FailedPreconditionError(StrCat("decision ", decision.epoch(), " of agent ", agent.text(),
                                                  " would lift a containment nobody lifted here (next: enrol the agent again)"));
    }
    adopted = true;
    const uint64_t before = deployment.epoch();
    ApplyDecision(deployment, issued);
    draft.Put(DeploymentKey(name), deployment);
    draft.Put(DecisionKey(name, Epoch{decision.epoch()}), issued);
    v1::AuditEntry entry;
    entry.set_actor("firebreak");
    entry.set_action("decision.adopted");
    entry.add_subjects(StrCat("deployment/", name.text()));
    entry.add_subjects(StrCat("agent/", agent.text()));
    entry.set_summary(StrCat("agent ", agent.text(), " holds decision ", decision.epoch(), " of ", name.text(),
                             ", the records knew none after ", before, ": it was taken over"));
    entry.set_payload_digest(issued.digest());
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  if (adopted) log_.Error("fleet.decision-adopted", {{"agent", agent.text()}, {"deployment", name.text()}});
  return absl::OkStatus();
}

}  // namespace firebreak
