#include "services/diff/ranged_file.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"

namespace firebreak {

RangedFile::RangedFile(const DiffSource& source, const v1::FileEntry& entry, ReadBudget& budget)
    : source_(source), entry_(entry), budget_(budget) {
  ends_.reserve(static_cast<size_t>(entry.chunks_size()));
  uint64_t end = 0;
  for (const v1::ChunkRef& chunk : entry.chunks()) ends_.push_back(end += chunk.size_bytes());
}

RangedFile::Place RangedFile::At(uint64_t offset) const {
  const auto found = std::upper_bound(ends_.begin(), ends_.end(), offset);
  if (found == ends_.end()) return {ends_.size(), 0, 0};
  const auto chunk = static_cast<size_t>(found - ends_.begin());
  const uint64_t start = chunk == 0 ? 0 : ends_[chunk - 1];
  return {chunk, offset - start, *found - offset};
}

absl::Status RangedFile::Load(size_t chunk) {
  if (chunk == loaded_) return absl::OkStatus();
  const v1::ChunkRef& ref = entry_.chunks(static_cast<int>(chunk));
  if (ref.digest().size() != 32) return absl::DataLossError("a chunk's digest is not 32 bytes");
  if (ref.size_bytes() > budget_.bytes_left) return absl::ResourceExhaustedError("as much was read as one answer may");
  budget_.bytes_left -= ref.size_bytes();
  budget_.bytes_read += ref.size_bytes();
  loaded_ = SIZE_MAX;
  ASSIGN_OR_RETURN(bytes_, source_.chunk(Digest::FromRaw(ref.digest())));
  if (bytes_.size() != ref.size_bytes() || Sha256(bytes_).raw() != ref.digest()) {
    return absl::DataLossError(StrCat("chunk ", ToHex(ref.digest()).substr(0, 12), " is not what its digest says"));
  }
  loaded_ = chunk;
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> RangedFile::View(uint64_t offset) {
  const Place place = At(offset);
  if (place.chunk == ends_.size()) return std::string_view();
  RETURN_IF_ERROR(Load(place.chunk));
  return std::string_view(bytes_).substr(static_cast<size_t>(place.within));
}

absl::StatusOr<std::string> RangedFile::Read(uint64_t offset, uint64_t length) {
  if (offset > size() || length > size() - offset) return absl::OutOfRangeError("the file ends before what it announces");
  std::string bytes;
  while (bytes.size() < length) {
    ASSIGN_OR_RETURN(const std::string_view view, View(offset + bytes.size()));
    if (view.empty()) return absl::OutOfRangeError("the file ends before what it announces");
    bytes.append(view.substr(0, static_cast<size_t>(length) - bytes.size()));
  }
  return bytes;
}

absl::StatusOr<bool> SameBytes(RangedFile& a, uint64_t a_offset, RangedFile& b, uint64_t b_offset, uint64_t length) {
  while (length > 0) {
    const RangedFile::Place in_a = a.At(a_offset);
    const RangedFile::Place in_b = b.At(b_offset);
    const uint64_t step = std::min({in_a.left, in_b.left, length});
    if (step == 0) return absl::OutOfRangeError("the file ends before what it announces");
    const bool same_chunk = in_a.within == in_b.within && a.entry_.chunks(static_cast<int>(in_a.chunk)).digest() ==
                                                              b.entry_.chunks(static_cast<int>(in_b.chunk)).digest();
    if (!same_chunk) {
      ASSIGN_OR_RETURN(const std::string_view left, a.View(a_offset));
      ASSIGN_OR_RETURN(const std::string_view right, b.View(b_offset));
      if (left.substr(0, static_cast<size_t>(step)) != right.substr(0, static_cast<size_t>(step))) return false;
    }
    a_offset += step;
    b_offset += step;
    length -= step;
  }
  return true;
}

}  // namespace firebreak
