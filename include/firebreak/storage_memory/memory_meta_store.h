// The exact model of a MetaStore: the same answers as the real engine with nothing on disk. For tests and as the
// reference the real engine is compared with; it is not a deployment.
#ifndef FIREBREAK_STORAGE_MEMORY_MEMORY_META_STORE_H_
#define FIREBREAK_STORAGE_MEMORY_MEMORY_META_STORE_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak {

// Thread-safe. Lives longer than the objects of one simulated process: after a simulated crash, new objects on the same
// store see exactly what was committed.
class MemoryMetaStore final : public MetaStore {
 public:
  MemoryMetaStore() = default;

  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override;
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after,
                                             size_t limit) const override;
  absl::StatusOr<uint64_t> Commit(const Change& change) override;
  Limits limits() const override;

  // Replaces the content by that of `other`: one simulation run starts where another stopped.
  void CopyFrom(const MemoryMetaStore& other);

 private:
  using Rows = std::map<std::string, Stored, std::less<>>;

  mutable absl::Mutex mutex_;
  Rows rows_ ABSL_GUARDED_BY(mutex_);
  uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_MEMORY_MEMORY_META_STORE_H_
