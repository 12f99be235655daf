// A fleet over the memory ledger, with snapshots the test makes up.
#ifndef FIREBREAK_TESTS_UNIT_FLEET_FLEET_FIXTURE_H_
#define FIREBREAK_TESTS_UNIT_FLEET_FLEET_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/fleet/agent_hub.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/signing/dsse.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak::testing {

template <typename T>
T Must(absl::StatusOr<T> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  FIREBREAK_CHECK(value.ok());
  return *std::move(value);
}

inline EcPrivateKey NewKey() { return Must(EcPrivateKey::Generate(EcCurve::kP256)); }

// Keeps what was sent.
class CollectingSink final : public Sink<v1::FollowEvent> {
 public:
  bool Send(v1::FollowEvent event) override {
    absl::MutexLock lock(&mutex_);
    if (closed_) return false;
    events_.push_back(std::move(event));
    return true;
  }
  void Close(absl::Status status) override {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    why_ = std::move(status);
  }
  // Waits (for real, at most 10 s) until the newest decision seen has this epoch.
  bool AwaitEpoch(uint64_t epoch) {
    absl::MutexLock lock(&mutex_);
    const auto seen = [&] { return !events_.empty() && NewestEpoch() >= epoch; };
    return mutex_.AwaitWithTimeout(absl::Condition(&seen), absl::Seconds(10));
  }
  bool AwaitEvents(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto seen = [&] { return events_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&seen), absl::Seconds(10));
  }
  std::vector<v1::FollowEvent> events() {
    absl::MutexLock lock(&mutex_);
    return events_;
  }
  absl::Status why() {
    absl::MutexLock lock(&mutex_);
    return why_;
  }

 private:
  uint64_t NewestEpoch() const {
    uint64_t newest = 0;
    for (const v1::FollowEvent& event : events_) newest = std::max<uint64_t>(newest, event.decision().decision().epoch());
    return newest;
  }
  absl::Mutex mutex_;
  std::vector<v1::FollowEvent> events_;
  bool closed_ = false;
  absl::Status why_;
};

class FleetTest : public ::testing::Test {
 protected:
  FleetTest() {
    for (int version = 1; version <= 3; ++version) AddModel(version);
    lead_.identity = Identity("alice");
    lead_.roles = {v1::ROLE_SECURITY_LEAD};
  }

  std::string DigestOf(int version) { return Sha256(StrCat("fraud@", version)).text(); }

  void AddModel(int version) {
    v1::Snapshot snapshot;
    snapshot.set_digest(DigestOf(version));
    snapshot.set_kind(v1::SNAPSHOT_KIND_MODEL);
    snapshot.set_name("fraud");
    snapshot.set_version(static_cast<uint64_t>(version));
    snapshots_[StrCat("model/fraud@", version)] = snapshot;
  }

  SnapshotView View() {
    SnapshotView view;
    view.resolve = [this](std::string_view name) -> absl::StatusOr<v1::Snapshot> {
      for (const auto& [full_name, snapshot] : snapshots_) {
        if (full_name == name || snapshot.digest() == name) return snapshot;
      }
      return absl::NotFoundError(StrCat("snapshot ", name, " does not exist"));
    };
    view.check_gates = [this](const Digest& digest, std::string_view) -> absl::StatusOr<std::vector<v1::GateResult>> {
      if (while_gates_are_checked_) while_gates_are_checked_();
      std::vector<v1::GateResult> gates;
      for (const std::string name : {"signature", "intact", "quarantine", "lineage"}) {
        v1::GateResult gate;
        gate.set_gate(name);
        const auto failing = failing_.find({digest.text(), name});
        gate.set_verdict(failing == failing_.end() ? v1::GATE_VERDICT_PASS : failing->second);
        gate.set_evidence(failing == failing_.end() ? "fine" : StrCat(name, " says no"));
        gates.push_back(gate);
      }
      return gates;
    };
    return view;
  }

