// How a chunk's bytes lie on the disk: as they are, or under zstd where that pays.
#ifndef FIREBREAK_STORAGE_ROCKSDB_PACKING_H_
#define FIREBREAK_STORAGE_ROCKSDB_PACKING_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace firebreak {

// The zstd frame of `plain`, when it saves at least an eighth; a sample decides first, so that bytes that do not shrink
// (weights, archives) cost almost nothing.
std::optional<std::string> Pack(std::string_view plain);

// kDataLoss when `packed` is not one frame of exactly `plain_bytes`; never makes room for more than that.
absl::StatusOr<std::string> Unpack(std::string_view packed, uint64_t plain_bytes);

// A row of the family "sizes": 8 bytes big-endian of plain size, then one byte of encoding; absent = stored as it is.
struct SizeRow {
  uint64_t plain_bytes = 0;
  bool packed = false;
};
std::string EncodeSizeRow(const SizeRow& row);
// Nothing: the row is damaged.
std::optional<SizeRow> ParseSizeRow(std::string_view row);

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_ROCKSDB_PACKING_H_
