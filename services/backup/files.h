// Files of backups: copied while they are hashed, durable before they get their name.
#ifndef FIREBREAK_SERVICES_BACKUP_FILES_H_
#define FIREBREAK_SERVICES_BACKUP_FILES_H_

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/store/v1/upkeep.pb.h"

namespace firebreak {

// Size, time of change, inode; no path, no hash.
absl::StatusOr<store::v1::BackupFile> StatFile(const std::filesystem::path& path);

// 64 hex digits of what was read; `to` empty = only hashed. `to` must not exist; it is synced.
absl::StatusOr<std::string> CopyAndHash(const std::filesystem::path& from, const std::filesystem::path& to);

absl::Status SyncFolder(const std::filesystem::path& folder);
absl::StatusOr<std::string> ReadText(const std::filesystem::path& path);
// Whole and durable, or not there.
absl::Status WriteText(const std::filesystem::path& path, std::string_view text);

absl::Status MakeFolders(const std::filesystem::path& folder);

// Whoever adds or takes away is alone in a folder of backups; readers share it. The kernel lets go when a process ends.
enum class FolderUse { kRead, kChange };
class FolderLock {
 public:
  // Of the file `path`, which exists. kUnavailable when others use it in a way that does not go together with `use`; where the
  // file system knows no locks, only reading is allowed.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::filesystem::path& path, FolderUse use);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_BACKUP_FILES_H_
