#include "clients/transfer/folder_writer.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

absl::Status Errno(std::string_view what) {
  const int error = errno;
  const std::string text = StrCat(what, ": ", std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT: return WithNextStep(absl::ResourceExhaustedError(text), "make room on the disk");
    case ELOOP:
    case ENOTDIR: return absl::FailedPreconditionError(text);
    case EACCES:
    case EPERM:
    case EROFS: return absl::PermissionDeniedError(text);
    case ENOENT: return absl::NotFoundError(text);
    case EEXIST:
    case ENOTEMPTY: return absl::AlreadyExistsError(text);
    default: return absl::UnknownError(text);
  }
}

}  // namespace

OpenFile::~OpenFile() {
  if (fd_ >= 0) ::close(fd_);
}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

absl::Status OpenFile::WriteAt(std::string_view data, uint64_t offset) {
  while (!data.empty()) {
    const ssize_t done = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Errno("write");
    data.remove_prefix(static_cast<size_t>(done));
    offset += static_cast<uint64_t>(done);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> OpenFile::ReadAt(uint64_t offset, size_t size) const {
  std::string data(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(fd_, data.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno("read");
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  data.resize(have);
  return data;
}

absl::Status OpenFile::Truncate(uint64_t size_bytes) {
  if (::ftruncate(fd_, static_cast<off_t>(size_bytes)) != 0) return Errno("set size");
  return absl::OkStatus();
}

bool OpenFile::MakeHole(uint64_t offset, uint64_t bytes) const {
  return ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0;
}

absl::Status OpenFile::Sync() {
  if (::fsync(fd_) != 0) return Errno("sync");
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FolderWriter>> FolderWriter::Open(const fs::path& folder) {
  const bool existed = ::mkdir(folder.c_str(), 0755) != 0;
  if (existed && errno != EEXIST) return Errno(folder.string());
  OpenFile root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root.open()) return Errno(folder.string());
  return std::unique_ptr<FolderWriter>(new FolderWriter(folder, std::move(root), existed));
}

absl::StatusOr<OpenFile> FolderWriter::OpenParent(const std::string& path, std::string* leaf) const {
  OpenFile at(::fcntl(root_.fd(), F_DUPFD_CLOEXEC, 0));
  if (!at.open()) return Errno(folder_.string());
  size_t begin = 0;
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', begin)) {
    const std::string part = path.substr(begin, slash - begin);
    if (::mkdirat(at.fd(), part.c_str(), 0755) != 0 && errno != EEXIST) return Errno(StrCat("folder of '", path, "'"));
    OpenFile next(::openat(at.fd(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.open()) return Errno(StrCat("folder of '", path, "'"));
    at = std::move(next);
    begin = slash + 1;
  }
  *leaf = path.substr(begin);
  return at;
}

absl::StatusOr<OpenFile> FolderWriter::OpenForWriting(const std::string& path) const {
  std::string leaf;
  ASSIGN_OR_RETURN(OpenFile parent, OpenParent(path, &leaf));
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  OpenFile file(::openat(parent.fd(), leaf.c_str(), kFlags, 0644));
  struct stat status {};
  const bool ours = file.open() && ::fstat(file.fd(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
  if (ours) return file;
  // Something else stands here (a symlink, a device, a second name of a file elsewhere): it goes, a new file comes.
  if (::unlinkat(parent.fd(), leaf.c_str(), 0) != 0) return Errno(StrCat("file '", path, "'"));
  OpenFile fresh(::openat(parent.fd(), leaf.c_str(), kFlags | O_EXCL, 0644));
  if (!fresh.open()) return Errno(StrCat("file '", path, "'"));
  return fresh;
}

absl::StatusOr<OpenFile> FolderWriter::OpenForReading(const std::string& path) const {
  std::string leaf;
  ASSIGN_OR_RETURN(OpenFile parent, OpenParent(path, &leaf));
  OpenFile file(::openat(parent.fd(), leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file.open() || ::fstat(file.fd(), &status) != 0 || !S_ISREG(status.st_mode)) return OpenFile();
  return file;
}

// One call for the whole file system: for many small files it costs a fraction of a sync for each.
absl::Status FolderWriter::SyncAll() const {
  if (::syncfs(root_.fd()) != 0) return Errno(StrCat("sync ", folder_.string()));
  return absl::OkStatus();
}

absl::Status FolderWriter::SyncFolders() const {
  auto sync = [](const fs::path& folder) -> absl::Status {
    OpenFile open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!open.open()) return Errno(folder.string());
    return open.Sync();
  };
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    if (fs::is_directory(entry->symlink_status())) RETURN_IF_ERROR(sync(entry->path()));
  }
  if (error) return absl::UnknownError(StrCat(folder_.string(), ": ", error.message()));
  return sync(folder_);
}

absl::Status FolderWriter::CheckHolds(uint64_t files) const {
  std::error_code error;
  uint64_t found = 0;
  for (fs::recursive_directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    const fs::file_status status = entry->symlink_status();
    if (fs::is_directory(status)) continue;
    if (!fs::is_regular_file(status)) {
      return absl::AbortedError(StrCat("'", entry->path().string(), "' appeared beside the pulled files"));
    }
    ++found;
  }
  if (error) return absl::UnknownError(StrCat(folder_.string(), ": ", error.message()));
  if (found != files) {
    return absl::AbortedError(StrCat(folder_.string(), " holds ", found, " files instead of ", files));
  }
  return absl::OkStatus();
}

absl::Status FolderWriter::RenameTo(const fs::path& target) const {
  if (::renameat2(AT_FDCWD, folder_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) {
    // Not every file system knows RENAME_NOREPLACE; a plain rename still refuses a folder that is not empty.
    if (errno != EINVAL || ::rename(folder_.c_str(), target.c_str()) != 0) return Errno(target.string());
  }
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  OpenFile above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above.open()) return Errno(parent.string());
  return above.Sync();
}

void FolderWriter::RemoveAll() const {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace firebreak
