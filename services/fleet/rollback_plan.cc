// Roll-back plans: which earlier release may go back into service, gate by gate.
#include <algorithm>
#include <set>
#include <utility>

#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/fleet/fleet_desk.h"

namespace firebreak {
namespace {

constexpr int kCandidatesMax = 16;   // newest first; every one costs gates on each of its parts
constexpr std::string_view kSnapshotGates[] = {"signature", "intact", "quarantine", "lineage"};
constexpr char kSchemaLabel[] = "schema";

v1::GateResult Gate(std::string_view name, v1::GateVerdict verdict, std::string evidence) {
  v1::GateResult gate;
  gate.set_gate(std::string(name));
  gate.set_verdict(verdict);
  gate.set_evidence(std::move(evidence));
  return gate;
}

int Badness(v1::GateVerdict verdict) {
  if (verdict == v1::GATE_VERDICT_PASS) return 0;
  return verdict == v1::GATE_VERDICT_FAIL ? 2 : 1;
}

std::vector<std::pair<std::string, std::string>> PartsOf(const v1::Release& release) {
  std::vector<std::pair<std::string, std::string>> parts = {{release.model_name(), release.model_digest()}};
  if (!release.config_digest().empty()) parts.emplace_back(release.config_name(), release.config_digest());
  for (int i = 0; i < release.dataset_digests_size(); ++i) {
    parts.emplace_back(i < release.dataset_names_size() ? release.dataset_names(i) : release.dataset_digests(i), release.dataset_digests(i));
  }
  return parts;
}

// A gate of a release is as good as that of its worst part.
std::vector<v1::GateResult> SnapshotGates(const SnapshotView& snapshots, const v1::Release& release) {
  std::vector<v1::GateResult> merged;
  for (const std::string_view name : kSnapshotGates) merged.push_back(Gate(name, v1::GATE_VERDICT_PASS, ""));
  for (const auto& [part, digest_text] : PartsOf(release)) {
    absl::StatusOr<std::vector<v1::GateResult>> gates = absl::UnknownError("");
    const absl::StatusOr<Digest> digest = Digest::Parse(digest_text);
    gates = digest.ok() ? snapshots.check_gates(*digest, part) : digest.status();
    for (v1::GateResult& whole : merged) {
      v1::GateVerdict verdict = v1::GATE_VERDICT_UNKNOWN;
      std::string evidence = gates.ok() ? "the gate gave no answer" : std::string(gates.status().message());
      if (gates.ok()) {
        for (const v1::GateResult& gate : *gates) {
          if (gate.gate() != whole.gate()) continue;
          verdict = gate.verdict();
          evidence = gate.evidence();
        }
      }
      if (!whole.evidence().empty()) whole.mutable_evidence()->append("; ");
      whole.mutable_evidence()->append(StrCat(part, ": ", evidence));
      if (Badness(verdict) > Badness(whole.verdict())) whole.set_verdict(verdict);
    }
  }
  return merged;
}

// The schema that callers of a release rely on: declared by the model, or else by its configuration; empty = not declared.
absl::StatusOr<std::string> SchemaOf(const SnapshotView& snapshots, const v1::Release& release) {
  for (const std::string& digest : {release.model_digest(), release.config_digest()}) {
    if (digest.empty()) continue;
    ASSIGN_OR_RETURN(const v1::Snapshot snapshot, snapshots.resolve(digest));
    const auto label = snapshot.labels().find(kSchemaLabel);
    if (label != snapshot.labels().end() && !label->second.empty()) return label->second;
  }
  return std::string();
}

v1::GateResult CompatibleGate(const SnapshotView& snapshots, const v1::Release& current, const v1::Release& candidate) {
  constexpr std::string_view kName = "compatible";
  const absl::StatusOr<std::string> now = SchemaOf(snapshots, current);
  const absl::StatusOr<std::string> then = SchemaOf(snapshots, candidate);
  if (!now.ok()) return Gate(kName, v1::GATE_VERDICT_UNKNOWN, std::string(now.status().message()));
  if (!then.ok()) return Gate(kName, v1::GATE_VERDICT_UNKNOWN, std::string(then.status().message()));
  if (now->empty() && then->empty()) return Gate(kName, v1::GATE_VERDICT_PASS, "no schema declared on either side");
  if (now->empty() || then->empty()) {
    return Gate(kName, v1::GATE_VERDICT_UNKNOWN,
                StrCat("only ", now->empty() ? candidate.model_name() : current.model_name(), " declares a schema (",
                       now->empty() ? *then : *now, ")"));
  }
  if (*now == *then) return Gate(kName, v1::GATE_VERDICT_PASS, StrCat("both declare schema ", *now));
  return Gate(kName, v1::GATE_VERDICT_FAIL, StrCat("callers use schema ", *now, ", it declares ", *then));
}

v1::GateResult KnownGoodGate(const v1::Deployment& deployment, const v1::Release& candidate) {
  constexpr std::string_view kName = "known-good";
  const v1::ReleaseRecord* proven = nullptr;
  for (const v1::ReleaseRecord& record : deployment.history()) {
    if (record.release().digest() != candidate.digest()) continue;
    if (record.removed_for_cause()) {
      return Gate(kName, v1::GATE_VERDICT_FAIL,
                  StrCat("it was taken out for cause at ", FormatRfc3339(FromProto(record.served_until())),
                         record.incident().empty() ? "" : StrCat(" (", record.incident(), ")")));
    }
    if (record.proven()) proven = &record;
  }
  if (proven == nullptr) return Gate(kName, v1::GATE_VERDICT_FAIL, "no agent of this deployment ever proved it");
  return Gate(kName, v1::GATE_VERDICT_PASS,
              StrCat("proved by an agent at epoch ", proven->epoch(), " and served from ",
                     FormatRfc3339(FromProto(proven->served_from())), ", never taken out for cause"));
}

// Releases other than the current one, newest first, each once.
std::vector<v1::Release> EarlierReleases(const v1::Deployment& deployment) {
  std::vector<v1::Release> releases;
  std::set<std::string> seen = {deployment.wanted().digest()};
  for (int i = deployment.history_size() - 1; i >= 0 && static_cast<int>(releases.size()) < kCandidatesMax; --i) {
    const v1::Release& release = deployment.history(i).release();
    if (seen.insert(release.digest()).second) releases.push_back(release);
  }
  return releases;
}

bool IsNamed(const SnapshotView& snapshots, const v1::Release& release, std::string_view to) {
  if (to.empty() || release.digest() == to || release.model_name() == to || release.model_digest() == to) return true;
  const absl::StatusOr<v1::Snapshot> snapshot = snapshots.resolve(to);
  return snapshot.ok() && snapshot->digest() == release.model_digest();
}

// Covers what would be done and every verdict. Evidence is left out: it tells when something was last looked at, and looking
// again must not void an approval.
std::string PlanDigest(v1::RollbackPlan plan) {
  for (v1::RollbackCandidate& candidate : *plan.mutable_candidates()) {
    for (v1::GateResult& gate : *candidate.mutable_gates()) gate.clear_evidence();
  }
  return Sha256(MessageToJson(plan)).text();
}

}  // namespace

absl::StatusOr<v1::RollbackPlan> FleetDesk::PlanFrom(const v1::Deployment& deployment, std::string_view to) const {
  if (!deployment.has_wanted()) {
    return WithNextStep(absl::FailedPreconditionError(
                            StrCat("plan a roll-back of ", deployment.name(), ": nothing was ever deployed to it")),
                        "deploy first");
  }
  const std::vector<v1::Release> earlier = EarlierReleases(deployment);
  if (!to.empty()) {
    const auto named = [&](const v1::Release& release) { return IsNamed(snapshots_, release, to); };
    if (std::none_of(earlier.begin(), earlier.end(), named)) {
      std::string known;
      for (const v1::Release& release : earlier) StrAppend(&known, known.empty() ? "" : ", ", release.model_name());
      return WithNextStep(
          absl::NotFoundError(StrCat("plan a roll-back of ", deployment.name(), " to ", to,
                                     named(deployment.wanted()) ? ": it is the release to get away from"
                                                                : ": it never served here")),
          known.empty() ? std::string("this deployment has no earlier release") : StrCat("choose one of ", known));
    }
  }
  v1::RollbackPlan plan;
  plan.set_deployment(deployment.name());
  plan.set_from_epoch(deployment.epoch());
  *plan.mutable_current() = deployment.wanted();
  for (const v1::Release& release : earlier) {
    v1::RollbackCandidate& candidate = *plan.add_candidates();
    *candidate.mutable_release() = release;
    for (v1::GateResult& gate : SnapshotGates(snapshots_, release)) *candidate.add_gates() = std::move(gate);
    *candidate.add_gates() = CompatibleGate(snapshots_, deployment.wanted(), release);
    *candidate.add_gates() = KnownGoodGate(deployment, release);
    candidate.set_eligible(std::all_of(candidate.gates().begin(), candidate.gates().end(), [](const v1::GateResult& gate) {
      return gate.verdict() == v1::GATE_VERDICT_PASS;
    }));
    if (candidate.eligible() && !plan.has_target() && IsNamed(snapshots_, release, to)) *plan.mutable_target() = release;
  }
  plan.set_digest(PlanDigest(plan));
  return plan;
}

}  // namespace firebreak
