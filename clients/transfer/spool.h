// Bytes out of memory's way: what is short is held, what is long lies in a file. The bundles and file lists of very many files pass
// through here.
#ifndef FIREBREAK_CLIENTS_TRANSFER_SPOOL_H_
#define FIREBREAK_CLIENTS_TRANSFER_SPOOL_H_

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "clients/transfer/folder_writer.h"
#include "firebreak/base/byte_source.h"
#include "firebreak/signing/oms_stream.h"

namespace firebreak {

// An open file, read through a window. Not thread-safe.
class FileBytes final : public ByteSource {
 public:
  FileBytes(OpenFile file, uint64_t size_bytes) : file_(std::move(file)), size_bytes_(size_bytes) {}
  uint64_t size_bytes() const override { return size_bytes_; }
  // kDataLoss when the file has become shorter.
  absl::StatusOr<std::string_view> Read(uint64_t offset) override;
  absl::Status Append(std::string_view bytes);

 private:
  OpenFile file_;
  uint64_t size_bytes_;
  uint64_t window_at_ = 0;
  std::string window_;
};

// Not thread-safe.
class Spool final : public ByteSource, public OmsWriter::Store {
 public:
  // What is more than `held_bytes_max` goes to a file in `folder` that has no name, so that it goes when the process does.
  explicit Spool(std::filesystem::path folder, size_t held_bytes_max = size_t{4} << 20)
      : folder_(std::move(folder)), held_bytes_max_(held_bytes_max) {}

  // Errors name the folder.
  absl::Status Append(std::string_view bytes) override;
  ByteSource& bytes() override { return *this; }

  uint64_t size_bytes() const override { return file_ == nullptr ? held_.size() : file_->size_bytes() + held_.size(); }
  absl::StatusOr<std::string_view> Read(uint64_t offset) override;

 private:
  const std::filesystem::path folder_;
  const size_t held_bytes_max_;
  std::string held_;                  // behind what is in the file
  std::unique_ptr<FileBytes> file_;
};

// Where push puts what it has no room for.
std::filesystem::path SpoolFolder();

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_SPOOL_H_
