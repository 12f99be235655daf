#include "firebreak/fleet/decision.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/signing/dsse.h"

namespace firebreak {
namespace {

constexpr size_t kIdBytesMax = 64;
constexpr size_t kApproversMax = 16;
constexpr std::string_view kFaultPayload = "firebreak.dev/chain-fault";
constexpr ChainFault kFaults[] = {ChainFault::kForged, ChainFault::kWrongDeployment, ChainFault::kReplayed,
                                  ChainFault::kSkipped, ChainFault::kBrokenChain};

absl::Status Fault(ChainFault fault, absl::StatusCode code, std::string_view what) {
  absl::Status status(code, StrCat(ChainFaultName(fault), " decision: ", what));
  status.SetPayload(ToAbsl(kFaultPayload), absl::Cord(ToAbsl(ChainFaultName(fault))));
  return status;
}

absl::Status Refuse(const v1::Deployment& deployment, std::string_view what, std::string_view next) {
  return WithNextStep(absl::FailedPreconditionError(StrCat("deployment ", deployment.name(), ": ", what)), next);
}

bool EverDeployed(const v1::Deployment& deployment) { return deployment.has_wanted(); }

absl::Status CheckWish(const DecisionWish& wish) {
  if (wish.reason.empty()) {
    return absl::InvalidArgumentError(
        StrCat("decision on ", wish.deployment.text(), ": reason is required: say why in one sentence"));
  }
  if (wish.reason.size() > kReasonBytesMax) {
    return absl::InvalidArgumentError(StrCat("decision on ", wish.deployment.text(), ": reason is ",
                                                   wish.reason.size(), " bytes, at most ", kReasonBytesMax));
  }
  if (!IsValidUtf8(wish.reason)) {
    return absl::InvalidArgumentError(StrCat("decision on ", wish.deployment.text(), ": reason is not UTF-8"));
  }
  if (wish.incident.text().size() > kIdBytesMax || wish.run.text().size() > kIdBytesMax ||
      wish.effect_id.text().size() > kIdBytesMax || wish.approved_by.size() > kApproversMax) {
    return absl::InvalidArgumentError(StrCat("decision on ", wish.deployment.text(), ": ids are at most ", kIdBytesMax,
                                             " bytes, approvers at most ", kApproversMax));
  }
  const bool names_release = wish.kind == v1::DECISION_KIND_DEPLOY || wish.kind == v1::DECISION_KIND_ROLLBACK;
  if (names_release != wish.release.has_value()) {
    return absl::InvalidArgumentError(StrCat("decision on ", wish.deployment.text(), ": ",
                                                   v1::DecisionKind_Name(wish.kind),
                                                   names_release ? " needs a release" : " takes no release"));
  }
  if (wish.release && ReleaseDigest(*wish.release).text() != wish.release->digest()) {
    return absl::InvalidArgumentError(
        StrCat("decision on ", wish.deployment.text(), ": release digest does not cover its parts"));
  }
  return absl::OkStatus();
}

// Which release the decision puts (or keeps) in service; checks that the transition is legal.
absl::Status ChooseOutcome(const v1::Deployment& deployment, const DecisionWish& wish, v1::Decision& decision) {
  decision.set_frozen(deployment.frozen());
  switch (wish.kind) {
    case v1::DECISION_KIND_DEPLOY:
      if (deployment.contained()) {
        return Refuse(deployment, "is contained, so nothing is deployed to it",
                      "roll back to a known-good release, or lift the containment if it was a false alarm");
      }
      if (deployment.frozen()) {
        return Refuse(deployment, "is frozen, so nothing is deployed to it", "lift the freeze first");
      }
      *decision.mutable_release() = *wish.release;
      return absl::OkStatus();
    case v1::DECISION_KIND_CONTAIN:
      if (!EverDeployed(deployment)) {
        return Refuse(deployment, "nothing was ever deployed to it, so there is nothing to contain", "check the name");
      }
      return absl::OkStatus();
    case v1::DECISION_KIND_RELEASE:
      if (!deployment.contained() && !deployment.frozen()) {
        return Refuse(deployment, "is neither contained nor frozen, so there is nothing to lift",
                      "to serve another release, deploy or roll back");
      }
      *decision.mutable_release() = deployment.wanted();
      decision.set_frozen(false);
      return absl::OkStatus();
    case v1::DECISION_KIND_ROLLBACK:
      if (!EverDeployed(deployment)) {
        return Refuse(deployment, "nothing was ever deployed to it, so there is nothing to roll back to", "deploy first");
      }
      if (deployment.wanted().digest() == wish.release->digest()) {
        return Refuse(deployment, StrCat("release ", wish.release->model_name(), " is the one to get away from"),
                      "choose an older one; to serve it again after a containment, lift the containment");
      }
      *decision.mutable_release() = *wish.release;
      return absl::OkStatus();
    case v1::DECISION_KIND_FREEZE:
      if (!EverDeployed(deployment)) {
        return Refuse(deployment, "nothing was ever deployed to it, so there is nothing to freeze", "deploy first");
      }
      if (!deployment.contained()) *decision.mutable_release() = deployment.wanted();
      decision.set_frozen(true);
      return absl::OkStatus();
    case v1::DECISION_KIND_UNSPECIFIED:
    case v1::DecisionKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::DecisionKind_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return absl::InvalidArgumentError(StrCat("decision on ", deployment.name(), ": no kind given"));
}

v1::ReleaseRecord* OpenRecord(v1::Deployment& deployment) {
  if (deployment.history_size() == 0) return nullptr;
  v1::ReleaseRecord* last = deployment.mutable_history(deployment.history_size() - 1);
  return last->has_served_until() ? nullptr : last;
}

void CloseRecord(v1::Deployment& deployment, const v1::Decision& decision, bool for_cause) {
  v1::ReleaseRecord* record = OpenRecord(deployment);
  if (record == nullptr) return;
  *record->mutable_served_until() = decision.decided_at();
  if (for_cause) {
    record->set_removed_for_cause(true);
    record->set_incident(decision.incident());
  }
}

void StartRecord(v1::Deployment& deployment, const v1::Decision& decision) {
  v1::ReleaseRecord* record = deployment.add_history();
  *record->mutable_release() = decision.release();
  record->set_epoch(decision.epoch());
  *record->mutable_served_from() = decision.decided_at();
  if (deployment.history_size() > kHistoryMax) {
    deployment.mutable_history()->DeleteSubrange(0, deployment.history_size() - kHistoryMax);
  }
}

}  // namespace

Digest ReleaseDigest(const v1::Release& release) {
  std::vector<std::string> datasets(release.dataset_digests().begin(), release.dataset_digests().end());
  std::sort(datasets.begin(), datasets.end());
  std::string text = StrCat("firebreak release v1\nmodel ", release.model_digest(), "\nconfig ",
                                  release.config_digest(), "\n");
  for (const std::string& dataset : datasets) StrAppend(&text, "dataset ", dataset, "\n");
  return Sha256(text);
}

absl::StatusOr<v1::Decision> NextDecision(const v1::Deployment& deployment, const DecisionWish& wish, absl::Time now) {
  RETURN_IF_ERROR(CheckWish(wish));
  v1::Decision decision;
  RETURN_IF_ERROR(ChooseOutcome(deployment, wish, decision));
  decision.set_deployment(deployment.name());
  decision.set_epoch(deployment.epoch() + 1);
  decision.set_kind(wish.kind);
  decision.set_previous_digest(deployment.last_decision_digest());
  *decision.mutable_decided_at() = ToProto(now);
  decision.set_decided_by(wish.decided_by.text());
  decision.set_reason(wish.reason);
  decision.set_incident(wish.incident.text());
  decision.set_run(wish.run.text());
  decision.set_effect_id(wish.effect_id.text());
  for (const std::string& approver : wish.approved_by) decision.add_approved_by(approver);
  return decision;
}

void ApplyDecision(v1::Deployment& deployment, const v1::IssuedDecision& issued) {
  const v1::Decision& decision = issued.decision();
  switch (decision.kind()) {
    case v1::DECISION_KIND_DEPLOY:
    case v1::DECISION_KIND_ROLLBACK:
      CloseRecord(deployment, decision, decision.kind() == v1::DECISION_KIND_ROLLBACK);
      StartRecord(deployment, decision);
      *deployment.mutable_wanted() = decision.release();
      deployment.set_contained(false);
      break;
    case v1::DECISION_KIND_CONTAIN:
      CloseRecord(deployment, decision, true);
      deployment.set_contained(true);
      break;
    case v1::DECISION_KIND_RELEASE:
      if (deployment.contained()) {
        // Somebody decided that the containment was a false alarm: it no longer counts against the release.
        if (deployment.history_size() > 0) {
          deployment.mutable_history(deployment.history_size() - 1)->set_removed_for_cause(false);
        }
        StartRecord(deployment, decision);
      }
      deployment.set_contained(false);
      break;
    case v1::DECISION_KIND_FREEZE:
    case v1::DECISION_KIND_UNSPECIFIED:
    case v1::DecisionKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::DecisionKind_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  deployment.set_frozen(decision.frozen());
  deployment.set_epoch(decision.epoch());
  deployment.set_last_kind(decision.kind());
  deployment.set_last_decision_digest(issued.digest());
}

absl::StatusOr<v1::IssuedDecision> SignDecision(const EcPrivateKey& key, const v1::Decision& decision) {
  v1::IssuedDecision issued;
  *issued.mutable_decision() = decision;
  ASSIGN_OR_RETURN(*issued.mutable_envelope(), SignEnvelope(key, kDecisionPayloadType, MessageToJson(decision)));
  issued.set_digest(Sha256(issued.envelope().payload()).text());
  return issued;
}

std::string_view ChainFaultName(ChainFault fault) {
  switch (fault) {
    case ChainFault::kNone: return "none";
    case ChainFault::kForged: return "forged";
    case ChainFault::kWrongDeployment: return "misdirected";
    case ChainFault::kReplayed: return "replayed";
    case ChainFault::kSkipped: return "skipped";
    case ChainFault::kBrokenChain: return "unchained";
  }
  return "none";
}

ChainFault ChainFaultOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(ToAbsl(kFaultPayload));
  if (!payload) return ChainFault::kNone;
  for (const ChainFault fault : kFaults) {
    if (*payload == ToAbsl(ChainFaultName(fault))) return fault;
  }
  return ChainFault::kNone;
}

absl::StatusOr<v1::Decision> OpenDecision(const v1::Envelope& envelope, const EcPublicKey& key) {
  const absl::Status verified = VerifyEnvelope(key, envelope, kDecisionPayloadType);
  if (!verified.ok()) return Fault(ChainFault::kForged, absl::StatusCode::kPermissionDenied, MessageOf(verified));
  v1::Decision decision;
  RETURN_IF_ERROR(Annotate(JsonToMessage(envelope.payload(), decision), "signed decision cannot be read"));
  return decision;
}

absl::StatusOr<v1::Decision> CheckSuccessor(const ChainHead& head, const v1::Envelope& envelope, const EcPublicKey& key) {
  ASSIGN_OR_RETURN(v1::Decision decision, OpenDecision(envelope, key));
  if (decision.deployment() != head.deployment.text()) {
    return Fault(ChainFault::kWrongDeployment, absl::StatusCode::kPermissionDenied,
                 StrCat("it is for deployment ", decision.deployment(), ", this is ", head.deployment.text()));
  }
  if (decision.epoch() == head.epoch.value && Sha256(envelope.payload()).text() != head.digest) {
    return Fault(ChainFault::kBrokenChain, absl::StatusCode::kDataLoss,
                 StrCat("a second, different decision for epoch ", decision.epoch(), " of ", decision.deployment()));
  }
  if (decision.epoch() <= head.epoch.value) {
    return Fault(ChainFault::kReplayed, absl::StatusCode::kFailedPrecondition,
                 StrCat("epoch ", decision.epoch(), " of ", decision.deployment(), ", already at epoch ",
                              head.epoch.value));
  }
  if (decision.epoch() != head.epoch.value + 1) {
    return Fault(ChainFault::kSkipped, absl::StatusCode::kOutOfRange,
                 StrCat("epoch ", decision.epoch(), " of ", decision.deployment(), " does not follow epoch ",
                              head.epoch.value));
  }
  if (decision.previous_digest() != head.digest) {
    return Fault(ChainFault::kBrokenChain, absl::StatusCode::kDataLoss,
                 StrCat("epoch ", decision.epoch(), " of ", decision.deployment(), " follows ",
                              decision.previous_digest().empty() ? "nothing" : decision.previous_digest(), ", not ",
                              head.digest.empty() ? "nothing" : head.digest));
  }
  return decision;
}

ChainHead HeadAfter(const v1::Decision& decision, const v1::Envelope& envelope) {
  return {DeploymentName(decision.deployment()), Epoch{decision.epoch()}, Sha256(envelope.payload()).text()};
}

}  // namespace firebreak
