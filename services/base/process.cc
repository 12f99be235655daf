#include "firebreak/base/process.h"

#include <cstdlib>   // says whether this is glibc
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "absl/synchronization/mutex.h"

namespace firebreak {

void PrepareProcess() {
#ifdef __GLIBC__
  constexpr int kMiB = 1 << 20;
  ::mallopt(M_MMAP_THRESHOLD, 32 * kMiB);
  ::mallopt(M_TRIM_THRESHOLD, 32 * kMiB);
  // Threads share arenas: what one gave back serves the next.
  ::mallopt(M_ARENA_MAX, 4);
#endif
#ifdef NDEBUG
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
}

}  // namespace firebreak