  v1::DeployRequest DeployOf(int version) {
    v1::DeployRequest request;
    request.set_deployment("fraud-prod");
    request.set_model(StrCat("model/fraud@", version));
    request.set_reason("a new model");
    return request;
  }
  v1::IssuedDecision Deploy(int version) { return Must(desk_->Deploy(lead_, DeployOf(version))).decision(); }
  v1::IssuedDecision Contain() {
    v1::ContainRequest request;
    request.set_deployment("fraud-prod");
    request.set_reason("accuracy fell");
    request.set_incident("INC-1");
    return Must(desk_->Contain(lead_, request)).decision();
  }
  void Create() {
    v1::CreateDeploymentRequest request;
    request.set_name("fraud-prod");
    request.set_environment("prod");
    ASSERT_TRUE(desk_->CreateDeployment(lead_, request).ok());
  }
  v1::Deployment Load() { return Must(desk_->LoadDeployment(DeploymentName("fraud-prod"))); }

  Caller Enrol(const std::string& agent, const EcPrivateKey& key) {
    v1::CreateJoinTokenRequest invite;
    invite.set_agent(agent);
    invite.set_deployment("fraud-prod");
    v1::EnrolAgentRequest enrol;
    enrol.set_join_token(Must(desk_->CreateJoinToken(lead_, invite)).join_token());
    enrol.set_certificate_request_pem(Must(MakeCertificateRequest(key, "anything")));
    const v1::EnrolAgentResponse response = Must(desk_->EnrolAgent(Caller(), enrol));
    EXPECT_EQ(Must(ReadCertificate(response.certificate_pem())).common_name, agent);
    Caller caller;
    caller.identity = Identity(agent);
    caller.agent = AgentName(agent);
    caller.roles = {v1::ROLE_AGENT};
    return caller;
  }

  v1::ServingProof ProofOf(const std::string& agent, const v1::IssuedDecision& issued) {
    v1::ServingProof proof;
    proof.set_agent(agent);
    proof.set_deployment("fraud-prod");
    proof.set_epoch(issued.decision().epoch());
    proof.set_decision_digest(issued.digest());
    proof.set_state(issued.decision().has_release() ? v1::SERVING_STATE_SERVING : v1::SERVING_STATE_CONTAINED);
    proof.set_release_digest(issued.decision().release().digest());
    proof.set_snapshot_digest(issued.decision().release().model_digest());
    *proof.mutable_proved_at() = ToProto(base_.clock.Now());
    return proof;
  }
  absl::Status Report(const Caller& caller, const EcPrivateKey& key, const v1::ServingProof& proof) {
    v1::ReportProofRequest request;
    *request.mutable_proof() = Must(SignEnvelope(key, kProofPayloadType, MessageToJson(proof)));
    return desk_->ReportProof(caller, request).status();
  }
  size_t EntriesOf(const std::string& action) {
    size_t count = 0;
    for (const v1::AuditEntry& entry : Must(ListEntries(base_.store, 0, 1000)).entries) count += entry.action() == action;
    return count;
  }

  LedgerFixture base_;
  SeededRandom random_{7};
  std::map<std::string, v1::Snapshot> snapshots_;
  std::function<void()> while_gates_are_checked_;
  std::map<std::pair<std::string, std::string>, v1::GateVerdict> failing_;
  CertificateAuthority authority_ =
      Must(CertificateAuthority::Create("Firebreak Test", base_.clock.Now() - absl::Hours(1), absl::Hours(24 * 3650)));
  EcPrivateKey decision_key_ = NewKey();
  std::unique_ptr<AgentHub> hub_ = std::make_unique<AgentHub>(*base_.ledger, base_.clock, *base_.log, AgentHubOptions());
  std::unique_ptr<FleetDesk> desk_ = std::make_unique<FleetDesk>(*base_.ledger, *hub_, base_.clock, random_, *base_.log,
                                                                 authority_, decision_key_, View());
  Caller lead_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_FLEET_FLEET_FIXTURE_H_
