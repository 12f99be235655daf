// Where a file is cut into chunks, so that what two versions share is found again. Cuts decide nothing else: they are no part of
// a snapshot's digest, and another version of this file may cut otherwise.
//
//   tensors   at the boundaries a safetensors header names; within a large tensor every 1 MiB from its start
//   blocks    every 1 MiB: weights whose layout is fixed by their shapes (ONNX, npy, checkpoints, GGUF …)
//   text      by content, 8 to 64 KiB, about 16 KiB: rows that come or go move only the cuts around them
//   other     by content, 32 to 512 KiB, about 128 KiB
//
// By content is FastCDC (Xia et al., USENIX ATC 2016) with normalised chunking: a gear hash over the bytes since the last cut,
// which ends the chunk where its upper bits are zero, two more of them before the middle size and two fewer after. The
// gear table is the first 8 bytes, big-endian, of SHA-256("firebreak-gear-v1" followed by the byte).
#ifndef FIREBREAK_CLIENTS_TRANSFER_CHUNKER_H_
#define FIREBREAK_CLIENTS_TRANSFER_CHUNKER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/transfer/folder_scan.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {

// For one file, asked in order. Not thread-safe. The same bytes are always cut the same way.
class Chunker {
 public:
  enum class Way { kTensors, kBlocks, kText, kOther };

  // `head` are the file's first bytes, kHeadBytes of them where there are so many.
  static constexpr size_t kHeadBytes = size_t{4} << 10;
  static Way Choose(std::string_view path, uint64_t size_bytes, std::string_view head);

  // `tensors`: where tensors begin and end, ascending; only for kTensors.
  explicit Chunker(Way way, std::vector<uint64_t> tensors = {});

  // Bytes to have in hand before asking for a cut; fewer only at the end of the file.
  size_t window_bytes() const { return size_max_; }
  bool is_blocks() const { return way_ == Way::kBlocks; }   // every chunk but the last is window_bytes() long
  // How many of the window's first bytes are the next chunk; > 0 for a window that is not empty.
  size_t Cut(std::string_view window);

 private:
  size_t CutTensors(size_t window_bytes);
  size_t CutByContent(std::string_view window) const;

  Way way_;
  size_t size_min_ = 0;
  size_t size_middle_ = 0;
  size_t size_max_ = 0;
  uint64_t mask_before_ = 0;
  uint64_t mask_after_ = 0;
  std::vector<uint64_t> tensors_;
  size_t next_tensor_ = 0;
  uint64_t offset_ = 0;
};

// Where the header of a safetensors file says that tensors begin and end, as offsets in the file, ascending, each once. Empty
// when it is none that we read (then blocks do).
std::vector<uint64_t> TensorBoundaries(uint64_t size_bytes, std::string_view header);
constexpr size_t kTensorHeaderBytesMax = size_t{8} << 20;

// A file as chunks: reads ahead and cuts. Not thread-safe.
class ChunkReader {
 public:
  // kFailedPrecondition when the file is no longer what was scanned.
  absl::Status Open(const std::filesystem::path& root, const ScannedFile& file);
  bool has_large_chunks() const { return chunker_.window_bytes() >= kChunkBytesDefault; }
  // The next chunk into `chunk`, whose memory is used again; false after the last. kFailedPrecondition: the file changed.
  absl::StatusOr<bool> Next(std::string& chunk);

 private:
  absl::StatusOr<Chunker> MakeChunker(const ScannedFile& file);

  FileReader reader_;
  Chunker chunker_{Chunker::Way::kBlocks};
  absl::Status ReadAll(char* to, size_t bytes);

  std::string ahead_;        // [begin_, end_) is read and not yet handed out; never shrinks, so it is cleared once
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t unread_ = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_CHUNKER_H_
