#include "firebreak/transfer/push.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "clients/transfer/bundle_send.h"
#include "clients/transfer/chunker.h"
#include "clients/transfer/folder_scan.h"
#include "clients/transfer/push_pace.h"
#include "clients/transfer/retry.h"
#include "clients/transfer/spool.h"
#include "clients/transfer/workers.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/signing/oms_stream.h"
#include "firebreak/snapshots/manifest.h"
#include "firebreak/snapshots/names.h"

namespace firebreak {
namespace {

constexpr size_t kGroupChunksMax = 1000;
constexpr size_t kGroupBytesMax = size_t{3} << 20;      // what one PutChunks takes
constexpr size_t kGroupEndsMax = 100'000;
constexpr int kFreshIdsMax = 3;
constexpr int kPushesAgainMax = 3;

// One file on its way: complete when it has been read and every chunk of it has been dealt with.
struct FileSlot {
  v1::FileEntry entry;
  size_t open_chunks = 0;
  bool read = false;
};

struct WaitingChunk {
  std::string data;
  size_t size_bytes = 0;
  FileSlot* slot = nullptr;
  int index = 0;
  bool whole_file = false;   // the chunk's digest is the file's as well
  std::string digest;        // known once it was hashed, or answered
};

struct Group {
  std::vector<WaitingChunk> chunks;
  std::vector<uint32_t> ends;   // as ChunkRun::ends
  uint64_t stream = 0;          // 0: the other side does not want to know where chunks stand
  uint64_t number = 0;
  size_t bytes = 0;
  bool has_whole_file = false;
};

void SetRun(const Group& group, v1::ChunkRun* run) {
  run->set_stream(group.stream);
  run->set_number(group.number);
  for (const uint32_t end : group.ends) run->add_ends(end);
}

// What is to be pushed, as it was counted before.
struct Content {
  std::vector<std::string> ignored;
  std::string bundle_digest;   // of one that is given
  FolderTotals totals;
};

// One push from first byte to commit. The calling thread reads and hashes whole files and sends pages; workers hash chunks, ask
// what is missing and send it.
class Pusher {
 public:
  Pusher(SnapshotPort& port, const PushOptions& options, const Content& content, const ProgressCallback& progress)
      : port_(port), options_(options), content_(content), progress_(progress) {}

  absl::StatusOr<PushResult> Run(const std::string& request_id);

 private:
  absl::Status Begin(const std::string& request_id);
  absl::Status ReadFiles(Workers& workers);
  absl::Status ReadFile(const std::filesystem::path& root, const ScannedFile& file, Workers& workers);
  void Hand(WaitingChunk chunk, Workers& workers);
  void SubmitGroup(Workers& workers);
  void Process(Group& group);
  absl::Status SendAsked(Group& group);
  absl::Status SendUnasked(Group& group);
  absl::Status Put(v1::PutChunksRequest& request, v1::PutChunksResponse& response);
  absl::Status SendFinishedFiles();
  absl::Status SendPage(const v1::ManifestPage& page);
  absl::Status SendSignature(v1::CommitPushRequest& commit);
  absl::StatusOr<PushResult> Commit();
  absl::Status error() {
    absl::MutexLock lock(&mutex_);
    return error_;
  }
  void Report(TransferPhase phase, uint64_t files_done, uint64_t bytes_done);

  SnapshotPort& port_;
  const PushOptions& options_;
  const Content& content_;
  const ProgressCallback& progress_;

  std::string push_id_;
  uint64_t stream_ = 0;                   // as the other side answered
  uint64_t next_run_ = 0;
  std::vector<std::string> pages_held_;   // digests of pages the other side has
  uint64_t next_page_ = 0;
  PageWriter pages_;
  Spool signed_files_{SpoolFolder()};
  std::unique_ptr<OmsWriter> signature_;   // when it is ours to make
  std::unique_ptr<Group> group_ = std::make_unique<Group>();
  ChunkReader reader_;
  Buffers buffers_;
  Doubt doubt_;
  uint64_t bytes_read_ = 0;
  uint64_t files_read_ = 0;

