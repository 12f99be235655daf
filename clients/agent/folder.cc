#include "clients/agent/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "clients/agent/converge.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFileBytesMax = size_t{16} << 20;
constexpr std::string_view kStagingPrefix = ".staging-";
constexpr char kReleaseFile[] = "RELEASE.json";
constexpr char kContainedFile[] = "CONTAINED.json";

absl::Status SystemError(std::string_view what, const fs::path& path, int error) {
  const std::string message = StrCat(what, " ", path.string(), ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM || error == EROFS) return absl::PermissionDeniedError(message);
  return absl::UnavailableError(message);
}

absl::Status SyncFolder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SystemError("open", folder, errno);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return result == 0 ? absl::OkStatus() : SystemError("sync", folder, error);
}

absl::Status WriteAtomically(const fs::path& path, std::string_view bytes, int mode, bool synced) {
  const fs::path temporary = path.string() + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return SystemError("write", temporary, errno);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const int error = errno;
      ::close(fd);
      return SystemError("write", temporary, error);
    }
    done += static_cast<size_t>(wrote);
  }
  if (synced && ::fsync(fd) != 0) {
    const int error = errno;
    ::close(fd);
    return SystemError("sync", temporary, error);
  }
  ::close(fd);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return SystemError("rename to", path, errno);
  return synced ? SyncFolder(path.parent_path()) : absl::OkStatus();
}

// releases/<hex> of a release's text digest.
std::string HexOf(const Digest& release) { return ToHex(release.raw()); }

// Every file below, then every folder, is on the disk. Costs one pass; a release must be whole before it is counted as staged.
absl::Status SyncTree(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_symlink()) continue;
    const int fd = ::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return SystemError("open", it->path(), errno);
    const int result = ::fsync(fd);
    const int failed = errno;
    ::close(fd);
    if (result != 0) return SystemError("sync", it->path(), failed);
  }
  if (error) return SystemError("list", folder, error.value());
  return SyncFolder(folder);
}

}  // namespace

absl::Status WriteFileSynced(const fs::path& path, std::string_view bytes, int mode) {
  return WriteAtomically(path, bytes, mode, true);
}

absl::StatusOr<std::string> ReadWholeFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return SystemError("read", path, errno == 0 ? ENOENT : errno);
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) return SystemError("read", path, error.value());
  if (size > kFileBytesMax) return absl::ResourceExhaustedError(StrCat("read ", path.string(), ": ", size, " bytes"));
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return SystemError("read", path, EIO);
  return bytes;
}

absl::Status AgentFolder::Prepare(const fs::path& safe_folder) {
  std::error_code error;
  for (const fs::path& folder : {root_ / "releases", root_ / "contained"}) {
    fs::create_directories(folder, error);
    if (error) return SystemError("make", folder, error.value());
  }
  const fs::path contained = root_ / "contained" / kContainedFile;
  if (!fs::exists(contained, error)) {
    RETURN_IF_ERROR(WriteFileSynced(contained, "{\"contained\":true}\n"));
  }
  const fs::path link = root_ / "contained" / "safe";
  if (!safe_folder.empty() && fs::read_symlink(link, error) != safe_folder) {
    const fs::path temporary = root_ / "contained" / "safe.new";
    fs::remove(temporary, error);
    fs::create_symlink(safe_folder, temporary, error);
    if (error) return SystemError("link", temporary, error.value());
    fs::rename(temporary, link, error);
    if (error) return SystemError("link", link, error.value());
  }
  return absl::OkStatus();
}

absl::StatusOr<store::v1::AgentState> AgentFolder::LoadState() const {
  const absl::StatusOr<std::string> bytes = ReadWholeFile(root_ / "state.pb");
  store::v1::AgentState state;
  if (absl::IsNotFound(bytes.status())) return state;
  RETURN_IF_ERROR(bytes.status());
  if (!state.ParseFromString(*bytes)) {
    return absl::DataLossError(StrCat((root_ / "state.pb").string(), " cannot be read as an agent's state"));
  }
  return state;
}

absl::Status AgentFolder::SaveState(const store::v1::AgentState& state) const {
  return WriteFileSynced(root_ / "state.pb", state.SerializeAsString(), 0600);
}

absl::Status AgentFolder::SaveStatus(const store::v1::AgentStatusFile& status) const {
  return WriteAtomically(root_ / "status.pb", status.SerializeAsString(), 0644, false);
}

