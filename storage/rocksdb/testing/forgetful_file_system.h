// The rocksdb::FileSystem under a ForgetfulDisk. Real files hold what a running process sees; beside them stand, per
// file, how many bytes are synced and, per folder, the changes that are not, so that a power cut can be played back on
// the real files.
#ifndef FIREBREAK_STORAGE_ROCKSDB_TESTING_FORGETFUL_FILE_SYSTEM_H_
#define FIREBREAK_STORAGE_ROCKSDB_TESTING_FORGETFUL_FILE_SYSTEM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/file_system.h"

namespace firebreak::testing {

// Thread-safe, except Restore. Syncs never reach the real disk, which makes thousands of commits cheap.
class ForgetfulFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  // Deleted files wait in `graveyard` (an existing folder) until their deletion is durable.
  explicit ForgetfulFileSystem(std::string graveyard);

  struct Extent {
    uint64_t size = 0;
    uint64_t synced = 0;
  };

  // Steps every write goes through; an error means that the operation did not happen.
  rocksdb::IOStatus BeginOperation();
  rocksdb::IOStatus BeginBytes();  // an operation that takes space
  void Grew(Extent& extent, uint64_t bytes);
  void GrewTo(Extent& extent, uint64_t size);
  void Shrank(Extent& extent, uint64_t size);
  void Synced(Extent& extent);
  void FolderSynced(const std::string& folder);

  void CutPowerAfter(uint64_t operations);
  bool off() const;
  uint64_t operations() const;
  void Restore(uint64_t seed);
  void LieAboutSync();
  void SetFull(bool full);
  void ReportFreeBytes(uint64_t free);

  const char* Name() const override { return "ForgetfulFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* folder,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, uint64_t* free,
                                 rocksdb::IODebugContext* debug) override;

 private:
  using SharedExtent = std::shared_ptr<Extent>;
  enum class EntryKind { kCreated, kDeleted, kRenamed };
  // One change of a folder that is not synced yet, with what it takes to undo it.
  struct Entry {
    EntryKind kind;
    std::string folder;
    std::string path;                      // the name that came or went; for a rename the new one
    std::string old_path = {};             // of a rename
    std::string buried = {};               // where the file that went is kept; empty when none went
    SharedExtent buried_extent = nullptr;  // null: wholly synced
  };

  rocksdb::IOStatus Bury(const std::string& path, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SharedExtent TakeExtent(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Undo(const Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetBytes(const std::string& path, const Extent& extent, std::mt19937_64& dice)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string graveyard_;

  mutable absl::Mutex mutex_;
  std::map<std::string, SharedExtent> extents_ ABSL_GUARDED_BY(mutex_);  // files written since the last Restore
  std::vector<Entry> unsynced_ ABSL_GUARDED_BY(mutex_);                  // oldest first
  uint64_t operations_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t graves_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<uint64_t> cut_at_ ABSL_GUARDED_BY(mutex_);
  bool off_ ABSL_GUARDED_BY(mutex_) = false;
  bool lies_ ABSL_GUARDED_BY(mutex_) = false;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<uint64_t> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_STORAGE_ROCKSDB_TESTING_FORGETFUL_FILE_SYSTEM_H_
