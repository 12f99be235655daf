#include "services/snapshots/push_desk.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/manifest.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "google/protobuf/util/message_differencer.h"

namespace firebreak {
namespace {

constexpr size_t kRequestIdBytesMax = 128;
constexpr int kLabelsMax = 64;
constexpr size_t kLabelValueBytesMax = 1024;
constexpr size_t kDescriptionBytesMax = 4096;
constexpr int kMissingDigestsMax = 4096;
constexpr size_t kPutBytesMax = size_t{3} << 20;
constexpr size_t kReadAtOnceMax = size_t{8} << 20;
constexpr size_t kSweepMax = 16;   // expired records one BeginPush removes

absl::Status CheckBegin(const v1::BeginPushRequest& request, const SnapshotLimits& limits) {
  if (KindText(request.kind()).empty()) return absl::InvalidArgumentError("kind must be model, dataset or config");
  RETURN_IF_ERROR(CheckName("snapshot name", request.name()));
  if (request.request_id().empty() || request.request_id().size() > kRequestIdBytesMax) {
    return absl::InvalidArgumentError("request_id must be 1 to 128 bytes; the same id resumes the same push");
  }
  if (request.labels_size() > kLabelsMax) return absl::InvalidArgumentError("more than 64 labels");
  for (const auto& [label, value] : request.labels()) {
    RETURN_IF_ERROR(CheckName("label", label));
    if (value.size() > kLabelValueBytesMax || !IsValidUtf8(value)) {
      return absl::InvalidArgumentError(StrCat("label ", label, ": its value is not UTF-8 of at most 1024 bytes"));
    }
  }
  if (request.description().size() > kDescriptionBytesMax || !IsValidUtf8(request.description())) {
    return absl::InvalidArgumentError("description is not UTF-8 of at most 4096 bytes");
  }
  if (static_cast<size_t>(request.lineage_size()) > limits.lineage_parents_max) {
    return absl::InvalidArgumentError(StrCat("more than ", limits.lineage_parents_max, " parents"));
  }
  return absl::OkStatus();
}

// Bound to who asks: nobody resumes another's push by guessing its request id.
std::string PushId(const Caller& caller, const std::string& request_id) {
  return ToHex(Sha256(StrCat(caller.identity.text(), "\n", request_id)).raw()).substr(0, 32);
}

bool SameRequest(const v1::BeginPushRequest& a, const v1::BeginPushRequest& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

absl::Status OtherContent(const v1::BeginPushRequest& request) {
  return WithNextStep(absl::AlreadyExistsError(StrCat("request_id ", request.request_id(),
                                                      " was used for another push (kind, name, lineage, labels or description differ)")),
                      "use a new request_id");
}

template <typename Record>
v1::BeginPushResponse Begun(const std::string& push_id, const Record& record) {
  v1::BeginPushResponse response;
  response.set_push_id(push_id);
  response.set_pages_received(static_cast<uint64_t>(record.pages_size()));
  for (const store::v1::PageRef& page : record.pages()) response.add_page_digests(page.digest());
  return response;
}

absl::Status UnknownPush(const std::string& push_id) {
  return WithNextStep(absl::NotFoundError(StrCat("push ", push_id.substr(0, 64), " is not open (expired, or another identity's)")),
                      "begin it again with the same request_id");
}

// OK: the same page is there. An error: another one is. Nothing: none is.
std::optional<absl::Status> SentBefore(const PageRefs& pages, uint64_t number, const Digest& digest) {
  if (number >= static_cast<uint64_t>(pages.size())) return std::nullopt;
  if (pages.Get(static_cast<int>(number)).digest() == digest.raw()) return absl::OkStatus();
  return absl::AlreadyExistsError(StrCat("page ", number, " was sent before with other files"));
}

absl::Status CheckOrder(const std::string& before, const std::string& path) {
  if (before.empty() || path > before) return absl::OkStatus();
  if (path == before) return absl::InvalidArgumentError(StrCat("path '", path, "' appears twice"));
  return absl::InvalidArgumentError(StrCat("files are not in path order: '", path, "' comes after '", before, "'"));
}

}  // namespace

absl::StatusOr<std::vector<v1::LineageEdge>> PushDesk::ResolveLineage(const v1::BeginPushRequest& request) const {
  std::vector<v1::LineageEdge> edges;
  for (const v1::LineageEdge& given : request.lineage()) {
    if (RelationText(given.relation()).empty()) {
      return absl::InvalidArgumentError(StrCat("parent ", given.parent_name(), given.parent_digest(), ": the relation is missing"));
    }
    const std::string& reference = given.parent_digest().empty() ? given.parent_name() : given.parent_digest();
    absl::StatusOr<v1::Snapshot> parent = catalogue_.Resolve(reference);
    if (!parent.ok()) return Annotate(parent.status(), StrCat(RelationText(given.relation()), " parent"));
    if (!given.parent_digest().empty() && !given.parent_name().empty()) {
      ASSIGN_OR_RETURN(v1::Snapshot named, catalogue_.Resolve(given.parent_name()));
      if (named.digest() != parent->digest()) {
        return absl::InvalidArgumentError(StrCat("parent ", given.parent_name(), " is ", named.digest(), ", not ", given.parent_digest()));
      }
      parent = std::move(named);
    }
    v1::LineageEdge edge;
    edge.set_relation(given.relation());
    edge.set_parent_digest(parent->digest());
    edge.set_parent_name(SnapshotName(*parent));
    const bool twice = std::any_of(edges.begin(), edges.end(), [&](const v1::LineageEdge& other) {
      return other.relation() == edge.relation() && other.parent_digest() == edge.parent_digest();
    });
    if (!twice) edges.push_back(std::move(edge));
  }
  return edges;
}

// Removes what has expired. The answers of finished pushes are gone through a few at a time, round and round.
absl::Status PushDesk::Sweep(Draft& draft, absl::Time now) {
  const absl::Time expired = now - limits_.push_lifetime;
  ASSIGN_OR_RETURN(RecordPage<store::v1::PushSession> open,
                   ListRecords(ledger_.store(), keys::SnapshotPushes(), "", limits_.open_pushes_max + 1));
  size_t live = 0;
  size_t removed = 0;
  for (const auto& [key, session] : open.records) {
    if (FromProto(session.touched_at()) >= expired) {
      ++live;
    } else if (removed++ < kSweepMax) {
      draft.Delete(Key<store::v1::PushSession>{key});
    }
  }
  if (live >= limits_.open_pushes_max) {
    return absl::ResourceExhaustedError(StrCat(live, " pushes are open, the most there may be; finish one or wait"));
  }
  absl::MutexLock lock(&sweep_mutex_);
  ASSIGN_OR_RETURN(RecordPage<store::v1::PushDone> done,
                   ListRecords(ledger_.store(), keys::SnapshotPushesDone(), sweep_after_, kSweepMax));
  for (const auto& [key, record] : done.records) {
    if (FromProto(record.time()) < expired) draft.Delete(Key<store::v1::PushDone>{key});
  }
  sweep_after_ = done.next_after;
  return absl::OkStatus();
}

absl::StatusOr<v1::BeginPushResponse> PushDesk::Begin(const Caller& caller, const v1::BeginPushRequest& request) {
  RETURN_IF_ERROR(CheckBegin(request, limits_));
  const std::string push_id = PushId(caller, request.request_id());
  ASSIGN_OR_RETURN(std::optional<store::v1::PushDone> done, FindDone(caller, push_id));
  if (done) {
    if (!SameRequest(done->request(), request)) return OtherContent(request);
    return Begun(push_id, *done);
  }
  ASSIGN_OR_RETURN(std::optional<store::v1::PushSession> found, FindRecord(ledger_.store(), keys::SnapshotPush(push_id)));
  if (found && FromProto(found->touched_at()) >= clock_.Now() - limits_.push_lifetime) {
    if (!SameRequest(found->request(), request)) return OtherContent(request);
    return Opened(Begun(push_id, *found));
  }
  if (limit_) RETURN_IF_ERROR(limit_({request.kind(), request.name(), push_id, 0, false}));
  ASSIGN_OR_RETURN(std::vector<v1::LineageEdge> lineage, ResolveLineage(request));
  store::v1::PushSession session;
  auto build = [&](Draft& draft) -> absl::Status {
    const absl::Time now = clock_.Now();
    RETURN_IF_ERROR(Sweep(draft, now));
    ASSIGN_OR_RETURN(std::optional<store::v1::PushSession> raced, draft.Find(keys::SnapshotPush(push_id)));
    if (raced && FromProto(raced->touched_at()) >= now - limits_.push_lifetime) {
      return absl::AbortedError(StrCat("push ", push_id, " was begun by another call at the same time; begin again"));
    }
    session = store::v1::PushSession();
    *session.mutable_request() = request;
    session.set_identity(caller.identity.text());
    *session.mutable_begun_at() = ToProto(now);
    *session.mutable_touched_at() = ToProto(now);
    for (const v1::LineageEdge& edge : lineage) *session.add_lineage() = edge;
    draft.Put(keys::SnapshotPush(push_id), session);
    const std::string name = SnapshotName(request.kind(), request.name(), 0);
    v1::AuditEntry entry = MakeEntry(caller.identity, "push.begun", StrCat("push of ", name, " begun"));
    AddSubject(entry, StrCat("push/", push_id));
    AddSubject(entry, name);
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  return Opened(Begun(push_id, session));
}

// Whoever begins, or begins again, sends all runs from the first.
v1::BeginPushResponse PushDesk::Opened(v1::BeginPushResponse begun) {
  begun.set_stream(proofs_.Open(begun.push_id()));
  return begun;
}

absl::StatusOr<store::v1::PushSession> PushDesk::LoadSession(const Caller& caller, const std::string& push_id) const {
  ASSIGN_OR_RETURN(std::optional<store::v1::PushSession> session, FindRecord(ledger_.store(), keys::SnapshotPush(push_id)));
  if (!session || session->identity() != caller.identity.text()) return UnknownPush(push_id);
  if (FromProto(session->touched_at()) < clock_.Now() - limits_.push_lifetime) return UnknownPush(push_id);
  return *std::move(session);
}

absl::StatusOr<std::optional<store::v1::PushDone>> PushDesk::FindDone(const Caller& caller, const std::string& push_id) const {
  ASSIGN_OR_RETURN(std::optional<store::v1::PushDone> done, FindRecord(ledger_.store(), keys::SnapshotPushDone(push_id)));
  if (done && done->identity() != caller.identity.text()) return std::optional<store::v1::PushDone>();
  // Deleted since: what was answered then no longer holds, and the same push brings it back.
  if (done && absl::IsNotFound(catalogue_.Resolve(done->name()).status())) return std::optional<store::v1::PushDone>();
  return done;
}

absl::Status PushDesk::AddPage(Draft& draft, const Caller& caller, const v1::PutFilesRequest& request, const Page& page) const {
  ASSIGN_OR_RETURN(std::optional<store::v1::PushSession> session, draft.Find(keys::SnapshotPush(request.push_id())));
  if (!session) return UnknownPush(request.push_id());
  if (std::optional<absl::Status> answer = SentBefore(session->pages(), request.page(), page.digest)) {
    return answer->ok() ? absl::CancelledError("already there") : *answer;
  }
  if (request.page() > static_cast<uint64_t>(session->pages_size())) {
    return absl::FailedPreconditionError(StrCat("page ", session->pages_size(), " comes next, not page ", request.page()));
  }
  const v1::FileEntry& first = request.files(0);
  const bool goes_on = first.path() == session->last_path() && first.chunks_before() > 0;
  if (!goes_on) RETURN_IF_ERROR(CheckOrder(session->last_path(), first.path()));
  store::v1::PageRef* ref = session->add_pages();
  ref->set_digest(page.digest.raw());
  ref->set_size_bytes(page.bytes.size());
  session->set_last_path(page.last_path);
  *session->mutable_touched_at() = ToProto(clock_.Now());
  draft.Put(keys::SnapshotPush(request.push_id()), *session);
  v1::AuditEntry entry = MakeEntry(caller.identity, "push.page_stored",
                                   StrCat("page ", request.page(), " of push ", request.push_id(), " stored"));
  AddSubject(entry, StrCat("push/", request.push_id()));
  draft.Record(std::move(entry));
  return absl::OkStatus();
}

absl::StatusOr<v1::PutFilesResponse> PushDesk::PutFiles(const Caller& caller, const v1::PutFilesRequest& request) {
  if (request.files().empty()) return absl::InvalidArgumentError("a page needs at least one file");
  if (request.page() >= kPagesMax) {
    return absl::ResourceExhaustedError(StrCat("more than ", kPagesMax, " pages in one push"));
  }
  Page page;
  for (const v1::FileEntry& entry : request.files()) {
    RETURN_IF_ERROR(CheckFileEntry(entry));
    RETURN_IF_ERROR(CheckOrder(page.last_path, entry.path()));
    page.last_path = entry.path();
  }
  v1::ManifestPage message;
  *message.mutable_files() = request.files();
  page.bytes = EncodePage(message);
  if (page.bytes.size() > kPageBytesMax) {
    return absl::ResourceExhaustedError(StrCat("page ", request.page(), " has ", page.bytes.size(), " bytes, at most ", kPageBytesMax));
  }
  page.digest = Sha256(page.bytes);
  ASSIGN_OR_RETURN(std::optional<store::v1::PushDone> done, FindDone(caller, request.push_id()));
  if (done) {
    std::optional<absl::Status> answer = SentBefore(done->pages(), request.page(), page.digest);
    if (!answer) return absl::AlreadyExistsError(StrCat("push ", request.push_id(), " is already committed without page ", request.page()));
    if (!answer->ok()) return *answer;
    return v1::PutFilesResponse();
  }
  RETURN_IF_ERROR(LoadSession(caller, request.push_id()).status());
  // The record about to be written names these bytes, so they are made durable first.
  const ChunkView view{page.digest, page.bytes};
  RETURN_IF_ERROR(chunks_.Put(absl::MakeConstSpan(&view, 1)));
  RETURN_IF_ERROR(chunks_.Sync());
  absl::StatusOr<Receipt> receipt =
      ledger_.Transact([&](Draft& draft) { return AddPage(draft, caller, request, page); });
  if (!receipt.ok() && !absl::IsCancelled(receipt.status())) return receipt.status();
  return v1::PutFilesResponse();
}

// What is there already is read now, so that the commit need not.
void PushDesk::ProveAsked(const Caller& caller, const v1::MissingChunksRequest& request,
                          const std::vector<Digest>& missing) {
  const std::shared_ptr<PushProof> proof = proofs_.Find(request.push_id(), request.run().stream());
  // Not even an open push of this caller: the answer to the question holds all the same, and nothing is to be proven.
  if (proof == nullptr || !LoadSession(caller, request.push_id()).ok()) return;
  const absl::flat_hash_set<Digest> awaited(missing.begin(), missing.end());
  std::vector<Digest> stored;
  std::vector<ProofChunk> chunks;
  chunks.reserve(static_cast<size_t>(request.digests_size()));
  for (const std::string& raw : request.digests()) {
    Digest digest = Digest::FromRaw(raw);
    const bool is_stored = !awaited.contains(digest);
    chunks.push_back({.digest = raw, .state = is_stored ? ProofChunk::State::kStored : ProofChunk::State::kAwaited});
    if (is_stored) stored.push_back(std::move(digest));
  }
  // More than this, and each is read in its turn.
  const absl::StatusOr<std::vector<std::string>> data = chunks_.GetMany(stored, kReadAtOnceMax);
  size_t next = 0;
  for (ProofChunk& chunk : chunks) {
    if (!data.ok() || chunk.state != ProofChunk::State::kStored) continue;
    chunk.data = (*data)[next++];
    chunk.state = ProofChunk::State::kRead;
  }
  proof->Begin(request.run(), std::move(chunks));
}

void PushDesk::ProveSent(const v1::PutChunksRequest& request, const std::vector<ChunkView>& views,
                         const absl::flat_hash_set<Digest>& fresh) {
  const std::shared_ptr<PushProof> proof = proofs_.Find(request.push_id(), request.run().stream());
  if (proof == nullptr) return;
  const bool asked = request.run().asked();
  std::vector<ProofChunk> chunks;
  chunks.reserve(views.size());
  for (const ChunkView& view : views) {
    // Bytes that stand there already are older than these, and it is those that are to be proven.
    const bool counts = asked || fresh.contains(view.digest);
    chunks.push_back({.digest = std::string(view.digest.raw()), .data = counts ? view.data : std::string_view(),
                      .state = counts ? ProofChunk::State::kHashed : ProofChunk::State::kStored});
  }
  if (asked) {
    proof->Fill(request.run(), chunks);
  } else {
    proof->Begin(request.run(), std::move(chunks));
  }
}

absl::StatusOr<v1::MissingChunksResponse> PushDesk::MissingChunks(const Caller& caller, const v1::MissingChunksRequest& request) {
  if (request.digests_size() > kMissingDigestsMax) {
    return absl::InvalidArgumentError(StrCat("more than ", kMissingDigestsMax, " digests in one question"));
  }
  std::vector<Digest> digests;
  digests.reserve(static_cast<size_t>(request.digests_size()));
  for (const std::string& raw : request.digests()) {
    if (raw.size() != 32) return absl::InvalidArgumentError("a digest is not 32 bytes");
    digests.push_back(Digest::FromRaw(raw));
  }
  ASSIGN_OR_RETURN(std::vector<Digest> missing, chunks_.Missing(digests));
  if (request.has_run()) ProveAsked(caller, request, missing);
  v1::MissingChunksResponse response;
  for (const Digest& digest : missing) response.add_digests(digest.raw());
  return response;
}

absl::StatusOr<v1::PutChunksResponse> PushDesk::PutChunks(const Caller& caller, const v1::PutChunksRequest& request) {
  ASSIGN_OR_RETURN(std::optional<store::v1::PushDone> done, FindDone(caller, request.push_id()));
  store::v1::PushSession session;
  if (!done) {
    ASSIGN_OR_RETURN(session, LoadSession(caller, request.push_id()));
  }
  size_t bytes = 0;
  std::vector<ChunkView> views;
  views.reserve(static_cast<size_t>(request.chunks_size()));
  const bool answers = std::any_of(request.chunks().begin(), request.chunks().end(),
                                   [](const v1::Chunk& chunk) { return chunk.digest().empty(); });
  v1::PutChunksResponse response;
  for (const v1::Chunk& chunk : request.chunks()) {
    if (!chunk.digest().empty() && chunk.digest().size() != 32) return absl::InvalidArgumentError("a chunk's digest is not 32 bytes");
    if (chunk.data().empty() || chunk.data().size() > kChunkBytesMax) {
      return absl::InvalidArgumentError(StrCat("chunk ", ToHex(chunk.digest()), " has ", chunk.data().size(),
                                               " bytes (allowed: 1 to ", kChunkBytesMax, ")"));
    }
    bytes += chunk.data().size();
    const Digest digest = Sha256(chunk.data());
    if (answers) response.add_digests(digest.raw());
    if (!chunk.digest().empty() && digest.raw() != chunk.digest()) {
      return absl::DataLossError(StrCat("chunk ", ToHex(chunk.digest()), ": its bytes hash to ", ToHex(digest.raw()),
                                        "; they were damaged on the way"));
    }
    views.push_back({digest, chunk.data()});
  }
  if (request.chunks_size() > 1 && bytes > kPutBytesMax) {
    return absl::ResourceExhaustedError(StrCat(bytes, " bytes of chunks in one call, at most ", kPutBytesMax));
  }
  if (limit_ && !done) {
    RETURN_IF_ERROR(limit_({session.request().kind(), session.request().name(), request.push_id(), bytes, false}));
  }
  const bool proves = request.has_run() && !done;
  absl::flat_hash_set<Digest> fresh;
  if (proves && !request.run().asked()) {
    std::vector<Digest> digests;
    for (const ChunkView& view : views) digests.push_back(view.digest);
    ASSIGN_OR_RETURN(const std::vector<Digest> missing, chunks_.Missing(digests));
    fresh.insert(missing.begin(), missing.end());
  }
  RETURN_IF_ERROR(chunks_.Put(views));
  if (proves) ProveSent(request, views, fresh);
  return response;
}

}  // namespace firebreak
