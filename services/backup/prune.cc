// PruneBackups: lists go first, then what no list names any more. In the other order a crash would leave a backup listed that is
// no longer whole.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "firebreak/backup/backup.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "services/backup/files.h"
#include "services/backup/layout.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
using Manifests = std::vector<store::v1::BackupManifest>;

struct Content {
  fs::path path;
  uint64_t bytes = 0;
};

bool IsContentName(const std::string& name) {
  return name.size() == 64 && std::all_of(name.begin(), name.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// What the backups to keep need; every one of it is there, with its size.
absl::StatusOr<std::set<std::string>> NeededBy(const fs::path& folder, const Manifests& backups, size_t from) {
  std::set<std::string> needed;
  for (size_t i = from; i < backups.size(); ++i) {
    for (const store::v1::BackupFile& file : backups[i].files()) {
      if (!IsContentName(file.sha256())) return absl::DataLossError(StrCat("backup ", backups[i].backup().id(), ": no content is named for ", file.path()));
      std::error_code error;
      const uint64_t size = fs::file_size(ContentPath(folder, file.sha256()), error);
      if (error || size != file.size_bytes()) {
        return absl::FailedPreconditionError(StrCat("backup ", backups[i].backup().id(), ", which is to be kept, is not whole: ", file.path(),
                                                    error ? " is missing" : " has another size", ", so nothing was removed",
                                                    " (next: make a new backup, then prune)"));
      }
      needed.insert(file.sha256());
    }
  }
  return needed;
}

// Contents nobody needs; what has another name than a content is not ours to judge.
absl::StatusOr<std::vector<Content>> NeededByNone(const fs::path& folder, const std::set<std::string>& needed) {
  std::vector<Content> unneeded;
  std::error_code error;
  fs::directory_iterator prefixes(folder / "files", error);
  for (; !error && prefixes != fs::directory_iterator(); prefixes.increment(error)) {
    if (!prefixes->is_directory(error) || prefixes->is_symlink(error)) continue;
    const std::string prefix = prefixes->path().filename().string();
    fs::directory_iterator contents(prefixes->path(), error);
    for (; !error && contents != fs::directory_iterator(); contents.increment(error)) {
      const std::string name = contents->path().filename().string();
      if (!IsContentName(name) || !name.starts_with(prefix) || prefix.size() != 2 || needed.contains(name)) continue;
      unneeded.push_back({contents->path(), contents->file_size(error)});
      if (error) break;
    }
    if (error) break;
  }
  if (error) return absl::UnavailableError(StrCat("list ", folder.string(), ": ", error.message()));
  return unneeded;
}

absl::Status Remove(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  return error ? absl::UnavailableError(StrCat("remove ", path.string(), ": ", error.message())) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<PrunedBackups> PruneBackups(const fs::path& folder, size_t keep, PruneManner manner) {
  if (keep == 0) return absl::InvalidArgumentError("at least one backup is kept");
  RETURN_IF_ERROR(ListBackups(folder).status());   // before a lock is looked for where no backups are
  ASSIGN_OR_RETURN(const std::unique_ptr<FolderLock> lock, FolderLock::Take(FormatPath(folder), FolderUse::kChange));
  ASSIGN_OR_RETURN(const Manifests backups, ListBackups(folder));
  if (backups.empty()) return absl::NotFoundError(StrCat(folder.string(), " holds no finished backup"));
  const size_t drop = backups.size() > keep ? backups.size() - keep : 0;
  ASSIGN_OR_RETURN(const std::set<std::string> needed, NeededBy(folder, backups, drop));
  ASSIGN_OR_RETURN(const std::vector<Content> unneeded, NeededByNone(folder, needed));
  PrunedBackups pruned;
  for (size_t i = 0; i < drop; ++i) pruned.backups.push_back(backups[i].backup());
  pruned.contents = unneeded.size();
  for (const Content& content : unneeded) pruned.bytes += content.bytes;
  if (manner == PruneManner::kDryRun) return pruned;
  for (const v1::Backup& backup : pruned.backups) RETURN_IF_ERROR(Remove(ListPath(folder, backup.id())));
  if (drop > 0) RETURN_IF_ERROR(SyncFolder(folder / "backups"));
  for (const Content& content : unneeded) RETURN_IF_ERROR(Remove(content.path));
  return pruned;
}

}  // namespace firebreak
