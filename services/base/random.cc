#include "firebreak/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "firebreak/base/check.h"

namespace firebreak {

uint64_t Random::Uint64() {
  const std::string bytes = Bytes(sizeof(uint64_t));
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

double Random::Uniform() { return static_cast<double>(Uint64() >> 11) * 0x1.0p-53; }

std::string SystemRandom::Bytes(size_t count) {
  std::string bytes(count, '\0');
  size_t filled = 0;
  while (filled < count) {
    const ssize_t got = ::getrandom(bytes.data() + filled, count - filled, 0);
    // The kernel's generator never fails once seeded; going on with weak bytes would be worse than stopping.
    FIREBREAK_CHECK(got >= 0 || errno == EINTR);
    if (got > 0) filled += static_cast<size_t>(got);
  }
  return bytes;
}

std::string SeededRandom::Bytes(size_t count) {
  std::string bytes(count, '\0');
  absl::MutexLock lock(&mutex_);
  for (size_t at = 0; at < count; at += sizeof(uint64_t)) {
    const uint64_t value = engine_();
    std::memcpy(bytes.data() + at, &value, std::min(sizeof(value), count - at));
  }
  return bytes;
}

}  // namespace firebreak
