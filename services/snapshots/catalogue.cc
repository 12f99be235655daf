#include "services/snapshots/catalogue.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "services/snapshots/lineage.h"

namespace firebreak {
namespace {

constexpr size_t kHintNamesMax = 2000;     // known names looked at for "did you mean"
constexpr uint32_t kPageDefault = 50;
constexpr uint32_t kPageMax = 500;
constexpr size_t kScanMax = 5000;          // rows one List call looks at before it answers a token

}  // namespace

absl::Status Catalogue::UnknownName(const SnapshotReference& reference) const {
  const std::string wanted = SnapshotName(reference.kind, reference.name, 0);
  ASSIGN_OR_RETURN(RecordPage<store::v1::SnapshotSeries> page,
                   ListRecords(store_, keys::AllSnapshotSeries(), "", kHintNamesMax));
  std::vector<std::string> known;
  for (const auto& [key, series] : page.records) known.push_back(series.name());
  const std::string nearest = NearestName(wanted, known);
  absl::Status status = absl::NotFoundError(StrCat("snapshot ", wanted, " does not exist"));
  if (nearest.empty()) return WithNextStep(status, "firebreak snapshot list shows what exists");
  return WithNextStep(status, StrCat("did you mean ", nearest, "?"));
}

absl::StatusOr<v1::Snapshot> Catalogue::LoadVersion(const SnapshotReference& reference) const {
  const std::string_view kind = KindText(reference.kind);
  ASSIGN_OR_RETURN(std::optional<store::v1::SnapshotSeries> series,
                   FindRecord(store_, keys::SnapshotSeries(kind, reference.name)));
  if (!series) return UnknownName(reference);
  const uint64_t newest = series->newest_present() != 0 ? series->newest_present() : series->newest_version();
  const uint64_t version = reference.version == 0 ? newest : reference.version;
  ASSIGN_OR_RETURN(std::optional<v1::Snapshot> snapshot,
                   FindRecord(store_, keys::SnapshotVersion(kind, reference.name, version)));
  if (!snapshot) {
    ASSIGN_OR_RETURN(std::optional<v1::DeletedSnapshot> deleted,
                     FindRecord(store_, keys::DeletedSnapshot(kind, reference.name, version)));
    if (deleted) {
      return WithNextStep(absl::NotFoundError(StrCat("snapshot ", SnapshotName(reference.kind, reference.name, version),
                                                     " was deleted by ", deleted->actor(), " at ",
                                                     FormatRfc3339(FromProto(deleted->time())), ": ", deleted->reason())),
                          "firebreak snapshot undelete, or push it again");
    }
    return WithNextStep(absl::NotFoundError(StrCat("snapshot ", SnapshotName(reference.kind, reference.name, version),
                                                   " does not exist")),
                        StrCat("the newest is ", SnapshotName(reference.kind, reference.name, newest)));
  }
  // Lineage belongs to the content, not to the name it was pushed under.
  ASSIGN_OR_RETURN(v1::Snapshot content, LoadRecord(store_, keys::SnapshotByDigest(snapshot->digest()),
                                                    StrCat("snapshot ", snapshot->digest())));
  *snapshot->mutable_lineage() = content.lineage();
  return *std::move(snapshot);
}

absl::StatusOr<v1::Snapshot> Catalogue::Resolve(std::string_view name_or_digest) const {
  ASSIGN_OR_RETURN(SnapshotReference reference, ParseSnapshotReference(name_or_digest));
  if (!reference.digest.empty()) return LoadByDigest(reference.digest.text());
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, LoadVersion(reference));
  RETURN_IF_ERROR(TaintFinder(store_, lineage_nodes_max_).Fill(snapshot));
  return snapshot;
}

absl::StatusOr<v1::Snapshot> Catalogue::LoadByDigest(const std::string& digest) const {
  ASSIGN_OR_RETURN(v1::Snapshot snapshot,
                   LoadRecord(store_, keys::SnapshotByDigest(digest), StrCat("snapshot ", digest)));
  RETURN_IF_ERROR(TaintFinder(store_, lineage_nodes_max_).Fill(snapshot));
  return snapshot;
}

absl::StatusOr<store::v1::Manifest> Catalogue::LoadManifest(const std::string& digest) const {
  return LoadRecord(store_, keys::SnapshotManifest(digest), StrCat("manifest of ", digest));
}

absl::StatusOr<v1::ListSnapshotsResponse> Catalogue::List(const v1::ListSnapshotsRequest& request) const {
  const std::string kind(KindText(request.kind()));
  if (request.kind() != v1::SNAPSHOT_KIND_UNSPECIFIED && kind.empty()) {
    return absl::InvalidArgumentError("unknown kind of snapshot");
  }
  KeyPrefix<v1::Snapshot> prefix = keys::SnapshotVersions();
  if (!kind.empty() && !request.name().empty()) {
    RETURN_IF_ERROR(CheckName("snapshot name", request.name()));
    prefix = keys::SnapshotVersions(kind, request.name());
  } else if (!kind.empty()) {
    prefix = keys::SnapshotVersions(kind);
  }
  ASSIGN_OR_RETURN(std::string after, FromBase64(request.page_token()));
  if (!after.empty() && after.compare(0, prefix.bytes.size(), prefix.bytes) != 0) {
    return absl::InvalidArgumentError("page_token does not belong to this list");
  }
  const size_t wanted = request.page_size() == 0 ? kPageDefault : std::min(request.page_size(), kPageMax);

  v1::ListSnapshotsResponse response;
  TaintFinder taint(store_, lineage_nodes_max_);
  size_t scanned = 0;
  while (true) {
    ASSIGN_OR_RETURN(RecordPage<v1::Snapshot> page, ListRecords(store_, prefix, after, wanted));
    for (auto& [key, snapshot] : page.records) {
      after = key;
      ++scanned;
      if (!request.name().empty() && snapshot.name() != request.name()) continue;
      RETURN_IF_ERROR(taint.Fill(snapshot));
      if (request.only_quarantined() && !snapshot.has_quarantine()) continue;
      ASSIGN_OR_RETURN(v1::Snapshot content, LoadRecord(store_, keys::SnapshotByDigest(snapshot.digest()),
                                                        StrCat("snapshot ", snapshot.digest())));
      *snapshot.mutable_lineage() = content.lineage();
      *response.add_snapshots() = std::move(snapshot);
      if (static_cast<size_t>(response.snapshots_size()) == wanted) break;
    }
    const bool page_read = page.records.empty() || after == page.records.back().first;
    if (page_read && page.next_after.empty()) return response;
    if (static_cast<size_t>(response.snapshots_size()) == wanted || scanned >= kScanMax) break;
  }
  response.set_next_page_token(ToBase64Url(after));
  return response;
}

}  // namespace firebreak
