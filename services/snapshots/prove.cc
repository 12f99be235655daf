// ProveContent: every byte of a snapshot read back and hashed, several files at a time, reading ahead of the hashing.
#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/snapshots/content.h"

namespace firebreak {
namespace {

constexpr size_t kLanes = 2;
constexpr size_t kGroupBytes = size_t{2} << 20;   // read with one call
constexpr size_t kGroupPieces = 512;
constexpr size_t kGroupsWaiting = 2;              // before each stage of a lane; with kGroupBytes the bound on memory

struct ProvedFile {
  uint64_t order = 0;
  std::string path;
  std::string digest;
};

// One chunk of a file; or, without digest, the end of an empty file.
struct Piece {
  std::shared_ptr<const ProvedFile> file;
  std::string digest = {};
  uint64_t size_bytes = 0;
  uint64_t number = 0;
  bool last = false;
  absl::StatusOr<std::string> data = std::string();
};

struct Group {
  std::vector<Piece> pieces;
  uint64_t bytes = 0;
};
using GroupPtr = std::unique_ptr<Group>;

// A bounded queue between two threads.
class Pipe {
 public:
  void Push(GroupPtr group) {
    absl::MutexLock lock(&mutex_);
    auto room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return groups_.size() < kGroupsWaiting; };
    mutex_.Await(absl::Condition(&room));
    groups_.push_back(std::move(group));
  }
  // Null once it is closed and empty.
  GroupPtr Pop() {
    absl::MutexLock lock(&mutex_);
    auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closed_ || !groups_.empty(); };
    mutex_.Await(absl::Condition(&ready));
    if (groups_.empty()) return nullptr;
    GroupPtr group = std::move(groups_.front());
    groups_.pop_front();
    return group;
  }
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

 private:
  absl::Mutex mutex_;
  std::deque<GroupPtr> groups_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// What was found, in the manifest's order whatever thread found it. Thread-safe.
class Findings {
 public:
  explicit Findings(size_t max) : max_(max) {}

  void Note(uint64_t file, uint64_t number, std::string finding) {
    absl::MutexLock lock(&mutex_);
    found_.emplace(std::make_pair(file, number), std::move(finding));
    if (found_.size() >= max_) full_.store(true);
  }
  void NoteWrongFile(const ProvedFile& file) {
    absl::MutexLock lock(&mutex_);
    wrong_files_.emplace(file.order, file);
    if (wrong_files_.size() + found_.size() >= max_) full_.store(true);
  }
  bool full() const { return full_.load(); }
  void Read(uint64_t bytes) { bytes_read_.fetch_add(bytes, std::memory_order_relaxed); }
  std::map<uint64_t, ProvedFile> wrong_files() const {
    absl::MutexLock lock(&mutex_);
    return wrong_files_;
  }
  ContentReport Report() const {
    absl::MutexLock lock(&mutex_);
    ContentReport report;
    report.findings_total = found_.size();
    report.bytes_read = bytes_read_.load();
    for (const auto& [place, finding] : found_) {
      if (report.findings.size() < max_) report.findings.push_back(finding);
    }
    return report;
  }

 private:
  const size_t max_;
  std::atomic<bool> full_{false};
  std::atomic<uint64_t> bytes_read_{0};
  mutable absl::Mutex mutex_;
  std::multimap<std::pair<uint64_t, uint64_t>, std::string> found_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, ProvedFile> wrong_files_ ABSL_GUARDED_BY(mutex_);
};

std::string Place(const ProvedFile& file, const std::string& digest, uint64_t number) {
  return StrCat("file '", file.path, "': chunk ", ToHex(digest).substr(0, 16), "… (number ", number, ")");
}

// Whole files one after another: one thread reads groups ahead, one hashes.
class Lane {
 public:
  Lane(const ChunkStore& chunks, Findings& findings)
      : chunks_(chunks), findings_(findings), reader_([this] { Read(); }), hasher_([this] { Hash(); }) {}
  ~Lane() {
    Submit();
    wanted_.Close();
    reader_.join();
    hasher_.join();
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  uint64_t bytes() const { return bytes_; }
  void Add(Piece piece) {
    bytes_ += piece.size_bytes + 1;
    group_->bytes += piece.size_bytes;
    group_->pieces.push_back(std::move(piece));
    if (group_->bytes >= kGroupBytes || group_->pieces.size() >= kGroupPieces) Submit();
  }

 private:
  void Submit() {
    if (!group_->pieces.empty()) wanted_.Push(std::exchange(group_, std::make_unique<Group>()));
  }

  void Read() {
    while (GroupPtr group = wanted_.Pop()) {
      if (!findings_.full()) Fill(*group);
      filled_.Push(std::move(group));
    }
    filled_.Close();
  }

  void Fill(Group& group) {
    std::vector<Digest> digests;
    std::vector<Piece*> places;
    for (Piece& piece : group.pieces) {
      if (piece.digest.empty()) continue;
      digests.push_back(Digest::FromRaw(piece.digest));
      places.push_back(&piece);
    }
    if (digests.empty()) return;
    absl::StatusOr<std::vector<std::string>> data = chunks_.GetMany(digests, kGroupBytes + kChunkBytesMax);
    for (size_t i = 0; i < places.size(); ++i) {
      // One that cannot be read says nothing of its neighbours: each by itself then.
      places[i]->data = data.ok() ? absl::StatusOr<std::string>(std::move((*data)[i])) : chunks_.Get(digests[i]);
    }
  }

  void Hash() {
    while (GroupPtr group = filled_.Pop()) {
      for (Piece& piece : group->pieces) {
        if (!findings_.full()) Take(piece);
      }
    }
  }

  void Take(Piece& piece) {
    const ProvedFile& file = *piece.file;
    if (file_ != piece.file) {
      file_ = piece.file;
      damaged_ = false;
      stream_ = Sha256Stream();
    }
    if (!piece.data.ok()) {
      damaged_ = true;
      findings_.Note(file.order, piece.number, StrCat(Place(file, piece.digest, piece.number), ": ", MessageOf(piece.data.status())));
    } else if (piece.data->size() != piece.size_bytes) {
      damaged_ = true;
      findings_.Note(file.order, piece.number, StrCat(Place(file, piece.digest, piece.number), ": holds ", piece.data->size(),
                                                      " bytes instead of ", piece.size_bytes));
    } else {
      // The hash over the file covers the chunk as well; the chunk's own is taken only to name it once that is wrong.
      stream_.Update(*piece.data);
      findings_.Read(piece.data->size());
    }
    if (piece.last && !damaged_ && stream_.Finish().raw() != file.digest) findings_.NoteWrongFile(file);
  }

  const ChunkStore& chunks_;
  Findings& findings_;
  GroupPtr group_ = std::make_unique<Group>();
  uint64_t bytes_ = 0;
  Pipe wanted_;
  Pipe filled_;

  std::shared_ptr<const ProvedFile> file_;   // of the hashing thread alone, as what follows
  bool damaged_ = false;
  Sha256Stream stream_;

  std::thread reader_;
  std::thread hasher_;
};

// Cuts the manifest into files and files into pieces, and deals the files out.
class Dealer {
 public:
  Dealer(const ChunkStore& chunks, Findings& findings) : findings_(findings) {
    for (size_t i = 0; i < kLanes; ++i) lanes_.push_back(std::make_unique<Lane>(chunks, findings));
  }

