// DigestFilter: a set of digests in fixed memory that may say "perhaps" for one it does not hold, and never "no" for one it
// does (a Bloom filter). What only a wrong "yes" can do to garbage collection is keep a chunk until the next run.
#ifndef FIREBREAK_UPKEEP_DIGEST_FILTER_H_
#define FIREBREAK_UPKEEP_DIGEST_FILTER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "firebreak/base/ids.h"

namespace firebreak {

// Thread-safe; Add and MayHold never block. Clear must not run beside them.
class DigestFilter {
 public:
  // Rounded up to a power of two of bytes, at least 4 KiB. `salt` makes two filters err on different digests.
  DigestFilter(size_t bytes, uint64_t salt);

  void Add(const Digest& digest);
  bool MayHold(const Digest& digest) const;
  void Clear();
  bool empty() const { return !any_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kProbes = 4;
  uint64_t Bit(const Digest& digest, int probe) const;

  const uint64_t salt_;
  const size_t words_;
  const std::unique_ptr<std::atomic<uint64_t>[]> bits_;
  std::atomic<bool> any_{false};
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_DIGEST_FILTER_H_
