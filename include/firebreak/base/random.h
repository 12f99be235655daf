// Injected randomness. Mains pass the operating system's; tests pass a seeded one and print the seed.
#ifndef FIREBREAK_BASE_RANDOM_H_
#define FIREBREAK_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace firebreak {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::string Bytes(size_t count) = 0;
  uint64_t Uint64();
  // Uniform in [0, 1).
  double Uniform();
};

// getrandom(2); fit for keys and tokens.
class SystemRandom final : public Random {
 public:
  std::string Bytes(size_t count) override;
};

// Repeatable; never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  std::string Bytes(size_t count) override;

 private:
  absl::Mutex mutex_;
  std::mt19937_64 engine_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_BASE_RANDOM_H_
