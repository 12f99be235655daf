#include <cstddef>
#include <cstdint>

#include "tests/fuzz/diff/fuzz_diff.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  firebreak::testing::FuzzDiff(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
