#include "services/snapshots/content_match.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash_stream.h"
#include "firebreak/snapshots/bundle_match.h"

namespace firebreak {
namespace {

constexpr size_t kFindingsShown = 10;

// Files come in order, their chunks as well. A piece is a shard, or a whole file.
class ByteMatcher {
 public:
  explicit ByteMatcher(const OmsSignature& signature)
      : shard_size_(signature.shard_size_bytes),
        hash_(signature.hash_type == "blake2b" ? HashAlgorithm::kBlake2b512 : HashAlgorithm::kSha256) {
    for (const OmsResource& resource : signature.resources) {
      unseen_[resource.name].emplace(resource.shard_start.value_or(0), resource.digest_hex);
    }
  }

  void Begin(const v1::FileEntry& file) {
    file_ = file.path();
    size_ = file.size_bytes();
    at_ = piece_start_ = 0;
    auto found = unseen_.find(file_);
    // Signed before OMS 1.1: the only file is called ".".
    if (found == unseen_.end() && unseen_.size() == 1 && shard_size_ == 0) found = unseen_.find(".");
    wanted_.clear();
    is_listed_ = found != unseen_.end();
    if (is_listed_) {
      wanted_ = std::move(found->second);
      unseen_.erase(found);
    } else if (shard_size_ == 0 || size_ > 0) {   // a list of shards cannot hold an empty file
      Note(StrCat("file '", file_, "' is not in the signature"));
    }
    if (size_ == 0 && shard_size_ == 0) EndPiece();
  }

  void Add(std::string_view bytes) {
    while (!bytes.empty()) {
      const uint64_t piece_end = shard_size_ == 0 ? size_ : std::min(size_, piece_start_ + shard_size_);
      const size_t part = static_cast<size_t>(std::min<uint64_t>(bytes.size(), piece_end - at_));
      if (part == 0) return Note(StrCat("file '", file_, "' has more bytes than its manifest says"));
      hash_.Update(bytes.substr(0, part));
      bytes.remove_prefix(part);
      at_ += part;
      if (at_ == piece_end) EndPiece();
    }
  }

  absl::Status Finish() {
    EndFile();
    std::vector<std::string> left;
    for (const auto& [name, pieces] : unseen_) left.push_back(name);
    std::sort(left.begin(), left.end());
    for (const std::string& name : left) Note(StrCat("signed file '", name, "' is missing from the content"));
    if (findings_total_ == 0) return absl::OkStatus();
    std::string text = absl::StrJoin(findings_, "; ");
    if (findings_total_ > findings_.size()) StrAppend(&text, "; and ", findings_total_ - findings_.size(), " more");
    return absl::InvalidArgumentError(StrCat("signature and content differ: ", text));
  }

  // Once before every file but the first, and at the end.
  void EndFile() {
    for (const auto& [start, digest] : wanted_) Note(StrCat("file '", file_, "' is shorter than signed, at byte ", start));
    wanted_.clear();
  }

 private:
  void EndPiece() {
    const std::string digest = ToHex(hash_.Finish());
    const auto wanted = wanted_.find(piece_start_);
    if (wanted == wanted_.end()) {
      if (is_listed_) Note(StrCat("file '", file_, "' is longer than signed, from byte ", piece_start_));
    } else {
      if (wanted->second != digest) {
        Note(StrCat("file '", file_, "' has digest ", digest, " from byte ", piece_start_, ", signed was ", wanted->second));
      }
      wanted_.erase(wanted);
    }
    piece_start_ = at_;
  }

  void Note(std::string finding) {
    if (++findings_total_ <= kFindingsShown) findings_.push_back(std::move(finding));
  }

  const uint64_t shard_size_;
  HashStream hash_;
  absl::flat_hash_map<std::string, std::map<uint64_t, std::string>> unseen_;   // name -> start -> digest
  std::map<uint64_t, std::string> wanted_;                                     // of the current file, not yet seen
  std::string file_;
  bool is_listed_ = false;
  uint64_t size_ = 0;
  uint64_t at_ = 0;
  uint64_t piece_start_ = 0;
  std::vector<std::string> findings_;
  size_t findings_total_ = 0;
};

absl::Status MatchBytes(const ChunkStore& chunks, const PageRefs& pages, const OmsSignature& signature) {
  ByteMatcher matcher(signature);
  RETURN_IF_ERROR(ForEachEntry(chunks, pages, [&](const v1::FileEntry& entry) -> absl::Status {
    if (entry.chunks_before() == 0) {
      matcher.EndFile();
      matcher.Begin(entry);
    }
    for (const v1::ChunkRef& ref : entry.chunks()) {
      absl::StatusOr<std::string> bytes = chunks.Get(Digest::FromRaw(ref.digest()));
      if (!bytes.ok()) return Annotate(bytes.status(), StrCat("file '", entry.path(), "'"));
      matcher.Add(*bytes);
    }
    return absl::OkStatus();
  }));
  return matcher.Finish();
}

}  // namespace

bool NeedsBytes(const OmsSignature& signature) {
  return signature.method != OmsMethod::kFiles || signature.hash_type != "sha256";
}

absl::Status MatchContent(const ChunkStore& chunks, const PageRefs& pages, const OmsSignature& signature) {
  if (NeedsBytes(signature)) return MatchBytes(chunks, pages, signature);
  ASSIGN_OR_RETURN(BundleMatcher matcher, BundleMatcher::Make(signature));
  RETURN_IF_ERROR(ForEachEntry(chunks, pages, [&](const v1::FileEntry& entry) {
    matcher.Add(entry);
    return absl::OkStatus();
  }));
  return matcher.Finish();
}

}  // namespace firebreak
