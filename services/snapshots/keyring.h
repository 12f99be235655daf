// Keyring: whose signatures count. Trusting and revoking signers, and checking a bundle against the keys trusted now.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_KEYRING_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_KEYRING_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/signing/oms.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

struct CheckedBundle {
  OmsSignature signature;
  v1::TrustedSigner signer;
  std::string algorithm;   // ecdsa-p256-sha256 …
};

// Thread-safe. `ledger` and `clock` outlive it.
class Keyring {
 public:
  Keyring(Ledger& ledger, const Clock& clock, const SnapshotLimits& limits)
      : ledger_(ledger), clock_(clock), limits_(limits) {}

  absl::StatusOr<v1::TrustedSigner> Trust(const Caller& caller, const v1::TrustSignerRequest& request);
  // Only ever stricter: revoking again may move the index down, never up.
  absl::StatusOr<v1::TrustedSigner> Revoke(const Caller& caller, const v1::RevokeSignerRequest& request);
  absl::StatusOr<std::vector<v1::TrustedSigner>> List() const;

  // Digest and name of everything a key signed. kResourceExhausted past lineage_nodes_max.
  struct Signed {
    std::string digest;
    std::string name;
  };
  absl::StatusOr<std::vector<Signed>> SignedBy(const std::string& key_id) const;

  // The bundle verifies under a known key that may sign `kind`. The signer may be revoked: see Counts and CheckNew.
  absl::StatusOr<CheckedBundle> Verify(std::string_view bundle, v1::SnapshotKind kind) const;

  // For content coming in now: a revoked key never counts. kFailedPrecondition says since when.
  absl::Status CheckNew(const v1::TrustedSigner& signer) const;

  // For content signed before: counts when the key is not revoked, or its signature was logged before the index from which it
  // is. `why` gets one sentence.
  absl::StatusOr<bool> Counts(const v1::TrustedSigner& signer, const std::string& digest, std::string* why) const;

 private:
  Ledger& ledger_;
  const Clock& clock_;
  SnapshotLimits limits_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_KEYRING_H_
