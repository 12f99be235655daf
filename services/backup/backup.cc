#include "firebreak/backup/backup.h"

#include <algorithm>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/manifest.h"
#include "services/backup/files.h"
#include "services/backup/layout.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatLine = "firebreak-backup 1\n";
constexpr uint64_t kReserveBytes = uint64_t{64} << 20;   // left free on the volume of the backups
constexpr size_t kIdBytesMax = 64;

struct Source {
  fs::path from;
  store::v1::BackupFile file;   // without hash
};

absl::Status CheckId(const std::string& id) {
  const bool plain = std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
  if (!id.empty() && id.size() <= kIdBytesMax && plain) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("backup ", id, ": that is no id of a backup"));
}

absl::Status NotReadable(const fs::path& path, std::string_view why) {
  return absl::DataLossError(StrCat(path.string(), ": ", why));
}

absl::Status Prepare(const fs::path& folder) {
  std::error_code error;
  const fs::path format = FormatPath(folder);
  if (fs::exists(format, error)) {
    ASSIGN_OR_RETURN(const std::string line, ReadText(format));
    if (line == kFormatLine) return absl::OkStatus();
    return absl::FailedPreconditionError(StrCat(folder.string(), " was written by a newer firebreak (next: use that one)"));
  }
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return absl::FailedPreconditionError(StrCat(folder.string(), " is not empty and holds no backups (next: name an empty folder)"));
  }
  RETURN_IF_ERROR(MakeFolders(folder / "files"));
  RETURN_IF_ERROR(MakeFolders(folder / "backups"));
  return WriteText(format, kFormatLine);
}

absl::StatusOr<std::vector<Source>> Collect(const std::vector<BackupSource>& wanted) {
  std::vector<Source> sources;
  std::error_code error;
  for (const BackupSource& one : wanted) {
    if (!fs::exists(one.from, error)) continue;
    std::vector<std::pair<fs::path, std::string>> found;
    if (fs::is_directory(one.from, error)) {
      for (fs::recursive_directory_iterator it(one.from, error), end; it != end && !error; it.increment(error)) {
        if (it->is_regular_file(error)) found.emplace_back(it->path(), StrCat(one.as, "/", it->path().lexically_relative(one.from).generic_string()));
      }
      if (error) return absl::UnavailableError(StrCat("list ", one.from.string(), ": ", error.message()));
    } else {
      found.emplace_back(one.from, one.as);
    }
    for (auto& [from, as] : found) {
      ASSIGN_OR_RETURN(store::v1::BackupFile file, StatFile(from));
      file.set_path(as);
      sources.push_back({from, std::move(file)});
    }
  }
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.file.path() < b.file.path(); });
  return sources;
}

bool SameFile(const store::v1::BackupFile& a, const store::v1::BackupFile& b) {
  return a.size_bytes() == b.size_bytes() && a.modified_ns() == b.modified_ns() && a.inode() == b.inode() && a.device() == b.device();
}

absl::Status CheckSpace(const fs::path& folder, uint64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) return absl::UnavailableError(StrCat("free space of ", folder.string(), ": ", error.message()));
  if (space.available >= bytes + kReserveBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(StrCat("volume of ", folder.string(), " has ", space.available >> 20, " MiB free; this backup needs ",
                                             bytes >> 20, " MiB and a reserve of ", kReserveBytes >> 20,
                                             " MiB (next: free space on it, or back up elsewhere)"));
}

// What a backup brought in so far: taken away again unless it is finished, for on a full volume every byte counts.
class Incoming {
 public:
  explicit Incoming(fs::path folder) : folder_(std::move(folder)) {}
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming() {
    std::error_code error;
    fs::remove(fresh(), error);
    if (finished_) return;
    for (const fs::path& content : contents_) fs::remove(content, error);
  }
  fs::path fresh() const { return folder_ / "files" / "incoming"; }
  void Add(fs::path content) { contents_.push_back(std::move(content)); }
  void Finish() { finished_ = true; }

