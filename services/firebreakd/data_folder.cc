#include "services/firebreakd/data_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "firebreak/base/status.h"

namespace firebreak {
namespace {

constexpr size_t kFileBytesMax = size_t{1} << 20;  // keys, certificates, configuration

absl::Status FromErrno(int error, const std::string& path) { return absl::ErrnoToStatus(error, ToAbsl(path)); }

// Open, and closed whatever happens.
class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FromErrno(errno, path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd) != 0) return FromErrno(errno, path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  File file(path, O_RDONLY);
  if (file.fd() < 0) return FromErrno(errno, path);
  std::string bytes;
  char buffer[8192];
  while (true) {
    ssize_t got = ::read(file.fd(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FromErrno(errno, path);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
    if (bytes.size() > kFileBytesMax) return absl::InvalidArgumentError(StrCat(path, ": larger than 1 MiB"));
  }
}

absl::Status WriteNewFile(const std::string& path, std::string_view bytes, mode_t mode) {
  File file(path, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (file.fd() < 0) return FromErrno(errno, path);
  return WriteAll(file.fd(), bytes, path);
}

absl::Status ReplaceFile(const std::string& path, std::string_view bytes, mode_t mode) {
  std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  RETURN_IF_ERROR(WriteNewFile(fresh, bytes, mode));
  if (::rename(fresh.c_str(), path.c_str()) != 0) return FromErrno(errno, path);
  return absl::OkStatus();
}

absl::Status MakeFolder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return FromErrno(errno, path);
  return absl::OkStatus();
}

absl::StatusOr<Config> LoadConfig(const DataFolder& folder) {
  absl::StatusOr<std::string> yaml = ReadWholeFile(folder.config());
  if (absl::IsNotFound(yaml.status())) {
    return absl::FailedPreconditionError(StrCat(folder.root,
                                                " is not a complete data folder (next: firebreakd init --data ",
                                                folder.root, "; if an init was interrupted, remove the folder first)"));
  }
  RETURN_IF_ERROR(yaml.status());
  absl::StatusOr<Config> config = ParseConfig(*yaml);
  if (!config.ok()) return Annotate(config.status(), folder.config());
  return config;
}

absl::StatusOr<HouseKeys> LoadKeys(const DataFolder& folder) {
  ASSIGN_OR_RETURN(std::string ca, ReadWholeFile(folder.ca()));
  ASSIGN_OR_RETURN(std::string ca_key, ReadWholeFile(folder.ca_key()));
  ASSIGN_OR_RETURN(std::string decision, ReadWholeFile(folder.decision_key()));
  ASSIGN_OR_RETURN(std::string ledger, ReadWholeFile(folder.ledger_key()));
  ASSIGN_OR_RETURN(std::string sealing, ReadWholeFile(folder.sealing_key()));
  absl::StatusOr<CertificateAuthority> authority = CertificateAuthority::FromPem(ca, ca_key);
  if (!authority.ok()) return Annotate(authority.status(), folder.ca());
  absl::StatusOr<EcPrivateKey> decision_key = EcPrivateKey::FromPem(decision);
  if (!decision_key.ok()) return Annotate(decision_key.status(), folder.decision_key());
  absl::StatusOr<Ed25519Key> ledger_key = Ed25519Key::FromPem(ledger);
  if (!ledger_key.ok()) return Annotate(ledger_key.status(), folder.ledger_key());
  return HouseKeys{*std::move(authority), *std::move(decision_key), *std::move(ledger_key), std::move(sealing)};
}

}  // namespace firebreak
