#include "firebreak/upkeep/deletion_desk.h"

#include <algorithm>
#include <set>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/fleet.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "services/upkeep/releases.h"

namespace firebreak {
namespace {

constexpr size_t kRows = 256;
constexpr size_t kExpectedMax = 900;   // deployments watched by one draft; it takes 1000 expectations
constexpr int kRollbackTargets = 16;   // as many earlier releases as a roll-back plan looks at
constexpr uint32_t kPageDefault = 50;
constexpr uint32_t kPageMax = 500;

// "it serves it", "it may be rolled back to it", or empty.
std::string NeedOf(const v1::Deployment& deployment, const std::string& digest) {
  if (HasPart(deployment.wanted(), digest)) {
    return StrCat("deployment ", deployment.name(), deployment.contained() ? " served it until it was contained" : " serves it");
  }
  std::set<std::string> seen = {deployment.wanted().digest()};
  std::set<std::string> taken_out;
  for (const v1::ReleaseRecord& record : deployment.history()) {
    if (record.removed_for_cause()) taken_out.insert(record.release().digest());
  }
  for (int i = deployment.history_size() - 1; i >= 0 && static_cast<int>(seen.size()) <= kRollbackTargets; --i) {
    const v1::ReleaseRecord& record = deployment.history(i);
    if (!record.proven() || taken_out.contains(record.release().digest())) continue;
    if (!seen.insert(record.release().digest()).second || !HasPart(record.release(), digest)) continue;
    return StrCat("deployment ", deployment.name(), " may be rolled back to it (", record.release().model_name(), ")");
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> DeletionDesk::WhyServed(Draft& draft, const std::string& digest) const {
  const MetaStore& store = draft.store();
  size_t expected = 0;
  std::string after;
  do {
    ASSIGN_OR_RETURN(std::vector<KeyValue> rows, store.List(DeploymentPrefix().bytes, after, kRows));
    for (const KeyValue& row : rows) {
      v1::Deployment deployment;
      if (!deployment.ParseFromString(row.value)) return UnreadableRecord(row.key);
      if (std::string need = NeedOf(deployment, digest); !need.empty()) return need;
      if (expected++ < kExpectedMax) draft.Expect(row.key, row.revision);
      ASSIGN_OR_RETURN(auto proofs, ListRecords(store, AgentProofPrefix(DeploymentName(deployment.name())), "", kRows));
      for (const auto& [key, proof] : proofs.records) {
        if (proof.proof().snapshot_digest() == digest) return StrCat("agent ", proof.agent(), " serves it");
      }
    }
    after = rows.size() < kRows ? "" : rows.back().key;
  } while (!after.empty());
  return std::string();
}

absl::StatusOr<std::string> DeletionDesk::WhyKept(Draft& draft, const std::string& digest) const {
  ASSIGN_OR_RETURN(const auto quarantine, draft.Find(keys::SnapshotQuarantine(digest)));
  if (quarantine) return StrCat("it is quarantined, which makes it evidence (", quarantine->reason(), ")");
  ASSIGN_OR_RETURN(std::string served, WhyServed(draft, digest));
  if (!served.empty()) return served;
  return holds_.WhyHeld(draft, digest);
}

absl::StatusOr<bool> DeletionDesk::OtherName(const v1::Snapshot& snapshot) const {
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::SnapshotVersions(KindText(snapshot.kind())), after, kRows));
    for (const auto& [key, other] : page.records) {
      if (other.digest() == snapshot.digest() && SnapshotName(other) != SnapshotName(snapshot)) return true;
    }
    after = page.next_after;
  } while (!after.empty());
  return false;
}

// Keeps "the newest version" true; the numbers already given out stay taken.
absl::Status DeletionDesk::SetNewest(Draft& draft, const v1::Snapshot& changed, bool present) const {
  const std::string_view kind = KindText(changed.kind());
  ASSIGN_OR_RETURN(store::v1::SnapshotSeries series, draft.Load(keys::SnapshotSeries(kind, changed.name()), "series"));
  uint64_t newest = present ? changed.version() : 0;
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(draft.store(), keys::SnapshotVersions(kind, changed.name()), after, kRows));
    for (const auto& [key, snapshot] : page.records) {
      if (snapshot.version() != changed.version()) newest = std::max(newest, snapshot.version());
    }
    after = page.next_after;
  } while (!after.empty());
  series.set_newest_present(newest == series.newest_version() ? 0 : newest);
  series.set_all_deleted(newest == 0);
  draft.Put(keys::SnapshotSeries(kind, changed.name()), series);
  return absl::OkStatus();
}

