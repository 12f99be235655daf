#include "storage/rocksdb/testing/forgetful_file_system.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace firebreak::testing {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

std::string Clean(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

std::string FolderOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

class ForgetfulFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  ForgetfulFile(std::unique_ptr<rocksdb::FSWritableFile> file, ForgetfulFileSystem& disk,
                std::shared_ptr<ForgetfulFileSystem::Extent> extent)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), extent_(std::move(extent)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus begun = disk_.BeginBytes(); !begun.ok()) return begun;
    IOStatus done = target()->Append(data, options, debug);
    if (done.ok()) disk_.Grew(*extent_, data.size());
    return done;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  // Direct writing: whole pages, the last one padded, and written again once it has more. What was synced of it is written
  // again as it was, so it stays synced.
  IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    if (IOStatus begun = disk_.BeginBytes(); !begun.ok()) return begun;
    IOStatus done = target()->PositionedAppend(data, offset, options, debug);
    if (done.ok()) disk_.GrewTo(*extent_, offset + data.size());
    return done;
  }
  IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus begun = disk_.BeginOperation(); !begun.ok()) return begun;
    IOStatus done = target()->Truncate(size, options, debug);
    if (done.ok()) disk_.Shrank(*extent_, size);
    return done;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus begun = disk_.BeginOperation(); !begun.ok()) return begun;
    IOStatus done = target()->Flush(options, debug);
    if (done.ok()) disk_.Synced(*extent_);
    return done;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }
  // Promises nothing (sync_file_range(2)), so nothing is remembered.
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  ForgetfulFileSystem& disk_;
  const std::shared_ptr<ForgetfulFileSystem::Extent> extent_;
};

class ForgetfulFolder final : public rocksdb::FSDirectoryWrapper {
 public:
  ForgetfulFolder(std::unique_ptr<rocksdb::FSDirectory> folder, ForgetfulFileSystem& disk, std::string path)
      : FSDirectoryWrapper(std::move(folder)), disk_(disk), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    if (IOStatus begun = disk_.BeginOperation(); !begun.ok()) return begun;
    disk_.FolderSynced(path_);
    return IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  ForgetfulFileSystem& disk_;
  const std::string path_;
};

}  // namespace

ForgetfulFileSystem::ForgetfulFileSystem(std::string graveyard)
    : FileSystemWrapper(rocksdb::FileSystem::Default()), graveyard_(std::move(graveyard)) {}

IOStatus ForgetfulFileSystem::BeginOperation() {
  absl::MutexLock lock(&mutex_);
  ++operations_;
  if (cut_at_ && operations_ >= *cut_at_) off_ = true;
  return off_ ? IOStatus::IOError("the power is off") : IOStatus::OK();
}

IOStatus ForgetfulFileSystem::BeginBytes() {
  if (IOStatus begun = BeginOperation(); !begun.ok()) return begun;
  absl::MutexLock lock(&mutex_);
  return full_ ? IOStatus::NoSpace("the disk is full") : IOStatus::OK();
}

void ForgetfulFileSystem::Grew(Extent& extent, uint64_t bytes) {
  absl::MutexLock lock(&mutex_);
  extent.size += bytes;
}

void ForgetfulFileSystem::GrewTo(Extent& extent, uint64_t size) {
  absl::MutexLock lock(&mutex_);
  extent.size = std::max(extent.size, size);
}

void ForgetfulFileSystem::Shrank(Extent& extent, uint64_t size) {
  absl::MutexLock lock(&mutex_);
  extent.size = size;
  extent.synced = std::min(extent.synced, size);
}

void ForgetfulFileSystem::Synced(Extent& extent) {
  absl::MutexLock lock(&mutex_);
  if (!lies_) extent.synced = extent.size;
}

void ForgetfulFileSystem::FolderSynced(const std::string& folder) {
  absl::MutexLock lock(&mutex_);
  if (lies_) return;
  std::vector<Entry> rest;
  for (Entry& entry : unsynced_) {
    if (entry.folder != folder) {
      rest.push_back(std::move(entry));
    } else if (!entry.buried.empty()) {
      std::filesystem::remove(entry.buried);
    }
  }
  unsynced_ = std::move(rest);
}

