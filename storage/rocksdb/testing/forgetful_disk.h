// A disk for tests that keeps only what was synced: when its power is cut, unsynced bytes and unsynced directory
// entries are forgotten, as POSIX allows. It can also fill up, report little free space, and lie about syncs.
#ifndef FIREBREAK_STORAGE_ROCKSDB_TESTING_FORGETFUL_DISK_H_
#define FIREBREAK_STORAGE_ROCKSDB_TESTING_FORGETFUL_DISK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "firebreak/storage_rocksdb/rocks_store.h"

namespace rocksdb {
class Env;
}

namespace firebreak::testing {

class ForgetfulFileSystem;

// Thread-safe, except Restore. Outlives the stores opened on it; one at a time.
class ForgetfulDisk {
 public:
  // Keeps its files in `folder`, which exists and is used by nobody else.
  explicit ForgetfulDisk(std::string folder);
  ~ForgetfulDisk();

  // Opens the store of this disk; options.path is set here.
  absl::StatusOr<std::unique_ptr<RocksStore>> Open(RocksOptions options);

  // The power fails at the n-th write operation from now (1 = the next).
  void CutPowerAfter(uint64_t operations);
  bool off() const;
  uint64_t operations() const;

  // Power comes back after a cut (now, if there was none); the store must be closed. What was not synced is kept or
  // forgotten as `seed` decides: bytes from any point on, log bytes also torn, directory changes from any point on.
  void Restore(uint64_t seed);

  void LieAboutSync();  // from now on syncs answer OK and do nothing
  void FillUp();        // every write of bytes fails with "no space"
  void MakeRoom();
  void ReportFreeBytes(uint64_t free);  // instead of the true number

 private:
  const std::string folder_;
  const std::shared_ptr<ForgetfulFileSystem> files_;
  const std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_STORAGE_ROCKSDB_TESTING_FORGETFUL_DISK_H_
