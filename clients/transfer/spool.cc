#include "clients/transfer/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/transfer/push.h"

namespace firebreak {
namespace {

constexpr size_t kWindowBytes = size_t{256} << 10;

absl::StatusOr<OpenFile> NamelessFile(const std::filesystem::path& folder) {
  OpenFile file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.open()) {   // not every file system can
    std::string name = (folder / ".firebreak-XXXXXX").string();
    file = OpenFile(::mkostemp(name.data(), O_CLOEXEC));
    if (file.open()) ::unlink(name.c_str());
  }
  if (file.open()) return file;
  return absl::ErrnoToStatus(errno, StrCat("cannot make a file in ", folder.string(), " for a long signature"));
}

}  // namespace

absl::StatusOr<std::string_view> FileBytes::Read(uint64_t offset) {
  if (offset >= size_bytes_) return std::string_view();
  if (offset < window_at_ || offset >= window_at_ + window_.size()) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(size_bytes_ - offset, kWindowBytes));
    ASSIGN_OR_RETURN(window_, file_.ReadAt(offset, wanted));
    window_at_ = offset;
    if (window_.size() < wanted) return absl::DataLossError("a file became shorter while it was read");
  }
  return std::string_view(window_).substr(static_cast<size_t>(offset - window_at_));
}

absl::Status FileBytes::Append(std::string_view bytes) {
  RETURN_IF_ERROR(file_.WriteAt(bytes, size_bytes_));
  size_bytes_ += bytes.size();
  return absl::OkStatus();
}

absl::Status Spool::Append(std::string_view bytes) {
  held_.append(bytes);
  if (held_.size() <= held_bytes_max_) return absl::OkStatus();
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(OpenFile file, NamelessFile(folder_));
    file_ = std::make_unique<FileBytes>(std::move(file), 0);
  }
  RETURN_IF_ERROR(Annotate(file_->Append(held_), folder_.string()));
  held_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> Spool::Read(uint64_t offset) {
  const uint64_t in_file = file_ == nullptr ? 0 : file_->size_bytes();
  if (offset < in_file) return file_->Read(offset);
  if (offset - in_file >= held_.size()) return std::string_view();
  return std::string_view(held_).substr(static_cast<size_t>(offset - in_file));
}

std::filesystem::path SpoolFolder() {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  return error ? std::filesystem::path("/tmp") : folder;
}

absl::StatusOr<std::shared_ptr<ByteSource>> OpenBundleFile(const std::filesystem::path& path) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) return absl::ErrnoToStatus(errno, path.string());
  auto copy = std::make_shared<Spool>(SpoolFolder());
  std::string piece(kWindowBytes, '\0');
  while (true) {
    const ssize_t got = ::read(file.fd(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EISDIR) return absl::InvalidArgumentError(StrCat(path.string(), " is a folder"));
    if (got < 0) return absl::ErrnoToStatus(errno, path.string());
    if (got == 0) return copy;
    RETURN_IF_ERROR(copy->Append(std::string_view(piece).substr(0, static_cast<size_t>(got))));
    if (copy->size_bytes() > kOmsBundleBytesMax) {
      return absl::InvalidArgumentError(StrCat(path.string(), ": larger than ", kOmsBundleBytesMax, " bytes, so not a signature bundle"));
    }
  }
}

}  // namespace firebreak
