#include "firebreak/transfer/pull.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "clients/transfer/bundle_fetch.h"
#include "clients/transfer/folder_writer.h"
#include "clients/transfer/retry.h"
#include "clients/transfer/stream_file.h"
#include "clients/transfer/workers.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

constexpr size_t kGroupChunksMax = 1000;
constexpr size_t kGroupBytesMax = size_t{4} << 20;
constexpr uint64_t kSyncEachMax = 64;   // up to so many files are synced one by one, more with one call for all

// A file as the manifest has it; shared by the chunks that are on their way.
struct WantedFile {
  std::string path;
  uint64_t size_bytes = 0;
  std::string digest;
};

struct WantedChunk {
  std::shared_ptr<const WantedFile> file;
  std::string digest;
  uint64_t size_bytes = 0;
  uint64_t offset = 0;
  std::string data;       // filled by a worker
  bool local = false;     // already stands in the file
};

// Chunks fetched together, written in the order they were asked for.
struct Group {
  std::vector<WantedChunk> chunks;
  uint64_t bytes = 0;
  bool done = false;      // guarded by Puller::mutex_
  absl::Status status;
};

// kQuick hashes each file as it is written, which covers its chunks. kCareful hashes every chunk as well, keeps those that stand
// in the folder already and fetches the others: to go on after a cut, and to find and mend what a quick pull got wrong.
enum class Manner { kQuick, kCareful };

// Ends a quick pull whose bytes were not right.
constexpr std::string_view kNotAsPromised = "bytes that do not match";

// One pull. Workers fetch chunks; the calling thread lists files, hashes and hands on to the writer, all in path order.
class Puller {
 public:
  Puller(SnapshotPort& port, const Digest& digest, const PullOptions& options, const ProgressCallback& progress,
         const FolderWriter& folder, Manner manner)
      : port_(port), digest_(digest), options_(options), progress_(progress), folder_(folder), manner_(manner) {}

  absl::StatusOr<PullResult> Run();

 private:
  absl::Status PullFiles(Workers& workers);
  absl::Status List(absl::FunctionRef<absl::Status(const v1::FileEntry&)> visit);
  absl::Status WriteBundle();
  absl::Status Want(const v1::FileEntry& entry, Workers& workers);
  absl::Status Submit(Workers& workers);
  absl::Status FinishOldest();
  void Fetch(Group& group);
  absl::Status FetchMissing(Group& group);
  absl::Status Write(const WantedChunk& chunk);
  absl::Status BeginFile(const std::shared_ptr<const WantedFile>& file);
  absl::Status EndFile();
  void Report(TransferPhase phase);

  SnapshotPort& port_;
  const Digest& digest_;
  const PullOptions& options_;
  const ProgressCallback& progress_;
  const FolderWriter& folder_;
  const Manner manner_;

  v1::Snapshot snapshot_;
  std::optional<FetchedBundle> bundle_;
  std::shared_ptr<const WantedFile> listing_;   // the file whose entries are coming
  uint64_t listing_offset_ = 0;
  std::shared_ptr<Group> group_ = std::make_shared<Group>();
  std::deque<std::shared_ptr<Group>> in_flight_;

  std::shared_ptr<const WantedFile> writing_;
  StreamFile file_;
  uint64_t written_ = 0;
  Sha256Stream stream_;
  uint64_t files_done_ = 0;
  uint64_t bytes_done_ = 0;
  uint64_t bytes_received_ = 0;
  std::atomic<bool> stop_{false};
  absl::Mutex mutex_;
};

absl::Status Damaged(const WantedFile& file, std::string_view what) {
  return absl::DataLossError(StrCat("file '", file.path, "': ", what));
}

void Puller::Report(TransferPhase phase) {
  if (!progress_) return;
  TransferProgress now;
  now.phase = phase;
  now.files_done = files_done_;
  now.files_total = snapshot_.file_count();
  now.bytes_done = bytes_done_;
  now.bytes_total = snapshot_.size_bytes();
  now.bytes_moved = bytes_received_;
  progress_(now);
}