  // `order`: of the file in the manifest.
  absl::Status Add(const v1::FileEntry& entry, uint64_t order) {
    if (entry.chunks_before() == 0) {
      file_ = std::make_shared<const ProvedFile>(ProvedFile{order, entry.path(), entry.digest()});
      left_ = entry.size_bytes();
      lane_ = std::min_element(lanes_.begin(), lanes_.end(),
                               [](const auto& a, const auto& b) { return a->bytes() < b->bytes(); })->get();
      if (entry.size_bytes() == 0) lane_->Add(Piece{.file = file_, .last = true});
    }
    uint64_t number = entry.chunks_before();
    for (const v1::ChunkRef& ref : entry.chunks()) {
      if (findings_.full()) return absl::CancelledError("enough findings");
      if (ref.digest().size() != kDigestBytes) return absl::DataLossError("a stored digest is not 32 bytes");
      left_ -= std::min(left_, ref.size_bytes());
      lane_->Add(Piece{.file = file_, .digest = ref.digest(), .size_bytes = ref.size_bytes(), .number = number++, .last = left_ == 0});
    }
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kDigestBytes = 32;
  Findings& findings_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  Lane* lane_ = nullptr;
  std::shared_ptr<const ProvedFile> file_;
  uint64_t left_ = 0;
};

// Files whose hash is wrong though every chunk could be read: once more, to say which chunk it is.
absl::Status NameWrongChunks(const ChunkStore& chunks, const PageRefs& pages, Findings& findings) {
  const std::map<uint64_t, ProvedFile> wrong = findings.wrong_files();
  if (wrong.empty()) return absl::OkStatus();
  std::map<uint64_t, bool> named;
  uint64_t order = 0;
  RETURN_IF_ERROR(ForEachEntry(chunks, pages, [&](const v1::FileEntry& entry) {
    if (entry.chunks_before() == 0) ++order;
    const auto file = wrong.find(order - 1);
    if (file == wrong.end()) return absl::OkStatus();
    uint64_t number = entry.chunks_before();
    for (const v1::ChunkRef& ref : entry.chunks()) {
      absl::StatusOr<std::string> data = chunks.Get(Digest::FromRaw(ref.digest()));
      if (!data.ok() || Sha256(*data).raw() != ref.digest()) {
        findings.Note(file->first, number,
                      StrCat(Place(file->second, ref.digest(), number), ": ",
                             data.ok() ? "its bytes do not match its digest" : MessageOf(data.status())));
        named[file->first] = true;
      }
      ++number;
    }
    return absl::OkStatus();
  }));
  for (const auto& [at, file] : wrong) {
    if (!named[at]) findings.Note(at, 0, StrCat("file '", file.path, "': its bytes do not match its sha256 ", ToHex(file.digest)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ContentReport> ProveContent(const ChunkStore& chunks, const PageRefs& pages, size_t findings_max,
                                           const std::vector<bool>& proven) {
  Findings findings(findings_max);
  absl::Status read;
  uint64_t files = 0;
  {
    Dealer dealer(chunks, findings);
    read = ForEachEntry(chunks, pages, [&](const v1::FileEntry& entry) {
      if (entry.chunks_before() == 0) ++files;
      const bool known = files <= proven.size() && proven[static_cast<size_t>(files - 1)];
      return known ? absl::OkStatus() : dealer.Add(entry, files - 1);
    });
  }
  if (!read.ok() && !absl::IsCancelled(read)) return read;
  RETURN_IF_ERROR(NameWrongChunks(chunks, pages, findings));
  return findings.Report();
}

}  // namespace firebreak
