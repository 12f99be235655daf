// Files of backups: copied while they are hashed, durable before they get their name.
#ifndef FIREBREAK_SERVICES_BACKUP_FILES_H_
#define FIREBREAK_SERVICES_BACKUP_FILES_H_

#include <filesystem>
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

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_BACKUP_FILES_H_