// What an earlier, cut pull wrote is used where it has the right bytes.
void Puller::Fetch(Group& group) {
  if (manner_ == Manner::kCareful) {
    OpenFile file;
    const WantedFile* opened = nullptr;
    for (WantedChunk& chunk : group.chunks) {
      if (opened != chunk.file.get()) {
        absl::StatusOr<OpenFile> found = folder_.OpenForReading(chunk.file->path);
        file = found.ok() ? *std::move(found) : OpenFile();
        opened = chunk.file.get();
      }
      if (!file.open()) continue;
      absl::StatusOr<std::string> data = file.ReadAt(chunk.offset, static_cast<size_t>(chunk.size_bytes));
      if (!data.ok() || Sha256(*data).raw() != chunk.digest) continue;
      chunk.data = *std::move(data);
      chunk.local = true;
    }
  }
  absl::Status status = stop_.load() ? absl::CancelledError("the pull has failed") : FetchMissing(group);
  absl::MutexLock lock(&mutex_);
  group.status = std::move(status);
  group.done = true;
}

absl::Status Puller::FetchMissing(Group& group) {
  v1::GetChunksRequest request;
  request.set_snapshot(digest_.text());
  struct Fetched {
    std::string data;
    int uses = 0;
  };
  absl::flat_hash_map<std::string, Fetched> fetched;
  for (const WantedChunk& chunk : group.chunks) {
    if (!chunk.local && fetched[chunk.digest].uses++ == 0) request.add_digests(chunk.digest);
  }
  if (request.digests().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(v1::GetChunksResponse response,
                   Retry(options_.retry, "fetch chunks", [&] { return port_.GetChunks(request); }));
  for (v1::Chunk& chunk : *response.mutable_chunks()) {
    const auto wanted = fetched.find(chunk.digest());
    if (wanted == fetched.end()) return absl::DataLossError("a chunk came that was not asked for");
    if (manner_ == Manner::kCareful && Sha256(chunk.data()).raw() != chunk.digest()) {
      return absl::DataLossError(StrCat("chunk ", ToHex(chunk.digest()), ": its bytes do not match its digest"));
    }
    wanted->second.data = std::move(*chunk.mutable_data());
  }
  for (WantedChunk& chunk : group.chunks) {
    if (chunk.local) continue;
    Fetched& source = fetched[chunk.digest];
    chunk.data = --source.uses == 0 ? std::move(source.data) : source.data;
    if (chunk.data.size() != chunk.size_bytes) {
      return Damaged(*chunk.file, StrCat("chunk ", ToHex(chunk.digest), " came with ", chunk.data.size(),
                                         " bytes instead of ", chunk.size_bytes));
    }
  }
  return absl::OkStatus();
}

absl::Status Puller::BeginFile(const std::shared_ptr<const WantedFile>& file) {
  writing_ = file;
  written_ = 0;
  stream_ = Sha256Stream();
  ASSIGN_OR_RETURN(OpenFile opened, folder_.OpenForWriting(file->path));
  file_.Open(std::move(opened), file->size_bytes);
  return absl::OkStatus();
}

absl::Status Puller::EndFile() {
  const bool right = stream_.Finish().raw() == writing_->digest;
  if (!right && manner_ == Manner::kCareful) return Damaged(*writing_, "its bytes do not match its sha256");
  const bool sync = snapshot_.file_count() <= kSyncEachMax;
  RETURN_IF_ERROR(Annotate(file_.Close(sync ? StreamFile::Durable::kYes : StreamFile::Durable::kLater), writing_->path));
  if (!right) return absl::AbortedError(ToAbsl(kNotAsPromised));
  writing_ = nullptr;
  ++files_done_;
  return absl::OkStatus();
}

absl::Status Puller::Write(const WantedChunk& chunk) {
  if (writing_ != chunk.file) RETURN_IF_ERROR(BeginFile(chunk.file));
  if (chunk.local) {
    RETURN_IF_ERROR(Annotate(file_.Skip(chunk.data.size()), chunk.file->path));
  } else {
    RETURN_IF_ERROR(Annotate(file_.Append(chunk.data), chunk.file->path));
    bytes_received_ += chunk.data.size();
  }
  stream_.Update(chunk.data);
  written_ += chunk.data.size();
  bytes_done_ += chunk.data.size();
  if (written_ == writing_->size_bytes) return EndFile();
  return absl::OkStatus();
}

absl::Status Puller::FinishOldest() {
  std::shared_ptr<Group> group = std::move(in_flight_.front());
  in_flight_.pop_front();
  {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&group->done));
  }
  RETURN_IF_ERROR(group->status);
  for (const WantedChunk& chunk : group->chunks) RETURN_IF_ERROR(Write(chunk));
  Report(TransferPhase::kTransferring);
  return absl::OkStatus();
}

