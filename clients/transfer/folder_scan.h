// What a folder holds, by the rules of OpenSSF Model Signing (spec §6.1): regular files only, defaults left out at the root,
// names with '/', in code-point order.
#ifndef FIREBREAK_CLIENTS_TRANSFER_FOLDER_SCAN_H_
#define FIREBREAK_CLIENTS_TRANSFER_FOLDER_SCAN_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace firebreak {

struct ScannedFile {
  std::string path;          // relative
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;
};

struct FolderScan {
  std::filesystem::path root;
  std::string name;                  // of the folder or the single file
  std::vector<ScannedFile> files;    // in code-point order
  uint64_t size_bytes = 0;
};

// `folder` may also be one regular file. kInvalidArgument: a symlink or special file that is not ignored, a path no snapshot
// may hold, no file at all. kNotFound: it does not exist.
absl::StatusOr<FolderScan> ScanFolder(const std::filesystem::path& folder, const std::vector<std::string>& ignore_paths);

// Paths an OMS bundle says were left out, read without checking the signature: only ever used to leave files out, and what is
// left out wrongly is then missing from the content and refused.
absl::StatusOr<std::vector<std::string>> IgnoredByBundle(std::string_view bundle);

// Reads one file in order, refusing to follow a symlink in its place. Not thread-safe.
class FileReader {
 public:
  FileReader() = default;
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  // kFailedPrecondition when the file is no longer what was scanned.
  absl::Status Open(const FolderScan& scan, const ScannedFile& file);
  // Up to `bytes` more; shorter only at the end.
  absl::StatusOr<std::string> Read(size_t bytes);
  // After the end: still the size and time it was opened with.
  absl::Status CheckUnchanged() const;

 private:
  absl::Status Compare() const;

  int fd_ = -1;
  const ScannedFile* file_ = nullptr;
};

// How a file is cut. Fixed blocks: tensors are aligned, and equal blocks at equal places are found again.
class Chunker {
 public:
  explicit Chunker(size_t block_bytes) : block_bytes_(block_bytes) {}
  // Bytes a caller should have in hand before asking for a cut (fewer only at the end of a file).
  size_t window_bytes() const { return block_bytes_; }
  // How many of the window's first bytes are the next chunk; > 0 for a window that is not empty.
  size_t Cut(std::string_view window) const { return window.size() < block_bytes_ ? window.size() : block_bytes_; }

 private:
  size_t block_bytes_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_FOLDER_SCAN_H_
