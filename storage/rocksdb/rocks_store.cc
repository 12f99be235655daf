#include "firebreak/storage_rocksdb/rocks_store.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "rocksdb/utilities/checkpoint.h"
#include "storage/rocksdb/engine.h"
#include "storage/rocksdb/rocks_chunk_store.h"
#include "storage/rocksdb/rocks_meta_store.h"

namespace firebreak {
namespace {

// Raised by a change that older programs would read wrongly; the rule is in storage/FORMAT.md.
constexpr int kFormatVersion = 2;   // 2: chunks may be packed
constexpr std::string_view kFormatFile = "/FORMAT";
constexpr std::string_view kFormatLine = "firebreak-storage ";

std::string Join(const std::string& path, std::string_view name) { return StrCat(path, name); }

// Held while the folder is open; one holder per folder among all processes.
class FolderLock {
 public:
  static absl::StatusOr<FolderLock> Take(const std::string& path, rocksdb::Env* env) {
    rocksdb::FileLock* lock = nullptr;
    const std::string file = Join(path, "/LOCK");
    const rocksdb::Status status = env->LockFile(file, &lock);
    if (status.ok()) return FolderLock(env, lock);
    const std::string text = status.ToString();
    if (text.find("lock hold by current process") != std::string::npos ||
        text.find("Resource temporarily unavailable") != std::string::npos) {
      return absl::FailedPreconditionError(
          StrCat("folder ", path, " is in use by another firebreakd (next: stop it or choose another folder)"));
    }
    return FromRocks(status, StrCat("lock folder ", path));
  }
  FolderLock(FolderLock&& other) noexcept : env_(other.env_), lock_(std::exchange(other.lock_, nullptr)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock() {
    if (lock_ != nullptr) env_->UnlockFile(lock_).PermitUncheckedError();
  }

 private:
  FolderLock(rocksdb::Env* env, rocksdb::FileLock* lock) : env_(env), lock_(lock) {}
  rocksdb::Env* env_;
  rocksdb::FileLock* lock_;
};

absl::StatusOr<int> CheckFormat(const std::string& path, const std::string& content) {
  int version = 0;
  const bool readable = content.starts_with(kFormatLine) &&
                        absl::SimpleAtoi(content.substr(kFormatLine.size()), &version) && version >= 1;
  if (!readable) {
    return absl::DataLossError(StrCat(path, kFormatFile, " cannot be read (next: restore the folder from a backup)"));
  }
  if (version > kFormatVersion) {
    return absl::FailedPreconditionError(StrCat(
        "folder ", path, " has storage format ", version, ", newer than the ", kFormatVersion,
        " this firebreakd knows (next: run the newer firebreakd, or restore the backup made before the upgrade)"));
  }
  return version;
}

// Whole and durable, or absent: written beside, synced, renamed, and the folder synced.
absl::Status WriteFormat(const std::string& path, rocksdb::Env* env) {
  const std::string file = Join(path, kFormatFile);
  const std::string content = StrCat(kFormatLine, kFormatVersion, "\n");
  RETURN_IF_ERROR(
      FromRocks(rocksdb::WriteStringToFile(env, content, file + ".new", /*should_sync=*/true), "write format"));
  RETURN_IF_ERROR(FromRocks(env->RenameFile(file + ".new", file), "write format"));
  std::unique_ptr<rocksdb::Directory> folder;
  RETURN_IF_ERROR(FromRocks(env->NewDirectory(path, &folder), "write format"));
  return FromRocks(folder->Fsync(), "write format");
}

absl::Status PrepareFolder(const RocksOptions& options, rocksdb::Env* env) {
  std::string content;
  const rocksdb::Status found = rocksdb::ReadFileToString(env, Join(options.path, kFormatFile), &content);
  if (found.ok()) {
    ASSIGN_OR_RETURN(const int version, CheckFormat(options.path, content));
    // Version 1 is read as it is; only a program that does not know packed chunks must be kept out from now on.
    return version == kFormatVersion ? absl::OkStatus() : WriteFormat(options.path, env);
  }
  if (!found.IsNotFound() && !found.IsPathNotFound()) return FromRocks(found, StrCat("open ", options.path));
  if (env->FileExists(Join(options.path, "/meta/CURRENT")).ok()) {
    return absl::DataLossError(
        StrCat("folder ", options.path, " has records but no FORMAT file (next: restore it from a backup)"));
  }
  if (!options.create_if_missing) {
    return absl::NotFoundError(StrCat("folder ", options.path, " holds no store (next: run firebreakd init)"));
  }
  RETURN_IF_ERROR(FromRocks(env->CreateDirIfMissing(Join(options.path, "/meta")), "create store"));
  RETURN_IF_ERROR(FromRocks(env->CreateDirIfMissing(Join(options.path, "/chunks")), "create store"));
  return WriteFormat(options.path, env);
}

absl::Status CutDatabase(rocksdb::DB* database, const std::string& folder) {
  rocksdb::Checkpoint* made = nullptr;
  RETURN_IF_ERROR(FromRocks(rocksdb::Checkpoint::Create(database, &made), "cut"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  return FromRocks(checkpoint->CreateCheckpoint(folder), StrCat("cut ", folder));
}

class OpenedStore final : public RocksStore {
 public:
  OpenedStore(FolderLock lock, SpaceGuard space, std::unique_ptr<RocksMetaStore> meta,
              std::unique_ptr<RocksChunkStore> chunks)
      : lock_(std::move(lock)), space_(std::move(space)), meta_(std::move(meta)), chunks_(std::move(chunks)) {}

  MetaStore& meta() override { return *meta_; }
  ChunkStore& chunks() override { return *chunks_; }
  absl::StatusOr<uint64_t> FreeBytes() const override { return space_.FreeBytes(); }
  absl::Status ReclaimChunkSpace() override { return chunks_->ReclaimSpace(); }
  absl::Status Cut(const std::string& folder) override {
    std::error_code error;
    if (std::filesystem::exists(folder, error)) return absl::AlreadyExistsError(StrCat("cut: ", folder, " exists"));
    absl::Status cut = CutInto(folder);
    if (!cut.ok()) std::filesystem::remove_all(folder, error);
    return cut;
  }

 private:
  absl::Status CutInto(const std::string& folder) {
    std::error_code error;
    std::filesystem::create_directory(folder, error);
    if (error) return absl::UnavailableError(StrCat("cut: make ", folder, ": ", error.message()));
    RETURN_IF_ERROR(CutDatabase(meta_->database(), Join(folder, "/meta")));
    RETURN_IF_ERROR(chunks_->Sync());
    RETURN_IF_ERROR(CutDatabase(chunks_->database(), Join(folder, "/chunks")));
    return WriteFormat(folder, rocksdb::Env::Default());
  }

  const FolderLock lock_;  // first, so that it is given back last
  const SpaceGuard space_;
  const std::unique_ptr<RocksMetaStore> meta_;
  const std::unique_ptr<RocksChunkStore> chunks_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RocksStore>> OpenRocksStoreOn(const RocksOptions& options, rocksdb::Env* env) {
  if (options.path.empty()) return absl::InvalidArgumentError("the data folder's path is empty");
  std::error_code error;
  if (options.create_if_missing) std::filesystem::create_directory(options.path, error);
  if (!std::filesystem::is_directory(options.path, error)) {
    return absl::NotFoundError(StrCat("folder ", options.path, " does not exist (next: run firebreakd init)"));
  }
  ASSIGN_OR_RETURN(FolderLock lock, FolderLock::Take(options.path, env));
  RETURN_IF_ERROR(PrepareFolder(options, env));

  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  auto guard = [&](uint64_t reserve) { return SpaceGuard(env->GetFileSystem(), options.path, reserve); };
  ASSIGN_OR_RETURN(Database meta_database, OpenMetaDatabase(Join(options.path, "/meta"), env, cache));
  ASSIGN_OR_RETURN(std::unique_ptr<RocksMetaStore> meta,
                   RocksMetaStore::Open(std::move(meta_database), guard(options.commit_reserve_bytes)));
  ASSIGN_OR_RETURN(Database chunk_database,
                   OpenChunkDatabase(Join(options.path, "/chunks"), env, cache,
                                     {options.chunk_write_buffer_bytes, options.direct_io}));
  auto chunks = std::make_unique<RocksChunkStore>(std::move(chunk_database), guard(options.chunk_reserve_bytes));
  return std::make_unique<OpenedStore>(std::move(lock), guard(0), std::move(meta), std::move(chunks));
}

absl::StatusOr<std::unique_ptr<RocksStore>> OpenRocksStore(const RocksOptions& options) {
  return OpenRocksStoreOn(options, rocksdb::Env::Default());
}

}  // namespace firebreak
