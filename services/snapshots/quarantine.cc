// Quarantine: written on one snapshot, read from every descendant. And what follows from it: holds, sweeps, lifting; and the
// same question asked of a signing key.
#include <algorithm>
#include <set>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/entry.h"
#include "services/snapshots/lineage.h"
#include "services/snapshots/parts.h"

namespace firebreak {
namespace {

constexpr size_t kHoldMax = 40;   // expectations one Hold leaves; a draft takes 100

std::string Names(const std::vector<DeploymentName>& deployments) {
  std::string text;
  for (const DeploymentName& name : deployments) {
    if (text.size() > 200) return text + ", …";
    StrAppend(&text, text.empty() ? "" : ", ", name.text());
  }
  return text;
}

}  // namespace

absl::StatusOr<std::vector<DeploymentName>> SnapshotVault::Parts::Serving(const std::vector<std::string>& digests) const {
  std::set<DeploymentName> names;
  if (!serving) return std::vector<DeploymentName>();
  for (const std::string& text : digests) {
    ASSIGN_OR_RETURN(Digest digest, Digest::Parse(text));
    ASSIGN_OR_RETURN(std::vector<DeploymentName> found, serving(digest));
    names.insert(found.begin(), found.end());
  }
  return std::vector<DeploymentName>(names.begin(), names.end());
}

absl::StatusOr<QuarantineSweep> SnapshotVault::Parts::Sweep(const std::string& digest) const {
  QuarantineSweep sweep;
  ASSIGN_OR_RETURN(sweep.snapshot, catalogue.LoadByDigest(digest));
  ASSIGN_OR_RETURN(std::vector<v1::LineageNode> nodes, WalkDescendants({ledger.store(), limits.lineage_nodes_max}, digest));
  std::vector<std::string> digests = {digest};
  for (v1::LineageNode& node : nodes) {
    v1::Snapshot& snapshot = *node.mutable_snapshot();
    snapshot.clear_quarantine();
    ASSIGN_OR_RETURN(std::optional<v1::Quarantine> own,
                     FindRecord(ledger.store(), keys::SnapshotQuarantine(snapshot.digest())));
    if (own) *snapshot.mutable_quarantine() = *std::move(own);
    digests.push_back(snapshot.digest());
    sweep.tainted.push_back(std::move(snapshot));
  }
  ASSIGN_OR_RETURN(sweep.deployments, Serving(digests));
  return sweep;
}

absl::StatusOr<QuarantineSweep> SnapshotVault::AddQuarantine(Draft& draft, const QuarantineWish& wish) {
  RETURN_IF_ERROR(CheckReason(wish.reason));
  const std::string digest = wish.snapshot.text();
  ASSIGN_OR_RETURN(QuarantineSweep sweep, parts_->Sweep(digest));
  ASSIGN_OR_RETURN(std::optional<v1::Quarantine> before, draft.Find(keys::SnapshotQuarantine(digest)));
  v1::Quarantine quarantine;
  if (before) {
    quarantine = *before;
  } else {
    quarantine.set_reason(wish.reason);
    quarantine.set_incident(wish.incident.text());
    quarantine.set_actor(wish.actor.text());
    *quarantine.mutable_time() = ToProto(parts_->clock.Now());
    draft.Put(keys::SnapshotQuarantine(digest), quarantine);
  }
  *sweep.snapshot.mutable_quarantine() = quarantine;
  for (v1::Snapshot& tainted : sweep.tainted) {
    if (tainted.has_quarantine()) continue;
    *tainted.mutable_quarantine() = quarantine;
    tainted.mutable_quarantine()->set_tainted_by(digest);
  }
  const std::string name = SnapshotName(sweep.snapshot);
  v1::AuditEntry entry = MakeEntry(wish.actor, before ? "snapshot.quarantine_confirmed" : "snapshot.quarantined",
                                   StrCat(name, before ? " stays quarantined" : " quarantined", ", ", sweep.tainted.size(),
                                          " made from it tainted: ", wish.reason));
  AddSubjects(entry, sweep.snapshot);
  if (!wish.incident.empty()) AddSubject(entry, StrCat("incident/", wish.incident.text()));
  for (const DeploymentName& deployment : sweep.deployments) AddSubject(entry, StrCat("deployment/", deployment.text()));
  (*entry.mutable_facts())["digest"] = digest;
  (*entry.mutable_facts())["tainted"] = absl::StrCat(sweep.tainted.size());
  (*entry.mutable_facts())["deployments"] = Names(sweep.deployments);
  draft.Record(std::move(entry));
  return sweep;
}

absl::StatusOr<v1::QuarantineSnapshotResponse> SnapshotVault::QuarantineSnapshot(
    const Caller& caller, const v1::QuarantineSnapshotRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, Resolve(request.snapshot()));
  QuarantineWish wish;
  ASSIGN_OR_RETURN(wish.snapshot, Digest::Parse(snapshot.digest()));
  wish.reason = request.reason();
  wish.incident = IncidentId(request.incident());
  wish.actor = caller.identity;