absl::Status Puller::Submit(Workers& workers) {
  if (group_->chunks.empty()) return absl::OkStatus();
  std::shared_ptr<Group> full = std::exchange(group_, std::make_shared<Group>());
  in_flight_.push_back(full);
  workers.Submit([this, full] { Fetch(*full); });
  while (in_flight_.size() > std::max<size_t>(options_.limits.groups_in_flight, 1)) RETURN_IF_ERROR(FinishOldest());
  return absl::OkStatus();
}

absl::Status Puller::Want(const v1::FileEntry& entry, Workers& workers) {
  if (entry.chunks_before() == 0) {
    auto file = std::make_shared<WantedFile>();
    file->path = entry.path();
    file->size_bytes = entry.size_bytes();
    file->digest = entry.digest();
    listing_ = std::move(file);
    listing_offset_ = 0;
  }
  auto add = [&](WantedChunk chunk) -> absl::Status {
    const size_t bytes_max = std::min(options_.limits.group_bytes, kGroupBytesMax);
    if (group_->bytes + chunk.size_bytes > bytes_max || group_->chunks.size() >= kGroupChunksMax) {
      RETURN_IF_ERROR(Submit(workers));
    }
    group_->bytes += chunk.size_bytes;
    group_->chunks.push_back(std::move(chunk));
    return absl::OkStatus();
  };
  if (entry.size_bytes() == 0) {
    WantedChunk nothing;   // so that the empty file is made in its turn
    nothing.file = listing_;
    nothing.local = true;
    return add(std::move(nothing));
  }
  for (const v1::ChunkRef& ref : entry.chunks()) {
    WantedChunk chunk;
    chunk.file = listing_;
    chunk.digest = ref.digest();
    chunk.size_bytes = ref.size_bytes();
    chunk.offset = listing_offset_;
    listing_offset_ += ref.size_bytes();
    RETURN_IF_ERROR(add(std::move(chunk)));
  }
  return absl::OkStatus();
}

absl::Status Puller::List(absl::FunctionRef<absl::Status(const v1::FileEntry&)> visit) {
  v1::ListFilesRequest request;
  request.set_snapshot(digest_.text());
  do {
    ASSIGN_OR_RETURN(v1::ListFilesResponse page,
                     Retry(options_.retry, "list files", [&] { return port_.ListFiles(request); }));
    for (const v1::FileEntry& entry : page.files()) RETURN_IF_ERROR(visit(entry));
    // A page that brings nothing, or the same place again, must not keep us asking for ever.
    const bool stuck = !page.next_page_token().empty() &&
                       (page.files().empty() || page.next_page_token() == request.page_token());
    if (stuck) return absl::DataLossError("the file list does not end");
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::Status Puller::PullFiles(Workers& workers) {
  ManifestChecker checker(snapshot_.kind());
  RETURN_IF_ERROR(List([&](const v1::FileEntry& entry) {
    absl::Status allowed = checker.Add(entry);
    if (!allowed.ok()) return absl::DataLossError(StrCat("refused: ", MessageOf(allowed)));
    if (bundle_) bundle_->Add(entry);
    return Want(entry, workers);
  }));
  RETURN_IF_ERROR(Submit(workers));
  while (!in_flight_.empty()) RETURN_IF_ERROR(FinishOldest());
  absl::StatusOr<ManifestTotals> totals = checker.Finish();
  if (!totals.ok()) return absl::DataLossError(StrCat("refused: ", MessageOf(totals.status())));
  if (totals->digest != digest_) {
    return absl::DataLossError(StrCat("the files listed make ", totals->digest.text(), ", not ", digest_.text()));
  }
  return absl::OkStatus();
}

absl::Status Puller::WriteBundle() {
  ASSIGN_OR_RETURN(OpenFile file, folder_.OpenForWriting(std::string(kSignatureFileName)));
  uint64_t at = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view piece, bundle_->bytes().Read(at));
    if (piece.empty()) break;
    RETURN_IF_ERROR(file.WriteAt(piece, at));
    at += piece.size();
  }
  RETURN_IF_ERROR(file.Truncate(at));
  return file.Sync();
}

