#include "firebreak/snapshots/bundle_match.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr size_t kFindingsShown = 10;
constexpr size_t kSha256Digits = 64;
constexpr uint64_t kFilesLookedAt = 50'000;   // in slices that differ
constexpr size_t kBytesHeld = size_t{16} << 20;
constexpr size_t kPieceOverhead = 100;        // what a piece takes beside its name and digest
constexpr std::string_view kLoneFile = ".";

ContentPiece PieceOf(const v1::FileEntry& entry) { return {.path = entry.path(), .digest_hex = ToHex(entry.digest())}; }

}  // namespace

bool SignsFileDigests(const OmsSeal& seal) { return seal.method == OmsMethod::kFiles && seal.hash_type == "sha256"; }

BundleMatcher::BundleMatcher() : key_(std::make_shared<const BagKey>()) {}

size_t BundleMatcher::SliceOf(std::string_view name) const { return key_->Hash(StrCat("n", name))[0] % kSlices; }

void BundleMatcher::Add(Sums& sums, const ContentPiece& piece) const {
  const BagElement element = key_->Hash(StrCat("p", ToBigEndian64(piece.path.size()), piece.path, ToBigEndian64(piece.start),
                                               ToBigEndian64(piece.end), piece.digest_hex));
  sums[SliceOf(piece.path)].Add(element);
}

void BundleMatcher::AddSigned(const OmsResource& resource) {
  is_lone_ |= resource.name == kLoneFile;   // which only a list of one may hold
  Add(signed_, {resource.name, resource.digest_hex, resource.shard_start.value_or(0), resource.shard_end.value_or(0)});
}

std::string_view BundleMatcher::NameOf(std::string_view path) {
  if (!is_lone_) return path;
  if (lone_path_.empty()) lone_path_ = std::string(path);
  return path == lone_path_ ? kLoneFile : path;
}

void BundleMatcher::AddContent(const ContentPiece& piece) {
  ContentPiece named = piece;
  named.path = NameOf(piece.path);
  Add(content_, named);
}

void BundleMatcher::AddFile(const v1::FileEntry& entry) {
  if (entry.chunks_before() == 0) AddContent(PieceOf(entry));
}

BundleDifference BundleMatcher::Difference() const { return BundleDifference(*this); }

BundleDifference::BundleDifference(const BundleMatcher& matcher) : matcher_(matcher) {
  uint64_t files = 0;
  for (size_t i = 0; i < looked_at_.size(); ++i) {
    if (matcher.signed_[i] == matcher.content_[i]) continue;
    const uint64_t more = std::max(matcher.signed_[i].count, matcher.content_[i].count);
    if (files > 0 && files + more > kFilesLookedAt) {
      is_partial_ = true;
      continue;
    }
    files += more;
    looked_at_[i] = true;
  }
}

void BundleDifference::AddSigned(const OmsResource& resource) {
  if (!looked_at_[matcher_.SliceOf(resource.name)]) return;
  bytes_held_ += resource.name.size() + resource.digest_hex.size() + kPieceOverhead;
  if (bytes_held_ > kBytesHeld) {
    is_partial_ = is_cut_ = true;
    return;
  }
  const uint64_t start = resource.shard_start.value_or(0);
  if (!unseen_[resource.name].emplace(start, resource.digest_hex).second) Note(StrCat("the bundle lists '", resource.name, "' twice"));
}

void BundleDifference::AddFile(const v1::FileEntry& entry) {
  if (entry.chunks_before() == 0) AddContent(PieceOf(entry));
}

void BundleDifference::AddContent(const ContentPiece& piece) {
  const std::string name(matcher_.NameOf(piece.path));
  if (!looked_at_[matcher_.SliceOf(name)]) return;
  const std::string from = piece.start > 0 ? StrCat(" from byte ", piece.start) : std::string();
  const auto file = unseen_.find(name);
  const bool is_known = file != unseen_.end() && file->second.contains(piece.start);
  if (!is_known && is_cut_) return;   // perhaps it is signed
  if (file == unseen_.end()) return Note(StrCat("file '", piece.path, "' is not in the signature"));
  const auto wanted = file->second.find(piece.start);
  if (wanted == file->second.end()) return Note(StrCat("file '", piece.path, "' is longer than signed, from byte ", piece.start));
  if (wanted->second != piece.digest_hex) {
    Note(StrCat("file '", piece.path, piece.digest_hex.size() == kSha256Digits ? "' has sha256 " : "' has blake2b ", piece.digest_hex, from,
                ", signed was ", wanted->second));
  }
  wanted->second.clear();   // seen
}

absl::Status BundleDifference::Finish() {
  for (const auto& [name, pieces] : unseen_) {
    const auto left = std::find_if(pieces.begin(), pieces.end(), [](const auto& piece) { return !piece.second.empty(); });
    if (left == pieces.end()) continue;
    if (left == pieces.begin()) {
      Note(StrCat("signed file '", name, "' is missing from the content"));
    } else {
      Note(StrCat("file '", name, "' is shorter than signed, at byte ", left->first));
    }
  }
  std::string text = findings_.empty() ? "the lists are not the same" : absl::StrJoin(findings_, "; ");
  if (findings_total_ > findings_.size()) StrAppend(&text, "; and ", findings_total_ - findings_.size(), " more");
  if (is_partial_) StrAppend(&text, "; and others");
  return absl::InvalidArgumentError(StrCat("signature and content differ: ", text));
}

void BundleDifference::Note(std::string finding) {
  if (++findings_total_ <= kFindingsShown) findings_.push_back(std::move(finding));
}

}  // namespace firebreak
