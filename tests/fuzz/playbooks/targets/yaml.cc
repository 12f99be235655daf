#include <cstddef>
#include <cstdint>

#include "tests/fuzz/playbooks/fuzz_playbook.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  firebreak::testing::FuzzPlaybook(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