absl::StatusOr<PullResult> Puller::Run() {
  v1::GetSnapshotRequest request;
  request.set_snapshot(digest_.text());
  ASSIGN_OR_RETURN(v1::GetSnapshotResponse found,
                   Retry(options_.retry, "find snapshot", [&] { return port_.GetSnapshot(request); }));
  snapshot_ = std::move(*found.mutable_snapshot());
  if (snapshot_.digest() != digest_.text()) {
    return absl::DataLossError(StrCat("asked for ", digest_.text(), ", was answered ", snapshot_.digest()));
  }
  if (!options_.trust.empty() || options_.write_bundle) {
    ASSIGN_OR_RETURN(FetchedBundle fetched, FetchBundle(port_, digest_, options_.trust, options_.retry, folder_.path()));
    if (!options_.trust.empty()) RETURN_IF_ERROR(fetched.Verify(options_.trust));
    bundle_ = std::move(fetched);
  }
  {
    Workers workers(options_.limits.threads, options_.limits.groups_in_flight + 1);
    absl::Status pulled = PullFiles(workers);
    stop_.store(true);   // what is still queued after an error is not fetched
    RETURN_IF_ERROR(pulled);
  }
  Report(TransferPhase::kCommitting);
  uint64_t files = snapshot_.file_count();
  if (bundle_) {
    RETURN_IF_ERROR(bundle_->Finish(folder_.path(), options_.limits.threads, [&](auto visit) {
      ManifestChecker again(snapshot_.kind());   // a list without order has no end either
      return List([&](const v1::FileEntry& entry) -> absl::Status {
        RETURN_IF_ERROR(again.Add(entry));
        return visit(entry);
      });
    }));
  }
  if (options_.write_bundle) {
    RETURN_IF_ERROR(WriteBundle());
    ++files;
  }
  if (files_done_ != snapshot_.file_count()) return absl::DataLossError("fewer files came than the snapshot has");
  RETURN_IF_ERROR(folder_.CheckHolds(files));
  RETURN_IF_ERROR(files <= kSyncEachMax + 1 ? folder_.SyncFolders() : folder_.SyncAll());
  PullResult result;
  result.snapshot = snapshot_;
  if (bundle_ && bundle_->verified()) {
    result.signer_key_id = bundle_->signature().key_id;
    result.signer_identities = bundle_->signature().certificate_identities;
  }
  result.bytes_received = bytes_received_;
  return result;
}

}  // namespace

absl::StatusOr<PullResult> PullSnapshot(SnapshotPort& port, const Digest& digest, const std::filesystem::path& target,
                                        const PullOptions& options, const ProgressCallback& progress) {
  std::error_code error;
  if (digest.empty()) return absl::InvalidArgumentError("no digest to pull");
  if (!target.has_filename()) return absl::InvalidArgumentError(StrCat("'", target.string(), "' does not name a folder"));
  if (std::filesystem::exists(std::filesystem::symlink_status(target, error))) {
    return WithNextStep(absl::AlreadyExistsError(StrCat(target.string(), " exists")), "pull into a folder that does not");
  }
  const std::filesystem::path part =
      target.parent_path() / StrCat(".", target.filename().string(), ".", ToHex(digest.raw()).substr(0, 16), ".part");
  ASSIGN_OR_RETURN(std::unique_ptr<FolderWriter> folder, FolderWriter::Open(part));
  const Manner first = folder->existed() ? Manner::kCareful : Manner::kQuick;
  absl::StatusOr<PullResult> result = Puller(port, digest, options, progress, *folder, first).Run();
  if (absl::IsAborted(result.status()) && MessageOf(result.status()) == kNotAsPromised) {
    result = Puller(port, digest, options, progress, *folder, Manner::kCareful).Run();
  }
  if (result.ok()) {
    absl::Status renamed = folder->RenameTo(target);
    if (!renamed.ok()) result = renamed;
  }
  if (!result.ok()) {
    // What is proven wrong is not worth resuming; what was merely cut is.
    const absl::Status& status = result.status();
    const bool cut = WorthRetrying(status) || absl::IsCancelled(status) || absl::IsUnauthenticated(status);
    if (!cut) folder->RemoveAll();
    return Annotate(status, StrCat("pull ", digest.text()));
  }
  if (progress) {
    TransferProgress now;
    now.phase = TransferPhase::kDone;
    now.files_done = now.files_total = result->snapshot.file_count();
    now.bytes_done = now.bytes_total = result->snapshot.size_bytes();
    now.bytes_moved = result->bytes_received;
    progress(now);
  }
  return result;
}

}  // namespace firebreak
