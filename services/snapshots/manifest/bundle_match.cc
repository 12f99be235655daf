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
}

absl::StatusOr<BundleMatcher> BundleMatcher::Make(const OmsSignature& signature) {
  if (signature.method != OmsMethod::kFiles || signature.hash_type != "sha256") {
    return absl::InvalidArgumentError(StrCat("the bundle signs ", signature.method == OmsMethod::kShards ? "shards" : "files",
                                             " under ", signature.hash_type,
                                             "; its bytes have to be hashed again to compare (next: firebreak oms verify-model)"));
  }
  BundleMatcher matcher;
  matcher.unseen_.reserve(signature.resources.size());
  for (const OmsResource& resource : signature.resources) {
    if (resource.algorithm != "sha256" || resource.shard_start || resource.shard_end) {
      return absl::InvalidArgumentError(StrCat("the bundle's entry for '", resource.name, "' is not a whole file under sha256"));
    }
    ASSIGN_OR_RETURN(std::string digest, FromHex(resource.digest_hex));
    if (!matcher.unseen_.emplace(resource.name, std::move(digest)).second) {
      return absl::InvalidArgumentError(StrCat("the bundle lists '", resource.name, "' twice"));
    }
  }
  // A single-file model signed before OMS 1.1 names its file "."; the matcher then takes whatever the one file is called.
  return matcher;
}

void BundleMatcher::Note(std::string finding) {
  if (++findings_total_ <= kFindingsShown) findings_.push_back(std::move(finding));
}

void BundleMatcher::Add(const v1::FileEntry& entry) {
  if (entry.chunks_before() > 0) return;
  auto found = unseen_.find(entry.path());
  if (found == unseen_.end() && unseen_.size() == 1) found = unseen_.find(".");
  if (found == unseen_.end()) {
    Note(StrCat("file '", entry.path(), "' is not in the signature"));
    return;
  }
  if (found->second != entry.digest()) {
    Note(StrCat("file '", entry.path(), "' has sha256 ", ToHex(entry.digest()), ", signed was ", ToHex(found->second)));
  }
  unseen_.erase(found);
}

absl::Status BundleMatcher::Finish() {
  std::vector<std::string> left;
  left.reserve(unseen_.size());
  for (const auto& [name, digest] : unseen_) left.push_back(name);
  std::sort(left.begin(), left.end());
  for (const std::string& name : left) Note(StrCat("signed file '", name, "' is missing from the content"));
  if (findings_total_ == 0) return absl::OkStatus();
  std::string text = absl::StrJoin(findings_, "; ");
  if (findings_total_ > findings_.size()) StrAppend(&text, "; and ", findings_total_ - findings_.size(), " more");
  return absl::InvalidArgumentError(StrCat("signature and content differ: ", text));
}

}  // namespace firebreak
