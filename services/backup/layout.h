// Where things lie in a folder of backups; see include/firebreak/backup/backup.h.
#ifndef FIREBREAK_SERVICES_BACKUP_LAYOUT_H_
#define FIREBREAK_SERVICES_BACKUP_LAYOUT_H_

#include <filesystem>
#include <string>

namespace firebreak {

inline std::filesystem::path FormatPath(const std::filesystem::path& folder) { return folder / "firebreak-backup"; }
inline std::filesystem::path ContentPath(const std::filesystem::path& folder, const std::string& sha256) {
  return folder / "files" / sha256.substr(0, 2) / sha256;
}
inline std::filesystem::path ListPath(const std::filesystem::path& folder, const std::string& id) {
  return folder / "backups" / (id + ".json");
}

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_BACKUP_LAYOUT_H_
