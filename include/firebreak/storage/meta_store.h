// MetaStore: the small, ordered, transactional half of storage. Engines: storage/rocksdb (real), storage/memory (exact
// model for tests). Only the Ledger commits; everybody may read.
#ifndef FIREBREAK_STORAGE_META_STORE_H_
#define FIREBREAK_STORAGE_META_STORE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace firebreak {

struct Stored {
  std::string value;
  uint64_t revision = 0;  // of the commit that wrote it; > 0
};

struct KeyValue {
  std::string key;
  std::string value;
  uint64_t revision = 0;
};

// `key` must still have `revision`; 0 means it must be absent.
struct Expectation {
  std::string key;
  uint64_t revision = 0;
};

// Atomic. A key appears at most once among puts and deletes together.
struct Change {
  std::vector<Expectation> expects = {};
  std::vector<std::pair<std::string, std::string>> puts = {};
  std::vector<std::string> deletes = {};
};

// Thread-safe. Reads see every commit that returned OK before they began and never block on a commit.
class MetaStore {
 public:
  struct Limits {
    size_t operations_max;
    size_t bytes_max;
  };

  virtual ~MetaStore() = default;

  virtual absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const = 0;

  // Keys that start with `prefix` and are greater than `after` (empty = from the first), in byte order, at most
  // `limit`. One consistent view of one moment.
  virtual absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after,
                                                     size_t limit) const = 0;

  // All or nothing, durable (synced) when it returns OK; answers the revision given to every put, greater than every
  // earlier one. Errors:
  //   kAborted             names the first expectation that does not hold; nothing was written
  //   kUnavailable         the outcome is unknown: read before trying again. A store on a local disk then refuses every
  //                        later commit until it is reopened, and only from then on do reads tell the outcome
  //   kResourceExhausted   over limits() or the disk is nearly full; nothing was written, later commits may succeed
  //   kFailedPrecondition  an earlier write failed; nothing was written, reads go on, the store must be reopened
  //   kDataLoss            stored bytes are damaged
  //   kInvalidArgument     an empty key, or a key twice
  virtual absl::StatusOr<uint64_t> Commit(const Change& change) = 0;

  virtual Limits limits() const = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_META_STORE_H_
