// ChunkStore on one RocksDB database: chunks become blob files, written once and without a log.
#ifndef FIREBREAK_STORAGE_ROCKSDB_ROCKS_CHUNK_STORE_H_
#define FIREBREAK_STORAGE_ROCKSDB_ROCKS_CHUNK_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/storage/chunk_store.h"
#include "rocksdb/write_batch.h"
#include "storage/rocksdb/engine.h"

namespace firebreak {

// Thread-safe. The family "sizes" (digest → size, encoding) answers whether a chunk is stored without reading its bytes.
class RocksChunkStore final : public ChunkStore {
 public:
  RocksChunkStore(Database database, SpaceGuard space);

  absl::Status Put(absl::Span<const ChunkView> chunks) override;
  absl::Status Sync() override;
  absl::StatusOr<std::string> Get(const Digest& digest) const override;
  absl::StatusOr<std::vector<std::string>> GetMany(absl::Span<const Digest> digests, size_t bytes_max) const override;
  absl::StatusOr<std::vector<Digest>> Missing(absl::Span<const Digest> digests) const override;
  absl::Status Replace(absl::Span<const ChunkView> chunks) override;
  absl::StatusOr<std::vector<StoredChunk>> List(const Digest& after, size_t limit) const override;
  absl::Status Delete(absl::Span<const Digest> digests) override;

  absl::Status ReclaimSpace();
  rocksdb::DB* database() { return database_.db.get(); }

 private:
  absl::StatusOr<std::vector<bool>> Stored(absl::Span<const Digest> digests) const;
  // Writes those of `chunks` whose flag in `stored` is not set, each digest once.
  absl::Status WriteUnless(const std::vector<bool>& stored, absl::Span<const ChunkView> chunks);
  absl::Status Write(rocksdb::WriteBatch& batch);
  rocksdb::ColumnFamilyHandle* data() const { return database_.families[0]; }
  rocksdb::ColumnFamilyHandle* sizes() const { return database_.families[1]; }

  Database database_;
  const SpaceGuard space_;

  absl::Mutex written_mutex_;
  uint64_t written_ ABSL_GUARDED_BY(written_mutex_) = 0;  // batches written since opening

  absl::Mutex flush_mutex_ ABSL_ACQUIRED_BEFORE(written_mutex_);
  uint64_t flushed_ ABSL_GUARDED_BY(flush_mutex_) = 0;  // of those, how many are durable
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_ROCKSDB_ROCKS_CHUNK_STORE_H_
