// PushDesk::Commit: the checks that decide whether a push becomes a snapshot, and the one draft that makes it one.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/bundle_match.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage/keys/upkeep.h"
#include "services/snapshots/content_match.h"
#include "services/snapshots/lineage.h"
#include "services/snapshots/push_desk.h"
#include "services/snapshots/signature_log.h"
#include "services/snapshots/signatures.h"

namespace firebreak {
namespace {

constexpr size_t kFindingsMax = 10;
constexpr uint64_t kBundleBytesAlways = uint64_t{32} << 20;
constexpr uint64_t kBundleBytesPerPageByte = 8;   // a file takes 70 bytes and its path there, 110 and its path in base64 here
constexpr int kParentsMax = 1000;   // of one content, over all pushes that declared some

bool SameEdge(const v1::LineageEdge& a, const v1::LineageEdge& b) {
  return a.relation() == b.relation() && a.parent_digest() == b.parent_digest();
}

// Adds the edges of `wanted` that `content` lacks, on both ends; answers how many.
size_t AddEdges(Draft& draft, v1::Snapshot& content, const v1::Snapshot& wanted) {
  size_t added = 0;
  for (const v1::LineageEdge& edge : wanted.lineage()) {
    const bool known = std::any_of(content.lineage().begin(), content.lineage().end(),
                                   [&](const v1::LineageEdge& other) { return SameEdge(edge, other); });
    if (known) continue;
    *content.add_lineage() = edge;
    v1::LineageEdge child;   // seen from the parent: the other end is the child
    child.set_relation(edge.relation());
    child.set_parent_digest(wanted.digest());
    child.set_parent_name(SnapshotName(wanted));
    draft.Put(keys::SnapshotChild(edge.parent_digest(), wanted.digest(), static_cast<uint64_t>(edge.relation())), child);
    ++added;
  }
  return added;
}

// Chunks can be named again and again, so that a short upload makes a bundle of any length, which takes its time to be read. What is
// listed stands in the manifest as well, about as long.
absl::Status CheckBundleSize(uint64_t bundle_bytes, const PageRefs& pages) {
  uint64_t bytes_max = kBundleBytesAlways;
  for (const store::v1::PageRef& page : pages) bytes_max += kBundleBytesPerPageByte * page.size_bytes();
  if (bundle_bytes <= bytes_max) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("signature bundle of ", bundle_bytes, " bytes, where the files account for ", bytes_max));
}

}  // namespace

absl::StatusOr<v1::CommitPushResponse> PushDesk::Answer(const store::v1::PushDone& done) const {
  v1::CommitPushResponse response;
  ASSIGN_OR_RETURN(*response.mutable_snapshot(), catalogue_.Resolve(done.name()));
  response.set_already_existed(true);
  return response;
}

// A digest does not cover lineage, so pushing the same content again with a new parent could close a circle.
absl::Status PushDesk::CheckAncestry(const v1::Snapshot& snapshot) const {
  for (const v1::LineageEdge& edge : snapshot.lineage()) {
    RETURN_IF_ERROR(CheckNoCircle({ledger_.store(), limits_.lineage_nodes_max}, snapshot.digest(), edge));
  }
  return absl::OkStatus();
}

