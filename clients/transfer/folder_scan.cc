#include "clients/transfer/folder_scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/signing/oms_stream.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
constexpr size_t kDepthMax = 256;
constexpr size_t kFolderNamesMax = size_t{1} << 30;   // of one folder
constexpr size_t kHashWindowBytes = size_t{256} << 10;   // stays in the cache between reading and hashing
constexpr uint64_t kReadAheadWorthIt = uint64_t{1} << 20;
constexpr std::string_view kDefaultIgnored[] = {".git", ".gitignore", ".gitattributes", ".github", kSignatureFileName};

int64_t ModifiedNs(const struct stat& status) {
  return int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

absl::Status Errno(std::string_view what) {
  const int error = errno;
  const std::string text = StrCat(what, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  return absl::UnknownError(text);
}

}  // namespace

absl::StatusOr<FolderWalk> FolderWalk::Open(const fs::path& folder, const std::vector<std::string>& ignore_paths) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (error) return absl::NotFoundError(StrCat(folder.string(), ": ", error.message()));
  struct stat status {};
  if (::stat(real.c_str(), &status) != 0) return Errno(folder.string());
  FolderWalk walk;
  walk.name_ = real.filename().string();
  walk.ignored_ = ignore_paths;
  for (std::string_view path : kDefaultIgnored) walk.ignored_.emplace_back(path);
  for (std::string& path : walk.ignored_) {
    while (!path.empty() && path.back() == '/') path.pop_back();
  }
  if (S_ISREG(status.st_mode)) {
    walk.root_ = real.parent_path();
    walk.single_ = true;
    return walk;
  }
  if (!S_ISDIR(status.st_mode)) return absl::InvalidArgumentError(StrCat(folder.string(), " is neither a folder nor a file"));
  walk.root_ = real;
  RETURN_IF_ERROR(walk.Enter(""));
  return walk;
}

bool FolderWalk::Ignored(std::string_view path) const {
  return std::any_of(ignored_.begin(), ignored_.end(), [&](const std::string& ignored) { return path == ignored; });
}

// What is ignored is not descended into, so everything below goes with it.
absl::Status FolderWalk::AddNames(const std::string& folder, Level& level) const {
  struct CloseFolder {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  if (open == nullptr) return Errno(StrCat("folder ", folder));
  while (true) {
    errno = 0;
    const struct dirent* entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || Ignored(StrCat(level.prefix, name))) continue;
    bool is_folder = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat status {};
      const std::string path = StrCat(folder, "/", name);
      if (::lstat(path.c_str(), &status) != 0) return Errno(path);
      is_folder = S_ISDIR(status.st_mode);
    }
    level.begins.push_back(static_cast<uint32_t>(level.names.size()));
    level.names.append(name);
    if (is_folder) level.names.push_back('/');
    level.names.push_back('\0');
    if (level.names.size() > kFolderNamesMax) {
      return absl::ResourceExhaustedError(StrCat("folder ", folder, ": its names alone take more than ", kFolderNamesMax, " bytes"));
    }
  }
  return errno == 0 ? absl::OkStatus() : Errno(StrCat("folder ", folder));
}

absl::Status FolderWalk::Enter(std::string prefix) {
  if (levels_.size() > kDepthMax) return absl::InvalidArgumentError(StrCat("folder '", prefix, "' is nested deeper than 256"));
  Level level;
  level.prefix = std::move(prefix);
  RETURN_IF_ERROR(AddNames((root_ / level.prefix).string(), level));
  // Of "a", "a-b", "a.b" and a folder a/ the folder's content sorts by "a/": so do its names here.
  std::sort(level.begins.begin(), level.begins.end(), [&](uint32_t a, uint32_t b) {
    return std::strcmp(level.names.c_str() + a, level.names.c_str() + b) < 0;
  });
  levels_.push_back(std::move(level));
  return absl::OkStatus();
}

absl::Status FolderWalk::Examine(ScannedFile& file) const {
  struct stat status {};
  const std::string path = (root_ / file.path).string();
  if (::lstat(path.c_str(), &status) != 0) return Errno(path);
  if (S_ISLNK(status.st_mode)) {
    return WithNextStep(absl::InvalidArgumentError(StrCat("'", file.path, "' is a symlink; a snapshot holds regular files only")),
                        "replace it by the file it points to, or ignore it");
  }
  if (!S_ISREG(status.st_mode)) {
    return WithNextStep(absl::InvalidArgumentError(StrCat("'", file.path, "' is not a regular file")), "remove it or ignore it");
  }
  RETURN_IF_ERROR(CheckPath(file.path));
  file.size_bytes = static_cast<uint64_t>(status.st_size);
  file.modified_ns = ModifiedNs(status);
  return absl::OkStatus();
}

