// What a folder holds, by the rules of OpenSSF Model Signing (spec §6.1): regular files only, defaults left out at the root,
// names with '/', in code-point order. A walk holds the names of the folders it is in, never the whole list.
#ifndef FIREBREAK_CLIENTS_TRANSFER_FOLDER_SCAN_H_
#define FIREBREAK_CLIENTS_TRANSFER_FOLDER_SCAN_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/byte_source.h"

namespace firebreak {

struct ScannedFile {
  std::string path;          // relative
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;
};

// Goes through a folder, or one regular file, in code-point order of the paths. Not thread-safe. Memory: the names in each
// folder on the way down, about 30 bytes each.
class FolderWalk {
 public:
  // kNotFound: it does not exist. kInvalidArgument: it is neither a folder nor a file.
  static absl::StatusOr<FolderWalk> Open(const std::filesystem::path& folder, const std::vector<std::string>& ignore_paths);

  const std::filesystem::path& root() const { return root_; }
  const std::string& name() const { return name_; }   // of the folder or the single file

  // False after the last file. kInvalidArgument: a symlink or special file that is not ignored, a path no snapshot may hold.
  absl::StatusOr<bool> Next(ScannedFile& file);

 private:
  // One folder: its names behind one another, folders with '/' at the end, which is also how they sort.
  struct Level {
    std::string prefix;
    std::string names;
    std::vector<uint32_t> begins;
    size_t next = 0;
    std::string_view Name(size_t i) const { return names.c_str() + begins[i]; }
  };

  bool Ignored(std::string_view path) const;
  absl::Status Enter(std::string prefix);
  absl::Status AddNames(const std::string& folder, Level& level) const;
  absl::Status Examine(ScannedFile& file) const;

  std::filesystem::path root_;
  std::string name_;
  bool single_ = false;
  std::vector<std::string> ignored_;
  std::vector<Level> levels_;
};

struct FolderTotals {
  uint64_t files = 0;
  uint64_t size_bytes = 0;
  uint64_t path_bytes = 0;
  std::string fingerprint;   // over every path, size and time: equal for a folder that nobody touched
};

// A walk without reading content. kInvalidArgument: no file at all, and as FolderWalk::Next.
absl::StatusOr<FolderTotals> CountFolder(const std::filesystem::path& folder, const std::vector<std::string>& ignore_paths);

// kInvalidArgument when there are more files than one signature can list; said before anything is sent.
absl::Status CheckSignable(const FolderTotals& totals);

// Paths an OMS bundle says were left out, read without checking the signature: only ever used to leave files out, and what is
// left out wrongly is then missing from the content and refused.
absl::StatusOr<std::vector<std::string>> IgnoredByBundle(ByteSource& bundle);

// Reads one file in order, refusing to follow a symlink in its place. Not thread-safe.
class FileReader {
 public:
  FileReader() = default;
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  // kFailedPrecondition when the file is no longer what was scanned.
  absl::Status Open(const std::filesystem::path& root, const ScannedFile& file);
  // Up to `bytes` more; the number read is smaller only at the end of the file.
  absl::StatusOr<size_t> Read(char* to, size_t bytes);
  // Without moving on; shorter at the end of the file.
  absl::StatusOr<std::string> Peek(uint64_t offset, size_t bytes) const;
  // After the end: still the size and time it was opened with.
  absl::Status CheckUnchanged() const;

 private:
  absl::Status Compare() const;

  int fd_ = -1;
  ScannedFile file_;
};

// SHA-256 of one file, raw.
absl::StatusOr<std::string> HashFile(const std::filesystem::path& root, const ScannedFile& file);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_FOLDER_SCAN_H_