  std::atomic<uint64_t> bytes_sent_{0};
  absl::Mutex mutex_;
  std::deque<std::unique_ptr<FileSlot>> slots_ ABSL_GUARDED_BY(mutex_);   // in path order
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

void Pusher::Report(TransferPhase phase, uint64_t files_done, uint64_t bytes_done) {
  if (!progress_) return;
  TransferProgress now;
  now.phase = phase;
  now.files_done = files_done;
  now.files_total = content_.totals.files;
  now.bytes_done = bytes_done;
  now.bytes_total = content_.totals.size_bytes;
  now.bytes_moved = bytes_sent_.load(std::memory_order_relaxed);
  progress_(now);
}

absl::Status Pusher::Begin(const std::string& request_id) {
  v1::BeginPushRequest request;
  request.set_kind(options_.kind);
  request.set_name(options_.name);
  for (const v1::LineageEdge& edge : options_.lineage) *request.add_lineage() = edge;
  for (const auto& [label, value] : options_.labels) (*request.mutable_labels())[label] = value;
  request.set_description(options_.description);
  request.set_request_id(request_id);
  ASSIGN_OR_RETURN(v1::BeginPushResponse response,
                   Retry(options_.retry, "begin push", [&] { return port_.BeginPush(request); }));
  push_id_ = response.push_id();
  stream_ = response.stream();
  pages_held_.assign(response.page_digests().begin(), response.page_digests().end());
  return absl::OkStatus();
}

absl::Status Pusher::Put(v1::PutChunksRequest& request, v1::PutChunksResponse& response) {
  uint64_t bytes = 0;
  for (const v1::Chunk& chunk : request.chunks()) bytes += chunk.data().size();
  request.set_push_id(push_id_);
  ASSIGN_OR_RETURN(response, Retry(options_.retry, "send chunks", [&] { return port_.PutChunks(request); }));
  bytes_sent_.fetch_add(bytes, std::memory_order_relaxed);
  for (v1::Chunk& chunk : *request.mutable_chunks()) buffers_.Give(std::move(*chunk.mutable_data()));
  return absl::OkStatus();
}

absl::Status Pusher::SendAsked(Group& group) {
  v1::MissingChunksRequest question;
  if (group.stream != 0) {
    question.set_push_id(push_id_);
    SetRun(group, question.mutable_run());
  }
  for (WaitingChunk& chunk : group.chunks) {
    chunk.digest = Sha256(chunk.data).raw();
    question.add_digests(chunk.digest);
  }
  ASSIGN_OR_RETURN(v1::MissingChunksResponse answer, Retry(options_.retry, "ask for missing chunks",
                                                           [&] { return port_.MissingChunks(question); }));
  doubt_.Answered(answer.digests_size() == question.digests_size());
  absl::flat_hash_set<std::string> missing(answer.digests().begin(), answer.digests().end());
  v1::PutChunksRequest request;
  for (WaitingChunk& waiting : group.chunks) {
    if (missing.erase(waiting.digest) == 0) {   // there already, or twice in this group
      buffers_.Give(std::move(waiting.data));
      continue;
    }
    v1::Chunk* chunk = request.add_chunks();
    chunk->set_digest(waiting.digest);
    chunk->set_data(std::move(waiting.data));
  }
  if (request.chunks().empty()) return absl::OkStatus();
  if (group.stream != 0) {
    request.mutable_run()->set_stream(group.stream);
    request.mutable_run()->set_number(group.number);
    request.mutable_run()->set_asked(true);
  }
  v1::PutChunksResponse response;
  return Put(request, response);
}

// The other side hashes them anyway. Should it answer wrong digests, the file's own, which we sign, will not fit them.
absl::Status Pusher::SendUnasked(Group& group) {
  v1::PutChunksRequest request;
  for (WaitingChunk& waiting : group.chunks) request.add_chunks()->set_data(std::move(waiting.data));
  if (group.stream != 0) SetRun(group, request.mutable_run());
  v1::PutChunksResponse response;
  RETURN_IF_ERROR(Put(request, response));
  if (response.digests_size() != request.chunks_size()) return absl::DataLossError("chunks were taken without saying their digests");
  for (size_t i = 0; i < group.chunks.size(); ++i) {
    group.chunks[i].digest = std::move(*response.mutable_digests(static_cast<int>(i)));
    if (group.chunks[i].digest.size() != 32) return absl::DataLossError("a chunk was answered with a digest that is none");
  }
  return absl::OkStatus();
}

void Pusher::Process(Group& group) {
  if (!error().ok()) return;
  // A file's only chunk is hashed here in any case: its digest is what we sign.
  absl::Status sent = group.has_whole_file || doubt_.Asks() ? SendAsked(group) : SendUnasked(group);
  absl::MutexLock lock(&mutex_);
  if (!sent.ok()) {
    if (error_.ok()) error_ = sent;
    return;
  }
  for (WaitingChunk& chunk : group.chunks) {
    FileSlot& slot = *chunk.slot;
    v1::ChunkRef* ref = slot.entry.mutable_chunks(chunk.index);
    ref->set_size_bytes(chunk.size_bytes);
    if (chunk.whole_file) slot.entry.set_digest(chunk.digest);
    ref->set_digest(std::move(chunk.digest));
    --slot.open_chunks;
  }
}

void Pusher::SubmitGroup(Workers& workers) {
  if (group_->chunks.empty()) return;
  std::shared_ptr<Group> full = std::move(group_);
  full->stream = stream_;
  full->number = next_run_++;
  group_ = std::make_unique<Group>();
  workers.Submit([this, full] { Process(*full); });
}

void Pusher::Hand(WaitingChunk chunk, Workers& workers) {
  const size_t bytes_max = std::min(options_.limits.group_bytes, kGroupBytesMax);
  if (group_->bytes + chunk.data.size() > bytes_max || group_->chunks.size() >= kGroupChunksMax) SubmitGroup(workers);
  group_->bytes += chunk.data.size();
  group_->has_whole_file |= chunk.whole_file;
  group_->chunks.push_back(std::move(chunk));
}

absl::Status Pusher::ReadFile(const std::filesystem::path& root, const ScannedFile& file, Workers& workers) {
  absl::Status opened = reader_.Open(root, file);
  if (!opened.ok()) return opened;
  FileSlot* slot = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    slots_.push_back(std::make_unique<FileSlot>());
    slot = slots_.back().get();
    slot->entry.set_path(file.path);
    slot->entry.set_size_bytes(file.size_bytes);
  }
  Sha256Stream stream;
  uint64_t total = 0;
  bool one_chunk = false;
  for (int index = 0;; ++index) {
    WaitingChunk chunk;
    if (reader_.has_large_chunks()) chunk.data = buffers_.Take();
    ASSIGN_OR_RETURN(const bool more, reader_.Next(chunk.data));
    if (!more) break;
    chunk.slot = slot;
    chunk.index = index;
    chunk.size_bytes = chunk.data.size();
    total += chunk.data.size();
    one_chunk = chunk.data.size() == file.size_bytes;
    chunk.whole_file = one_chunk;
    if (!one_chunk) stream.Update(chunk.data);
    {
      absl::MutexLock lock(&mutex_);
      slot->entry.add_chunks();
      ++slot->open_chunks;
    }
    Hand(std::move(chunk), workers);
    RETURN_IF_ERROR(error());
    Report(TransferPhase::kTransferring, files_read_, bytes_read_ + total);
  }
  bytes_read_ += total;
  ++files_read_;
  if (group_->ends.size() >= kGroupEndsMax) {   // so many empty files in a row: what follows is read back at commit
    group_->ends.clear();
    stream_ = 0;
  }
  group_->ends.push_back(static_cast<uint32_t>(group_->chunks.size()));
  absl::MutexLock lock(&mutex_);
  if (!one_chunk) slot->entry.set_digest(stream.Finish().raw());
  slot->read = true;
  return absl::OkStatus();
}

absl::Status Pusher::SendPage(const v1::ManifestPage& page) {
  if (page.files().empty()) return absl::OkStatus();
  const uint64_t number = next_page_++;
  if (number < pages_held_.size()) {
    if (Sha256(EncodePage(page)).raw() == pages_held_[number]) return absl::OkStatus();
    return absl::AlreadyExistsError("the files are not those of the push that was cut");
  }
  v1::PutFilesRequest request;
  request.set_push_id(push_id_);
  request.set_page(number);
  *request.mutable_files() = page.files();
  return Retry(options_.retry, "send file list", [&] { return port_.PutFiles(request); }).status();
}

// Files leave in path order, each once nothing of it is open any more.
absl::Status Pusher::SendFinishedFiles() {
  while (true) {
    std::unique_ptr<FileSlot> slot;
    {
      absl::MutexLock lock(&mutex_);
      if (slots_.empty() || !slots_.front()->read || slots_.front()->open_chunks > 0) return absl::OkStatus();
      slot = std::move(slots_.front());
      slots_.pop_front();
    }
    if (options_.signing_key) {
      RETURN_IF_ERROR(signature_->Add(slot->entry.path(), slot->entry.digest()));
    }
    for (const v1::ManifestPage& page : pages_.Add(std::move(slot->entry))) RETURN_IF_ERROR(SendPage(page));
  }
}

absl::Status Pusher::ReadFiles(Workers& workers) {
  ASSIGN_OR_RETURN(FolderWalk walk, FolderWalk::Open(options_.folder, content_.ignored));
  signature_ = std::make_unique<OmsWriter>(signed_files_, walk.name(), options_.ignore_paths);
  ScannedFile file;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, walk.Next(file));
    if (!more) break;
    RETURN_IF_ERROR(ReadFile(walk.root(), file, workers));
    RETURN_IF_ERROR(SendFinishedFiles());
  }
  SubmitGroup(workers);
  workers.Drain();
  RETURN_IF_ERROR(error());
  RETURN_IF_ERROR(SendFinishedFiles());
  RETURN_IF_ERROR(SendPage(pages_.Finish()));
  if (next_page_ < pages_held_.size()) return absl::AlreadyExistsError("the files are not those of the push that was cut");
  return absl::OkStatus();
}

