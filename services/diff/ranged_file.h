// RangedFile: bytes of a stored file by range, one chunk in memory at a time, each checked against its digest.
#ifndef FIREBREAK_SERVICES_DIFF_RANGED_FILE_H_
#define FIREBREAK_SERVICES_DIFF_RANGED_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/diff/diff.h"
#include "firebreak/v1/diff.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// What may still be read. Shared by the two sides of a file.
struct ReadBudget {
  uint64_t bytes_left = 0;
  uint64_t bytes_read = 0;
};

// Not thread-safe. `source`, `entry` and `budget` outlive it.
class RangedFile {
 public:
  RangedFile(const DiffSource& source, const v1::FileEntry& entry, ReadBudget& budget);

  uint64_t size() const { return entry_.size_bytes(); }

  // From `offset` to the end of the chunk it is in; valid until the next call. Empty at the end of the file.
  // kResourceExhausted when the budget is used up; kDataLoss when the chunk is not what its digest says.
  absl::StatusOr<std::string_view> View(uint64_t offset);
  // Exactly `length` bytes; kOutOfRange when the file is shorter.
  absl::StatusOr<std::string> Read(uint64_t offset, uint64_t length);

  // Are the bytes the same? Pieces in equal chunks at equal places are not read.
  friend absl::StatusOr<bool> SameBytes(RangedFile& a, uint64_t a_offset, RangedFile& b, uint64_t b_offset, uint64_t length);

 private:
  struct Place {
    size_t chunk = 0;
    uint64_t within = 0;   // of the chunk
    uint64_t left = 0;     // to its end
  };
  Place At(uint64_t offset) const;
  absl::Status Load(size_t chunk);

  const DiffSource& source_;
  const v1::FileEntry& entry_;
  ReadBudget& budget_;
  std::vector<uint64_t> ends_;   // of the chunks
  size_t loaded_ = SIZE_MAX;
  std::string bytes_;
};

absl::StatusOr<bool> SameBytes(RangedFile& a, uint64_t a_offset, RangedFile& b, uint64_t b_offset, uint64_t length);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DIFF_RANGED_FILE_H_
