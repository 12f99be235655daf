// RocksDB's CRC32C by the processor's own instructions. Debian's library is built for every amd64 processor there is and has only a
// table for it, which costs more than SHA-256 does: one second for each GiB that is written, and again when it is read. The library calls
// the function by its exported name, so that the program's own definition, this one, takes its place (as with an allocator);
// CMakeLists.txt sees to it that the linker takes it. The values are the same: stores are read with and without it.
#include <isa-l/crc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

// The name and type are those of RocksDB's own util/crc32c.h.
namespace rocksdb::crc32c {

uint32_t Extend(uint32_t init_crc, const char* data, size_t n);

uint32_t Extend(uint32_t init_crc, const char* data, size_t n) {
  constexpr size_t kOnce = size_t{1} << 30;   // ISA-L counts in int
  uint32_t crc = ~init_crc;
  while (n > 0) {
    const size_t now = std::min(n, kOnce);
    // It only reads; its parameter lacks the const.
    crc = crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<char*>(data)), static_cast<int>(now), crc);
    data += now;
    n -= now;
  }
  return ~crc;
}

}  // namespace rocksdb::crc32c
