// SignerDesk: the service Signers. Rotation of keys, further signatures over stored content, and the policies that say how many
// are needed; over the same keyring as the vault's.
#ifndef FIREBREAK_SNAPSHOTS_SIGNER_DESK_H_
#define FIREBREAK_SNAPSHOTS_SIGNER_DESK_H_

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/v1/signer.pb.h"

namespace firebreak {

// Thread-safe. `vault` outlives it.
class SignerDesk {
 public:
  explicit SignerDesk(SnapshotVault& vault) : vault_(vault) {}

  absl::StatusOr<v1::GetSignerResponse> GetSigner(const Caller& caller, const v1::GetSignerRequest& request);
  absl::StatusOr<v1::RotateSignerResponse> RotateSigner(const Caller& caller, const v1::RotateSignerRequest& request);
  absl::StatusOr<v1::AddSignatureResponse> AddSignature(const Caller& caller, const v1::AddSignatureRequest& request);
  absl::StatusOr<v1::ListSignaturesResponse> ListSignatures(const Caller& caller, const v1::ListSignaturesRequest& request);
  absl::StatusOr<v1::SetPolicyResponse> SetPolicy(const Caller& caller, const v1::SetPolicyRequest& request);
  absl::StatusOr<v1::RemovePolicyResponse> RemovePolicy(const Caller& caller, const v1::RemovePolicyRequest& request);
  absl::StatusOr<v1::ListPoliciesResponse> ListPolicies(const Caller& caller, const v1::ListPoliciesRequest& request);

 private:
  SnapshotVault& vault_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_SIGNER_DESK_H_