  QuarantineSweep sweep;
  const bool repeated = snapshot.quarantine().tainted_by().empty() && snapshot.quarantine().reason() == request.reason() &&
                        snapshot.quarantine().incident() == request.incident();
  if (request.validate_only() || repeated) {
    Draft draft(parts_->ledger.store());
    ASSIGN_OR_RETURN(sweep, AddQuarantine(draft, wish));
  } else {
    auto build = [&](Draft& draft) -> absl::Status {
      ASSIGN_OR_RETURN(sweep, AddQuarantine(draft, wish));
      return absl::OkStatus();
    };
    RETURN_IF_ERROR(parts_->ledger.Transact(build).status());
  }
  v1::QuarantineSnapshotResponse response;
  *response.mutable_snapshot() = std::move(sweep.snapshot);
  for (v1::Snapshot& tainted : sweep.tainted) *response.add_tainted() = std::move(tainted);
  for (const DeploymentName& name : sweep.deployments) response.add_deployments(name.text());
  return response;
}

absl::StatusOr<v1::LiftQuarantineResponse> SnapshotVault::LiftQuarantine(const Caller& caller,
                                                                         const v1::LiftQuarantineRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, Resolve(request.snapshot()));
  const std::string name = SnapshotName(snapshot);
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(std::optional<v1::Quarantine> own, draft.Find(keys::SnapshotQuarantine(snapshot.digest())));
    if (!own && snapshot.has_quarantine()) {
      return WithNextStep(absl::FailedPreconditionError(StrCat(name, " is not quarantined itself, it is tainted by ",
                                                               snapshot.quarantine().tainted_by())),
                          "lift the quarantine of that one");
    }
    if (!own) return absl::FailedPreconditionError(StrCat(name, " is not quarantined"));
    draft.Delete(keys::SnapshotQuarantine(snapshot.digest()));
    v1::AuditEntry entry = MakeEntry(caller.identity, "snapshot.quarantine_lifted",
                                     StrCat("quarantine of ", name, " lifted: ", request.reason()));
    AddSubjects(entry, snapshot);
    if (!own->incident().empty()) AddSubject(entry, StrCat("incident/", own->incident()));
    (*entry.mutable_facts())["digest"] = snapshot.digest();
    (*entry.mutable_facts())["quarantined_because"] = own->reason();
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(parts_->ledger.Transact(build).status());
  v1::LiftQuarantineResponse response;
  ASSIGN_OR_RETURN(*response.mutable_snapshot(), Resolve(request.snapshot()));
  return response;
}

absl::Status SnapshotVault::Hold(Draft& draft, const Digest& snapshot) const {
  const MetaStore& store = parts_->ledger.store();
  RETURN_IF_ERROR(draft.Find(keys::SnapshotQuarantine(snapshot.text())).status());
  // New lineage may be added by pushing the content again; the record that holds it is expected as well.
  RETURN_IF_ERROR(draft.Find(keys::SnapshotByDigest(snapshot.text())).status());
  ASSIGN_OR_RETURN(std::vector<v1::LineageNode> ancestors,
                   WalkAncestors({store, parts_->limits.lineage_nodes_max}, snapshot.text()));
  if (ancestors.size() > kHoldMax) ancestors.resize(kHoldMax);
  for (const v1::LineageNode& node : ancestors) {
    RETURN_IF_ERROR(draft.Find(keys::SnapshotQuarantine(node.snapshot().digest())).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::TrustSignerResponse> SnapshotVault::TrustSigner(const Caller& caller, const v1::TrustSignerRequest& request) {
  v1::TrustSignerResponse response;
  ASSIGN_OR_RETURN(*response.mutable_signer(), parts_->keyring.Trust(caller, request));
  return response;
}

absl::StatusOr<v1::RevokeSignerResponse> SnapshotVault::RevokeSigner(const Caller& caller,
                                                                     const v1::RevokeSignerRequest& request) {
  v1::RevokeSignerResponse response;
  ASSIGN_OR_RETURN(*response.mutable_signer(), parts_->keyring.Revoke(caller, request));
  ASSIGN_OR_RETURN(std::vector<Keyring::Signed> touched, parts_->keyring.SignedBy(request.key_id()));
  std::vector<std::string> digests;
  for (const Keyring::Signed& one : touched) {
    std::string why;
    ASSIGN_OR_RETURN(const bool counts, parts_->keyring.Counts(response.signer(), one.digest, &why));
    if (counts) continue;   // logged before the index from which the key is revoked
    response.add_snapshots(one.name);
    digests.push_back(one.digest);
  }
  ASSIGN_OR_RETURN(std::vector<DeploymentName> deployments, parts_->Serving(digests));
  for (const DeploymentName& name : deployments) response.add_deployments(name.text());
  return response;
}

absl::StatusOr<v1::ListSignersResponse> SnapshotVault::ListSigners(const Caller&, const v1::ListSignersRequest&) {
  ASSIGN_OR_RETURN(std::vector<v1::TrustedSigner> signers, parts_->keyring.List());
  v1::ListSignersResponse response;
  for (v1::TrustedSigner& signer : signers) *response.add_signers() = std::move(signer);
  return response;
}

}  // namespace firebreak
