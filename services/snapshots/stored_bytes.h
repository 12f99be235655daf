// Bytes that lie in the chunk store under a list of chunks, read one chunk at a time.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_STORED_BYTES_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_STORED_BYTES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/byte_source.h"
#include "firebreak/storage/chunk_store.h"
#include "services/snapshots/content.h"

namespace firebreak {

// Memory: one chunk and 40 bytes for each there is.
class StoredBytes final : public ByteSource {
 public:
  // kInvalidArgument: a chunk that cannot be one. kResourceExhausted: more than `bytes_max`, or more chunks than one record holds.
  // `chunks` outlives it.
  static absl::StatusOr<StoredBytes> Open(const ChunkStore& chunks, const ChunkRefs& refs, uint64_t bytes_max);

  uint64_t size_bytes() const override { return ends_.empty() ? 0 : ends_.back(); }
  // kDataLoss when a chunk's bytes are not what was asked for; other errors as ChunkStore::Get.
  absl::StatusOr<std::string_view> Read(uint64_t offset) override;

 private:
  explicit StoredBytes(const ChunkStore& chunks) : chunks_(&chunks) {}

  const ChunkStore* chunks_;
  std::vector<Digest> digests_;
  std::vector<uint64_t> ends_;
  size_t loaded_ = 0;          // one more than the chunk in data_; 0: none
  std::string data_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_STORED_BYTES_H_
