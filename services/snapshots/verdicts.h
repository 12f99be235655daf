// Verdicts: which stored bundles were found to sign which content, so that gates asked again and again need not read a bundle and a
// manifest of a million files each time. A verdict holds as long as what it was made from: the exact bundle, the content, when the
// bundle was checked first, and every key and authority that was known. What may change without those (revocations, rotations, scopes,
// policies) is no part of it and judged afresh.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_VERDICTS_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_VERDICTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/store/v1/snapshots.pb.h"
#include "firebreak/v1/signer.pb.h"
#include "services/snapshots/keyring.h"

namespace firebreak {

// Thread-safe. In memory only; a service that starts again checks again.
class Verdicts {
 public:
  static constexpr size_t kMax = 1024;

  // Names a verdict: 32 bytes.
  static std::string Key(std::string_view content_digest, const store::v1::StoredSignature& stored,
                         const std::vector<v1::TrustedSigner>& signers);

  // What was remembered, with the entries that `signers` has now.
  std::optional<CheckedBundle> Find(const std::string& key, const std::vector<v1::TrustedSigner>& signers) const;
  // Of a bundle that verified and lists exactly the content. Past kMax all are forgotten.
  void Remember(const std::string& key, const CheckedBundle& checked);

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, CheckedBundle> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_VERDICTS_H_
