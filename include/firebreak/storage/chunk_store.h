// ChunkStore: the large half of storage. Immutable bytes under their SHA-256.
#ifndef FIREBREAK_STORAGE_CHUNK_STORE_H_
#define FIREBREAK_STORAGE_CHUNK_STORE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "firebreak/base/ids.h"

namespace firebreak {

struct ChunkView {
  Digest digest;
  std::string_view data;
};

struct StoredChunk {
  Digest digest;
  uint64_t size_bytes = 0;  // as given to Put
};

// Thread-safe. Callers have checked that data hashes to its digest before Put; Get does not hash again.
class ChunkStore {
 public:
  virtual ~ChunkStore() = default;

  // Stores what is not there yet; putting a stored digest again costs no write. Visible to Get at once, durable only
  // after Sync returned OK. kResourceExhausted: the volume is nearly full; some of `chunks` may be stored, none is half
  // stored.
  virtual absl::Status Put(absl::Span<const ChunkView> chunks) = 0;

  // Everything Put before the call is durable when it returns OK. Concurrent calls share one flush.
  virtual absl::Status Sync() = 0;

  // kNotFound names the digest; kDataLoss when the engine's own checksum fails.
  virtual absl::StatusOr<std::string> Get(const Digest& digest) const = 0;

  // The bytes of all of them, in the order given; those that lie together are read together. The first that fails decides,
  // as with Get. kResourceExhausted: they are more than `bytes_max` together; nothing is read then.
  virtual absl::StatusOr<std::vector<std::string>> GetMany(absl::Span<const Digest> digests, size_t bytes_max) const {
    std::vector<std::string> chunks;
    chunks.reserve(digests.size());
    size_t bytes = 0;
    for (const Digest& digest : digests) {
      absl::StatusOr<std::string> chunk = Get(digest);
      if (!chunk.ok()) return chunk.status();
      bytes += chunk->size();
      if (bytes > bytes_max) return absl::ResourceExhaustedError("more bytes of chunks than one call may ask for");
      chunks.push_back(*std::move(chunk));
    }
    return chunks;
  }

  // Those of `digests` that are not stored, in the order given.
  virtual absl::StatusOr<std::vector<Digest>> Missing(absl::Span<const Digest> digests) const = 0;

  // Puts chunks whose stored bytes are known to be damaged: what is stored under their digests is written over, whatever
  // it is. Otherwise as Put.
  virtual absl::Status Replace(absl::Span<const ChunkView> chunks) = 0;

  // Stored chunks with digests greater than `after` (empty = from the first) in byte order, at most `limit`, without
  // reading their bytes. Pages of one listing see what was stored when each was asked for.
  virtual absl::StatusOr<std::vector<StoredChunk>> List(const Digest& after, size_t limit) const = 0;

  // For garbage collection only. Unknown digests are ignored. Durable only after Sync; a power cut may bring chunks
  // back.
  virtual absl::Status Delete(absl::Span<const Digest> digests) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_CHUNK_STORE_H_
