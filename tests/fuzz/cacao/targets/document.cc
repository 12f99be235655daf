#include <cstddef>
#include <cstdint>

#include "tests/fuzz/cacao/fuzz_cacao.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  firebreak::testing::FuzzCacao(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
