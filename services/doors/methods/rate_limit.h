// RateLimit: a token bucket per key (an identity, an address).
#ifndef FIREBREAK_SERVICES_DOORS_METHODS_RATE_LIMIT_H_
#define FIREBREAK_SERVICES_DOORS_METHODS_RATE_LIMIT_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/base/text.h"
#include "firebreak/doors/front_desk.h"

namespace firebreak {

// Thread-safe.
class FrontDesk::RateLimit {
 public:
  RateLimit(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  // True, and one token taken, when there is one.
  bool Take(std::string_view key, absl::Time now) {
    absl::MutexLock lock(&mutex_);
    if (buckets_.size() >= kKeysMax && !buckets_.contains(ToAbsl(key)))
      buckets_.clear();  // forgetting is generous, growing is not
    Bucket& bucket = buckets_.try_emplace(std::string(key), Bucket{burst_, now}).first->second;
    double refill = std::max(0.0, absl::ToDoubleSeconds(now - bucket.filled)) * per_second_;
    bucket.tokens = std::min(burst_, bucket.tokens + refill);
    bucket.filled = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

 private:
  static constexpr size_t kKeysMax = 10000;
  struct Bucket {
    double tokens;
    absl::Time filled;
  };

  const double per_second_;
  const double burst_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_METHODS_RATE_LIMIT_H_
