#include "firebreak/upkeep/chunk_keeper.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/status.h"

namespace firebreak {
namespace {

constexpr size_t kSuspectsMax = 10'000;   // remembered between two looks; the scrub finds the others

}  // namespace

ChunkKeeper::ChunkKeeper(ChunkStore& inner, const Clock& clock, ChunkKeeperOptions options)
    : inner_(inner),
      clock_(clock),
      settle_time_(options.settle_time),
      young_(std::make_unique<DigestFilter>(options.pin_filter_bytes, 1)),
      old_(std::make_unique<DigestFilter>(options.pin_filter_bytes, 2)) {}

void ChunkKeeper::Pin(const Digest& digest) const {
  young_->Add(digest);
  last_pin_ns_.store(absl::ToUnixNanos(clock_.Now()), std::memory_order_relaxed);
}

absl::Status ChunkKeeper::Put(absl::Span<const ChunkView> chunks) {
  absl::ReaderMutexLock gate(&gate_);
  for (const ChunkView& chunk : chunks) Pin(chunk.digest);
  return Write(chunks);
}

absl::Status ChunkKeeper::Write(absl::Span<const ChunkView> chunks) {
  if (!AnyDamaged()) return inner_.Put(chunks);
  std::vector<ChunkView> sound;
  std::vector<ChunkView> damaged;
  {
    absl::MutexLock lock(&damage_mutex_);
    for (const ChunkView& chunk : chunks) (damaged_.contains(chunk.digest) ? damaged : sound).push_back(chunk);
  }
  RETURN_IF_ERROR(inner_.Put(sound));
  if (damaged.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(inner_.Replace(damaged));
  absl::MutexLock lock(&damage_mutex_);
  for (const ChunkView& chunk : damaged) {
    replaced_.push_back(chunk.digest);
    rewritten_.insert(chunk.digest);
  }
  return absl::OkStatus();
}

absl::Status ChunkKeeper::Replace(absl::Span<const ChunkView> chunks) {
  absl::ReaderMutexLock gate(&gate_);
  for (const ChunkView& chunk : chunks) Pin(chunk.digest);
  return inner_.Replace(chunks);
}

absl::StatusOr<std::string> ChunkKeeper::Get(const Digest& digest) const {
  absl::StatusOr<std::string> bytes = inner_.Get(digest);
  if (absl::IsDataLoss(bytes.status())) {
    absl::MutexLock lock(&damage_mutex_);
    if (suspects_.size() < kSuspectsMax && !damaged_.contains(digest)) suspects_.push_back(digest);
  }
  return bytes;
}

absl::StatusOr<std::vector<std::string>> ChunkKeeper::GetMany(absl::Span<const Digest> digests, size_t bytes_max) const {
  absl::StatusOr<std::vector<std::string>> chunks = inner_.GetMany(digests, bytes_max);
  if (!absl::IsDataLoss(chunks.status())) return chunks;
  for (const Digest& digest : digests) Get(digest).status().IgnoreError();   // which of them it is
  return chunks;
}

absl::StatusOr<std::vector<Digest>> ChunkKeeper::Missing(absl::Span<const Digest> digests) const {
  absl::ReaderMutexLock gate(&gate_);
  ASSIGN_OR_RETURN(std::vector<Digest> missing, inner_.Missing(digests));
  const absl::flat_hash_set<Digest> gone(missing.begin(), missing.end());
  absl::flat_hash_set<Digest> damaged;
  if (AnyDamaged()) {
    absl::MutexLock lock(&damage_mutex_);
    for (const Digest& digest : digests) {
      if (damaged_.contains(digest) && !rewritten_.contains(digest)) damaged.insert(digest);
    }
  }
  std::vector<Digest> answer;
  for (const Digest& digest : digests) {
    if (gone.contains(digest) || damaged.contains(digest)) {
      answer.push_back(digest);
    } else {
      Pin(digest);
    }
  }
  return answer;
}

absl::Time ChunkKeeper::settled_at() const {
  const int64_t last = last_pin_ns_.load(std::memory_order_relaxed);
  return last == 0 ? absl::InfinitePast() : absl::FromUnixNanos(last) + settle_time_;
}

absl::Status ChunkKeeper::BeginCollection(OpenPushes open_pushes) {
  absl::MutexLock gate(&gate_);
  ASSIGN_OR_RETURN(absl::flat_hash_set<std::string> open, open_pushes());
  const absl::Time now = clock_.Now();
  if (open.empty() && now >= settled_at()) {
    young_->Clear();
    old_->Clear();
    relied_.clear();
    turned_at_ = now;
    last_pin_ns_.store(0, std::memory_order_relaxed);
    return absl::OkStatus();
  }
  const bool relied_on = std::any_of(relied_.begin(), relied_.end(), [&](const std::string& id) { return open.contains(id); });
  // Pins of `old_` were set before turned_at_, by pushes in relied_ or by writers without one.
  if (relied_on || now < turned_at_ + settle_time_) return absl::OkStatus();
  std::swap(young_, old_);
  young_->Clear();
  relied_ = std::move(open);
  turned_at_ = now;
  return absl::OkStatus();
}

bool ChunkKeeper::Pinned(const Digest& digest) const {
  absl::ReaderMutexLock gate(&gate_);
  return young_->MayHold(digest) || old_->MayHold(digest);
}

absl::StatusOr<std::vector<Digest>> ChunkKeeper::Sweep(absl::Span<const Digest> digests) {
  std::vector<Digest> free;
  absl::MutexLock gate(&gate_);
  for (const Digest& digest : digests) {
    if (!young_->MayHold(digest) && !old_->MayHold(digest)) free.push_back(digest);
  }
  if (!free.empty()) RETURN_IF_ERROR(inner_.Delete(free));
  return free;
}

void ChunkKeeper::SetDamaged(const Digest& digest, bool damaged) {
  absl::MutexLock lock(&damage_mutex_);
  rewritten_.erase(digest);
  if (damaged) {
    damaged_.insert(digest);
  } else {
    damaged_.erase(digest);
  }
  damaged_count_.store(damaged_.size(), std::memory_order_release);
}

size_t ChunkKeeper::damaged() const { return damaged_count_.load(std::memory_order_acquire); }

std::vector<Digest> ChunkKeeper::ListDamaged(size_t limit) const {
  absl::MutexLock lock(&damage_mutex_);
  std::vector<Digest> digests;
  for (const Digest& digest : damaged_) {
    if (digests.size() >= limit) break;
    digests.push_back(digest);
  }
  return digests;
}

std::vector<Digest> ChunkKeeper::TakeSuspects() {
  absl::MutexLock lock(&damage_mutex_);
  return std::exchange(suspects_, {});
}

std::vector<Digest> ChunkKeeper::TakeReplaced() {
  absl::MutexLock lock(&damage_mutex_);
  return std::exchange(replaced_, {});
}

}  // namespace firebreak