absl::StatusOr<store::v1::AgentStatusFile> AgentFolder::LoadStatus() const {
  ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(root_ / "status.pb"));
  store::v1::AgentStatusFile status;
  if (!status.ParseFromString(bytes)) return absl::DataLossError("status.pb cannot be read");
  return status;
}

absl::Status AgentFolder::SaveCheckpoint(std::string_view note) const { return WriteFileSynced(root_ / "checkpoint", note); }

absl::StatusOr<std::string> AgentFolder::LoadCheckpoint() const { return ReadWholeFile(root_ / "checkpoint"); }

std::string AgentFolder::CurrentTarget() const {
  std::error_code error;
  const fs::file_status link = fs::symlink_status(current(), error);
  if (link.type() == fs::file_type::not_found) return "";
  if (link.type() != fs::file_type::symlink) return "?";
  const std::string to = fs::read_symlink(current(), error).string();
  if (error) return "?";
  if (to == "contained") return std::string(kContainedTarget);
  constexpr std::string_view kReleases = "releases/";
  if (!to.starts_with(kReleases)) return "?";
  const absl::StatusOr<Digest> digest = Digest::Parse(StrCat("sha256:", to.substr(kReleases.size())));
  return digest.ok() ? digest->text() : "?";
}

absl::Status AgentFolder::SwitchTo(std::string_view target) const {
  std::string to = "contained";
  if (target != kContainedTarget) {
    ASSIGN_OR_RETURN(const Digest release, Digest::Parse(target));
    to = StrCat("releases/", HexOf(release));
  }
  const fs::path temporary = root_ / "current.new";
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) return SystemError("remove", temporary, errno);
  if (::symlink(to.c_str(), temporary.c_str()) != 0) return SystemError("link", temporary, errno);
  if (::rename(temporary.c_str(), current().c_str()) != 0) return SystemError("switch", current(), errno);
  return SyncFolder(root_);
}

absl::Status AgentFolder::MarkContained(const v1::Decision& decision) const {
  v1::Decision shown = decision;
  return WriteFileSynced(root_ / "contained" / kContainedFile, StrCat(MessageToJsonPretty(shown), "\n"));
}

fs::path AgentFolder::ReleaseFolder(const Digest& release) const { return root_ / "releases" / HexOf(release); }

fs::path AgentFolder::StagingFolder(const Digest& release) const {
  return root_ / "releases" / StrCat(kStagingPrefix, HexOf(release));
}

bool AgentFolder::Staged(const Digest& release) const {
  std::error_code error;
  return fs::is_regular_file(ReleaseFolder(release) / kReleaseFile, error);
}

absl::Status AgentFolder::FinishStaging(const v1::Release& release, const Digest& digest) const {
  const fs::path staging = StagingFolder(digest);
  RETURN_IF_ERROR(SyncTree(staging));
  RETURN_IF_ERROR(WriteFileSynced(staging / kReleaseFile, StrCat(MessageToJsonPretty(release), "\n")));
  std::error_code error;
  fs::remove_all(ReleaseFolder(digest), error);   // what an earlier attempt left incomplete
  fs::rename(staging, ReleaseFolder(digest), error);
  if (error) return SystemError("stage", ReleaseFolder(digest), error.value());
  return SyncFolder(root_ / "releases");
}

absl::Status AgentFolder::Unstage(const Digest& release) const {
  std::error_code error;
  fs::remove(ReleaseFolder(release) / kReleaseFile, error);
  if (error) return SystemError("unstage", ReleaseFolder(release), error.value());
  return absl::OkStatus();
}

void AgentFolder::Prune(const std::set<std::string>& keep) const {
  const std::string serving = CurrentTarget();
  if (serving == "?") return;
  std::error_code error;
  std::vector<fs::path> gone;
  for (fs::directory_iterator it(root_ / "releases", error), end; !error && it != end; it.increment(error)) {
    std::string hex = it->path().filename().string();
    if (hex.starts_with(kStagingPrefix)) hex = hex.substr(kStagingPrefix.size());
    const std::string target = StrCat("sha256:", hex);
    if (target != serving && !keep.contains(target)) gone.push_back(it->path());
  }
  // Best effort: what cannot be removed now is tried again after the next decision.
  for (const fs::path& path : gone) {
    fs::remove(path / kReleaseFile, error);
    fs::remove_all(path, error);
  }
}

}  // namespace firebreak
