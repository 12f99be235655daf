// CRC-32C with the processor's own instruction, in place of RocksDB's table.
//
// RocksDB takes the instruction only where the whole library was compiled for it; Debian's is not, and its table does about
// 1 GB/s: a full second of a core for every GiB written and another for every GiB read. The function has external linkage in
// the library and is called through its procedure table, so this definition, which stands earlier in the link order, is
// the one used, with the same values (RFC 3720 §B.4). Where the instruction is missing the library's own is called.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "storage/rocksdb/engine.h"

#if defined(__x86_64__) && defined(__linux__)
#include <dlfcn.h>
#include <nmmintrin.h>

namespace rocksdb::crc32c {

uint32_t Extend(uint32_t crc, const char* data, size_t size);

namespace {

using ExtendFunction = uint32_t (*)(uint32_t, const char*, size_t);

__attribute__((target("sse4.2"))) uint32_t ExtendByInstruction(uint32_t crc, const char* data, size_t size) {
  uint64_t state = crc ^ 0xffffffffU;
  for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), data += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, data, sizeof(word));
    state = _mm_crc32_u64(state, word);
  }
  auto rest = static_cast<uint32_t>(state);
  for (; size > 0; --size, ++data) rest = _mm_crc32_u8(rest, static_cast<uint8_t>(*data));
  return rest ^ 0xffffffffU;
}

ExtendFunction Choose() {
  if (__builtin_cpu_supports("sse4.2")) return &ExtendByInstruction;
  return reinterpret_cast<ExtendFunction>(::dlsym(RTLD_NEXT, "_ZN7rocksdb6crc32c6ExtendEjPKcm"));
}

}  // namespace

uint32_t Extend(uint32_t crc, const char* data, size_t size) {
  static const ExtendFunction kExtend = Choose();
  return kExtend(crc, data, size);
}

}  // namespace rocksdb::crc32c

#else

namespace rocksdb::crc32c {
uint32_t Extend(uint32_t crc, const char* data, size_t size);
}

#endif

namespace firebreak {

bool ChecksumsAreSound() {
  constexpr char kText[] = "123456789";
  constexpr uint32_t kKnown = 0xe3069283U;
  const uint32_t begun = rocksdb::crc32c::Extend(0, kText, 2);
  return rocksdb::crc32c::Extend(0, kText, 9) == kKnown && rocksdb::crc32c::Extend(begun, kText + 2, 7) == kKnown;
}

}  // namespace firebreak
