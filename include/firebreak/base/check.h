// FIREBREAK_CHECK: for our own broken promises only, never for input, stored bytes, peers or disks. Always on.
#ifndef FIREBREAK_BASE_CHECK_H_
#define FIREBREAK_BASE_CHECK_H_

namespace firebreak {

// Prints the broken promise with its place to stderr and aborts the process.
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);

}  // namespace firebreak

#define FIREBREAK_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::firebreak::CheckFailed(#expression, __FILE__, __LINE__))

#endif  // FIREBREAK_BASE_CHECK_H_
