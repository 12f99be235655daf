#include "services/snapshots/policies.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/signers.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/signer_scope.h"

namespace firebreak {
namespace {

constexpr size_t kPoliciesMax = 64;
constexpr uint32_t kThresholdMax = 16;
constexpr int kSignersMax = 64;
constexpr size_t kRingMax = 1000;

bool Names(const v1::SigningPolicy& policy, const Vote& vote) {
  return policy.signers().empty() ||
         std::any_of(policy.signers().begin(), policy.signers().end(), [&](const std::string& name) {
           return name == vote.signer || (!vote.identity.empty() && name == vote.identity);
         });
}

absl::Status CheckPolicy(const v1::SigningPolicy& policy) {
  RETURN_IF_ERROR(CheckName("policy name", policy.name()));
  RETURN_IF_ERROR(CheckKindList("a policy's", policy.kinds()));
  RETURN_IF_ERROR(CheckPatterns("names of a policy", policy.names()));
  RETURN_IF_ERROR(CheckPatterns("signers of a policy", policy.signers()));
  if (policy.threshold() < 1 || policy.threshold() > kThresholdMax) {
    return absl::InvalidArgumentError(StrCat("policy ", policy.name(), ": threshold ", policy.threshold(), " is not 1 to ",
                                             kThresholdMax));
  }
  const std::set<std::string> different(policy.signers().begin(), policy.signers().end());
  if (policy.signers_size() > kSignersMax || different.size() != static_cast<size_t>(policy.signers_size())) {
    return absl::InvalidArgumentError(StrCat("policy ", policy.name(), ": names a signer twice or more than ", kSignersMax));
  }
  return absl::OkStatus();
}

std::string Sentence(const v1::SigningPolicy& policy) {
  return StrCat("policy ", policy.name(), ": ", policy.threshold(), " of ",
                policy.signers().empty() ? "any trusted signers" : absl::StrJoin(policy.signers(), ", "), " must sign ",
                policy.names().empty() ? "everything" : absl::StrJoin(policy.names(), ", "));
}

void Record(Draft& draft, const Caller& caller, const v1::SigningPolicy& policy, std::string_view action,
            std::string_view reason) {
  v1::AuditEntry entry = MakeEntry(caller.identity, action, StrCat(Sentence(policy), ": ", reason));
  AddSubject(entry, StrCat("signing-policy/", policy.name()));
  (*entry.mutable_facts())["name"] = policy.name();
  (*entry.mutable_facts())["threshold"] = absl::StrCat(policy.threshold());
  draft.Record(std::move(entry));
}

}  // namespace

v1::PolicyStanding Judge(const v1::SigningPolicy& policy, const std::vector<Vote>& votes) {
  v1::PolicyStanding standing;
  *standing.mutable_policy() = policy;
  std::set<std::string> voters;
  std::set<std::string> heard;
  for (const Vote& vote : votes) {
    if (!Names(policy, vote)) continue;
    heard.insert(vote.signer);
    if (!vote.identity.empty()) heard.insert(vote.identity);
    // People are counted, not keys: one with two keys, or known to two authorities, is one.
    const std::string who = vote.identity.empty() ? StrCat("signer ", vote.signer) : StrCat("identity ", vote.identity);
    if (voters.insert(who).second) standing.add_signed_by(vote.identity.empty() ? vote.signer : vote.identity);
  }
  for (const std::string& name : policy.signers()) {
    if (!heard.contains(name)) standing.add_missing(name);
  }
  standing.set_have(static_cast<uint32_t>(voters.size()));
  standing.set_holds(standing.have() >= policy.threshold());
  return standing;
}

const v1::SigningPolicy& DefaultPolicy() {
  static const v1::SigningPolicy* const kPolicy = [] {
    auto* policy = new v1::SigningPolicy;
    policy->set_threshold(1);
    return policy;
  }();
  return *kPolicy;
}

std::string WhatIsMissing(const v1::PolicyStanding& standing) {
  const v1::SigningPolicy& policy = standing.policy();
  std::string text = StrCat("policy ", policy.name(), " needs ", policy.threshold(),
                            policy.threshold() == 1 ? " signature" : " signatures", ", ", standing.have(), " counts",
                            standing.signed_by().empty() ? "" : " (", absl::StrJoin(standing.signed_by(), ", "),
                            standing.signed_by().empty() ? "" : ")");
  if (!standing.missing().empty()) {
    StrAppend(&text, "; ", policy.threshold() - standing.have(), " more of: ", absl::StrJoin(standing.missing(), ", "));
  }
  return text;
}

// All keys of one name are one voter, an authority stands for any number of people; what nobody knows yet counts as one.
absl::Status Policies::CheckCanHold(const v1::SigningPolicy& policy) const {
  if (policy.signers().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const RecordPage<v1::TrustedSigner> page, ListRecords(ledger_.store(), keys::SnapshotSigners(), "", kRingMax));
  size_t voters = 0;
  for (const std::string& name : policy.signers()) {
    size_t of_name = 0;
    for (const auto& [key, signer] : page.records) {
      if (signer.name() != name || signer.has_revoked_at() || !signer.rotated_to().empty()) continue;
      of_name = std::max<size_t>(of_name, signer.ca_certificate_pem().empty() ? 1 : kThresholdMax);
    }
    voters += std::max<size_t>(of_name, 1);
  }
  if (voters >= policy.threshold()) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("policy ", policy.name(), ": threshold ", policy.threshold(), " of only ", voters,
                                           " signers can never hold"));
}