IOStatus ForgetfulFileSystem::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  if (IOStatus begun = BeginBytes(); !begun.ok()) return begun;
  absl::MutexLock lock(&mutex_);
  const std::string name = Clean(path);
  if (std::filesystem::exists(name)) {  // emptied by opening: as if deleted first
    Entry gone{.kind = EntryKind::kDeleted, .folder = FolderOf(name), .path = name};
    if (IOStatus buried = Bury(name, gone); !buried.ok()) return buried;
    unsynced_.push_back(std::move(gone));
  }
  std::unique_ptr<rocksdb::FSWritableFile> real;
  if (IOStatus made = target()->NewWritableFile(path, options, &real, debug); !made.ok()) return made;
  auto extent = std::make_shared<Extent>();
  extents_[name] = extent;
  unsynced_.push_back({.kind = EntryKind::kCreated, .folder = FolderOf(name), .path = name});
  *file = std::make_unique<ForgetfulFile>(std::move(real), *this, std::move(extent));
  return IOStatus::OK();
}

IOStatus ForgetfulFileSystem::ReopenWritableFile(const std::string&, const rocksdb::FileOptions&,
                                                 std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) {
  return IOStatus::NotSupported("forgetful files are not reopened for writing");
}

IOStatus ForgetfulFileSystem::ReuseWritableFile(const std::string&, const std::string&, const rocksdb::FileOptions&,
                                                std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) {
  return IOStatus::NotSupported("forgetful files are not reused");
}

IOStatus ForgetfulFileSystem::NewRandomRWFile(const std::string&, const rocksdb::FileOptions&,
                                              std::unique_ptr<rocksdb::FSRandomRWFile>*, IODebugContext*) {
  return IOStatus::NotSupported("forgetful files are appended to only");
}

IOStatus ForgetfulFileSystem::LinkFile(const std::string&, const std::string&, const IOOptions&, IODebugContext*) {
  return IOStatus::NotSupported("forgetful files have one name");
}

IOStatus ForgetfulFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                           std::unique_ptr<rocksdb::FSDirectory>* folder, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> real;
  if (IOStatus opened = target()->NewDirectory(path, options, &real, debug); !opened.ok()) return opened;
  *folder = std::make_unique<ForgetfulFolder>(std::move(real), *this, Clean(path));
  return IOStatus::OK();
}

IOStatus ForgetfulFileSystem::DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) {
  if (IOStatus begun = BeginOperation(); !begun.ok()) return begun;
  absl::MutexLock lock(&mutex_);
  const std::string name = Clean(path);
  Entry gone{.kind = EntryKind::kDeleted, .folder = FolderOf(name), .path = name};
  if (IOStatus buried = Bury(name, gone); !buried.ok()) return buried;
  unsynced_.push_back(std::move(gone));
  return IOStatus::OK();
}

IOStatus ForgetfulFileSystem::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                         IODebugContext* debug) {
  if (IOStatus begun = BeginOperation(); !begun.ok()) return begun;
  absl::MutexLock lock(&mutex_);
  Entry renamed{.kind = EntryKind::kRenamed, .folder = FolderOf(Clean(to)), .path = Clean(to), .old_path = Clean(from)};
  if (std::filesystem::exists(renamed.path)) {
    if (IOStatus buried = Bury(renamed.path, renamed); !buried.ok()) return buried;
  }
  if (IOStatus done = target()->RenameFile(from, to, options, debug); !done.ok()) return done;
  if (SharedExtent extent = TakeExtent(renamed.old_path)) extents_[renamed.path] = std::move(extent);
  unsynced_.push_back(std::move(renamed));
  return IOStatus::OK();
}

IOStatus ForgetfulFileSystem::GetFreeSpace(const std::string& path, const IOOptions& options, uint64_t* free,
                                           IODebugContext* debug) {
  {
    absl::MutexLock lock(&mutex_);
    if (free_) {
      *free = *free_;
      return IOStatus::OK();
    }
  }
  return target()->GetFreeSpace(path, options, free, debug);
}

IOStatus ForgetfulFileSystem::Bury(const std::string& path, Entry& entry) {
  std::string grave = graveyard_ + "/" + std::to_string(++graves_);
  if (IOStatus moved = target()->RenameFile(path, grave, IOOptions(), nullptr); !moved.ok()) return moved;
  entry.buried = std::move(grave);
  entry.buried_extent = TakeExtent(path);
  return IOStatus::OK();
}

ForgetfulFileSystem::SharedExtent ForgetfulFileSystem::TakeExtent(const std::string& path) {
  auto node = extents_.extract(path);
  return node.empty() ? nullptr : std::move(node.mapped());
}

}  // namespace firebreak::testing
