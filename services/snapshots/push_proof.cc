#include "services/snapshots/push_proof.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

constexpr uint64_t kSpanFiles = 4096;
constexpr uint64_t kSpanChunks = 65'536;
constexpr size_t kRunsWaiting = 64;                              // of one push
constexpr size_t kWaitingBytesMax = size_t{16} << 20;            // of all pushes; what comes on top is read back in its turn
constexpr size_t kWaitingListsMax = size_t{16} << 20;            // of all pushes; who lists more is not proven on the way
constexpr size_t kDigestBytes = 48;                              // on the heap
constexpr size_t kProofsMax = 64;                                // the one used longest ago goes

}  // namespace

void FileTranscript::AddChunk(std::string_view digest, uint64_t size_bytes) {
  stream_.Update(digest);
  stream_.Update(ToBigEndian64(size_bytes));
  file_bytes_ += size_bytes;
}

// No chunk is this long, so the end of a file is never taken for one.
void FileTranscript::EndFile(std::string_view digest) {
  stream_.Update(digest);
  stream_.Update(ToBigEndian64(~file_bytes_));
  file_bytes_ = 0;
}

std::string FileTranscript::Take() { return stream_.Finish().raw(); }

PushProof::~PushProof() {
  absl::MutexLock lock(&mutex_);
  GiveUp();
}

void PushProof::Forget(ProofChunk& chunk) {
  waiting_.bytes.fetch_sub(chunk.kept.size());
  chunk.kept = std::string();
  chunk.data = {};
}

void PushProof::Drop(Run& run) {
  for (ProofChunk& chunk : run.chunks) Forget(chunk);
  waiting_.lists.fetch_sub(std::exchange(run.list_bytes, 0));
}

void PushProof::GiveUp() {
  for (auto& [number, run] : runs_) Drop(run);
  runs_.clear();
  given_up_ = true;
}

// The caller's bytes are gone when it returns.
void PushProof::KeepData(Run& run) {
  for (ProofChunk& chunk : run.chunks) {
    if (chunk.data.empty() || !chunk.kept.empty()) continue;
    if (waiting_.bytes.fetch_add(chunk.data.size()) + chunk.data.size() > kWaitingBytesMax) {
      waiting_.bytes.fetch_sub(chunk.data.size());
      chunk.data = {};
      chunk.state = ProofChunk::State::kStored;
      continue;
    }
    chunk.kept.assign(chunk.data);
    chunk.data = chunk.kept;
  }
}

void PushProof::Begin(const v1::ChunkRun& run, std::vector<ProofChunk> chunks) {
  absl::MutexLock lock(&mutex_);
  if (given_up_ || run.number() < next_run_ || runs_.contains(run.number())) return;
  if (runs_.size() >= kRunsWaiting) return GiveUp();
  Run fresh;
  fresh.ends.assign(run.ends().begin(), run.ends().end());
  if (!std::is_sorted(fresh.ends.begin(), fresh.ends.end()) || (!fresh.ends.empty() && fresh.ends.back() > chunks.size())) {
    return GiveUp();
  }
  fresh.chunks = std::move(chunks);
  for (const ProofChunk& chunk : fresh.chunks) fresh.awaited += chunk.state == ProofChunk::State::kAwaited ? 1 : 0;
  const bool waits = run.number() != next_run_ || fresh.awaited > 0;
  if (waits) {
    const size_t list_bytes = fresh.chunks.size() * (sizeof(ProofChunk) + kDigestBytes) + fresh.ends.size() * sizeof(uint32_t);
    if (waiting_.lists.fetch_add(list_bytes) + list_bytes > kWaitingListsMax) {
      waiting_.lists.fetch_sub(list_bytes);
      return GiveUp();
    }
    fresh.list_bytes = list_bytes;
  }
  Run& placed = runs_.emplace(run.number(), std::move(fresh)).first->second;
  if (waits) return KeepData(placed);
  Advance();
}

void PushProof::Fill(const v1::ChunkRun& run, const std::vector<ProofChunk>& chunks) {
  absl::MutexLock lock(&mutex_);
  const auto found = runs_.find(run.number());
  if (found == runs_.end()) return;
  Run& waiting = found->second;
  std::map<std::string_view, const ProofChunk*> came;
  for (const ProofChunk& chunk : chunks) came[chunk.digest] = &chunk;
  for (ProofChunk& chunk : waiting.chunks) {
    if (chunk.state != ProofChunk::State::kAwaited) continue;
    const auto filled = came.find(chunk.digest);
    if (filled == came.end()) continue;
    chunk.data = filled->second->data;
    chunk.state = filled->second->state;
    --waiting.awaited;
  }
  if (run.number() != next_run_ || waiting.awaited > 0) return KeepData(waiting);
  Advance();
}

