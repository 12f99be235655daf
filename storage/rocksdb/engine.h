// What the halves of the RocksDB engine share: opening on a given Env, status mapping, and the memory of a failed
// write.
#ifndef FIREBREAK_STORAGE_ROCKSDB_ENGINE_H_
#define FIREBREAK_STORAGE_ROCKSDB_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/storage_rocksdb/rocks_store.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/listener.h"

namespace firebreak {

// OpenRocksStore on another file system; the way tests put faults under the engine. `env` outlives the store.
absl::StatusOr<std::unique_ptr<RocksStore>> OpenRocksStoreOn(const RocksOptions& options, rocksdb::Env* env);

// kNoSpace → kResourceExhausted, corruption → kDataLoss, other disk errors → kUnavailable; the message names `doing`
// and the next step. Never returned as the outcome of a commit, whose promises are narrower.
absl::Status FromRocks(const rocksdb::Status& status, std::string_view doing);

// Remembers the first error that ended a database's ability to write. Thread-safe.
class WriteFailure final : public rocksdb::EventListener {
 public:
  // OK while writes may go on; afterwards kFailedPrecondition naming the cause.
  absl::Status Check(std::string_view doing) const;
  void Remember(const rocksdb::Status& cause);

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error, bool* auto_recovery) override;

 private:
  mutable absl::Mutex mutex_;
  std::string cause_ ABSL_GUARDED_BY(mutex_);
};

// Refuses writes that would leave the volume with less than `reserve_bytes`. Thread-safe.
class SpaceGuard {
 public:
  SpaceGuard(std::shared_ptr<rocksdb::FileSystem> files, std::string path, uint64_t reserve_bytes)
      : files_(std::move(files)), path_(std::move(path)), reserve_bytes_(reserve_bytes) {}
  // kResourceExhausted names the folder and the numbers.
  absl::Status Check(uint64_t write_bytes) const;
  absl::StatusOr<uint64_t> FreeBytes() const;

 private:
  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string path_;
  const uint64_t reserve_bytes_;
};

// One open database with its column families, closed in the right order.
struct Database {
  Database() = default;
  Database(Database&& other) = default;
  Database& operator=(Database&& other) = delete;
  ~Database();

  std::shared_ptr<WriteFailure> failure;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // in the order they were asked for
};

// Options for, and opening of, the two databases of a store.
absl::StatusOr<Database> OpenMetaDatabase(const std::string& path, rocksdb::Env* env,
                                          const std::shared_ptr<rocksdb::Cache>& cache);
struct ChunkDatabaseOptions {
  size_t write_buffer_bytes = 0;
  bool direct_io = true;   // where the file system can
};
absl::StatusOr<Database> OpenChunkDatabase(const std::string& path, rocksdb::Env* env,
                                           const std::shared_ptr<rocksdb::Cache>& cache,
                                           const ChunkDatabaseOptions& given);

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_ROCKSDB_ENGINE_H_
