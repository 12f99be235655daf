#include "firebreak/snapshots/snapshot_vault.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/manifest.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/content.h"
#include "services/snapshots/lineage.h"
#include "services/snapshots/parts.h"

namespace firebreak {
namespace {

constexpr size_t kGetBytesMax = kChunkBytesMax;
constexpr int kGetDigestsMax = 4096;
constexpr size_t kBundlePieceBytes = size_t{2} << 20;
constexpr size_t kLineageNodesListed = 1000;   // each way, in one answer

absl::Status FillNodes(TaintFinder& taint, std::vector<v1::LineageNode>& nodes) {
  for (v1::LineageNode& node : nodes) RETURN_IF_ERROR(taint.Fill(*node.mutable_snapshot()));
  return absl::OkStatus();
}

}  // namespace

SnapshotVault::SnapshotVault(Ledger& ledger, ChunkStore& chunks, const Clock& clock, Log& log, SnapshotLimits limits)
    : parts_(std::make_unique<Parts>(ledger, chunks, clock, log, limits)) {}

SnapshotVault::~SnapshotVault() = default;

void SnapshotVault::SetDeploymentsServing(DeploymentsServing serving) { parts_->serving = std::move(serving); }

void SnapshotVault::SetServedParts(ServedParts parts) { parts_->served_parts = std::move(parts); }

LineageIndex& SnapshotVault::lineage() const { return parts_->index; }

void SnapshotVault::SetReleasesNaming(ReleasesNaming naming) { parts_->releases = std::move(naming); }

void SnapshotVault::SetPushLimit(PushLimit limit) { parts_->pushes.SetLimit(std::move(limit)); }

absl::StatusOr<v1::Snapshot> SnapshotVault::Resolve(std::string_view name_or_digest) const {
  return parts_->catalogue.Resolve(name_or_digest);
}

absl::StatusOr<v1::BeginPushResponse> SnapshotVault::BeginPush(const Caller& caller, const v1::BeginPushRequest& request) {
  return parts_->pushes.Begin(caller, request);
}

absl::StatusOr<v1::PutFilesResponse> SnapshotVault::PutFiles(const Caller& caller, const v1::PutFilesRequest& request) {
  return parts_->pushes.PutFiles(caller, request);
}

absl::StatusOr<v1::MissingChunksResponse> SnapshotVault::MissingChunks(const Caller& caller,
                                                                       const v1::MissingChunksRequest& request) {
  return parts_->pushes.MissingChunks(caller, request);
}

absl::StatusOr<v1::PutChunksResponse> SnapshotVault::PutChunks(const Caller& caller, const v1::PutChunksRequest& request) {
  return parts_->pushes.PutChunks(caller, request);
}

absl::StatusOr<v1::CommitPushResponse> SnapshotVault::CommitPush(const Caller& caller, const v1::CommitPushRequest& request) {
  return parts_->pushes.Commit(caller, request);
}

absl::StatusOr<v1::GetSnapshotResponse> SnapshotVault::GetSnapshot(const Caller&, const v1::GetSnapshotRequest& request) {
  v1::GetSnapshotResponse response;
  ASSIGN_OR_RETURN(*response.mutable_snapshot(), Resolve(request.snapshot()));
  return response;
}

absl::StatusOr<v1::ListSnapshotsResponse> SnapshotVault::ListSnapshots(const Caller&,
                                                                       const v1::ListSnapshotsRequest& request) {
  return parts_->catalogue.List(request);
}

// One stored page per answer; the token is the number of the next one.
absl::StatusOr<v1::ListFilesResponse> SnapshotVault::ListFiles(const Caller&, const v1::ListFilesRequest& request) {
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, Resolve(request.snapshot()));
  ASSIGN_OR_RETURN(store::v1::Manifest manifest, parts_->catalogue.LoadManifest(snapshot.digest()));
  int number = 0;
  if (!request.page_token().empty() &&
      (!absl::SimpleAtoi(request.page_token(), &number) || number < 0 || number >= manifest.pages_size())) {
    return absl::InvalidArgumentError("page_token does not belong to this list");
  }
  absl::StatusOr<v1::ManifestPage> page = LoadPage(parts_->chunks, manifest.pages(number));
  if (!page.ok()) return Annotate(page.status(), SnapshotName(snapshot));
  v1::ListFilesResponse response;
  response.mutable_files()->Swap(page->mutable_files());
  if (number + 1 < manifest.pages_size()) response.set_next_page_token(absl::StrCat(number + 1));
  return response;
}

absl::StatusOr<v1::GetChunksResponse> SnapshotVault::GetChunks(const Caller&, const v1::GetChunksRequest& request) {
  if (request.digests_size() > kGetDigestsMax) {
    return absl::InvalidArgumentError(StrCat("more than ", kGetDigestsMax, " chunks in one call"));
  }
  ASSIGN_OR_RETURN(SnapshotReference reference, ParseSnapshotReference(request.snapshot()));
  // Asked for by digest once per few chunks: whether it exists is all that matters here, not its taint.
  if (!reference.digest.empty()) {
    RETURN_IF_ERROR(LoadRecord(parts_->ledger.store(), keys::SnapshotByDigest(request.snapshot()),
                               StrCat("snapshot ", request.snapshot())).status());
  } else {
    RETURN_IF_ERROR(Resolve(request.snapshot()).status());
  }
  std::vector<Digest> digests;
  digests.reserve(static_cast<size_t>(request.digests_size()));
  for (const std::string& raw : request.digests()) {
    if (raw.size() != 32) return absl::InvalidArgumentError("a digest is not 32 bytes");
    digests.push_back(Digest::FromRaw(raw));
  }
  absl::StatusOr<std::vector<std::string>> data = parts_->chunks.GetMany(digests, kGetBytesMax);
  if (!data.ok()) return Annotate(data.status(), request.snapshot());
  v1::GetChunksResponse response;
  for (size_t i = 0; i < digests.size(); ++i) {
    v1::Chunk* chunk = response.add_chunks();
    chunk->set_digest(digests[i].raw());
    chunk->set_data(std::move((*data)[i]));
  }
  return response;
}

