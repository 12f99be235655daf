// Keyring: whose signatures count. Trusting, rotating and revoking signers, and checking a bundle against those known now.
//
//   (none) -> trusted -> rotated (signs nothing new, what it signed counts)
//             trusted or rotated -> revoked (counts only what was logged before an index; never taken back)
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_KEYRING_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_KEYRING_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/signing/oms_stream.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/store/v1/snapshots.pb.h"
#include "firebreak/v1/signer.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// A bundle whose signature holds under a known signer, who may be revoked and out of scope: see CheckNew and Counts.
struct CheckedBundle {
  OmsSeal signature;
  v1::TrustedSigner signer;                 // the key's entry, or the authority's
  std::optional<v1::TrustedSigner> leaf;    // the certificate's own entry, which exists only to revoke it
  std::string identity;                     // the certificate's accepted name; empty for a key
  std::string algorithm;                    // ecdsa-p256-sha256 …
};

// Thread-safe. `ledger` and `clock` outlive it.
class Keyring {
 public:
  Keyring(Ledger& ledger, const Clock& clock, const SnapshotLimits& limits)
      : ledger_(ledger), clock_(clock), limits_(limits) {}

  absl::StatusOr<v1::TrustedSigner> Trust(const Caller& caller, const v1::TrustSignerRequest& request);
  absl::StatusOr<v1::RotateSignerResponse> Rotate(const Caller& caller, const v1::RotateSignerRequest& request);
  // Only ever stricter: revoking again may move the index down, never up. Keys that it vouched for from that index on go with
  // it, in the same commit; the first of the answer is the one asked for.
  absl::StatusOr<std::vector<v1::TrustedSigner>> Revoke(const Caller& caller, const v1::RevokeSignerRequest& request);
  absl::StatusOr<std::vector<v1::TrustedSigner>> List() const;
  // By key id, the beginning of one (eight digits or more), or a name that one signer in use has. kNotFound, or
  // kInvalidArgument when several fit.
  absl::StatusOr<v1::TrustedSigner> Resolve(std::string_view signer) const;

  // Digest and name of everything a key, or certificates below an authority, signed. kResourceExhausted past lineage_nodes_max.
  struct Signed {
    std::string digest;
    std::string name;
  };
  absl::StatusOr<std::vector<Signed>> SignedBy(const std::string& key_id) const;

  // The bundle verifies under a known key, or under a known authority with an accepted identity. `at`: when a certificate must
  // be valid; now for what comes in, and when it was checked first for what is stored. `visit` gets what it lists, as OmsBundle::Read
  // says, of the signature that was accepted.
  absl::StatusOr<CheckedBundle> Verify(OmsBundle& bundle, absl::Time at, OmsVisitor visit) const;
  // kFailedPrecondition when there is nothing in it.
  static absl::StatusOr<OmsBundle> Open(ByteSource& bundle);

  // For content coming in now: kFailedPrecondition when the signer is revoked, rotated away, or may not sign this.
  absl::Status CheckNew(const CheckedBundle& checked, v1::SnapshotKind kind, std::string_view name) const;
  // The same of one entry alone, read again in the draft that commits.
  absl::Status CheckNew(const v1::TrustedSigner& signer) const;

  // For content signed before: counts unless the key, its certificate or its authority is revoked and the signature was not
  // logged before the index from which it is. `why` gets one sentence.
  absl::StatusOr<bool> Counts(const CheckedBundle& checked, const std::string& digest, std::string* why) const;
  // The same of one entry and one signing key; nothing is verified.
  absl::StatusOr<bool> Counts(const v1::TrustedSigner& signer, const std::string& key_id, const std::string& digest,
                              std::string* why) const;

  // Who signs with it, over rotations: the id of the first key.
  static std::string Voter(const CheckedBundle& checked, const std::vector<v1::TrustedSigner>& signers);

 private:
  // Whose signature it is; of the bundle's list nothing is read.
  absl::StatusOr<CheckedBundle> FindKey(OmsBundle& bundle, const std::string& hint, std::vector<v1::TrustedSigner> signers) const;
  absl::StatusOr<CheckedBundle> FindAuthority(OmsBundle& bundle, absl::Time at, const std::vector<v1::TrustedSigner>& signers) const;
  absl::StatusOr<v1::TrustedSigner> LoadToRevoke(Draft& draft, const std::string& key_id) const;

  Ledger& ledger_;
  const Clock& clock_;
  SnapshotLimits limits_;
};

// "key 12ab…" for messages.
std::string ShortKey(const std::string& key_id);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_KEYRING_H_
