#include "clients/transfer/folder_scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
constexpr int kDepthMax = 256;
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

class Scanner {
 public:
  Scanner(FolderScan& scan, const std::vector<std::string>& ignored) : scan_(scan), ignored_(ignored) {
    for (std::string_view path : kDefaultIgnored) ignored_.emplace_back(path);
    for (std::string& path : ignored_) {
      while (!path.empty() && path.back() == '/') path.pop_back();
    }
  }

  absl::Status Folder(const fs::path& folder, const std::string& prefix, int depth) {
    if (depth > kDepthMax) return absl::InvalidArgumentError(StrCat("folder '", prefix, "' is nested deeper than 256"));
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error) return absl::PermissionDeniedError(StrCat("folder ", folder.string(), ": ", error.message()));
    for (; entries != fs::directory_iterator(); entries.increment(error)) {
      if (error) break;
      RETURN_IF_ERROR(Entry(*entries, prefix + entries->path().filename().string(), depth));
    }
    if (error) return absl::UnknownError(StrCat("folder ", folder.string(), ": ", error.message()));
    return absl::OkStatus();
  }

 private:
  bool Ignored(const std::string& path) const {
    return std::any_of(ignored_.begin(), ignored_.end(), [&](const std::string& ignored) { return path == ignored; });
  }

  // What is ignored is not descended into, so everything below goes with it.
  absl::Status Entry(const fs::directory_entry& entry, const std::string& path, int depth) {
    if (Ignored(path)) return absl::OkStatus();
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) return Errno(entry.path().string());
    if (S_ISDIR(status.st_mode)) return Folder(entry.path(), path + "/", depth + 1);
    if (S_ISLNK(status.st_mode)) {
      return WithNextStep(absl::InvalidArgumentError(StrCat("'", path, "' is a symlink; a snapshot holds regular files only")),
                          "replace it by the file it points to, or ignore it");
    }
    if (!S_ISREG(status.st_mode)) {
      return WithNextStep(absl::InvalidArgumentError(StrCat("'", path, "' is not a regular file")), "remove it or ignore it");
    }
    RETURN_IF_ERROR(CheckPath(path));
    scan_.files.push_back({path, static_cast<uint64_t>(status.st_size), ModifiedNs(status)});
    scan_.size_bytes += static_cast<uint64_t>(status.st_size);
    return absl::OkStatus();
  }

  FolderScan& scan_;
  std::vector<std::string> ignored_;
};

}  // namespace

absl::StatusOr<FolderScan> ScanFolder(const fs::path& folder, const std::vector<std::string>& ignore_paths) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (error) return absl::NotFoundError(StrCat(folder.string(), ": ", error.message()));
  struct stat status {};
  if (::stat(real.c_str(), &status) != 0) return Errno(folder.string());
  FolderScan scan;
  scan.name = real.filename().string();
  if (S_ISREG(status.st_mode)) {
    RETURN_IF_ERROR(CheckPath(scan.name));
    scan.root = real.parent_path();
    scan.size_bytes = static_cast<uint64_t>(status.st_size);
    scan.files.push_back({scan.name, scan.size_bytes, ModifiedNs(status)});
    return scan;
  }
  if (!S_ISDIR(status.st_mode)) return absl::InvalidArgumentError(StrCat(folder.string(), " is neither a folder nor a file"));
  scan.root = real;
  RETURN_IF_ERROR(Scanner(scan, ignore_paths).Folder(real, "", 0));
  if (scan.files.empty()) return absl::InvalidArgumentError(StrCat(folder.string(), " holds no file"));
  std::sort(scan.files.begin(), scan.files.end(),
            [](const ScannedFile& a, const ScannedFile& b) { return a.path < b.path; });
  return scan;
}

absl::StatusOr<std::vector<std::string>> IgnoredByBundle(std::string_view bundle) {
  JsonLimits limits;
  limits.size_bytes_max = size_t{128} << 20;
  absl::StatusOr<google::protobuf::Value> json = ParseJson(bundle, limits);
  if (!json.ok()) return Annotate(json.status(), "signature bundle");
  auto member = [](const google::protobuf::Value& value, const char* name) -> const google::protobuf::Value& {
    const auto found = value.struct_value().fields().find(name);
    return found == value.struct_value().fields().end() ? google::protobuf::Value::default_instance() : found->second;
  };
  const std::string& payload = member(member(*json, "dsseEnvelope"), "payload").string_value();
  absl::StatusOr<std::string> bytes = FromBase64(payload);
  if (!bytes.ok()) return Annotate(bytes.status(), "signature bundle: payload");
  absl::StatusOr<google::protobuf::Value> statement = ParseJson(*bytes, limits);
  if (!statement.ok()) return Annotate(statement.status(), "signature bundle: payload");
  std::vector<std::string> paths;
  const google::protobuf::Value& serialization = member(member(*statement, "predicate"), "serialization");
  for (const google::protobuf::Value& path : member(serialization, "ignore_paths").list_value().values()) {
    paths.push_back(path.string_value());
  }
  return paths;
}

FileReader::~FileReader() {
  if (fd_ >= 0) ::close(fd_);
}

absl::Status FileReader::Compare() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) return Errno(file_->path);
  if (!S_ISREG(status.st_mode) || static_cast<uint64_t>(status.st_size) != file_->size_bytes ||
      ModifiedNs(status) != file_->modified_ns) {
    return WithNextStep(absl::FailedPreconditionError(StrCat("file '", file_->path, "' changed while it was being read")),
                        "push again when nothing writes to it");
  }
  return absl::OkStatus();
}

absl::Status FileReader::Open(const FolderScan& scan, const ScannedFile& file) {
  if (fd_ >= 0) ::close(fd_);
  file_ = &file;
  fd_ = ::open((scan.root / file.path).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd_ < 0) return Errno(StrCat("file '", file.path, "'"));
  ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  return Compare();
}

absl::StatusOr<std::string> FileReader::Read(size_t bytes) {
  std::string data(bytes, '\0');
  size_t have = 0;
  while (have < bytes) {
    const ssize_t got = ::read(fd_, data.data() + have, bytes - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno(StrCat("read '", file_->path, "'"));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  data.resize(have);
  return data;
}

absl::Status FileReader::CheckUnchanged() const { return Compare(); }

}  // namespace firebreak
