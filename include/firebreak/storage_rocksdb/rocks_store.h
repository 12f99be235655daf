// The storage engine of a single host: both ports on RocksDB in one folder. Layout, format version and upgrade rule are
// in storage/FORMAT.md.
#ifndef FIREBREAK_STORAGE_ROCKSDB_ROCKS_STORE_H_
#define FIREBREAK_STORAGE_ROCKSDB_ROCKS_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak {

struct RocksOptions {
  std::string path;               // the folder; made when its parent exists and create_if_missing is set
  bool create_if_missing = true;  // false: an empty or absent folder is kNotFound instead of a new, empty store

  // Read cache shared by both halves, indexes and filters included. Together with write buffers the engine stays near
  // block_cache_bytes + 2 * chunk_write_buffer_bytes + 40 MiB.
  size_t block_cache_bytes = size_t{48} << 20;
  size_t chunk_write_buffer_bytes = size_t{24} << 20;

  // Chunks bypass the page cache where the file system can; false: never.
  bool direct_io = true;

  // Refuse with kResourceExhausted before the volume has less than this left. The commit reserve is the smaller one, so
  // that incidents can still be contained on a volume that snapshots have filled.
  uint64_t chunk_reserve_bytes = uint64_t{512} << 20;
  uint64_t commit_reserve_bytes = uint64_t{64} << 20;
};

// Thread-safe. The ports live as long as the store. Destruction closes the files; chunks not synced by then may be
// gone.
class RocksStore {
 public:
  virtual ~RocksStore() = default;

  virtual MetaStore& meta() = 0;
  virtual ChunkStore& chunks() = 0;

  // Free bytes of the volume the folder is on.
  virtual absl::StatusOr<uint64_t> FreeBytes() const = 0;

  // Gives the space of deleted chunks back to the volume by rewriting the files they were in. Blocks, may take minutes;
  // reads and writes go on. For garbage collection after ChunkStore::Delete.
  virtual absl::Status ReclaimChunkSpace() = 0;

  // A store of its own at `folder` (which must not exist, on the same volume): one consistent cut of what is durable when it
  // returns, made while reads and writes go on. Files that never change again are shared with this store by hard links, so it
  // costs little time and space. Records are cut first: every chunk they name is in it, unless chunks are deleted meanwhile,
  // so keep garbage collection away. On failure nothing is left. For backups.
  virtual absl::Status Cut(const std::string& folder) = 0;
};

// kFailedPrecondition: another process (or this one) has the folder open, or it was written by a newer firebreakd.
// kDataLoss: its content cannot be read. kNotFound: there is no store and create_if_missing is false.
absl::StatusOr<std::unique_ptr<RocksStore>> OpenRocksStore(const RocksOptions& options);

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_ROCKSDB_ROCKS_STORE_H_