absl::Status Pusher::SendSignature(v1::CommitPushRequest& commit) {
  if (options_.signing_key) {
    RETURN_IF_ERROR(signature_->Sign(*options_.signing_key));
    return SendBundle(port_, options_.retry, [&] { return signature_->Next(); }, commit);
  }
  uint64_t at = 0;
  const auto next = [&]() -> absl::StatusOr<std::string_view> {
    ASSIGN_OR_RETURN(const std::string_view piece, options_.bundle->Read(at));
    at += piece.size();
    return piece;
  };
  return SendBundle(port_, options_.retry, next, commit);
}

absl::StatusOr<PushResult> Pusher::Commit() {
  Report(TransferPhase::kCommitting, files_read_, bytes_read_);
  v1::CommitPushRequest request;
  request.set_push_id(push_id_);
  request.set_validate_only(options_.validate_only);
  RETURN_IF_ERROR(SendSignature(request));
  ASSIGN_OR_RETURN(v1::CommitPushResponse response,
                   Retry(options_.retry, "commit push", [&] { return port_.CommitPush(request); }));
  PushResult result;
  result.snapshot = std::move(*response.mutable_snapshot());
  result.already_existed = response.already_existed();
  result.bytes_sent = bytes_sent_.load();
  Report(TransferPhase::kDone, files_read_, bytes_read_);
  return result;
}

