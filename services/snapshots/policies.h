// How many signatures of whom a snapshot needs: the policies, and the verdict over a list of signatures.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_POLICIES_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_POLICIES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/v1/signer.pb.h"

namespace firebreak {

// One signature that counts.
struct Vote {
  std::string voter;      // who gave it: a second one of the same voter adds nothing
  std::string signer;     // name in the keyring
  std::string identity;   // name in the certificate; empty for a key
};

// Pure. `have` counts different voters among those the policy names (any, when it names none).
v1::PolicyStanding Judge(const v1::SigningPolicy& policy, const std::vector<Vote>& votes);

// What holds where no policy matches: one signature of anybody trusted.
const v1::SigningPolicy& DefaultPolicy();

// One sentence about a policy that does not hold: what it needs, what there is, who is missing.
std::string WhatIsMissing(const v1::PolicyStanding& standing);

// Thread-safe. `ledger` and `clock` outlive it.
class Policies {
 public:
  Policies(Ledger& ledger, const Clock& clock) : ledger_(ledger), clock_(clock) {}

  absl::StatusOr<v1::SetPolicyResponse> Set(const Caller& caller, const v1::SetPolicyRequest& request);
  absl::StatusOr<v1::RemovePolicyResponse> Remove(const Caller& caller, const v1::RemovePolicyRequest& request);
  absl::StatusOr<std::vector<v1::SigningPolicy>> List() const;

  // Those over content of this kind and name; the default where there is none.
  absl::StatusOr<std::vector<v1::SigningPolicy>> Matching(v1::SnapshotKind kind, std::string_view name) const;

 private:
  absl::Status CheckCanHold(const v1::SigningPolicy& policy) const;

  Ledger& ledger_;
  const Clock& clock_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_POLICIES_H_
