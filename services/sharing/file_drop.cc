#include "services/sharing/file_drop.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "firebreak/base/text.h"

namespace firebreak {

absl::Status DropFile(const std::string& folder, const v1::Share& share) {
  const std::string path = StrCat(folder, "/", share.record().record_id(), ".json");
  const std::string temporary = path + ".partial";
  const auto failed = [&](int error) {
    ::unlink(temporary.c_str());
    return absl::UnavailableError(StrCat("write ", path, ": ", std::strerror(error)));
  };
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (file < 0) return failed(errno);
  const std::string& bytes = share.bundle();
  size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t count = ::write(file, bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int error = errno;
      ::close(file);
      return failed(error);
    }
    written += static_cast<size_t>(count);
  }
  const bool synced = ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  if (!synced) return failed(error);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed(errno);
  // The name is durable only once the folder is.
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0 || ::fsync(directory) != 0) {
    const int reason = errno;
    if (directory >= 0) ::close(directory);
    return absl::UnavailableError(StrCat("sync ", folder, ": ", std::strerror(reason)));
  }
  ::close(directory);
  return absl::OkStatus();
}

}  // namespace firebreak
