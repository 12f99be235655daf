#include "firebreak/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace firebreak {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, expression);
  std::fflush(stderr);
  std::abort();
}

}  // namespace firebreak
