#include "firebreak/fleet/fleet_desk.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/fleet/proof.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/fleet.h"

namespace firebreak {
namespace {

constexpr size_t kPageRows = 256;
constexpr size_t kNamesForHints = 1000;
constexpr size_t kFactBytesMax = 512;   // an audit entry is small; the decision itself holds the whole text

std::string WhatWasAsked(const DecisionWish& wish) {
  if (!wish.asked.empty()) return wish.asked;
  const bool by_release = wish.kind == v1::DECISION_KIND_DEPLOY && wish.release.has_value();
  return Sha256(StrCat(wish.deployment.text(), "\n", static_cast<int>(wish.kind), "\n",
                       by_release ? wish.release->digest() : std::string()))
      .text();
}

std::string_view Deed(v1::DecisionKind kind) {
  switch (kind) {
    case v1::DECISION_KIND_DEPLOY: return "decided to deploy";
    case v1::DECISION_KIND_CONTAIN: return "decided to contain";
    case v1::DECISION_KIND_RELEASE: return "decided to lift the containment or freeze, serving";
    case v1::DECISION_KIND_ROLLBACK: return "decided to roll back to";
    case v1::DECISION_KIND_FREEZE: return "decided to freeze at";
    case v1::DECISION_KIND_UNSPECIFIED:
    case v1::DecisionKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::DecisionKind_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return "decided on";
}

// `before`: what was served until now, so that a containment names the model it takes out.
v1::AuditEntry DescribeDecision(const v1::IssuedDecision& issued, const v1::Release& before) {
  const v1::Decision& decision = issued.decision();
  const v1::Release& release = decision.has_release() ? decision.release() : before;
  v1::AuditEntry entry;
  entry.set_actor(decision.decided_by());
  entry.set_action("decision.issued");
  entry.add_subjects(StrCat("deployment/", decision.deployment()));
  if (!decision.incident().empty()) entry.add_subjects(StrCat("incident/", decision.incident()));
  if (!decision.run().empty()) entry.add_subjects(StrCat("run/", decision.run()));
  if (!release.model_name().empty()) entry.add_subjects(release.model_name());
  if (!release.model_digest().empty()) entry.add_subjects(StrCat("snapshot/", release.model_digest()));
  entry.set_summary(StrCat(Deed(decision.kind()), " ", release.model_name(), " on ", decision.deployment(), " (epoch ",
                           decision.epoch(), ")"));
  auto& facts = *entry.mutable_facts();
  facts["epoch"] = StrCat(decision.epoch());
  facts["kind"] = v1::DecisionKind_Name(decision.kind());
  facts["reason"] = decision.reason().substr(0, kFactBytesMax);
  while (!IsValidUtf8(facts["reason"])) facts["reason"].pop_back();
  if (decision.has_release()) facts["release"] = decision.release().digest();
  if (!before.digest().empty()) facts["previous_release"] = before.digest();
  if (!before.model_name().empty()) facts["previous_model"] = before.model_name();
  std::string approvers;
  for (const std::string& approver : decision.approved_by()) StrAppend(&approvers, approvers.empty() ? "" : ",", approver);
  if (!approvers.empty()) facts["approved_by"] = approvers.substr(0, kFactBytesMax);
  entry.set_payload_digest(issued.digest());
  return entry;
}

// A release goes (back) into service: everything in it is checked now, whoever checked it earlier.
bool PutsIntoService(const v1::Deployment& before, v1::DecisionKind kind) {
  return kind == v1::DECISION_KIND_DEPLOY || kind == v1::DECISION_KIND_ROLLBACK ||
         (kind == v1::DECISION_KIND_RELEASE && before.contained());
}

// Gates read signature bundles and lists of files, for seconds where a model has very many. A draft that lost a race is built again on
// the committer's thread, where nobody else could commit meanwhile: this answer makes it start over with its caller.
absl::Status NotWhileOthersWait(const Draft& draft) {
  if (draft.as_of() != Draft::kNothingMoves) return absl::OkStatus();
  return absl::AbortedError("something the gates depend on has changed since they were checked");
}

}  // namespace

FleetDesk::FleetDesk(Ledger& ledger, AgentHub& hub, const Clock& clock, Random& random, Log& log,
                     const CertificateAuthority& authority, EcPrivateKey decision_key, SnapshotView snapshots,
                     FleetOptions options)
    : ledger_(ledger),
      hub_(hub),
      clock_(clock),
      random_(random),
      log_(log),
      authority_(authority),
      decision_key_(std::move(decision_key)),
      snapshots_(std::move(snapshots)),
      options_(options) {}

absl::Status FleetDesk::UnknownDeployment(const DeploymentName& name) const {
  ASSIGN_OR_RETURN(const auto page, ListRecords(ledger_.store(), DeploymentPrefix(), "", kNamesForHints));
  std::vector<std::string> known;
  for (const auto& [key, deployment] : page.records) known.push_back(deployment.name());
  const std::string nearest = NearestName(name.text(), known);
  return WithNextStep(absl::NotFoundError(StrCat("deployment ", name.text(), " does not exist")),
                      nearest.empty() ? "create it first, or list the deployments" : StrCat("did you mean ", nearest, "?"));
}

absl::StatusOr<v1::Deployment> FleetDesk::LoadForChange(Draft& draft, const DeploymentName& name) const {
  ASSIGN_OR_RETURN(std::optional<v1::Deployment> deployment, draft.Find(DeploymentKey(name)));
  if (!deployment) return UnknownDeployment(name);
  return *std::move(deployment);
}

absl::StatusOr<std::optional<v1::IssuedDecision>> FleetDesk::FindIssued(Draft& draft, const DecisionWish& wish) const {
  if (wish.effect_id.empty()) return std::optional<v1::IssuedDecision>();
  ASSIGN_OR_RETURN(const std::optional<store::v1::EffectDecision> effect, draft.Find(EffectDecisionKey(wish.effect_id)));
  if (!effect) return std::optional<v1::IssuedDecision>();
  if (effect->deployment() != wish.deployment.text() || effect->asked() != WhatWasAsked(wish)) {
    return absl::AlreadyExistsError(StrCat("request or effect ", wish.effect_id.text(), " already led to epoch ",
                                           effect->epoch(), " of ", effect->deployment(), ", which is not what is asked now"));
  }
  ASSIGN_OR_RETURN(v1::IssuedDecision issued,
                   draft.Load(DecisionKey(DeploymentName(effect->deployment()), Epoch{effect->epoch()}),
                              StrCat("decision ", effect->epoch(), " of ", effect->deployment())));
  return std::optional<v1::IssuedDecision>(std::move(issued));
}

absl::Status FleetDesk::CheckReleaseGates(Draft& draft, const DeploymentName& name, const v1::Release& release) const {
  RETURN_IF_ERROR(NotWhileOthersWait(draft));
  std::vector<std::pair<std::string, std::string>> parts = {{release.model_name(), release.model_digest()}};
  if (!release.config_digest().empty()) parts.emplace_back(release.config_name(), release.config_digest());
  for (int i = 0; i < release.dataset_digests_size(); ++i) {
    parts.emplace_back(i < release.dataset_names_size() ? release.dataset_names(i) : release.dataset_digests(i), release.dataset_digests(i));
  }
  for (const auto& [part, digest_text] : parts) {
    ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(digest_text));
    if (snapshots_.hold) RETURN_IF_ERROR(snapshots_.hold(draft, digest));
    const absl::StatusOr<std::vector<v1::GateResult>> gates = snapshots_.check_gates(digest, part);
    if (!gates.ok()) return Annotate(gates.status(), StrCat("serve ", part, " on ", name.text()));
    for (const v1::GateResult& gate : *gates) {
      if (gate.verdict() == v1::GATE_VERDICT_PASS) continue;
      return absl::FailedPreconditionError(StrCat("serve ", part, " on ", name.text(), ": gate ", gate.gate(),
                                                  gate.verdict() == v1::GATE_VERDICT_FAIL ? " fails: " : " is unknown: ",
                                                  gate.evidence()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Decision> FleetDesk::PrepareDecision(Draft& draft, const DecisionWish& wish,
                                                        v1::Deployment& deployment) const {
  ASSIGN_OR_RETURN(deployment, LoadForChange(draft, wish.deployment));
  if (options_.check_run) RETURN_IF_ERROR(options_.check_run(draft, wish));
  if (wish.only_at_epoch != 0 && deployment.epoch() != wish.only_at_epoch) {
    return absl::FailedPreconditionError(StrCat(wish.deployment.text(), " is at epoch ", deployment.epoch(), ", no longer at ",
                                                wish.only_at_epoch, ": somebody has decided about it since"));
  }
  ASSIGN_OR_RETURN(v1::Decision decision, NextDecision(deployment, wish, clock_.Now()));
  if (decision.has_release() && PutsIntoService(deployment, wish.kind)) {
    RETURN_IF_ERROR(CheckReleaseGates(draft, wish.deployment, decision.release()));
  }
  return decision;
}

absl::StatusOr<v1::IssuedDecision> FleetDesk::AddDecision(Draft& draft, const DecisionWish& wish) {
  ASSIGN_OR_RETURN(std::optional<v1::IssuedDecision> issued_before, FindIssued(draft, wish));
  if (issued_before) return *std::move(issued_before);
  v1::Deployment deployment;
  ASSIGN_OR_RETURN(const v1::Decision decision, PrepareDecision(draft, wish, deployment));
  ASSIGN_OR_RETURN(v1::IssuedDecision issued, SignDecision(decision_key_, decision));
  const v1::Release before = deployment.wanted();
  ApplyDecision(deployment, issued);
  draft.Put(DeploymentKey(wish.deployment), deployment);
  draft.Put(DecisionKey(wish.deployment, Epoch{decision.epoch()}), issued);
  if (!wish.effect_id.empty()) {
    store::v1::EffectDecision effect;
    effect.set_deployment(wish.deployment.text());
    effect.set_epoch(decision.epoch());
    effect.set_asked(WhatWasAsked(wish));
    draft.Put(EffectDecisionKey(wish.effect_id), effect);
  }
  draft.Record(DescribeDecision(issued, before));
  return issued;
}

absl::StatusOr<v1::IssuedDecision> FleetDesk::AddRollback(Draft& draft, const RollbackWish& rollback) {
  DecisionWish wish = rollback.wish;
  wish.kind = v1::DECISION_KIND_ROLLBACK;
  // Asked again after it was done, the plan would no longer hold: the effect is looked up first.
  ASSIGN_OR_RETURN(std::optional<v1::IssuedDecision> issued_before, FindIssued(draft, wish));
  if (issued_before) return *std::move(issued_before);
  ASSIGN_OR_RETURN(const v1::Deployment deployment, LoadForChange(draft, wish.deployment));
  RETURN_IF_ERROR(NotWhileOthersWait(draft));
  ASSIGN_OR_RETURN(const v1::RollbackPlan plan, PlanFrom(deployment, rollback.to));
  if (plan.digest() != rollback.plan_digest) {
    return WithNextStep(absl::AbortedError(StrCat("roll back ", wish.deployment.text(), ": plan ", rollback.plan_digest,
                                                  " no longer holds, something it was made from has changed")),
                        "make the plan again and decide on that one");
  }
  if (!plan.has_target()) {
    return WithNextStep(absl::FailedPreconditionError(StrCat("roll back ", wish.deployment.text(),
                                                             ": no release in its history passes every gate")),
                        "look at the plan's gates; stay contained until one passes");
  }
  wish.release = plan.target();
  return AddDecision(draft, wish);
}

absl::StatusOr<v1::Deployment> FleetDesk::LoadDeployment(const DeploymentName& name) const {
  ASSIGN_OR_RETURN(std::optional<v1::Deployment> deployment, FindRecord(ledger_.store(), DeploymentKey(name)));
  if (!deployment) return UnknownDeployment(name);
  RETURN_IF_ERROR(FillAgents(*deployment));
  return *std::move(deployment);
}

absl::StatusOr<v1::RollbackPlan> FleetDesk::MakePlan(const DeploymentName& name, std::string_view to) const {
  ASSIGN_OR_RETURN(const std::optional<v1::Deployment> deployment, FindRecord(ledger_.store(), DeploymentKey(name)));
  if (!deployment) return UnknownDeployment(name);
  return PlanFrom(*deployment, to);
}

absl::StatusOr<std::vector<DeploymentName>> FleetDesk::DeploymentsServing(const Digest& snapshot) const {
  const std::string digest = snapshot.text();
  std::vector<DeploymentName> serving;
  std::string after;
  do {
    ASSIGN_OR_RETURN(const auto page, ListRecords(ledger_.store(), DeploymentPrefix(), after, kPageRows));
    for (const auto& [key, deployment] : page.records) {
      const v1::Release& wanted = deployment.wanted();
      const auto& datasets = wanted.dataset_digests();
      if (wanted.model_digest() == digest || wanted.config_digest() == digest ||
          std::find(datasets.begin(), datasets.end(), digest) != datasets.end()) {
        serving.emplace_back(deployment.name());
      }
    }
    after = page.next_after;
  } while (!after.empty());
  return serving;
}

absl::StatusOr<v1::IssuedDecision> FleetDesk::LoadDecision(const DeploymentName& name, Epoch epoch) const {
  return LoadRecord(ledger_.store(), DecisionKey(name, epoch), StrCat("decision ", epoch.value, " of ", name.text()));
}

absl::StatusOr<std::vector<store::v1::AgentProof>> FleetDesk::ListProofs(const DeploymentName& name) const {
  std::vector<store::v1::AgentProof> proofs;
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), AgentProofPrefix(name), after, kPageRows));
    for (auto& [key, proof] : page.records) proofs.push_back(std::move(proof));
    after = page.next_after;
  } while (!after.empty());
  return proofs;
}

absl::Status FleetDesk::FillAgents(v1::Deployment& deployment) const {
  deployment.clear_agents();
  ASSIGN_OR_RETURN(const std::vector<store::v1::AgentProof> proofs, ListProofs(DeploymentName(deployment.name())));
  for (const store::v1::AgentProof& proof : proofs) {
    const AgentName name(proof.agent());
    v1::AgentStatus& agent = *deployment.add_agents();
    agent.set_agent(proof.agent());
    agent.set_deployment(deployment.name());
    agent.set_connected(hub_.Connected(name));
    const absl::Time seen = hub_.LastSeen(name);
    if (seen != absl::InfinitePast()) {
      *agent.mutable_last_seen() = ToProto(seen);
    } else if (proof.has_received_at()) {
      *agent.mutable_last_seen() = proof.received_at();
    }
    if (proof.has_proof()) *agent.mutable_proof() = proof.proof();
    if (proof.has_envelope()) *agent.mutable_proof_envelope() = proof.envelope();
  }
  return absl::OkStatus();
}

absl::StatusOr<ProofProgress> FleetDesk::Progress(const DeploymentName& name, Epoch epoch) const {
  ASSIGN_OR_RETURN(const std::vector<store::v1::AgentProof> proofs, ListProofs(name));
  std::map<uint64_t, v1::Decision> decisions;
  ProofProgress progress;
  for (const store::v1::AgentProof& held : proofs) {
    const v1::ServingProof& proof = held.proof();
    ProofVerdict verdict = ProofVerdict::kConverging;
    if (held.has_proof() && proof.epoch() >= epoch.value && proof.epoch() > 0) {
      auto [place, first] = decisions.try_emplace(proof.epoch());
      if (first) {
        ASSIGN_OR_RETURN(const v1::IssuedDecision issued, LoadDecision(name, Epoch{proof.epoch()}));
        place->second = issued.decision();
      }
      verdict = JudgeProof(place->second, proof);
    }
    if (verdict == ProofVerdict::kProven) {
      progress.proven.push_back(held.agent());
      if (!proof.snapshot_digest().empty()) progress.snapshot = proof.snapshot_digest();
    } else if (verdict == ProofVerdict::kDiverged) {
      progress.diverged.push_back(held.agent());
    } else if (hub_.Expected(AgentName(held.agent()))) {
      progress.pending.push_back(held.agent());
    } else {
      progress.absent.push_back(held.agent());
    }
  }
  return progress;
}

}  // namespace firebreak
