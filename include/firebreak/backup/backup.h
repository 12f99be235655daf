// Backups as a folder that needs no server to be read, checked or restored:
//
//   firebreak-backup       one line, "firebreak-backup 1"
//   files/ab/<sha256>      contents, each once however many backups hold it
//   backups/<id>.json      one per backup: what it is, and its files with their SHA-256; written last
//
// A backup holds the store and what is public in the data folder. It holds no secret: no key, no token, no credential. Keys
// never change by themselves; keep one sealed copy of DATA/keys apart (runbooks/operating/back-up-and-restore.md).
#ifndef FIREBREAK_BACKUP_BACKUP_H_
#define FIREBREAK_BACKUP_BACKUP_H_

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/store/v1/upkeep.pb.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak {

// Where the files of a backup lie now, and what they are called in it.
struct BackupSource {
  std::filesystem::path from;   // a file, or a folder taken with everything in it; absent = left out
  std::string as;               // "store", "config.yaml"
};

// Adds a backup. Files that the newest backup holds (same path, size, time of change and inode) are not read again; contents
// already there are not written again. Durable when it returns OK; on failure the folder holds the backups it held before, and
// no more bytes than before. kResourceExhausted when the volume cannot take the new bytes; kFailedPrecondition when `folder` is
// something else; kUnavailable while another backup or a prune is at work in it.
absl::StatusOr<v1::Backup> WriteBackup(const std::filesystem::path& folder, v1::Backup backup, const std::vector<BackupSource>& sources);

// Oldest first. kNotFound when `folder` holds no backups; kDataLoss names a list that cannot be read.
absl::StatusOr<std::vector<store::v1::BackupManifest>> ListBackups(const std::filesystem::path& folder);
// By id; empty = the newest.
absl::StatusOr<store::v1::BackupManifest> LoadBackup(const std::filesystem::path& folder, const std::string& id);

// What a prune takes away, or would.
struct PrunedBackups {
  std::vector<v1::Backup> backups;   // oldest first
  uint64_t contents = 0;             // that no backup left needs, also those a broken-off backup or prune left behind
  uint64_t bytes = 0;
};
enum class PruneManner { kDryRun, kRemove };

// Takes away all but the newest `keep` backups (at least one), and contents that none of those needs. Each backup stands by itself:
// what it shares with others stays as long as one of them is left. kFailedPrecondition when a backup to keep lacks a file, so that
// an older one may be all there is; kDataLoss when a list cannot be read, for what it needs is not known; kUnavailable while a
// backup is being made, verified or restored. Broken off at any point, every backup still listed is whole, and a prune later
// finishes.
absl::StatusOr<PrunedBackups> PruneBackups(const std::filesystem::path& folder, size_t keep, PruneManner manner);

// Reads every file of the backup; one sentence for each that is missing or not what it was. Empty = whole.
absl::StatusOr<std::vector<std::string>> VerifyBackup(const std::filesystem::path& folder, const store::v1::BackupManifest& manifest);

// Into `target`, which must be absent or empty (kFailedPrecondition). Every file is checked while it is copied: kDataLoss names
// the first that is damaged. On failure nothing is left in `target`.
absl::Status RestoreBackup(const std::filesystem::path& folder, const store::v1::BackupManifest& manifest,
                           const std::filesystem::path& target);

}  // namespace firebreak

#endif  // FIREBREAK_BACKUP_BACKUP_H_
