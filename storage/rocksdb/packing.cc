#include "storage/rocksdb/packing.h"

#include <zstd.h>

#include <algorithm>
#include <bitset>
#include <memory>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

// On chunks of tables of about 16 KiB level 1 packs as well as level 3 (36 % left), in two thirds of the time. For chunks of that size
// a smaller table of longer matches leaves as much of them, and of source text a twentieth more, in three quarters of that time again.
constexpr int kLevel = 1;
constexpr size_t kSmallBytes = size_t{64} << 10;
constexpr int kSmallHashLog = 10;
constexpr int kSmallMinMatch = 6;
constexpr size_t kWorthTrying = 512;            // smaller chunks gain less than their row costs
constexpr size_t kSampleBytes = size_t{8} << 10;
constexpr size_t kLookBytes = 512;
constexpr size_t kRandomDistinct = 208;
constexpr size_t kTextDistinct = 100;
constexpr uint64_t kPlainBytesMax = uint64_t{64} << 20;   // far above any chunk; what a damaged row could ask for
constexpr char kZstd = 1;

struct Freed {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// One context per thread: a new one costs more than packing a small chunk.
ZSTD_CCtx* Compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, Freed> context(ZSTD_createCCtx());
  return context.get();
}

ZSTD_DCtx* Decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, Freed> context(ZSTD_createDCtx());
  return context.get();
}

// How many of the 256 bytes there are appear among 512 in the middle: of random ones about 221, give or take five; of floating point
// far fewer; of text and tables below a hundred.
size_t DistinctInTheMiddle(std::string_view plain) {
  std::bitset<256> seen;
  for (const char c : plain.substr((plain.size() - kLookBytes) / 2, kLookBytes)) seen.set(static_cast<unsigned char>(c));
  return seen.count();
}

// Size of the frame in `frame`, 0 when it would not save an eighth.
size_t PackInto(std::string& frame, std::string_view plain) {
  const size_t most = plain.size() - plain.size() / 8;
  frame.resize(most);
  const bool small = plain.size() <= kSmallBytes;   // 0 is the level's own
  ZSTD_CCtx_setParameter(Compressor(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(Compressor(), ZSTD_c_hashLog, small ? kSmallHashLog : 0);
  ZSTD_CCtx_setParameter(Compressor(), ZSTD_c_minMatch, small ? kSmallMinMatch : 0);
  const size_t size = ZSTD_compress2(Compressor(), frame.data(), frame.size(), plain.data(), plain.size());
  return ZSTD_isError(size) != 0 ? 0 : size;
}

}  // namespace

std::optional<std::string> Pack(std::string_view plain) {
  if (plain.size() < kWorthTrying || Compressor() == nullptr) return std::nullopt;
  const size_t distinct = plain.size() < 2 * kLookBytes ? 0 : DistinctInTheMiddle(plain);
  const bool large = plain.size() > 2 * kSampleBytes;
  // Where there are many small chunks, trying to pack each that does not shrink costs as much as hashing it.
  if (!large && distinct >= kRandomDistinct) return std::nullopt;
  std::string frame;
  if (large && distinct > kTextDistinct) {
    const std::string_view middle = plain.substr((plain.size() - kSampleBytes) / 2, kSampleBytes);
    if (PackInto(frame, middle) == 0) return std::nullopt;
  }
  const size_t size = PackInto(frame, plain);
  if (size == 0) return std::nullopt;
  frame.resize(size);
  return frame;
}

absl::StatusOr<std::string> Unpack(std::string_view packed, uint64_t plain_bytes) {
  if (plain_bytes > kPlainBytesMax || Decompressor() == nullptr) {
    return absl::DataLossError(StrCat("cannot make room for ", plain_bytes, " bytes"));
  }
  std::string plain(static_cast<size_t>(plain_bytes), '\0');
  const size_t size = ZSTD_decompressDCtx(Decompressor(), plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0) return absl::DataLossError(StrCat("zstd frame: ", ZSTD_getErrorName(size)));
  if (size != plain.size()) {
    return absl::DataLossError(StrCat("zstd frame holds ", size, " bytes instead of ", plain_bytes));
  }
  return plain;
}

std::string EncodeSizeRow(const SizeRow& row) {
  std::string bytes = ToBigEndian64(row.plain_bytes);
  if (row.packed) bytes.push_back(kZstd);
  return bytes;
}

std::optional<SizeRow> ParseSizeRow(std::string_view row) {
  if (row.size() != 8 && !(row.size() == 9 && row.back() == kZstd)) return std::nullopt;
  return SizeRow{FromBigEndian64(row.substr(0, 8)), row.size() == 9};
}

}  // namespace firebreak
