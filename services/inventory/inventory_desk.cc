#include "firebreak/inventory/inventory_desk.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"

namespace firebreak {
namespace {

constexpr uint32_t kPageDefault = 200;
constexpr uint32_t kPageMax = 500;
constexpr size_t kScanMax = 2000;
constexpr size_t kSignaturesMax = 64;
constexpr size_t kAnswerBytesMax = size_t{3} << 20;

// What can be said from the version's own record, before anything else is read.
bool MayMatch(const v1::ListInventoryRequest& request, const v1::Snapshot& snapshot) {
  if (!request.name().empty() && snapshot.name() != request.name()) return false;
  return std::all_of(request.labels().begin(), request.labels().end(), [&](const auto& label) {
    const auto found = snapshot.labels().find(label.first);
    return found != snapshot.labels().end() && found->second == label.second;
  });
}

absl::StatusOr<KeyPrefix<v1::Snapshot>> PrefixOf(const v1::ListInventoryRequest& request) {
  if (request.kind() == v1::SNAPSHOT_KIND_UNSPECIFIED) return keys::SnapshotVersions();
  const std::string_view kind = KindText(request.kind());
  if (kind.empty()) return absl::InvalidArgumentError("unknown kind of snapshot");
  if (request.name().empty()) return keys::SnapshotVersions(kind);
  RETURN_IF_ERROR(CheckName("snapshot name", request.name()));
  return keys::SnapshotVersions(kind, request.name());
}

}  // namespace

absl::Status InventoryDesk::AddSigners(v1::InventoryItem& item) const {
  const MetaStore& store = ledger_.store();
  ASSIGN_OR_RETURN(auto page, ListRecords(store, keys::SnapshotSignatures(item.snapshot().digest()), "", kSignaturesMax));
  for (const auto& [key, stored] : page.records) {
    const v1::SignatureSummary& summary = stored.summary();
    v1::InventorySigner& signer = *item.add_signers();
    signer.set_signer(summary.signer());
    signer.set_key_id(summary.key_id());
    signer.set_algorithm(summary.algorithm());
    *signer.mutable_verified_at() = summary.verified_at();
    ASSIGN_OR_RETURN(std::optional<v1::TrustedSigner> trusted, FindRecord(store, keys::SnapshotSigner(summary.key_id())));
    signer.set_revoked(trusted && trusted->has_revoked_at());
  }
  return absl::OkStatus();
}

// Cheap questions first; false as soon as one says no.
absl::StatusOr<bool> InventoryDesk::Describe(const v1::ListInventoryRequest& request, const Serving& serving,
                                             v1::InventoryItem& item) {
  const MetaStore& store = ledger_.store();
  const std::string& digest = item.snapshot().digest();
  if (const auto found = serving.find(digest); found != serving.end()) {
    for (const std::string& deployment : found->second) item.add_serving(deployment);
  }
  if (!request.serving().empty() && std::find(item.serving().begin(), item.serving().end(), request.serving()) == item.serving().end()) {
    return false;
  }
  ASSIGN_OR_RETURN(std::optional<store::v1::Proven> proven, FindRecord(store, keys::SnapshotProven(digest)));
  if (proven) {
    *item.mutable_proven_at() = proven->time();
    item.set_proven_intact(proven->intact());
    item.set_proven_by(proven->actor());
    for (const std::string& finding : proven->findings()) item.add_proven_findings(finding);
  }
  if (request.has_unproven_for()) {
    const bool recent = proven && proven->intact() && FromProto(proven->time()) > clock_.Now() - FromProto(request.unproven_for());
    if (recent) return false;
  }
  RETURN_IF_ERROR(AddSigners(item));
  if (!request.signer().empty()) {
    const bool signed_by = std::any_of(item.signers().begin(), item.signers().end(), [&](const v1::InventorySigner& signer) {
      return signer.signer() == request.signer() || signer.key_id() == request.signer();
    });
    if (!signed_by) return false;
  }
  // Under its own name and version, lineage and taint belong to the content.
  ASSIGN_OR_RETURN(v1::Snapshot content, vault_.Resolve(digest));
  *item.mutable_snapshot()->mutable_lineage() = std::move(*content.mutable_lineage());
  if (content.has_quarantine()) *item.mutable_snapshot()->mutable_quarantine() = std::move(*content.mutable_quarantine());
  return !request.quarantined() || item.snapshot().has_quarantine();
}

absl::StatusOr<v1::ListInventoryResponse> InventoryDesk::ListInventory(const Caller&, const v1::ListInventoryRequest& request) {
  ASSIGN_OR_RETURN(const KeyPrefix<v1::Snapshot> prefix, PrefixOf(request));
  ASSIGN_OR_RETURN(std::string after, FromBase64(request.page_token()));
  if (!after.empty() && after.compare(0, prefix.bytes.size(), prefix.bytes) != 0) {
    return absl::InvalidArgumentError("page_token does not belong to this list");
  }
  if (!request.serving().empty()) RETURN_IF_ERROR(CheckName("deployment", request.serving()));
  Serving serving;
  ASSIGN_OR_RETURN(std::vector<ServedPart> parts, lineage_.ServedParts());
  for (ServedPart& part : parts) serving[part.snapshot].push_back(part.deployment.text());

  const size_t wanted = request.page_size() == 0 ? kPageDefault : std::min(request.page_size(), kPageMax);
  v1::ListInventoryResponse response;
  size_t scanned = 0;
  size_t bytes = 0;
  while (true) {
    ASSIGN_OR_RETURN(RecordPage<v1::Snapshot> page, ListRecords(ledger_.store(), prefix, after, wanted));
    for (auto& [key, snapshot] : page.records) {
      after = key;
      ++scanned;
      if (!MayMatch(request, snapshot)) continue;
      v1::InventoryItem item;
      *item.mutable_snapshot() = std::move(snapshot);
      ASSIGN_OR_RETURN(const bool matches, Describe(request, serving, item));
      if (!matches) continue;
      bytes += item.ByteSizeLong();
      *response.add_items() = std::move(item);
      if (static_cast<size_t>(response.items_size()) >= wanted || bytes >= kAnswerBytesMax) break;
    }
    const bool page_read = page.records.empty() || after == page.records.back().first;
    if (page_read && page.next_after.empty()) return response;
    if (static_cast<size_t>(response.items_size()) >= wanted || bytes >= kAnswerBytesMax || scanned >= kScanMax) break;
  }
  response.set_next_page_token(ToBase64Url(after));
  return response;
}

}  // namespace firebreak
