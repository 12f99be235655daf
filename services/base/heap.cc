#include "firebreak/base/heap.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace firebreak {

void KeepFreedBuffers() {
#ifdef __GLIBC__
  constexpr int kMiB = 1 << 20;
  ::mallopt(M_MMAP_THRESHOLD, 32 * kMiB);
  ::mallopt(M_TRIM_THRESHOLD, 32 * kMiB);
  // Threads share arenas: what one gave back serves the next.
  ::mallopt(M_ARENA_MAX, 4);
#endif
}

}  // namespace firebreak
