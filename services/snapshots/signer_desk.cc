#include "firebreak/snapshots/signer_desk.h"

#include <algorithm>
#include <set>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/parts.h"
#include "services/snapshots/signature_log.h"

namespace firebreak {
namespace {

constexpr size_t kSignaturesMax = 64;

// Of the signatures that this entry stands behind (its key, or certificates below it), whether all count; `why` of one that
// does not.
absl::StatusOr<bool> AllCount(const MetaStore& store, const Keyring& keyring, const v1::TrustedSigner& signer,
                              const std::string& digest, std::string* why) {
  ASSIGN_OR_RETURN(RecordPage<store::v1::StoredSignature> page,
                   ListRecords(store, keys::SnapshotSignatures(digest), "", kSignaturesMax));
  for (const auto& [key, stored] : page.records) {
    const v1::SignatureSummary& summary = stored.summary();
    if (summary.key_id() != signer.key_id() && summary.authority_key_id() != signer.key_id()) continue;
    ASSIGN_OR_RETURN(const bool counts, keyring.Counts(signer, summary.key_id(), digest, why));
    if (!counts) return false;
  }
  return true;
}

struct Touched {
  std::vector<v1::SignedSnapshot> snapshots;
  std::vector<std::string> digests;
};

// Everything the signers signed, each content once.
absl::StatusOr<Touched> WhatTheySigned(const MetaStore& store, const Keyring& keyring,
                                       const std::vector<v1::TrustedSigner>& signers) {
  Touched touched;
  std::set<std::string> seen;
  for (const v1::TrustedSigner& signer : signers) {
    ASSIGN_OR_RETURN(const std::vector<Keyring::Signed> all, keyring.SignedBy(signer.key_id()));
    for (const Keyring::Signed& one : all) {
      if (!seen.insert(one.digest).second) continue;
      v1::SignedSnapshot& snapshot = touched.snapshots.emplace_back();
      snapshot.set_name(one.name);
      snapshot.set_digest(one.digest);
      ASSIGN_OR_RETURN(const bool counts, AllCount(store, keyring, signer, one.digest, snapshot.mutable_why()));
      snapshot.set_counts(counts);
      touched.digests.push_back(one.digest);
    }
  }
  return touched;
}

}  // namespace

absl::StatusOr<v1::TrustSignerResponse> SnapshotVault::TrustSigner(const Caller& caller, const v1::TrustSignerRequest& request) {
  v1::TrustSignerResponse response;
  ASSIGN_OR_RETURN(*response.mutable_signer(), parts_->keyring.Trust(caller, request));
  return response;
}

absl::StatusOr<v1::RevokeSignerResponse> SnapshotVault::RevokeSigner(const Caller& caller,
                                                                     const v1::RevokeSignerRequest& request) {
  v1::RevokeSignerResponse response;
  ASSIGN_OR_RETURN(const std::vector<v1::TrustedSigner> revoked, parts_->keyring.Revoke(caller, request));
  *response.mutable_signer() = revoked.front();
  for (size_t at = 1; at < revoked.size(); ++at) response.add_also_revoked(revoked[at].key_id());
  ASSIGN_OR_RETURN(Touched touched, WhatTheySigned(parts_->ledger.store(), parts_->keyring, revoked));
  std::vector<std::string> digests;
  for (const v1::SignedSnapshot& snapshot : touched.snapshots) {
    if (snapshot.counts()) continue;   // logged before the index from which the key is revoked
    response.add_snapshots(snapshot.name());
    digests.push_back(snapshot.digest());
  }
  ASSIGN_OR_RETURN(const std::vector<DeploymentName> deployments, parts_->Serving(digests));
  for (const DeploymentName& name : deployments) response.add_deployments(name.text());
  ASSIGN_OR_RETURN(std::vector<std::string> releases, parts_->Releases(digests));
  for (std::string& release : releases) response.add_releases(std::move(release));
  return response;
}

absl::StatusOr<v1::ListSignersResponse> SnapshotVault::ListSigners(const Caller&, const v1::ListSignersRequest&) {
  ASSIGN_OR_RETURN(std::vector<v1::TrustedSigner> signers, parts_->keyring.List());
  v1::ListSignersResponse response;
  for (v1::TrustedSigner& signer : signers) {
    RETURN_IF_ERROR(FillRotation(parts_->ledger.store(), signer));
    *response.add_signers() = std::move(signer);
  }
  return response;
}

absl::StatusOr<std::vector<std::string>> SnapshotVault::Parts::Releases(const std::vector<std::string>& digests) const {
  if (!releases || digests.empty()) return std::vector<std::string>();
  return releases(digests);
}

absl::StatusOr<v1::GetSignerResponse> SignerDesk::GetSigner(const Caller&, const v1::GetSignerRequest& request) {
  const SnapshotVault::Parts& parts = *vault_.parts_;
  v1::GetSignerResponse response;
  ASSIGN_OR_RETURN(*response.mutable_signer(), parts.keyring.Resolve(request.signer()));
  RETURN_IF_ERROR(FillRotation(parts.ledger.store(), *response.mutable_signer()));
  ASSIGN_OR_RETURN(Touched touched, WhatTheySigned(parts.ledger.store(), parts.keyring, {response.signer()}));
  for (v1::SignedSnapshot& snapshot : touched.snapshots) *response.add_snapshots() = std::move(snapshot);
  ASSIGN_OR_RETURN(const std::vector<DeploymentName> deployments, parts.Serving(touched.digests));
  for (const DeploymentName& name : deployments) response.add_deployments(name.text());
  ASSIGN_OR_RETURN(std::vector<std::string> releases, parts.Releases(touched.digests));
  for (std::string& release : releases) response.add_releases(std::move(release));
  return response;
}

absl::StatusOr<v1::RotateSignerResponse> SignerDesk::RotateSigner(const Caller& caller, const v1::RotateSignerRequest& request) {
  return vault_.parts_->keyring.Rotate(caller, request);
}

absl::StatusOr<v1::AddSignatureResponse> SignerDesk::AddSignature(const Caller& caller, const v1::AddSignatureRequest& request) {
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, vault_.Resolve(request.snapshot()));
  return vault_.parts_->signatures.Add(caller, request, std::move(snapshot));
}