absl::StatusOr<PushResult> Pusher::Run(const std::string& request_id) {
  RETURN_IF_ERROR(Begin(request_id));
  {
    Workers workers(options_.limits.threads, options_.limits.groups_in_flight);
    absl::Status read = ReadFiles(workers);
    if (!read.ok()) {
      absl::MutexLock lock(&mutex_);
      if (error_.ok()) error_ = read;   // lets what is queued end at once
      return read;
    }
  }
  return Commit();
}

// The same options over the same files make the same id, so that running a push again resumes it.
std::string MakeRequestId(const PushOptions& options, const Content& content, int fresh) {
  Sha256Stream stream;
  auto add = [&](std::string_view text) {
    stream.Update(ToBigEndian64(text.size()));
    stream.Update(text);
  };
  add(KindText(options.kind));
  add(options.name);
  add(options.description);
  for (const auto& [label, value] : options.labels) {
    add(label);
    add(value);
  }
  for (const v1::LineageEdge& edge : options.lineage) add(edge.SerializeAsString());
  add(options.signing_key ? options.signing_key->public_key().key_id() : content.bundle_digest);
  add(content.totals.fingerprint);
  stream.Update(ToBigEndian64(static_cast<uint64_t>(fresh)));
  return ToHex(stream.Finish().raw());
}

