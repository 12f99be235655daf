#include "services/snapshots/content_match.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash_stream.h"

namespace firebreak {
namespace {

using TakePiece = absl::FunctionRef<void(const ContentPiece&)>;

// Cuts files as the signer did. Files come in order, their bytes as well.
class PieceCutter {
 public:
  PieceCutter(const OmsSeal& seal, TakePiece take)
      : shard_size_(seal.shard_size_bytes),
        hash_(seal.hash_type == "blake2b" ? HashAlgorithm::kBlake2b512 : HashAlgorithm::kSha256),
        take_(take) {}

  void Begin(const v1::FileEntry& file) {
    path_ = file.path();
    start_ = at_ = 0;
  }

  void Add(std::string_view bytes) {
    while (!bytes.empty()) {
      const uint64_t room = shard_size_ == 0 ? bytes.size() : start_ + shard_size_ - at_;
      const size_t part = static_cast<size_t>(std::min<uint64_t>(bytes.size(), room));
      hash_.Update(bytes.substr(0, part));
      bytes.remove_prefix(part);
      at_ += part;
      if (shard_size_ > 0 && part == room) EndPiece();
    }
  }

  // An empty file has a digest, and no shard (spec §6.3.2).
  void EndFile() {
    if (!path_.empty() && (shard_size_ == 0 || at_ > start_)) EndPiece();
    path_.clear();
  }

 private:
  void EndPiece() {
    take_({path_, ToHex(hash_.Finish()), start_, shard_size_ == 0 ? 0 : at_});
    start_ = at_;
  }

  const uint64_t shard_size_;
  HashStream hash_;
  const TakePiece take_;
  std::string path_;
  uint64_t start_ = 0;
  uint64_t at_ = 0;
};

absl::Status VisitBytes(const ChunkStore& chunks, const PageRefs& pages, const OmsSeal& seal, TakePiece take) {
  PieceCutter cutter(seal, take);
  RETURN_IF_ERROR(ForEachEntry(chunks, pages, [&](const v1::FileEntry& entry) -> absl::Status {
    if (entry.chunks_before() == 0) {
      cutter.EndFile();
      cutter.Begin(entry);
    }
    for (const v1::ChunkRef& ref : entry.chunks()) {
      absl::StatusOr<std::string> bytes = chunks.Get(Digest::FromRaw(ref.digest()));
      if (!bytes.ok()) return Annotate(bytes.status(), StrCat("file '", entry.path(), "'"));
      cutter.Add(*bytes);
    }
    return absl::OkStatus();
  }));
  cutter.EndFile();
  return absl::OkStatus();
}

// What the content has, for a matcher or for a difference.
template <typename Side>
absl::Status VisitContent(const ChunkStore& chunks, const PageRefs& pages, const OmsSeal& seal, Side& side) {
  if (!SignsFileDigests(seal)) {
    return VisitBytes(chunks, pages, seal, [&](const ContentPiece& piece) { side.AddContent(piece); });
  }
  return ForEachEntry(chunks, pages, [&](const v1::FileEntry& entry) {
    side.AddFile(entry);
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status CheckMatch(const ChunkStore& chunks, const PageRefs& pages, OmsBundle& bundle, const OmsSeal& seal,
                        const BundleMatcher& matcher) {
  if (matcher.Equal()) return absl::OkStatus();
  BundleDifference difference = matcher.Difference();
  RETURN_IF_ERROR(bundle.Read([&](OmsResource& resource) {
                          difference.AddSigned(resource);
                          return absl::OkStatus();
                        }).status());
  RETURN_IF_ERROR(VisitContent(chunks, pages, seal, difference));
  return difference.Finish();
}

absl::Status MatchContent(const ChunkStore& chunks, const PageRefs& pages, OmsBundle& bundle, const OmsSeal& seal,
                          BundleMatcher& matcher) {
  RETURN_IF_ERROR(VisitContent(chunks, pages, seal, matcher));
  return CheckMatch(chunks, pages, bundle, seal, matcher);
}

}  // namespace firebreak