// Which signature is judged and said with its first piece; whoever goes on names its key.
absl::StatusOr<v1::GetBundleResponse> SnapshotVault::GetBundle(const Caller&, const v1::GetBundleRequest& request) {
  const Signatures& signatures = parts_->signatures;
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, Resolve(request.snapshot()));
  v1::GetBundleResponse response;
  std::string key_id = request.key_id();
  if (request.offset() == 0 || key_id.empty()) {
    ASSIGN_OR_RETURN(SignatureView chosen, signatures.Choose(snapshot, key_id));
    key_id = chosen.summary.key_id();
    response.set_counts(chosen.counts);
    response.set_why(std::move(chosen.why));
  }
  ASSIGN_OR_RETURN(store::v1::StoredSignature stored, signatures.LoadSignature(snapshot.digest(), key_id));
  ASSIGN_OR_RETURN(StoredBytes bundle, signatures.OpenBundle(snapshot.digest(), stored));
  if (request.offset() > bundle.size_bytes()) return absl::InvalidArgumentError("offset is past the end of the bundle");
  response.set_total_bytes(bundle.size_bytes());
  for (std::string& data = *response.mutable_data(); data.size() < kBundlePieceBytes;) {
    const absl::StatusOr<std::string_view> piece = bundle.Read(request.offset() + data.size());
    if (!piece.ok()) return Annotate(piece.status(), StrCat("signature bundle of ", snapshot.digest()));
    if (piece->empty()) break;
    data.append(piece->substr(0, kBundlePieceBytes - data.size()));
  }
  *response.mutable_signature() = std::move(*stored.mutable_summary());
  return response;
}

absl::StatusOr<std::vector<v1::LineageNode>> SnapshotVault::Ancestors(const Digest& snapshot) const {
  const MetaStore& store = parts_->ledger.store();
  ASSIGN_OR_RETURN(std::vector<v1::LineageNode> nodes,
                   WalkAncestors({store, parts_->limits.lineage_nodes_max}, snapshot.text()));
  TaintFinder taint(store, parts_->limits.lineage_nodes_max);
  RETURN_IF_ERROR(FillNodes(taint, nodes));
  return nodes;
}

absl::StatusOr<std::vector<v1::LineageNode>> SnapshotVault::Descendants(const Digest& snapshot) const {
  const MetaStore& store = parts_->ledger.store();
  RETURN_IF_ERROR(LoadRecord(store, keys::SnapshotByDigest(snapshot.text()), StrCat("snapshot ", snapshot.text())).status());
  uint64_t total = 0;
  ASSIGN_OR_RETURN(std::vector<v1::LineageNode> nodes,
                   parts_->NearestDescendants(snapshot, 0, parts_->limits.lineage_nodes_max, &total));
  if (total > nodes.size()) {
    return absl::ResourceExhaustedError(StrCat("more than ", nodes.size(), " snapshots were made from ", snapshot.text()));
  }
  TaintFinder taint(store, parts_->limits.lineage_nodes_max);
  RETURN_IF_ERROR(FillNodes(taint, nodes));
  return nodes;
}

absl::StatusOr<v1::GetLineageResponse> SnapshotVault::GetLineage(const Caller&, const v1::GetLineageRequest& request) {
  v1::GetLineageResponse response;
  ASSIGN_OR_RETURN(*response.mutable_snapshot(), Resolve(request.snapshot()));
  const MetaStore& store = parts_->ledger.store();
  const LineageWalk walk{store, parts_->limits.lineage_nodes_max, request.depth_max()};
  TaintFinder taint(store, parts_->limits.lineage_nodes_max);
  ASSIGN_OR_RETURN(Digest digest, Digest::Parse(response.snapshot().digest()));
  ASSIGN_OR_RETURN(std::vector<v1::LineageNode> ancestors, WalkAncestors(walk, digest.text()));
  uint64_t descendants_total = 0;
  ASSIGN_OR_RETURN(std::vector<v1::LineageNode> descendants,
                   parts_->NearestDescendants(digest, request.depth_max(), kLineageNodesListed, &descendants_total));
  response.set_ancestors_total(ancestors.size());
  response.set_descendants_total(descendants_total);
  if (ancestors.size() > kLineageNodesListed) ancestors.resize(kLineageNodesListed);
  RETURN_IF_ERROR(FillNodes(taint, ancestors));
  RETURN_IF_ERROR(FillNodes(taint, descendants));
  for (v1::LineageNode& node : ancestors) *response.add_ancestors() = std::move(node);
  for (v1::LineageNode& node : descendants) *response.add_descendants() = std::move(node);
  return response;
}

}  // namespace firebreak
