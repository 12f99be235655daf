// snapshot.lift and signer.revoke: whom and what we trust. Both need a person.
#include <memory>

#include "firebreak/actions/specs.h"
#include "firebreak/base/status.h"
#include "firebreak/snapshots/names.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

Caller ActingFor(const ActionCall& call) {
  Caller caller = ServiceCaller();
  caller.identity = RunActor(call);
  return caller;
}

std::string ReasonOf(const ActionCall& call) {
  std::string reason = StrCat(TextField(call.inputs, "reason"), " (", Cause(call));
  for (size_t i = 0; i < call.approved_by.size(); ++i) StrAppend(&reason, i == 0 ? ", approved by " : ", ", call.approved_by[i]);
  return reason + ")";
}

absl::StatusOr<ActionResult> Lift(const ActionParts& parts, const ActionCall& call) {
  RETURN_IF_ERROR(NeedApproval(call, specs::Lift().name));
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, parts.vault.Resolve(TextField(call.inputs, "snapshot")));
  if (snapshot.has_quarantine() && snapshot.quarantine().tainted_by().empty()) {
    v1::LiftQuarantineRequest request;
    request.set_snapshot(snapshot.digest());
    request.set_reason(ReasonOf(call));
    const absl::Status lifted = parts.vault.LiftQuarantine(ActingFor(call), request).status();
    // Somebody else lifted it in between: it is as it should be.
    if (!lifted.ok() && !absl::IsFailedPrecondition(lifted)) return lifted;
    ASSIGN_OR_RETURN(snapshot, parts.vault.Resolve(snapshot.digest()));
  }
  return Outputs()
      .Text("snapshot", SnapshotName(snapshot))
      .Text("still_tainted_by", snapshot.has_quarantine() ? snapshot.quarantine().tainted_by() : "")
      .Done();
}

absl::StatusOr<ActionPreview> PreviewLift(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::Snapshot snapshot, parts.vault.Resolve(TextField(call.inputs, "snapshot")));
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(snapshot.digest()));
  ASSIGN_OR_RETURN(const std::vector<v1::LineageNode> below, parts.vault.Descendants(digest));
  ActionPreview preview;
  preview.now = StrCat(SnapshotName(snapshot), snapshot.has_quarantine() ? " is quarantined" : " is not quarantined");
  preview.then = StrCat(SnapshotName(snapshot), " is not quarantined");
  preview.blast_radius = StrCat(below.size(), " snapshots made from it may be restored again");
  return preview;
}

absl::StatusOr<ActionResult> Revoke(const ActionParts& parts, const ActionCall& call) {
  RETURN_IF_ERROR(NeedApproval(call, specs::Revoke().name));
  ASSIGN_OR_RETURN(const v1::TrustedSigner signer, FindSigner(parts, TextField(call.inputs, "signer")));
  v1::RevokeSignerRequest request;
  request.set_key_id(signer.key_id());
  request.set_reason(ReasonOf(call));
  ASSIGN_OR_RETURN(const v1::RevokeSignerResponse answer, parts.vault.RevokeSigner(ActingFor(call), request));
  std::vector<std::string> names(answer.snapshots().begin(), answer.snapshots().end());
  if (names.size() > 1000) names.resize(1000);
  return Outputs()
      .Text("signer_key", signer.key_id())
      .List("snapshots", names)
      .List("deployments", {answer.deployments().begin(), answer.deployments().end()})
      .Number("count", static_cast<uint64_t>(answer.snapshots_size()))
      .Done();
}

absl::StatusOr<ActionPreview> PreviewRevoke(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const v1::TrustedSigner signer, FindSigner(parts, TextField(call.inputs, "signer")));
  ActionPreview preview;
  preview.now = StrCat("signer ", signer.name(), signer.has_revoked_at() ? " is revoked" : " is trusted");
  preview.then = StrCat("signer ", signer.name(), " is revoked");
  preview.blast_radius = "everything it signed fails the signature gate, roll-back targets included";
  return preview;
}

}  // namespace

void AddTrustActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<FunctionAction>(
      specs::Lift(), [parts](const ActionCall& call) { return Lift(parts, call); },
      [parts](const ActionCall& call) { return PreviewLift(parts, call); }));
  catalogue.Add(std::make_unique<FunctionAction>(
      specs::Revoke(), [parts](const ActionCall& call) { return Revoke(parts, call); },
      [parts](const ActionCall& call) { return PreviewRevoke(parts, call); }));
}

}  // namespace firebreak
