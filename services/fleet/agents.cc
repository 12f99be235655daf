// The Fleet service as agents use it: enrolment, following, proofs.
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/fleet/proof.h"
#include "firebreak/ledger/read.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/storage/keys/fleet.h"

namespace firebreak {
namespace {

constexpr size_t kChainMax = 256;
constexpr size_t kProofBytesMax = 16 * 1024;
constexpr size_t kProbeBytesMax = 1024;
constexpr size_t kErrorBytesMax = 1024;
constexpr size_t kFactBytesMax = 512;
constexpr size_t kTokenSecretBytes = 32;
constexpr char kTokenPrefix[] = "fbj_";

v1::AuditEntry AgentEntry(std::string_view actor, std::string_view action, std::string_view agent,
                          std::string_view deployment, std::string summary) {
  v1::AuditEntry entry;
  entry.set_actor(std::string(actor));
  entry.set_action(std::string(action));
  entry.add_subjects(StrCat("agent/", agent));
  entry.add_subjects(StrCat("deployment/", deployment));
  entry.set_summary(std::move(summary));
  return entry;
}

std::string Shorten(std::string text, size_t bytes_max) {
  if (text.size() > bytes_max) text.resize(bytes_max);
  while (!IsValidUtf8(text)) text.pop_back();
  return text;
}

std::string_view Doing(v1::ServingState state) {
  switch (state) {
    case v1::SERVING_STATE_SERVING: return "serves what was decided";
    case v1::SERVING_STATE_CONTAINED: return "has taken the model out";
    case v1::SERVING_STATE_EMPTY: return "serves nothing yet";
    case v1::SERVING_STATE_CONVERGING: return "is on its way";
    case v1::SERVING_STATE_DIVERGED: return "does not serve what was decided";
    case v1::SERVING_STATE_UNSPECIFIED:
    case v1::ServingState_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::ServingState_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return "says nothing";
}

v1::AuditEntry DescribeProof(const v1::ServingProof& proof, const v1::Envelope& envelope, const v1::Decision& decision) {
  const ProofVerdict verdict = proof.epoch() == 0 ? ProofVerdict::kConverging : JudgeProof(decision, proof);
  const bool diverged = verdict == ProofVerdict::kDiverged;
  v1::AuditEntry entry = AgentEntry(
      StrCat("agent/", proof.agent()), diverged ? "agent.diverged" : (verdict == ProofVerdict::kProven ? "agent.proved" : "agent.reported"),
      proof.agent(), proof.deployment(),
      StrCat("agent ", proof.agent(), " ", diverged ? "does not serve what was decided" : Doing(proof.state()), " (epoch ",
             proof.epoch(), ")"));
  if (!decision.incident().empty()) entry.add_subjects(StrCat("incident/", decision.incident()));
  if (!decision.run().empty()) entry.add_subjects(StrCat("run/", decision.run()));
  if (!proof.snapshot_digest().empty()) entry.add_subjects(StrCat("snapshot/", proof.snapshot_digest()));
  auto& facts = *entry.mutable_facts();
  facts["epoch"] = StrCat(proof.epoch());
  facts["state"] = v1::ServingState_Name(proof.state());
  if (!proof.release_digest().empty()) facts["release"] = proof.release_digest();
  if (!proof.error().empty()) facts["error"] = Shorten(proof.error(), kFactBytesMax);
  entry.set_payload_digest(Sha256(envelope.payload()).text());
  return entry;
}

}  // namespace

absl::StatusOr<v1::CreateJoinTokenResponse> FleetDesk::CreateJoinToken(const Caller& caller,
                                                                       const v1::CreateJoinTokenRequest& request) {
  RETURN_IF_ERROR(CheckName("agent", request.agent()));
  RETURN_IF_ERROR(CheckName("deployment", request.deployment()));
  const DeploymentName name(request.deployment());
  ASSIGN_OR_RETURN(const std::vector<store::v1::AgentProof> enrolled, ListProofs(name));
  if (enrolled.size() >= static_cast<size_t>(options_.agents_per_deployment_max)) {
    return absl::ResourceExhaustedError(StrCat("deployment ", name.text(), " has ", enrolled.size(), " agents, no more fit"));
  }
  const std::string secret = StrCat(kTokenPrefix, ToBase64Url(random_.Bytes(kTokenSecretBytes)));
  store::v1::JoinToken token;
  token.set_agent(request.agent());
  token.set_deployment(request.deployment());
  token.set_created_by(caller.identity.text());
  *token.mutable_expires_at() = ToProto(clock_.Now() + options_.join_token_ttl);
  const auto build = [&](Draft& draft) -> absl::Status {
    RETURN_IF_ERROR(LoadForChange(draft, name).status());
    ASSIGN_OR_RETURN(const std::optional<store::v1::EnrolledAgent> agent, draft.Find(AgentKey(AgentName(request.agent()))));
    if (agent && !agent->has_removed_at()) {
      return WithNextStep(absl::AlreadyExistsError(StrCat("agent ", request.agent(), " is enrolled already, for deployment ",
                                                          agent->deployment())),
                          "remove it first, or choose another name");
    }
    draft.Put(JoinTokenKey(Sha256(secret)), token);
    draft.Record(AgentEntry(caller.identity.text(), "agent.invited", request.agent(), request.deployment(),
                            StrCat("made a join token for agent ", request.agent(), " of ", request.deployment())));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  v1::CreateJoinTokenResponse response;
  response.set_join_token(secret);
  *response.mutable_expires_at() = token.expires_at();
  return response;
}

absl::StatusOr<v1::EnrolAgentResponse> FleetDesk::EnrolAgent(const Caller&, const v1::EnrolAgentRequest& request) {
  const auto key = JoinTokenKey(Sha256(request.join_token()));
  const absl::Status unknown = WithNextStep(absl::PermissionDeniedError("enrol agent: this join token is not valid"),
                                            "ask an administrator for a new one; it lives an hour and works once");
  ASSIGN_OR_RETURN(const std::optional<store::v1::JoinToken> found, FindRecord(ledger_.store(), key));
  if (!found || clock_.Now() >= FromProto(found->expires_at())) return unknown;
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(const std::string certificate, authority_.SignAgentRequest(request.certificate_request_pem(), found->agent(),
                                                                              now, options_.certificate_ttl));
  ASSIGN_OR_RETURN(const CertificateFacts facts, ReadCertificate(certificate));
  ASSIGN_OR_RETURN(const EcPublicKey agent_key, EcPublicKey::FromPem(facts.public_key_pem));
  const AgentName name(found->agent());
  const DeploymentName deployment(found->deployment());
  store::v1::EnrolledAgent record;
  record.set_agent(found->agent());
  record.set_deployment(found->deployment());
  record.set_certificate_pem(certificate);
  record.set_public_key_pem(agent_key.pem());
  *record.mutable_enrolled_at() = ToProto(now);
  const auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(store::v1::JoinToken token, draft.Load(key, "join token"));
    // The same key may ask again: its answer was lost on the way. Anybody else finds the token used up.
    if (token.has_used_at() && token.used_by_key() != agent_key.key_id()) return unknown;
    ASSIGN_OR_RETURN(const std::optional<store::v1::EnrolledAgent> before, draft.Find(AgentKey(name)));
    if (before && !before->has_removed_at() && before->public_key_pem() != agent_key.pem()) {
      return absl::AlreadyExistsError(StrCat("agent ", name.text(), " is enrolled already, with another key"));
    }
    if (before && before->has_removed_at() && token.has_used_at()) return unknown;
    *token.mutable_used_at() = ToProto(now);
    token.set_used_by_key(agent_key.key_id());
    draft.Put(key, token);
    draft.Put(AgentKey(name), record);
    ASSIGN_OR_RETURN(std::optional<store::v1::AgentProof> proof, draft.Find(AgentProofKey(deployment, name)));
    if (!proof) {
      proof.emplace();
      proof->set_agent(name.text());
      draft.Put(AgentProofKey(deployment, name), *proof);
    }
    v1::AuditEntry entry = AgentEntry(StrCat("agent/", name.text()), "agent.enrolled", name.text(), deployment.text(),
                                      StrCat("agent ", name.text(), " joined ", deployment.text()));
    (*entry.mutable_facts())["key_id"] = agent_key.key_id();
    (*entry.mutable_facts())["invited_by"] = token.created_by();
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  v1::EnrolAgentResponse response;
  response.set_certificate_pem(certificate);
  response.set_ca_pem(authority_.cert_pem());
  response.set_decision_key_pem(decision_key_.public_key().pem());
  response.set_deployment(deployment.text());
  response.set_agent(name.text());
  return response;
}

absl::StatusOr<v1::RemoveAgentResponse> FleetDesk::RemoveAgent(const Caller& caller, const v1::RemoveAgentRequest& request) {
  RETURN_IF_ERROR(CheckName("agent", request.agent()));
  if (request.reason().empty() || request.reason().size() > kReasonBytesMax || !IsValidUtf8(request.reason())) {
    return absl::InvalidArgumentError(
        StrCat("remove agent ", request.agent(), ": a reason of 1..", kReasonBytesMax, " bytes is required"));
  }
  const AgentName name(request.agent());
  const auto build = [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(store::v1::EnrolledAgent agent, draft.Load(AgentKey(name), StrCat("agent ", name.text())));
    if (agent.has_removed_at()) return absl::NotFoundError(StrCat("agent ", name.text(), " was removed already"));
    *agent.mutable_removed_at() = ToProto(clock_.Now());
    agent.set_removed_reason(request.reason());
    draft.Put(AgentKey(name), agent);
    draft.Delete(AgentProofKey(DeploymentName(agent.deployment()), name));
    v1::AuditEntry entry = AgentEntry(caller.identity.text(), "agent.removed", name.text(), agent.deployment(),
                                      StrCat("removed agent ", name.text(), " of ", agent.deployment()));
    (*entry.mutable_facts())["reason"] = Shorten(request.reason(), kFactBytesMax);
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ledger_.Transact(build).status());
  hub_.Drop(name, absl::PermissionDeniedError(StrCat("agent ", name.text(), " was removed")));
  return v1::RemoveAgentResponse();
}

absl::Status FleetDesk::CheckAgentCaller(const Caller& caller, const DeploymentName& name) const {
  if (caller.agent.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<store::v1::EnrolledAgent> agent,
                   FindRecord(ledger_.store(), AgentKey(caller.agent)));
  if (!agent || agent->has_removed_at()) {
    return WithNextStep(absl::PermissionDeniedError(StrCat("agent ", caller.agent.text(), " is not enrolled")),
                        "enrol it again with a new join token");
  }
  if (agent->deployment() != name.text()) {
    return absl::PermissionDeniedError(StrCat("agent ", caller.agent.text(), " belongs to deployment ", agent->deployment(),
                                              ", not to ", name.text()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Subscription>> FleetDesk::Follow(const Caller& caller, const v1::FollowRequest& request,
                                                                std::shared_ptr<Sink<v1::FollowEvent>> sink) {
  RETURN_IF_ERROR(CheckName("deployment", request.deployment()));
  const DeploymentName name(request.deployment());
  RETURN_IF_ERROR(CheckAgentCaller(caller, name));
  ASSIGN_OR_RETURN(const std::optional<v1::Deployment> deployment, FindRecord(ledger_.store(), DeploymentKey(name)));
  if (!deployment) return UnknownDeployment(name);
  if (!caller.agent.empty() && options_.presented) options_.presented(caller.agent, request);
  return hub_.Follow(name, caller.agent, Epoch{request.epoch()}, std::move(sink));
}

absl::StatusOr<v1::GetDecisionChainResponse> FleetDesk::GetDecisionChain(const Caller& caller,
                                                                         const v1::GetDecisionChainRequest& request) {
  RETURN_IF_ERROR(CheckName("deployment", request.deployment()));
  const DeploymentName name(request.deployment());
  RETURN_IF_ERROR(CheckAgentCaller(caller, name));
  ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), DecisionPrefix(name),
                                          DecisionKey(name, Epoch{request.after_epoch()}).bytes, kChainMax));
  v1::GetDecisionChainResponse response;
  for (auto& [key, issued] : page.records) *response.add_envelopes() = std::move(*issued.mutable_envelope());
  response.set_more(!page.next_after.empty());
  return response;
}

absl::StatusOr<v1::ReportProofResponse> FleetDesk::ReportProof(const Caller& caller, const v1::ReportProofRequest& request) {
  if (caller.agent.empty()) return absl::PermissionDeniedError("report proof: only an agent may, by its own certificate");
  if (request.proof().payload().size() > kProofBytesMax) {
    return absl::InvalidArgumentError(StrCat("report proof: ", request.proof().payload().size(), " bytes, at most ",
                                             kProofBytesMax));
  }
  ASSIGN_OR_RETURN(const std::optional<store::v1::EnrolledAgent> agent,
                   FindRecord(ledger_.store(), AgentKey(caller.agent)));
  if (!agent) return absl::PermissionDeniedError(StrCat("agent ", caller.agent.text(), " is not enrolled"));
  const DeploymentName name(agent->deployment());
  RETURN_IF_ERROR(CheckAgentCaller(caller, name));
  ASSIGN_OR_RETURN(const EcPublicKey key, EcPublicKey::FromPem(agent->public_key_pem()));
  const std::string what = StrCat("proof of agent ", caller.agent.text());
  RETURN_IF_ERROR(Annotate(VerifyEnvelope(key, request.proof(), kProofPayloadType), what));
  v1::ServingProof proof;
  RETURN_IF_ERROR(Annotate(JsonToMessage(request.proof().payload(), proof), what));
  if (proof.agent() != caller.agent.text() || proof.deployment() != name.text()) {
    return absl::PermissionDeniedError(StrCat(what, ": it speaks for agent ", proof.agent(), " of ", proof.deployment()));
  }
  if (proof.probe().size() > kProbeBytesMax || proof.error().size() > kErrorBytesMax) {
    return absl::InvalidArgumentError(StrCat(what, ": probe and error are at most ", kProbeBytesMax, " bytes"));
  }
  v1::Decision decision;
  if (proof.epoch() > 0) {
    const absl::StatusOr<v1::IssuedDecision> issued = LoadDecision(name, Epoch{proof.epoch()});
    if (absl::IsNotFound(issued.status())) {
      return absl::FailedPreconditionError(StrCat(what, ": epoch ", proof.epoch(), " of ", name.text(), " was never decided"));
    }
    RETURN_IF_ERROR(issued.status());
    if (issued->digest() != proof.decision_digest()) {
      return absl::FailedPreconditionError(
          StrCat(what, ": it follows another decision than epoch ", proof.epoch(), " of ", name.text()));
    }
    decision = issued->decision();
  }
  hub_.Saw(caller.agent);
  RETURN_IF_ERROR(StoreProof(proof, request.proof(), decision));
  return v1::ReportProofResponse();
}

absl::Status FleetDesk::StoreProof(const v1::ServingProof& proof, const v1::Envelope& envelope,
                                   const v1::Decision& decision) {
  const DeploymentName name(proof.deployment());
  const auto key = AgentProofKey(name, AgentName(proof.agent()));
  ASSIGN_OR_RETURN(const std::optional<store::v1::AgentProof> held, FindRecord(ledger_.store(), key));
  if (held && held->has_proof() && SaysTheSame(held->proof(), proof)) return absl::OkStatus();
  store::v1::AgentProof record;
  record.set_agent(proof.agent());
  *record.mutable_proof() = proof;
  *record.mutable_envelope() = envelope;
  *record.mutable_received_at() = ToProto(clock_.Now());
  const bool proves_release =
      proof.epoch() > 0 && decision.has_release() && JudgeProof(decision, proof) == ProofVerdict::kProven;
  // The newest record of the proven release, not after the proof's epoch, and not marked yet.
  const auto unmarked = [&](v1::Deployment& deployment) -> v1::ReleaseRecord* {
    for (int i = deployment.history_size() - 1; i >= 0; --i) {
      v1::ReleaseRecord* past = deployment.mutable_history(i);
      if (past->epoch() > proof.epoch() || past->release().digest() != proof.release_digest()) continue;
      return past->proven() ? nullptr : past;
    }
    return nullptr;
  };
  return ledger_
      .Transact([&](Draft& draft) -> absl::Status {
        ASSIGN_OR_RETURN(const std::optional<store::v1::EnrolledAgent> agent,
                         draft.Find(AgentKey(AgentName(proof.agent()))));
        if (!agent || agent->has_removed_at()) {
          return absl::PermissionDeniedError(StrCat("agent ", proof.agent(), " is not enrolled"));
        }
        draft.Put(key, record);
        if (proves_release) {
          // Looked at outside the draft first: hundreds of agents prove one release at once and must not wait for each other.
          ASSIGN_OR_RETURN(std::optional<v1::Deployment> seen, FindRecord(ledger_.store(), DeploymentKey(name)));
          if (seen && unmarked(*seen) != nullptr) {
            ASSIGN_OR_RETURN(v1::Deployment deployment, LoadForChange(draft, name));
            if (v1::ReleaseRecord* past = unmarked(deployment)) {
              past->set_proven(true);
              draft.Put(DeploymentKey(name), deployment);
            }
          }
        }
        draft.Record(DescribeProof(proof, envelope, decision));
        return absl::OkStatus();
      })
      .status();
}

}  // namespace firebreak
