// How a process that moves megabytes keeps its memory. Only mains call it.
#ifndef FIREBREAK_BASE_HEAP_H_
#define FIREBREAK_BASE_HEAP_H_

namespace firebreak {

// Buffers of a few megabytes that come and go are kept for the next ones instead of being given back to the kernel each time,
// which would clear and map every page anew. Costs at most a few dozen megabytes. Call first in main; does nothing where the
// C library has no such setting.
void KeepFreedBuffers();

}  // namespace firebreak

#endif  // FIREBREAK_BASE_HEAP_H_