absl::Status DeletionDesk::Delete(Draft& draft, const Caller& caller, const v1::DeleteSnapshotRequest& request,
                                  v1::DeleteSnapshotResponse* out) {
  ASSIGN_OR_RETURN(const SnapshotReference reference, ParseSnapshotReference(request.snapshot()));
  const std::string_view kind = KindText(reference.kind);
  ASSIGN_OR_RETURN(const v1::Snapshot snapshot, draft.Load(keys::SnapshotVersion(kind, reference.name, reference.version),
                                                           StrCat("snapshot ", request.snapshot())));
  const std::string& digest = snapshot.digest();
  ASSIGN_OR_RETURN(const std::string kept, WhyKept(draft, digest));
  if (!kept.empty()) {
    return WithNextStep(absl::FailedPreconditionError(StrCat("delete ", request.snapshot(), ": ", kept)),
                        "it can be deleted once nothing needs it; firebreak hold list shows holds");
  }
  ASSIGN_OR_RETURN(const bool other_name, OtherName(snapshot));
  // Written again although nothing changes in it: a deployment that is just choosing this content expects the record unmoved.
  ASSIGN_OR_RETURN(const v1::Snapshot content, draft.Load(keys::SnapshotByDigest(digest), StrCat("snapshot ", digest)));
  draft.Put(keys::SnapshotByDigest(digest), content);

  v1::DeletedSnapshot deleted;
  *deleted.mutable_snapshot() = snapshot;
  deleted.set_reason(request.reason());
  deleted.set_actor(caller.identity.text());
  *deleted.mutable_time() = ToProto(clock_.Now());
  draft.Put(keys::DeletedSnapshot(kind, reference.name, reference.version), deleted);
  draft.Delete(keys::SnapshotVersion(kind, reference.name, reference.version));
  draft.Delete(keys::SeriesDigest(kind, reference.name, digest));
  RETURN_IF_ERROR(SetNewest(draft, snapshot, false));
  ASSIGN_OR_RETURN(auto known, draft.Find(keys::DeletedContent(digest)));
  if (!other_name && !known) {
    store::v1::DeletedContent gone;
    gone.set_name(request.snapshot());
    *gone.mutable_time() = deleted.time();
    draft.Put(keys::DeletedContent(digest), gone);
  }
  v1::AuditEntry entry = MakeEntry(caller.identity, "snapshot.deleted", StrCat(request.snapshot(), " deleted: ", request.reason()));
  AddSubject(entry, StrCat("snapshot/", digest));
  AddSubject(entry, request.snapshot());
  (*entry.mutable_facts())["digest"] = digest;
  (*entry.mutable_facts())["last_name"] = other_name ? "no" : "yes";
  draft.Record(std::move(entry));
  out->set_last_name(!other_name);
  *out->mutable_deleted() = std::move(deleted);
  return absl::OkStatus();
}

