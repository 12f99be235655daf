// ChunkStore: the large half of storage. Immutable bytes under their SHA-256.
#ifndef FIREBREAK_STORAGE_CHUNK_STORE_H_
#define FIREBREAK_STORAGE_CHUNK_STORE_H_

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

  // Those of `digests` that are not stored, in the order given.
  virtual absl::StatusOr<std::vector<Digest>> Missing(absl::Span<const Digest> digests) const = 0;

  // For garbage collection only. Unknown digests are ignored. Durable only after Sync; a power cut may bring chunks
  // back.
  virtual absl::Status Delete(absl::Span<const Digest> digests) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_CHUNK_STORE_H_
