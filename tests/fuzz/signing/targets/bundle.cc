#include <cstddef>
#include <cstdint>

#include "tests/fuzz/signing/fuzz_signing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  firebreak::testing::FuzzBundle(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