absl::StatusOr<v1::SetPolicyResponse> Policies::Set(const Caller& caller, const v1::SetPolicyRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  RETURN_IF_ERROR(CheckPolicy(request.policy()));
  const v1::SigningPolicy& wanted = request.policy();
  RETURN_IF_ERROR(CheckCanHold(wanted));
  v1::SetPolicyResponse response;
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<v1::SigningPolicy> known, List());
    const bool is_new = std::none_of(known.begin(), known.end(), [&](const auto& one) { return one.name() == wanted.name(); });
    if (is_new && known.size() >= kPoliciesMax) {
      return absl::ResourceExhaustedError(StrCat("already ", kPoliciesMax, " signing policies"));
    }
    v1::SigningPolicy policy = wanted;
    policy.set_set_by(caller.identity.text());
    *policy.mutable_set_at() = ToProto(clock_.Now());
    policy.set_reason(request.reason());
    RETURN_IF_ERROR(draft.Find(keys::LastPolicyChange()).status());
    draft.Put(keys::SigningPolicy(policy.name()), policy);
    draft.Put(keys::LastPolicyChange(), policy);
    Record(draft, caller, policy, "signing_policy.set", request.reason());
    *response.mutable_policy() = std::move(policy);
    return absl::OkStatus();
  };
  if (request.validate_only()) {
    Draft draft(ledger_.store());
    RETURN_IF_ERROR(build(draft));
    return response;
  }
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  return response;
}

absl::StatusOr<v1::RemovePolicyResponse> Policies::Remove(const Caller& caller, const v1::RemovePolicyRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  RETURN_IF_ERROR(CheckName("policy name", request.name()));
  v1::RemovePolicyResponse response;
  auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(*response.mutable_policy(),
                     draft.Load(keys::SigningPolicy(request.name()), StrCat("signing policy ", request.name())));
    RETURN_IF_ERROR(draft.Find(keys::LastPolicyChange()).status());
    draft.Delete(keys::SigningPolicy(request.name()));
    v1::SigningPolicy last = response.policy();
    last.set_set_by(caller.identity.text());
    *last.mutable_set_at() = ToProto(clock_.Now());
    draft.Put(keys::LastPolicyChange(), last);
    Record(draft, caller, response.policy(), "signing_policy.removed", request.reason());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  return response;
}

absl::StatusOr<std::vector<v1::SigningPolicy>> Policies::List() const {
  ASSIGN_OR_RETURN(RecordPage<v1::SigningPolicy> page,
                   ListRecords(ledger_.store(), keys::SigningPolicies(), "", kPoliciesMax + 1));
  std::vector<v1::SigningPolicy> all;
  for (auto& [key, policy] : page.records) all.push_back(std::move(policy));
  return all;
}

absl::StatusOr<std::vector<v1::SigningPolicy>> Policies::Matching(v1::SnapshotKind kind, std::string_view name) const {
  ASSIGN_OR_RETURN(std::vector<v1::SigningPolicy> policies, List());
  std::erase_if(policies, [&](const v1::SigningPolicy& policy) {
    return !HasKind(policy.kinds(), kind) || !MatchesAny(policy.names(), name);
  });
  if (policies.empty()) policies.push_back(DefaultPolicy());
  return policies;
}

}  // namespace firebreak