absl::StatusOr<Content> FindContent(const PushOptions& options) {
  Content content;
  content.ignored = options.ignore_paths;
  if (options.bundle) {
    ASSIGN_OR_RETURN(const Digest digest, Sha256All(*options.bundle));
    content.bundle_digest = digest.raw();
    ASSIGN_OR_RETURN(std::vector<std::string> more, IgnoredByBundle(*options.bundle));
    content.ignored.insert(content.ignored.end(), more.begin(), more.end());
  }
  ASSIGN_OR_RETURN(content.totals, CountFolder(options.folder, content.ignored));
  return content;
}

bool LostChunks(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) && status.message().find("chunks are missing") != absl::string_view::npos;
}

// A service that was killed meanwhile has lost chunks it had taken but not yet stored for good; the same push again asks what is
// missing and sends that.
absl::StatusOr<PushResult> PushContent(SnapshotPort& port, const PushOptions& options, const Content& content,
                                       const ProgressCallback& progress, const std::string& request_id) {
  absl::StatusOr<PushResult> result = Pusher(port, options, content, progress).Run(request_id);
  for (int again = 0; again < kPushesAgainMax && LostChunks(result.status()); ++again) {
    result = Pusher(port, options, content, progress).Run(request_id);
  }
  return result;
}

}  // namespace

absl::StatusOr<PushResult> PushFolder(SnapshotPort& port, const PushOptions& options, const ProgressCallback& progress) {
  if (options.signing_key.has_value() == (options.bundle != nullptr)) {
    return absl::InvalidArgumentError("a push needs a signing key or an existing bundle, one of the two");
  }
  ASSIGN_OR_RETURN(const Content content, FindContent(options));
  if (options.signing_key) RETURN_IF_ERROR(CheckSignable(content.totals));
  if (!options.request_id.empty()) return PushContent(port, options, content, progress, options.request_id);
  absl::StatusOr<PushResult> result;
  for (int fresh = 0; fresh < kFreshIdsMax; ++fresh) {
    result = PushContent(port, options, content, progress, MakeRequestId(options, content, fresh));
    // Content that changed without its size and time showing it: the earlier push's id is taken, a fresh one is not.
    if (!absl::IsAlreadyExists(result.status())) break;
  }
  return result;
}

absl::StatusOr<v1::Snapshot> HashFolder(const PushOptions& options) {
  ASSIGN_OR_RETURN(const Content content, FindContent(options));
  ASSIGN_OR_RETURN(FolderWalk walk, FolderWalk::Open(options.folder, content.ignored));
  SnapshotDigest digest(options.kind);
  v1::Snapshot snapshot;
  ScannedFile file;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, walk.Next(file));
    if (!more) break;
    ASSIGN_OR_RETURN(std::string hash, HashFile(walk.root(), file));
    digest.AddFile(file.path, file.size_bytes, hash);
    snapshot.set_file_count(snapshot.file_count() + 1);
    snapshot.set_size_bytes(snapshot.size_bytes() + file.size_bytes);
  }
  snapshot.set_digest(digest.Finish().text());
  snapshot.set_kind(options.kind);
  snapshot.set_name(options.name);
  return snapshot;
}

}  // namespace firebreak
