// Writes files below one folder without ever leaving it: every step of a path is opened from the one above it and no symlink is
// followed, so that not even a folder somebody prepared can lead outside.
#ifndef FIREBREAK_CLIENTS_TRANSFER_FOLDER_WRITER_H_
#define FIREBREAK_CLIENTS_TRANSFER_FOLDER_WRITER_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace firebreak {

// An open file descriptor that closes itself. Not thread-safe.
class OpenFile {
 public:
  explicit OpenFile(int fd = -1) : fd_(fd) {}
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  OpenFile& operator=(OpenFile&& other) noexcept;
  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }

  absl::Status WriteAt(std::string_view data, uint64_t offset);
  // Exactly `size` bytes, or fewer at the end of the file.
  absl::StatusOr<std::string> ReadAt(uint64_t offset, size_t size) const;
  absl::Status Truncate(uint64_t size_bytes);
  // Zeros that take no room. False where the file system cannot; the bytes are as they were then.
  bool MakeHole(uint64_t offset, uint64_t bytes) const;
  absl::Status Sync();

 private:
  int fd_;
};

// Thread-safe after Open. Paths must have passed CheckPath.
class FolderWriter {
 public:
  // Makes the folder if it is not there; its parent must be. `existed` says whether there was something to resume.
  static absl::StatusOr<std::unique_ptr<FolderWriter>> Open(const std::filesystem::path& folder);
  bool existed() const { return existed_; }
  const std::filesystem::path& path() const { return folder_; }

  // For reading and writing; makes folders and the file as needed, keeps bytes that are there.
  absl::StatusOr<OpenFile> OpenForWriting(const std::string& path) const;
  // Not open (and OK) when there is no such file yet.
  absl::StatusOr<OpenFile> OpenForReading(const std::string& path) const;

  // Which files and folders there are below the folder is durable; their bytes when each was synced by itself.
  absl::Status SyncFolders() const;
  // Everything written below the folder is durable.
  absl::Status SyncAll() const;
  // kAborted when the folder holds anything but `files` regular files and their folders.
  absl::Status CheckHolds(uint64_t files) const;
  // Atomically; kAlreadyExists when `target` is there.
  absl::Status RenameTo(const std::filesystem::path& target) const;
  void RemoveAll() const;

 private:
  FolderWriter(std::filesystem::path folder, OpenFile root, bool existed)
      : folder_(std::move(folder)), root_(std::move(root)), existed_(existed) {}
  absl::StatusOr<OpenFile> OpenParent(const std::string& path, std::string* leaf) const;

  const std::filesystem::path folder_;
  const OpenFile root_;
  const bool existed_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_FOLDER_WRITER_H_
