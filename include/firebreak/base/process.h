// What the mains set for the whole process before anything else.
#ifndef FIREBREAK_BASE_PROCESS_H_
#define FIREBREAK_BASE_PROCESS_H_

namespace firebreak {

// Call first in main.
// Memory: buffers of a few megabytes that come and go are kept for the next ones instead of being given back to the kernel each time,
// which would clear and map every page anew. Costs at most a few dozen megabytes. Does nothing under another allocator than glibc's.
// Locks: Debian's Abseil looks for lock cycles at every lock and ends the process when it sees one. Debug builds, and so the tests,
// keep that; a release build does without it, which is a tenth of what a short commit costs.
void PrepareProcess();

}  // namespace firebreak

#endif  // FIREBREAK_BASE_PROCESS_H_
