// The exact model of a ChunkStore, including what a power cut forgets. For tests.
#ifndef FIREBREAK_STORAGE_MEMORY_MEMORY_CHUNK_STORE_H_
#define FIREBREAK_STORAGE_MEMORY_MEMORY_CHUNK_STORE_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/storage/chunk_store.h"

namespace firebreak {

// Thread-safe.
class MemoryChunkStore final : public ChunkStore {
 public:
  MemoryChunkStore() = default;

  absl::Status Put(absl::Span<const ChunkView> chunks) override;
  absl::Status Sync() override;
  absl::StatusOr<std::string> Get(const Digest& digest) const override;
  absl::StatusOr<std::vector<Digest>> Missing(absl::Span<const Digest> digests) const override;
  absl::Status Replace(absl::Span<const ChunkView> chunks) override;
  absl::StatusOr<std::vector<StoredChunk>> List(const Digest& after, size_t limit) const override;
  absl::Status Delete(absl::Span<const Digest> digests) override;

  // What a power cut does: every chunk put since the last Sync is gone.
  void ForgetUnsynced();
  // Overwrites one stored chunk's bytes, as a failing disk would. False when it is not stored.
  bool Corrupt(const Digest& digest);
  size_t size() const;

 private:
  struct Entry {
    std::string data;
    bool synced = false;
    bool corrupt = false;
  };

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<Digest, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_MEMORY_MEMORY_CHUNK_STORE_H_
