#include <dlfcn.h>

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

// RocksDB's own function, which storage/rocksdb/checksum.cc takes the place of.
namespace rocksdb::crc32c {
uint32_t Extend(uint32_t init_crc, const char* data, size_t n);
}

namespace {

using Function = uint32_t (*)(uint32_t, const char*, size_t);
constexpr const char* kName = "_ZN7rocksdb6crc32c6ExtendEjPKcm";

TEST(Checksum, OfRocksDbIsOurs) {
  EXPECT_EQ(dlsym(RTLD_DEFAULT, kName), reinterpret_cast<void*>(&rocksdb::crc32c::Extend));
  Dl_info place{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&rocksdb::crc32c::Extend), &place), 0);
  EXPECT_EQ(std::string(place.dli_fname).find("librocksdb"), std::string::npos) << "the library uses its own: " << place.dli_fname;
}

// RFC 3720, B.4.
TEST(Checksum, HasTheValuesOfTheStandard) {
  EXPECT_EQ(rocksdb::crc32c::Extend(0, std::string(32, '\0').data(), 32), 0x8a9136aau);
  EXPECT_EQ(rocksdb::crc32c::Extend(0, std::string(32, '\xff').data(), 32), 0x62a8ab43u);
  EXPECT_EQ(rocksdb::crc32c::Extend(0, "123456789", 9), 0xe3069283u);
}

TEST(Checksum, IsTheLibrarysOwnForEveryLengthPlaceAndBeginning) {
  const auto own = reinterpret_cast<Function>(dlsym(RTLD_NEXT, kName));
  ASSERT_NE(own, nullptr);
  std::string bytes;
  uint64_t state = 7;
  for (size_t i = 0; i < 5000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes.push_back(static_cast<char>(state >> 56));
  }
  uint32_t crc = 0;
  for (size_t length = 0; length < 1200; ++length) {
    for (const size_t at : {size_t{0}, size_t{1}, size_t{7}, length}) {
      const uint32_t ours = rocksdb::crc32c::Extend(crc, bytes.data() + at, length);
      ASSERT_EQ(ours, own(crc, bytes.data() + at, length)) << length << " bytes at " << at;
      crc = ours;
    }
  }
}

}  // namespace
