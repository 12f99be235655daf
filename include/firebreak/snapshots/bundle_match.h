// Holds an OpenSSF Model Signing bundle's resource list against a manifest, both ways: every file signed, every signed name
// there, same SHA-256. Streams over the manifest. Pure.
#ifndef FIREBREAK_SNAPSHOTS_BUNDLE_MATCH_H_
#define FIREBREAK_SNAPSHOTS_BUNDLE_MATCH_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "firebreak/signing/oms.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Not thread-safe.
class BundleMatcher {
 public:
  // kInvalidArgument: a resource that is not a whole file under sha256, or listed twice.
  static absl::StatusOr<BundleMatcher> Make(const OmsSignature& signature);
  // Call once per file (continuation entries are ignored).
  void Add(const v1::FileEntry& entry);
  // OK when both lists are equal. kInvalidArgument names each mismatch (the first ten) otherwise.
  absl::Status Finish();

 private:
  absl::flat_hash_map<std::string, std::string> unseen_;   // name -> raw digest
  std::vector<std::string> findings_;
  size_t findings_total_ = 0;
  void Note(std::string finding);
};

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_BUNDLE_MATCH_H_
