// One file after another, written from beginning to end by a thread of its own, past the page cache where that pays: filling
// the cache costs more processor time than everything else a pull does, and nobody has asked for the bytes yet. Blocks of zeros, as in a
// sparse file, take no room.
#ifndef FIREBREAK_CLIENTS_TRANSFER_STREAM_FILE_H_
#define FIREBREAK_CLIENTS_TRANSFER_STREAM_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "clients/transfer/folder_writer.h"
#include "clients/transfer/workers.h"

namespace firebreak {

// Not thread-safe. Memory: four blocks of kBlockBytes.
class StreamFile {
 public:
  static constexpr size_t kBlockBytes = size_t{2} << 20;
  enum class Durable { kYes, kLater };

  StreamFile() = default;
  ~StreamFile();
  StreamFile(const StreamFile&) = delete;
  StreamFile& operator=(const StreamFile&) = delete;

  // Of a file that was not closed nothing more is written.
  void Open(OpenFile file, uint64_t size_bytes);
  // May answer an earlier piece's failure.
  absl::Status Append(std::string_view data);
  // Leaves the next bytes as they stand in the file.
  absl::Status Skip(uint64_t bytes);
  // Exactly what was appended and skipped is in the file, and no more. kYes: durably.
  absl::Status Close(Durable durable);

 private:
  struct Free {
    void operator()(char* block) const;
  };
  using Block = std::unique_ptr<char, Free>;

  absl::Status Flush();
  absl::Status status();
  Block TakeBlock();
  void Write(const char* data, size_t bytes, uint64_t offset);

  OpenFile file_;
  bool direct_ = false;
  uint64_t offset_ = 0;    // where the block begins
  size_t filled_ = 0;
  Block block_;

  absl::Mutex mutex_;
  std::vector<Block> free_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Workers> writer_;   // made with the first large file
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_STREAM_FILE_H_
