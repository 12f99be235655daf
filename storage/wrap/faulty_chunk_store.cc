#include <algorithm>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/storage_wrap/faults.h"

namespace firebreak {
namespace {

absl::Status Stopped() { return absl::UnavailableError("store stopped by the fault plan"); }

}  // namespace

absl::Status FaultyChunkStore::CheckAlive() const {
  absl::MutexLock lock(&mutex_);
  return stopped_ ? Stopped() : absl::OkStatus();
}

absl::Status FaultyChunkStore::Run(FaultPlan& plan, std::string_view doing,
                                   const std::function<absl::Status()>& write) {
  RETURN_IF_ERROR(CheckAlive());
  const FaultPlan::Fate fate = plan.Next();
  switch (fate.fault) {
    case Fault::kLost:
      return absl::UnavailableError(StrCat(doing, " ", fate.n, ": failed (planned)"));
    case Fault::kDiskFull:
      return absl::ResourceExhaustedError(StrCat(doing, " ", fate.n, ": disk full (planned)"));
    case Fault::kStopBefore:
      Stop();
      return Stopped();
    case Fault::kNone:
    case Fault::kDoneButUnavailable:
    case Fault::kStopAfter:
      break;
  }
  const absl::Status done = write();
  if (fate.fault == Fault::kStopAfter) {
    Stop();
    return Stopped();
  }
  if (done.ok() && fate.fault == Fault::kDoneButUnavailable) {
    return absl::UnavailableError(StrCat(doing, " ", fate.n, ": outcome unknown (planned)"));
  }
  return done;
}

absl::Status FaultyChunkStore::Put(absl::Span<const ChunkView> chunks) {
  return Run(writes_, "put chunks", [&] { return inner_.Put(chunks); });
}

absl::Status FaultyChunkStore::Sync() {
  return Run(syncs_, "sync chunks", [&] { return inner_.Sync(); });
}

absl::Status FaultyChunkStore::Replace(absl::Span<const ChunkView> chunks) {
  return Run(writes_, "replace chunks", [&] {
    absl::Status replaced = inner_.Replace(chunks);
    if (!replaced.ok()) return replaced;
    absl::MutexLock lock(&mutex_);
    for (const ChunkView& chunk : chunks) std::erase(damaged_, chunk.digest);
    return replaced;
  });
}

absl::StatusOr<std::vector<StoredChunk>> FaultyChunkStore::List(const Digest& after, size_t limit) const {
  RETURN_IF_ERROR(CheckAlive());
  return inner_.List(after, limit);
}

absl::Status FaultyChunkStore::Delete(absl::Span<const Digest> digests) {
  return Run(writes_, "delete chunks", [&] { return inner_.Delete(digests); });
}

absl::StatusOr<std::string> FaultyChunkStore::Get(const Digest& digest) const {
  RETURN_IF_ERROR(CheckAlive());
  {
    absl::MutexLock lock(&mutex_);
    if (std::find(damaged_.begin(), damaged_.end(), digest) != damaged_.end()) {
      return absl::DataLossError(StrCat("chunk ", digest.text(), ": checksum mismatch (planned)"));
    }
  }
  return inner_.Get(digest);
}

absl::StatusOr<std::vector<Digest>> FaultyChunkStore::Missing(absl::Span<const Digest> digests) const {
  RETURN_IF_ERROR(CheckAlive());
  return inner_.Missing(digests);
}

void FaultyChunkStore::Damage(const Digest& digest) {
  absl::MutexLock lock(&mutex_);
  damaged_.push_back(digest);
}

void FaultyChunkStore::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

void FaultyChunkStore::Restart() {
  absl::MutexLock lock(&mutex_);
  stopped_ = false;
}

bool FaultyChunkStore::stopped() const {
  absl::MutexLock lock(&mutex_);
  return stopped_;
}

}  // namespace firebreak