 private:
  const fs::path folder_;
  std::vector<fs::path> contents_;
  bool finished_ = false;
};

// Hashes while copying; a content that is there already is not kept twice.
absl::StatusOr<std::string> Take(const fs::path& folder, const fs::path& from, Incoming& incoming, uint64_t* bytes_written) {
  std::error_code error;
  const fs::path fresh = incoming.fresh();
  fs::remove(fresh, error);
  ASSIGN_OR_RETURN(std::string sha256, CopyAndHash(from, fresh));
  const fs::path to = ContentPath(folder, sha256);
  if (fs::exists(to, error)) {
    fs::remove(fresh, error);
    return sha256;
  }
  *bytes_written += fs::file_size(fresh, error);
  RETURN_IF_ERROR(MakeFolders(to.parent_path()));
  incoming.Add(to);
  fs::rename(fresh, to, error);
  if (error) return absl::UnavailableError(StrCat("keep ", to.string(), ": ", error.message()));
  RETURN_IF_ERROR(SyncFolder(to.parent_path()));
  return sha256;
}

}  // namespace

absl::StatusOr<std::vector<store::v1::BackupManifest>> ListBackups(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(FormatPath(folder), error)) {
    return absl::NotFoundError(StrCat(folder.string(), " holds no backups"));
  }
  std::vector<store::v1::BackupManifest> backups;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder / "backups", error)) {
    if (entry.path().extension() != ".json") continue;
    ASSIGN_OR_RETURN(const std::string json, ReadText(entry.path()));
    store::v1::BackupManifest manifest;
    if (const absl::Status read = JsonToMessage(json, manifest); !read.ok()) return NotReadable(entry.path(), MessageOf(read));
    backups.push_back(std::move(manifest));
  }
  if (error) return absl::UnavailableError(StrCat("list ", folder.string(), ": ", error.message()));
  std::sort(backups.begin(), backups.end(), [](const auto& a, const auto& b) { return a.backup().id() < b.backup().id(); });
  return backups;
}

absl::StatusOr<store::v1::BackupManifest> LoadBackup(const fs::path& folder, const std::string& id) {
  if (!id.empty()) RETURN_IF_ERROR(CheckId(id));
  ASSIGN_OR_RETURN(std::vector<store::v1::BackupManifest> backups, ListBackups(folder));
  if (backups.empty()) return absl::NotFoundError(StrCat(folder.string(), " holds no finished backup"));
  if (id.empty()) return std::move(backups.back());
  for (store::v1::BackupManifest& backup : backups) {
    if (backup.backup().id() == id) return std::move(backup);
  }
  return absl::NotFoundError(StrCat("backup ", id, " is not in ", folder.string(), " (next: firebreak backup list shows what is)"));
}