absl::Status PushDesk::CheckIntact(const PageRefs& pages, const v1::Snapshot& snapshot, const std::vector<bool>& proven) const {
  if (proven.size() == snapshot.file_count() && std::find(proven.begin(), proven.end(), false) == proven.end()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(ContentReport content, ProveContent(chunks_, pages, kFindingsMax, proven));
  if (content.findings_total == 0) return absl::OkStatus();
  return WithNextStep(absl::DataLossError(StrCat("content of ", SnapshotName(snapshot), " is not what its manifest says: ",
                                                 absl::StrJoin(content.findings, "; "))),
                      "push again");
}

// They are the last to be sent, so that a service that was cut short may have lost them; being asked for keeps them from collection.
absl::Status PushDesk::CheckBundleStored(const v1::CommitPushRequest& request) const {
  std::vector<Digest> digests;
  for (const v1::ChunkRef& ref : request.bundle_chunks()) digests.push_back(Digest::FromRaw(ref.digest()));
  ASSIGN_OR_RETURN(const std::vector<Digest> missing, chunks_.Missing(digests));
  if (missing.empty()) return absl::OkStatus();
  return WithNextStep(absl::FailedPreconditionError(StrCat(missing.size(), " of ", digests.size(),
                                                           " chunks are missing of the signature bundle")),
                      "send them and commit again");
}

absl::StatusOr<std::unique_ptr<ByteSource>> PushDesk::OpenBundle(const v1::CommitPushRequest& request) const {
  if (!request.bundle().empty() && !request.bundle_chunks().empty()) {
    return absl::InvalidArgumentError("bundle and bundle_chunks are both set");
  }
  if (request.bundle_chunks().empty()) return std::make_unique<TextSource>(request.bundle());
  absl::StatusOr<StoredBytes> stored = StoredBytes::Open(chunks_, request.bundle_chunks(), limits_.bundle_bytes_max);
  if (!stored.ok()) return Annotate(stored.status(), "signature bundle");
  RETURN_IF_ERROR(CheckBundleStored(request));
  return std::make_unique<StoredBytes>(*std::move(stored));
}

absl::StatusOr<PushDesk::Proved> PushDesk::Prove(const Caller& caller, const v1::CommitPushRequest& request,
                                                 store::v1::PushSession session) {
  Proved proved;
  proved.push_id = request.push_id();
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> bytes, OpenBundle(request));
  proved.bundle_bytes = bytes->size_bytes();
  RETURN_IF_ERROR(CheckBundleSize(proved.bundle_bytes, session.pages()));
  const v1::SnapshotKind kind = session.request().kind();
  ASSIGN_OR_RETURN(OmsBundle bundle, Keyring::Open(*bytes));
  BundleMatcher matcher;
  ASSIGN_OR_RETURN(proved.bundle, keyring_.Verify(bundle, clock_.Now(), [&](const OmsResource& resource) {
    matcher.AddSigned(resource);
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(keyring_.CheckNew(proved.bundle, kind, session.request().name()));

  // What the manifest alone can tell is told before chunks are looked for; other hashes are compared once all are here.
  const absl::StatusOr<Digest> bundle_digest = Sha256All(*bytes);
  if (!bundle_digest.ok()) return Annotate(bundle_digest.status(), "signature bundle");
  const bool manifest_tells = SignsFileDigests(proved.bundle.signature);
  const std::vector<ProvenSpan> spans = proofs_.Spans(request.push_id());
  SpanMatcher on_the_way(spans);
  ASSIGN_OR_RETURN(ManifestReport manifest,
                   ExamineManifest(chunks_, kind, session.pages(), [&](const v1::FileEntry& entry) {
                     if (manifest_tells) matcher.AddFile(entry);
                     on_the_way.Add(entry);
                     return absl::OkStatus();
                   }));
  if (manifest_tells) RETURN_IF_ERROR(CheckMatch(chunks_, session.pages(), bundle, proved.bundle.signature, matcher));
  if (manifest.totals.size_bytes > limits_.snapshot_bytes_max) {
    return absl::ResourceExhaustedError(StrCat("snapshot larger than ", limits_.snapshot_bytes_max, " bytes"));
  }
  if (manifest.missing_total > 0) {
    return WithNextStep(absl::FailedPreconditionError(StrCat(manifest.missing_total, " of ", manifest.chunk_count,
                                                             " chunks are missing: ", absl::StrJoin(manifest.missing, "; "))),
                        "send them and commit again");
  }
  v1::Snapshot& snapshot = proved.snapshot;
  snapshot.set_digest(manifest.totals.digest.text());
  snapshot.set_kind(kind);
  snapshot.set_name(session.request().name());
  snapshot.set_file_count(manifest.totals.file_count);
  snapshot.set_size_bytes(manifest.totals.size_bytes);
  *snapshot.mutable_lineage() = session.lineage();
  *snapshot.mutable_labels() = session.request().labels();
  snapshot.set_description(session.request().description());
  snapshot.set_pushed_by(caller.identity.text());
  *snapshot.mutable_pushed_at() = ToProto(clock_.Now());
  v1::SignatureSummary& signature = *snapshot.mutable_signature();
  signature = SummaryOf(proved.bundle);
  signature.set_bundle_digest(bundle_digest->text());
  *signature.mutable_verified_at() = ToProto(clock_.Now());
  RETURN_IF_ERROR(CheckAncestry(snapshot));
  RETURN_IF_ERROR(CheckIntact(session.pages(), snapshot, on_the_way.Finish()));
  proved.bytes_hashed = manifest.totals.size_bytes;
  if (!manifest_tells) {
    RETURN_IF_ERROR(MatchContent(chunks_, session.pages(), bundle, proved.bundle.signature, matcher));
  }
  proved.session = std::move(session);
  return proved;
}

// The content's own records: under its digest, once, whatever names it goes by.
absl::Status PushDesk::WriteContent(Draft& draft, const Proved& proved, const v1::Snapshot& snapshot, size_t* edges_added) const {
  ASSIGN_OR_RETURN(std::optional<v1::Snapshot> known, draft.Find(keys::SnapshotByDigest(snapshot.digest())));
  v1::Snapshot content = known.value_or(snapshot);
  if (!known) content.clear_lineage();
  *edges_added = AddEdges(draft, content, snapshot);
  if (content.lineage_size() > kParentsMax) {
    return absl::ResourceExhaustedError(StrCat("more than ", kParentsMax, " parents of one snapshot"));
  }
  if (!known || *edges_added > 0) draft.Put(keys::SnapshotByDigest(snapshot.digest()), content);
  if (known && *edges_added > 0) {
    // Others may have added edges since the push was checked; the clock orders us with them.
    RETURN_IF_ERROR(TouchLineage(draft));
    RETURN_IF_ERROR(CheckAncestry(snapshot));
  }

  // The same content may come in other chunks. The manifest in place stays unless it was found damaged; the new one is proven.
  // A collected one is gone, while the record of what it was stays.
  ASSIGN_OR_RETURN(std::optional<store::v1::Proven> before, draft.Find(keys::SnapshotProven(snapshot.digest())));
  ASSIGN_OR_RETURN(std::optional<store::v1::Manifest> in_place, draft.Find(keys::SnapshotManifest(snapshot.digest())));
  ASSIGN_OR_RETURN(std::optional<store::v1::DeletedContent> deleted, draft.Find(keys::DeletedContent(snapshot.digest())));
  if (deleted) draft.Delete(keys::DeletedContent(snapshot.digest()));
  if (!in_place || (before && !before->intact())) {
    store::v1::Manifest manifest;
    *manifest.mutable_pages() = proved.session.pages();
    draft.Put(keys::SnapshotManifest(snapshot.digest()), manifest);
  }
  store::v1::Proven proven;
  *proven.mutable_time() = ToProto(clock_.Now());
  proven.set_intact(true);
  proven.set_actor(snapshot.pushed_by());
  proven.set_bytes_read(proved.bytes_hashed);
  draft.Put(keys::SnapshotProven(snapshot.digest()), proven);
  return absl::OkStatus();
}

void PushDesk::WriteDone(Draft& draft, const Caller& caller, const Proved& proved, const v1::Snapshot& snapshot) const {
  draft.Delete(keys::SnapshotPush(proved.push_id));
  store::v1::PushDone done;
  *done.mutable_request() = proved.session.request();
  done.set_identity(caller.identity.text());
  *done.mutable_pages() = proved.session.pages();
  done.set_name(SnapshotName(snapshot));
  *done.mutable_time() = ToProto(clock_.Now());
  draft.Put(keys::SnapshotPushDone(proved.push_id), done);
}

absl::Status PushDesk::Write(Draft& draft, const Caller& caller, const Proved& proved,
                             const ChunkRefs& bundle_chunks, v1::CommitPushResponse* response) const {
  v1::Snapshot snapshot = proved.snapshot;
  const std::string_view kind = KindText(snapshot.kind());
  // A revocation that came between the check and this commit makes the draft be built, and refused, again.
  ASSIGN_OR_RETURN(v1::TrustedSigner signer, draft.Load(keys::SnapshotSigner(proved.bundle.signer.key_id()), "signer"));
  RETURN_IF_ERROR(keyring_.CheckNew(signer));
  ASSIGN_OR_RETURN(const auto leaf, draft.Find(keys::SnapshotSigner(proved.bundle.signature.key_id)));
  if (leaf) RETURN_IF_ERROR(keyring_.CheckNew(*leaf));
  ASSIGN_OR_RETURN(std::optional<store::v1::PushSession> session, draft.Find(keys::SnapshotPush(proved.push_id)));
  if (!session) return absl::FailedPreconditionError(StrCat("push ", proved.push_id, " was committed by another call"));

  ASSIGN_OR_RETURN(std::optional<store::v1::SnapshotSeries> found, draft.Find(keys::SnapshotSeries(kind, snapshot.name())));
  store::v1::SnapshotSeries series = found.value_or(store::v1::SnapshotSeries());
  ASSIGN_OR_RETURN(std::optional<store::v1::SeriesDigest> same,
                   draft.Find(keys::SeriesDigest(kind, snapshot.name(), snapshot.digest())));
  snapshot.set_version(same ? same->version() : series.newest_version() + 1);
  ASSIGN_OR_RETURN(const bool signed_before, WriteSignature(draft, snapshot, bundle_chunks, proved.bundle_bytes,
                                                            *snapshot.mutable_signature()));
  size_t edges_added = 0;
  RETURN_IF_ERROR(WriteContent(draft, proved, snapshot, &edges_added));
  if (!same) {
    RETURN_IF_ERROR(BindName(draft, snapshot, limits_.names_of_content_max));
    series.set_newest_version(snapshot.version());
    series.clear_newest_present();
    series.clear_all_deleted();
    series.set_name(SnapshotName(snapshot.kind(), snapshot.name(), 0));
    draft.Put(keys::SnapshotSeries(kind, snapshot.name()), series);
    store::v1::SeriesDigest of_name;
    of_name.set_version(snapshot.version());
    draft.Put(keys::SeriesDigest(kind, snapshot.name(), snapshot.digest()), of_name);
    draft.Put(keys::SnapshotVersion(kind, snapshot.name(), snapshot.version()), snapshot);
  }
  WriteDone(draft, caller, proved, snapshot);

  // A key's first signature of a content is the entry its log position is read from, whatever name it came under.
  v1::AuditEntry entry = MakeEntry(
      caller.identity, signed_before ? "snapshot.pushed_again" : kActionPushed,
      StrCat(SnapshotName(snapshot), same ? " pushed again" : " pushed", ": ", snapshot.file_count(), " files, ",
             snapshot.size_bytes(), " bytes, signed by ", signer.name()));
  AddSubjects(entry, snapshot);
  AddSubject(entry, StrCat("push/", proved.push_id));
  auto& facts = *entry.mutable_facts();
  facts["digest"] = snapshot.digest();
  facts["files"] = absl::StrCat(snapshot.file_count());
  facts["bytes"] = absl::StrCat(snapshot.size_bytes());
  facts["parents_added"] = absl::StrCat(edges_added);
  AddSignatureFacts(entry, snapshot.signature());
  draft.Record(std::move(entry));
  response->set_already_existed(same.has_value());
  *response->mutable_snapshot() = std::move(snapshot);
  return absl::OkStatus();
}

// What the snapshot's record is about to name.
absl::StatusOr<ChunkRefs> PushDesk::KeepBundle(const v1::CommitPushRequest& request) {
  if (request.bundle_chunks().empty()) return StoreBytes(chunks_, request.bundle());
  RETURN_IF_ERROR(CheckBundleStored(request));
  return request.bundle_chunks();
}

absl::StatusOr<v1::CommitPushResponse> PushDesk::Commit(const Caller& caller, const v1::CommitPushRequest& request) {
  ASSIGN_OR_RETURN(std::optional<store::v1::PushDone> done, FindDone(caller, request.push_id()));
  if (done) return Answer(*done);
  ASSIGN_OR_RETURN(store::v1::PushSession session, LoadSession(caller, request.push_id()));
  const std::string name = SnapshotName(session.request().kind(), session.request().name(), 0);
  absl::StatusOr<Proved> proved = Prove(caller, request, std::move(session));
  if (!proved.ok()) return Annotate(proved.status(), StrCat("push of ", name));
  const v1::Snapshot& content = proved->snapshot;
  if (limit_) RETURN_IF_ERROR(limit_({content.kind(), content.name(), request.push_id(), content.size_bytes(), true}));

  v1::CommitPushResponse response;
  if (request.validate_only()) {
    *response.mutable_snapshot() = proved->snapshot;
    return response;
  }
  ASSIGN_OR_RETURN(const ChunkRefs bundle_chunks, KeepBundle(request));
  RETURN_IF_ERROR(chunks_.Sync());
  absl::StatusOr<Receipt> receipt = ledger_.Transact([&](Draft& draft) {
    response = v1::CommitPushResponse();
    return Write(draft, caller, *proved, bundle_chunks, &response);
  });
  if (!receipt.ok()) {
    // Two commits of one push at once: the other one's answer is ours as well.
    ASSIGN_OR_RETURN(std::optional<store::v1::PushDone> other, FindDone(caller, request.push_id()));
    if (other) return Answer(*other);
    return receipt.status();
  }
  proofs_.Close(request.push_id());
  ASSIGN_OR_RETURN(*response.mutable_snapshot(), catalogue_.Resolve(SnapshotName(response.snapshot())));
  return response;
}

}  // namespace firebreak
