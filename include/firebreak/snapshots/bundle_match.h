// Holds an OpenSSF Model Signing bundle's list of files against content, both ways: every file signed, every signed name there, same
// digests. Neither list is held, and they may come in any order: see crypto/bag_hash.h. Only what differs is looked at again, a slice
// of it where it is long, to say what it is. Pure.
#ifndef FIREBREAK_SNAPSHOTS_BUNDLE_MATCH_H_
#define FIREBREAK_SNAPSHOTS_BUNDLE_MATCH_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "firebreak/crypto/bag_hash.h"
#include "firebreak/signing/oms.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Whether a bundle signs files by their SHA-256, which is what a manifest knows of them; otherwise the bytes have to be hashed again.
bool SignsFileDigests(const OmsSeal& seal);

// What content has under a name, as signers list it: a whole file, or a piece of one.
struct ContentPiece {
  std::string_view path;
  std::string digest_hex;
  uint64_t start = 0;
  uint64_t end = 0;      // exclusive; 0 for a whole file
};

class BundleDifference;

// What is signed comes first. A list that equals content has no duplicates, no holes and no file that is also a folder, because
// content has none. Not thread-safe.
class BundleMatcher {
 public:
  BundleMatcher();

  void AddSigned(const OmsResource& resource);
  void AddContent(const ContentPiece& piece);
  // The same of a manifest's entry, where SignsFileDigests; what continues a file is passed over.
  void AddFile(const v1::FileEntry& entry);

  bool Equal() const { return signed_ == content_; }
  // Both sides go through it once more, if they are not equal.
  BundleDifference Difference() const;

 private:
  friend class BundleDifference;
  // By name, so that all of a file is in one.
  static constexpr size_t kSlices = 256;
  using Sums = std::array<BagSum, kSlices>;

  size_t SliceOf(std::string_view name) const;
  void Add(Sums& sums, const ContentPiece& piece) const;
  std::string_view NameOf(std::string_view path);

  std::shared_ptr<const BagKey> key_;
  bool is_lone_ = false;     // signers before OMS 1.1 called the only file of a model "."
  std::string lone_path_;    // what the content calls it
  Sums signed_;
  Sums content_;
};

// Says what differs. Memory: what stands in the slices looked at, about 50,000 files and at most 16 MiB. Not thread-safe.
class BundleDifference {
 public:
  void AddSigned(const OmsResource& resource);
  void AddContent(const ContentPiece& piece);
  void AddFile(const v1::FileEntry& entry);
  // kInvalidArgument names each mismatch, the first ten.
  absl::Status Finish();
  size_t files_held() const { return unseen_.size(); }

 private:
  friend class BundleMatcher;
  explicit BundleDifference(const BundleMatcher& matcher);
  void Note(std::string finding);

  BundleMatcher matcher_;
  std::array<bool, BundleMatcher::kSlices> looked_at_{};
  bool is_partial_ = false;
  bool is_cut_ = false;        // not all of what is signed in those slices is held
  size_t bytes_held_ = 0;
  std::map<std::string, std::map<uint64_t, std::string>> unseen_;   // name -> start -> digest; none once it was seen
  std::vector<std::string> findings_;
  size_t findings_total_ = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_BUNDLE_MATCH_H_
