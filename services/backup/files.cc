#include "services/backup/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"

namespace firebreak {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr size_t kTextBytesMax = size_t{256} << 20;

absl::Status FromErrno(const std::filesystem::path& path) {
  const int error = errno;
  if (error == ENOSPC) {
    return absl::ResourceExhaustedError(StrCat(path.string(), ": the volume is full (next: free space on it or choose another)"));
  }
  return absl::ErrnoToStatus(error, ToAbsl(path.string()));
}

class File {
 public:
  File(const std::filesystem::path& path, int flags, mode_t mode = 0600) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAll(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FromErrno(path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Calls `take` for each piece until the end.
template <typename Take>
absl::Status ReadAll(const std::filesystem::path& path, Take take) {
  File file(path, O_RDONLY);
  if (file.fd() < 0) return FromErrno(path);
  std::string piece(kPieceBytes, '\0');
  while (true) {
    const ssize_t got = ::read(file.fd(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FromErrno(path);
    if (got == 0) return absl::OkStatus();
    RETURN_IF_ERROR(take(std::string_view(piece.data(), static_cast<size_t>(got))));
  }
}

}  // namespace

absl::StatusOr<store::v1::BackupFile> StatFile(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return FromErrno(path);
  store::v1::BackupFile file;
  file.set_size_bytes(static_cast<uint64_t>(found.st_size));
  file.set_modified_ns(int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec);
  file.set_inode(found.st_ino);
  file.set_device(found.st_dev);
  return file;
}

absl::StatusOr<std::string> CopyAndHash(const std::filesystem::path& from, const std::filesystem::path& to) {
  Sha256Stream stream;
  if (to.empty()) {
    RETURN_IF_ERROR(ReadAll(from, [&](std::string_view piece) {
      stream.Update(piece);
      return absl::OkStatus();
    }));
    return ToHex(stream.Finish().raw());
  }
  File out(to, O_WRONLY | O_CREAT | O_EXCL);
  if (out.fd() < 0) return FromErrno(to);
  RETURN_IF_ERROR(ReadAll(from, [&](std::string_view piece) {
    stream.Update(piece);
    return WriteAll(out.fd(), piece, to);
  }));
  if (::fsync(out.fd()) != 0) return FromErrno(to);
  return ToHex(stream.Finish().raw());
}

absl::Status SyncFolder(const std::filesystem::path& folder) {
  File opened(folder, O_RDONLY | O_DIRECTORY);
  if (opened.fd() < 0 || ::fsync(opened.fd()) != 0) return FromErrno(folder);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadText(const std::filesystem::path& path) {
  std::string text;
  RETURN_IF_ERROR(ReadAll(path, [&](std::string_view piece) -> absl::Status {
    text.append(piece);
    if (text.size() > kTextBytesMax) return absl::DataLossError(StrCat(path.string(), ": larger than any such file"));
    return absl::OkStatus();
  }));
  return text;
}

absl::Status WriteText(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::path fresh = path;
  fresh += ".new";
  ::unlink(fresh.c_str());
  {
    File out(fresh, O_WRONLY | O_CREAT | O_EXCL);
    if (out.fd() < 0) return FromErrno(fresh);
    RETURN_IF_ERROR(WriteAll(out.fd(), text, fresh));
    if (::fsync(out.fd()) != 0) return FromErrno(fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return FromErrno(path);
  return SyncFolder(path.parent_path());
}

absl::Status MakeFolders(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::UnavailableError(StrCat("make folder ", folder.string(), ": ", error.message()));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Take(const std::filesystem::path& path, FolderUse use) {
  // A folder to restore from may lie on a medium that cannot be written.
  const int fd = ::open(path.c_str(), (use == FolderUse::kChange ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (fd < 0) return FromErrno(path);
  std::unique_ptr<FolderLock> lock(new FolderLock(fd));
  if (::flock(fd, (use == FolderUse::kChange ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return absl::UnavailableError(StrCat(path.parent_path().string(), " is in use: a backup is being made, read or pruned there",
                                         " (next: wait until that is done)"));
  }
  if (use == FolderUse::kRead) return lock;
  return FromErrno(path);
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace firebreak