absl::StatusOr<v1::DeleteSnapshotResponse> DeletionDesk::DeleteSnapshot(const Caller& caller, const v1::DeleteSnapshotRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  ASSIGN_OR_RETURN(const SnapshotReference reference, ParseSnapshotReference(request.snapshot()));
  if (!reference.digest.empty() || reference.version == 0) {
    return absl::InvalidArgumentError(StrCat("delete ", request.snapshot(), ": name one version, as in model/fraud@7"));
  }
  RETURN_IF_ERROR(vault_.Resolve(request.snapshot()).status());   // says what is near, or who deleted it
  v1::DeleteSnapshotResponse response;
  if (request.validate_only()) {
    Draft draft(ledger_.store());
    RETURN_IF_ERROR(Delete(draft, caller, request, &response));
    return response;
  }
  auto build = [&](Draft& draft) {
    response = v1::DeleteSnapshotResponse();
    return Delete(draft, caller, request, &response);
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  return response;
}

absl::StatusOr<v1::UndeleteSnapshotResponse> DeletionDesk::UndeleteSnapshot(const Caller& caller,
                                                                            const v1::UndeleteSnapshotRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  ASSIGN_OR_RETURN(const SnapshotReference reference, ParseSnapshotReference(request.snapshot()));
  if (!reference.digest.empty() || reference.version == 0) {
    return absl::InvalidArgumentError(StrCat("undelete ", request.snapshot(), ": name one version, as in model/fraud@7"));
  }
  const std::string_view kind = KindText(reference.kind);
  v1::UndeleteSnapshotResponse response;
  auto build = [&](Draft& draft) -> absl::Status {
    const auto key = keys::DeletedSnapshot(kind, reference.name, reference.version);
    ASSIGN_OR_RETURN(const v1::DeletedSnapshot deleted, draft.Load(key, StrCat("deleted snapshot ", request.snapshot())));
    const v1::Snapshot& snapshot = deleted.snapshot();
    ASSIGN_OR_RETURN(auto manifest, draft.Find(keys::SnapshotManifest(snapshot.digest())));
    if (!manifest) {
      return WithNextStep(absl::FailedPreconditionError(StrCat("undelete ", request.snapshot(), ": its content was collected")),
                          "push it again");
    }
    ASSIGN_OR_RETURN(auto again, draft.Find(keys::SeriesDigest(kind, reference.name, snapshot.digest())));
    if (again) {
      return absl::FailedPreconditionError(StrCat("undelete ", request.snapshot(), ": the same content was pushed again as ",
                                                  SnapshotName(reference.kind, reference.name, again->version())));
    }
    draft.Delete(key);
    ASSIGN_OR_RETURN(auto gone, draft.Find(keys::DeletedContent(snapshot.digest())));
    if (gone) draft.Delete(keys::DeletedContent(snapshot.digest()));
    draft.Put(keys::SnapshotVersion(kind, reference.name, reference.version), snapshot);
    store::v1::SeriesDigest of_name;
    of_name.set_version(reference.version);
    draft.Put(keys::SeriesDigest(kind, reference.name, snapshot.digest()), of_name);
    RETURN_IF_ERROR(SetNewest(draft, snapshot, true));
    v1::AuditEntry entry = MakeEntry(caller.identity, "snapshot.undeleted",
                                       StrCat("the deletion of ", request.snapshot(), " was taken back: ", request.reason()));
    AddSubject(entry, StrCat("snapshot/", snapshot.digest()));
    AddSubject(entry, request.snapshot());
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  ASSIGN_OR_RETURN(*response.mutable_snapshot(), vault_.Resolve(request.snapshot()));
  return response;
}

absl::StatusOr<v1::ListDeletedSnapshotsResponse> DeletionDesk::ListDeletedSnapshots(const Caller&,
                                                                                    const v1::ListDeletedSnapshotsRequest& request) {
  ASSIGN_OR_RETURN(const std::string after, FromBase64(request.page_token()));
  const size_t limit = request.page_size() == 0 ? kPageDefault : std::min(request.page_size(), kPageMax);
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::DeletedSnapshots(), after, limit));
  v1::ListDeletedSnapshotsResponse response;
  for (auto& [key, deleted] : page.records) {
    ASSIGN_OR_RETURN(auto manifest, FindRecord(ledger_.store(), keys::SnapshotManifest(deleted.snapshot().digest())));
    deleted.set_collected(!manifest);
    *response.add_deleted() = std::move(deleted);
  }
  if (!page.next_after.empty()) response.set_next_page_token(ToBase64Url(page.next_after));
  return response;
}

}  // namespace firebreak
