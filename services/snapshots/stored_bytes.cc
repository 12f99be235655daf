#include "services/snapshots/stored_bytes.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/snapshots/manifest.h"

namespace firebreak {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr int kChunksMax = 8192;   // what the record that names them has room for

}  // namespace

absl::StatusOr<StoredBytes> StoredBytes::Open(const ChunkStore& chunks, const ChunkRefs& refs, uint64_t bytes_max) {
  if (refs.size() > kChunksMax) return absl::ResourceExhaustedError(StrCat("more than ", kChunksMax, " chunks"));
  StoredBytes bytes(chunks);
  for (const v1::ChunkRef& ref : refs) {
    if (ref.digest().size() != kDigestBytes) return absl::InvalidArgumentError("a chunk's digest is not 32 bytes");
    if (ref.size_bytes() == 0 || ref.size_bytes() > kChunkBytesMax) {
      return absl::InvalidArgumentError(StrCat("a chunk of ", ref.size_bytes(), " bytes (allowed: 1 to ", kChunkBytesMax, ")"));
    }
    const uint64_t end = bytes.size_bytes() + ref.size_bytes();
    if (end > bytes_max) return absl::ResourceExhaustedError(StrCat("more than ", bytes_max, " bytes"));
    bytes.digests_.push_back(Digest::FromRaw(ref.digest()));
    bytes.ends_.push_back(end);
  }
  return bytes;
}

absl::StatusOr<std::string_view> StoredBytes::Read(uint64_t offset) {
  const size_t at = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), offset) - ends_.begin());
  if (at == ends_.size()) return std::string_view();
  const uint64_t begin = at == 0 ? 0 : ends_[at - 1];
  if (loaded_ != at + 1) {
    loaded_ = 0;
    data_ = std::string();   // before the next is there
    ASSIGN_OR_RETURN(data_, chunks_->Get(digests_[at]));
    if (Sha256(data_) != digests_[at] || data_.size() != ends_[at] - begin) {
      return absl::DataLossError(StrCat("chunk ", ToHex(digests_[at].raw()).substr(0, 16), "…: its bytes do not match its digest"));
    }
    loaded_ = at + 1;
  }
  return std::string_view(data_).substr(static_cast<size_t>(offset - begin));
}

}  // namespace firebreak
