// Packing: only where it pays, back to the same bytes, and never more memory than a row allows.
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/engine.h"
#include "storage/rocksdb/packing.h"

namespace firebreak {
namespace {

std::string Noise(size_t bytes) {
  std::mt19937_64 engine(5);
  std::string noise(bytes, '\0');
  for (char& c : noise) c = static_cast<char>(engine());
  return noise;
}

TEST(Pack, LeavesWhatDoesNotShrinkAndWhatIsTooSmallToMatter) {
  EXPECT_FALSE(Pack(Noise(1 << 20)).has_value());
  EXPECT_FALSE(Pack(Noise(5000)).has_value());
  EXPECT_FALSE(Pack(std::string(100, 'a')).has_value());
  EXPECT_FALSE(Pack("").has_value());
}

TEST(Pack, IsNotKeptFromSmallChunksThatHaveManyBytesButShrink) {
  for (const size_t bytes : {size_t{1024}, size_t{4096}, size_t{16'384}}) {
    EXPECT_FALSE(Pack(Noise(bytes)).has_value()) << bytes;
    std::string halves = Noise(bytes);   // as 16-bit floats of one magnitude are
    for (size_t i = 0; i < bytes; i += 2) halves[i] = 0x3f;
    EXPECT_TRUE(Pack(halves).has_value()) << bytes;
  }
}

TEST(Pack, ComesBackByteForByte) {
  for (const size_t bytes : {size_t{512}, size_t{20'000}, (size_t{8} << 20)}) {
    std::string plain = std::string(bytes - 100, 'r') + Noise(100);
    const auto packed = Pack(plain);
    ASSERT_TRUE(packed.has_value()) << bytes;
    EXPECT_LE(packed->size(), bytes - bytes / 8);
    EXPECT_EQ(Unpack(*packed, bytes).value_or(""), plain);
  }
}

TEST(Unpack, RefusesFramesThatAreNotExactlyWhatTheirRowSays) {
  const std::string packed = *Pack(std::string(1 << 20, 'z'));
  for (const uint64_t wrong : {uint64_t{0}, uint64_t{100}, (uint64_t{1} << 20) - 1, (uint64_t{1} << 20) + 1, uint64_t{1} << 60}) {
    EXPECT_EQ(Unpack(packed, wrong).status().code(), absl::StatusCode::kDataLoss) << wrong;
  }
  EXPECT_EQ(Unpack("no frame", 8).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Unpack(packed.substr(0, packed.size() / 2), 1 << 20).status().code(), absl::StatusCode::kDataLoss);
}

TEST(SizeRow, IsEightBytesAsEverOrNineForAPackedChunk) {
  EXPECT_EQ(EncodeSizeRow({258, false}), std::string("\0\0\0\0\0\0\x01\x02", 8));
  EXPECT_EQ(EncodeSizeRow({258, true}), std::string("\0\0\0\0\0\0\x01\x02\x01", 9));
  for (const bool packed : {false, true}) {
    const auto row = ParseSizeRow(EncodeSizeRow({77, packed}));
    ASSERT_TRUE(row.has_value());
    EXPECT_EQ(row->plain_bytes, 77u);
    EXPECT_EQ(row->packed, packed);
  }
  EXPECT_FALSE(ParseSizeRow("").has_value());
  EXPECT_FALSE(ParseSizeRow(std::string(9, '\x02')).has_value()) << "an encoding this version does not know";
  EXPECT_FALSE(ParseSizeRow(std::string(10, '\x01')).has_value());
}

}  // namespace
}  // namespace firebreak
