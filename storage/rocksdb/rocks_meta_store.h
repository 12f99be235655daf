// MetaStore on one RocksDB database: every commit is one write batch, synced in its log.
#ifndef FIREBREAK_STORAGE_ROCKSDB_ROCKS_META_STORE_H_
#define FIREBREAK_STORAGE_ROCKSDB_ROCKS_META_STORE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/storage/meta_store.h"
#include "storage/rocksdb/engine.h"

namespace firebreak {

// Thread-safe. Values are stored behind 8 bytes of revision; the last revision is a key of the family "system".
class RocksMetaStore final : public MetaStore {
 public:
  // Takes the database over. kDataLoss when its last revision cannot be read.
  static absl::StatusOr<std::unique_ptr<RocksMetaStore>> Open(Database database, SpaceGuard space);

  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override;
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after,
                                             size_t limit) const override;
  absl::StatusOr<uint64_t> Commit(const Change& change) override;
  Limits limits() const override;
  rocksdb::DB* database() { return database_.db.get(); }

 private:
  RocksMetaStore(Database database, SpaceGuard space, uint64_t revision);
  absl::StatusOr<uint64_t> FindRevision(std::string_view key) const;  // 0 = absent
  absl::Status CheckExpectations(const Change& change) const;
  rocksdb::ColumnFamilyHandle* records() const { return database_.families[0]; }
  rocksdb::ColumnFamilyHandle* system() const { return database_.families[1]; }

  Database database_;
  const SpaceGuard space_;

  absl::Mutex commit_mutex_;
  uint64_t revision_ ABSL_GUARDED_BY(commit_mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_ROCKSDB_ROCKS_META_STORE_H_