absl::StatusOr<bool> FolderWalk::Next(ScannedFile& file) {
  if (single_) {
    single_ = false;
    file.path = name_;
    RETURN_IF_ERROR(Examine(file));
    return true;
  }
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.begins.size()) {
      levels_.pop_back();
      continue;
    }
    const std::string_view name = level.Name(level.next++);
    file.path = StrCat(level.prefix, name);
    if (name.back() == '/') {
      RETURN_IF_ERROR(Enter(file.path));
      continue;
    }
    RETURN_IF_ERROR(Examine(file));
    return true;
  }
  return false;
}

absl::StatusOr<FolderTotals> CountFolder(const fs::path& folder, const std::vector<std::string>& ignore_paths) {
  ASSIGN_OR_RETURN(FolderWalk walk, FolderWalk::Open(folder, ignore_paths));
  FolderTotals totals;
  Sha256Stream stream;
  auto add = [&](std::string_view text) {
    stream.Update(ToBigEndian64(text.size()));
    stream.Update(text);
  };
  add(walk.root().string());
  ScannedFile file;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, walk.Next(file));
    if (!more) break;
    ++totals.files;
    totals.size_bytes += file.size_bytes;
    totals.path_bytes += file.path.size();
    add(file.path);
    stream.Update(ToBigEndian64(file.size_bytes));
    stream.Update(ToBigEndian64(static_cast<uint64_t>(file.modified_ns)));
  }
  if (totals.files == 0) return absl::InvalidArgumentError(StrCat(folder.string(), " holds no file"));
  totals.fingerprint = stream.Finish().raw();
  return totals;
}

absl::Status CheckSignable(const FolderTotals& totals) {
  // As OmsWriter writes them, before they become base64; a path with characters that JSON escapes takes more, and is refused later.
  constexpr uint64_t kBytesAroundPath = std::string_view(R"({"name":"","algorithm":"sha256","digest":""},)").size() + 64;
  const bool fits = totals.path_bytes + totals.files * kBytesAroundPath <= kOmsBundleBytesMax / 4 * 3;
  if (totals.files <= kOmsResourcesMax && fits) return absl::OkStatus();
  return WithNextStep(absl::InvalidArgumentError(StrCat(totals.files, " files are more than one signature can list (",
                                                        kOmsResourcesMax, ", and ", kOmsBundleBytesMax >> 30,
                                                        " GiB of names and digests)")),
                      "push them in parts, or packed into fewer files");
}

absl::StatusOr<std::vector<std::string>> IgnoredByBundle(ByteSource& bundle) {
  absl::StatusOr<OmsBundle> opened = OmsBundle::Open(bundle);
  if (!opened.ok()) return Annotate(opened.status(), "signature bundle");
  absl::StatusOr<std::vector<std::string>> paths = opened->UnverifiedIgnorePaths();
  if (!paths.ok()) return Annotate(paths.status(), "signature bundle");
  return paths;
}

FileReader::~FileReader() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status FileReader::Compare() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return Errno(file_.path);
  if (!S_ISREG(status.st_mode) || static_cast<uint64_t>(status.st_size) != file_.size_bytes ||
      ModifiedNs(status) != file_.modified_ns) {
    return WithNextStep(absl::FailedPreconditionError(StrCat("file '", file_.path, "' changed while it was being read")),
                        "push again when nothing writes to it");
  }
  return absl::OkStatus();
}

absl::Status FileReader::Open(const fs::path& root, const ScannedFile& file) {
  if (fd_ >= 0) ::close(fd_);
  file_ = file;
  fd_ = ::open((root / file.path).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd_ < 0) return Errno(StrCat("file '", file.path, "'"));
  if (file.size_bytes > kReadAheadWorthIt) ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  return Compare();
}

absl::StatusOr<size_t> FileReader::Read(char* to, size_t bytes) {
  size_t have = 0;
  while (have < bytes) {
    const ssize_t got = ::read(fd_, to + have, bytes - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno(StrCat("read '", file_.path, "'"));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  return have;
}

absl::StatusOr<std::string> FileReader::Peek(uint64_t offset, size_t bytes) const {
  std::string data(bytes, '\0');
  size_t have = 0;
  while (have < bytes) {
    const ssize_t got = ::pread(fd_, data.data() + have, bytes - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno(StrCat("read '", file_.path, "'"));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  data.resize(have);
  return data;
}

absl::Status FileReader::CheckUnchanged() const { return Compare(); }

absl::StatusOr<std::string> HashFile(const fs::path& root, const ScannedFile& file) {
  FileReader reader;
  RETURN_IF_ERROR(reader.Open(root, file));
  Sha256Stream stream;
  std::string window(static_cast<size_t>(std::min<uint64_t>(file.size_bytes + 1, kHashWindowBytes)), '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t got, reader.Read(window.data(), window.size()));
    if (got == 0) break;
    stream.Update(std::string_view(window).substr(0, got));
  }
  RETURN_IF_ERROR(reader.CheckUnchanged());
  return stream.Finish().raw();
}

}  // namespace firebreak