absl::StatusOr<v1::Backup> WriteBackup(const fs::path& folder, v1::Backup backup, const std::vector<BackupSource>& wanted) {
  RETURN_IF_ERROR(CheckId(backup.id()));
  RETURN_IF_ERROR(Prepare(folder));
  ASSIGN_OR_RETURN(const std::unique_ptr<FolderLock> lock, FolderLock::Take(FormatPath(folder), FolderUse::kChange));
  ASSIGN_OR_RETURN(const std::vector<store::v1::BackupManifest> before, ListBackups(folder));
  std::map<std::string, store::v1::BackupFile> known;
  if (!before.empty()) {
    for (const store::v1::BackupFile& file : before.back().files()) known[file.path()] = file;
  }
  ASSIGN_OR_RETURN(std::vector<Source> sources, Collect(wanted));
  std::error_code error;
  uint64_t bytes_new = 0;
  for (Source& source : sources) {
    auto earlier = known.find(source.file.path());
    const bool same = earlier != known.end() && SameFile(earlier->second, source.file);
    if (same && fs::exists(ContentPath(folder, earlier->second.sha256()), error)) source.file.set_sha256(earlier->second.sha256());
    if (source.file.sha256().empty()) bytes_new += source.file.size_bytes();
  }
  RETURN_IF_ERROR(CheckSpace(folder, bytes_new));
  store::v1::BackupManifest manifest;
  Incoming incoming(folder);
  uint64_t bytes_written = 0;
  uint64_t bytes = 0;
  for (Source& source : sources) {
    if (source.file.sha256().empty()) {
      ASSIGN_OR_RETURN(std::string sha256, Take(folder, source.from, incoming, &bytes_written));
      source.file.set_sha256(std::move(sha256));
    }
    bytes += source.file.size_bytes();
    *manifest.add_files() = std::move(source.file);
  }
  RETURN_IF_ERROR(SyncFolder(folder / "files"));
  backup.set_files(static_cast<uint64_t>(manifest.files_size()));
  backup.set_bytes(bytes);
  backup.set_bytes_written(bytes_written);
  *manifest.mutable_backup() = backup;
  if (fs::exists(ListPath(folder, backup.id()), error)) return absl::AlreadyExistsError(StrCat("backup ", backup.id(), " exists"));
  const absl::Status listed = WriteText(ListPath(folder, backup.id()), MessageToJson(manifest));
  // The list may be there although its folder could not be made durable: then what it names stays.
  if (listed.ok() || fs::exists(ListPath(folder, backup.id()), error)) incoming.Finish();
  if (!listed.ok()) return listed;
  return backup;
}

absl::StatusOr<std::vector<std::string>> VerifyBackup(const fs::path& folder, const store::v1::BackupManifest& manifest) {
  ASSIGN_OR_RETURN(const std::unique_ptr<FolderLock> lock, FolderLock::Take(FormatPath(folder), FolderUse::kRead));
  std::vector<std::string> findings;
  for (const store::v1::BackupFile& file : manifest.files()) {
    const absl::StatusOr<std::string> found = CopyAndHash(ContentPath(folder, file.sha256()), {});
    if (!found.ok()) {
      findings.push_back(StrCat(file.path(), ": ", MessageOf(found.status())));
    } else if (*found != file.sha256()) {
      findings.push_back(StrCat(file.path(), ": its bytes are not those that were backed up"));
    }
  }
  return findings;
}

absl::Status RestoreBackup(const fs::path& folder, const store::v1::BackupManifest& manifest, const fs::path& target) {
  std::error_code error;
  if (fs::exists(target, error) && !fs::is_empty(target, error)) {
    return absl::FailedPreconditionError(StrCat(target.string(), " is not empty (next: name an empty folder)"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<FolderLock> lock, FolderLock::Take(FormatPath(folder), FolderUse::kRead));
  RETURN_IF_ERROR(MakeFolders(target));
  fs::permissions(target, fs::perms::owner_all, error);
  uint64_t bytes = 0;
  for (const store::v1::BackupFile& file : manifest.files()) bytes += file.size_bytes();
  absl::Status restored = CheckSpace(target, bytes);
  for (const store::v1::BackupFile& file : manifest.files()) {
    if (!restored.ok()) break;
    restored = CheckPath(file.path());
    const fs::path to = target / file.path();
    if (restored.ok()) restored = MakeFolders(to.parent_path());
    if (!restored.ok()) break;
    const absl::StatusOr<std::string> copied = CopyAndHash(ContentPath(folder, file.sha256()), to);
    restored = copied.status();
    if (copied.ok() && *copied != file.sha256()) restored = absl::DataLossError("its bytes are not those that were backed up");
    if (!restored.ok()) restored = Annotate(restored, StrCat("restore ", file.path()));
    if (restored.ok()) restored = SyncFolder(to.parent_path());
  }
  if (restored.ok()) return SyncFolder(target);
  for (const fs::directory_entry& entry : fs::directory_iterator(target, error)) fs::remove_all(entry.path(), error);
  return restored;
}

}  // namespace firebreak