absl::StatusOr<v1::ListSignaturesResponse> SignerDesk::ListSignatures(const Caller&, const v1::ListSignaturesRequest& request) {
  const Signatures& signatures = vault_.parts_->signatures;
  v1::ListSignaturesResponse response;
  ASSIGN_OR_RETURN(*response.mutable_snapshot(), vault_.Resolve(request.snapshot()));
  ASSIGN_OR_RETURN(const std::vector<SignatureView> views, signatures.View(response.snapshot(), SignatureDepth::kRecords));
  ASSIGN_OR_RETURN(std::vector<v1::PolicyStanding> standings, signatures.Judge(response.snapshot(), response.snapshot().name(), views));
  for (const SignatureView& view : views) {
    v1::SignatureStanding& standing = *response.add_signatures();
    *standing.mutable_signature() = view.summary;
    standing.set_counts(view.counts);
    standing.set_why(view.why);
  }
  for (v1::PolicyStanding& standing : standings) *response.add_policies() = std::move(standing);
  return response;
}

absl::StatusOr<v1::SetPolicyResponse> SignerDesk::SetPolicy(const Caller& caller, const v1::SetPolicyRequest& request) {
  return vault_.parts_->policies.Set(caller, request);
}

absl::StatusOr<v1::RemovePolicyResponse> SignerDesk::RemovePolicy(const Caller& caller, const v1::RemovePolicyRequest& request) {
  return vault_.parts_->policies.Remove(caller, request);
}

absl::StatusOr<v1::ListPoliciesResponse> SignerDesk::ListPolicies(const Caller&, const v1::ListPoliciesRequest&) {
  ASSIGN_OR_RETURN(std::vector<v1::SigningPolicy> policies, vault_.parts_->policies.List());
  v1::ListPoliciesResponse response;
  for (v1::SigningPolicy& policy : policies) *response.add_policies() = std::move(policy);
  return response;
}

}  // namespace firebreak