void PushProof::Advance() {
  while (!given_up_) {
    const auto next = runs_.find(next_run_);
    if (next == runs_.end() || next->second.awaited > 0) return;
    HashRun(next->second);
    if (given_up_) return;
    Drop(next->second);
    runs_.erase(next);
    ++next_run_;
  }
}

void PushProof::HashRun(Run& run) {
  size_t end = 0;
  for (size_t i = 0; i <= run.chunks.size(); ++i) {
    for (; end < run.ends.size() && run.ends[end] == i; ++end) EndFile();
    if (i == run.chunks.size()) return;
    const bool is_whole_file = file_chunks_ == 0 && end < run.ends.size() && run.ends[end] == i + 1;
    HashChunk(run.chunks[i], is_whole_file);
    if (given_up_) return;
  }
}

void PushProof::HashChunk(ProofChunk& chunk, bool is_whole_file) {
  std::vector<std::string> read;
  if (chunk.state == ProofChunk::State::kStored) {
    absl::StatusOr<std::vector<std::string>> got =
        chunks_.GetMany(absl::MakeConstSpan({Digest::FromRaw(chunk.digest)}), kChunkBytesMax);
    if (!got.ok()) return GiveUp();   // the commit says what is wrong with it
    read = *std::move(got);
    chunk.data = read.front();
  }
  transcript_.AddChunk(chunk.digest, chunk.data.size());
  ++file_chunks_;
  ++span_chunks_;
  if (is_whole_file && chunk.state == ProofChunk::State::kHashed) {
    file_digest_ = chunk.digest;
  } else {
    file_.Update(chunk.data);
  }
  if (!read.empty()) chunk.data = {};
}

void PushProof::EndFile() {
  const std::string digest = file_digest_.empty() ? file_.Finish().raw() : std::exchange(file_digest_, std::string());
  transcript_.EndFile(digest);
  file_chunks_ = 0;
  ++span_.files;
  if (span_.files >= kSpanFiles || span_chunks_ >= kSpanChunks) EndSpan();
}

void PushProof::EndSpan() {
  if (span_.files == 0) return;
  span_.transcript = transcript_.Take();
  spans_.push_back(span_);
  span_ = ProvenSpan{span_.first + span_.files, 0, ""};
  span_chunks_ = 0;
}

std::vector<ProvenSpan> PushProof::Spans() {
  absl::MutexLock lock(&mutex_);
  // Inside a file the open span cannot be told; what follows it could no longer be told either.
  if (file_chunks_ == 0) {
    EndSpan();
  }
  return spans_;
}

uint64_t ProofShelf::Open(const std::string& push_id) {
  absl::MutexLock lock(&mutex_);
  if (places_.size() >= kProofsMax && !places_.contains(push_id)) {
    places_.erase(std::min_element(places_.begin(), places_.end(),
                                   [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  places_[push_id] = {std::make_shared<PushProof>(chunks_, waiting_, ++streams_), ++uses_};
  return streams_;
}

std::shared_ptr<PushProof> ProofShelf::Find(const std::string& push_id, uint64_t stream) {
  absl::MutexLock lock(&mutex_);
  const auto place = places_.find(push_id);
  if (place == places_.end() || place->second.proof->stream() != stream) return nullptr;
  place->second.used = ++uses_;
  return place->second.proof;
}

std::vector<ProvenSpan> ProofShelf::Spans(const std::string& push_id) {
  std::shared_ptr<PushProof> proof;
  {
    absl::MutexLock lock(&mutex_);
    const auto place = places_.find(push_id);
    if (place != places_.end()) proof = place->second.proof;
  }
  return proof == nullptr ? std::vector<ProvenSpan>() : proof->Spans();
}

void ProofShelf::Close(const std::string& push_id) {
  std::shared_ptr<PushProof> closed;   // let go of without the lock
  absl::MutexLock lock(&mutex_);
  const auto place = places_.find(push_id);
  if (place == places_.end()) return;
  closed = std::move(place->second.proof);
  places_.erase(place);
}

void SpanMatcher::Add(const v1::FileEntry& entry) {
  if (entry.chunks_before() == 0) {
    if (open_) EndFile();
    open_ = true;
    digest_ = entry.digest();
  }
  for (const v1::ChunkRef& chunk : entry.chunks()) transcript_.AddChunk(chunk.digest(), chunk.size_bytes());
}

void SpanMatcher::EndFile() {
  open_ = false;
  transcript_.EndFile(digest_);
  ++files_;
  if (at_ >= spans_.size() || files_ < spans_[at_].first + spans_[at_].files) return;
  const bool same = transcript_.Take() == spans_[at_].transcript;
  proven_.resize(static_cast<size_t>(files_), same);
  ++at_;
}

std::vector<bool> SpanMatcher::Finish() {
  if (open_) EndFile();
  return std::move(proven_);
}

}  // namespace firebreak
