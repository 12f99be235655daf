// Every desk a response needs, real ones on memory, with a fleet whose agents the test plays.
#ifndef FIREBREAK_TESTS_UNIT_REPORTS_DESKS_FIXTURE_H_
#define FIREBREAK_TESTS_UNIT_REPORTS_DESKS_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firebreak/base/json.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/fleet/agent_hub.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/reports/report_desk.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/signing/dsse.h"
#include "tests/support/vault_fixture.h"

namespace firebreak::testing {

template <typename T>
T Must(absl::StatusOr<T> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  FIREBREAK_CHECK(value.ok());
  return *std::move(value);
}

// An agent that listens and says what the test tells it to.
class PlayedAgent final : public Sink<v1::FollowEvent> {
 public:
  bool Send(v1::FollowEvent) override { return true; }
  void Close(absl::Status) override {}
};

struct Desks : VaultFixture {
  SeededRandom random{5};
  CertificateAuthority authority =
      Must(CertificateAuthority::Create("Firebreak Test", base.clock.Now() - absl::Hours(1), absl::Hours(24 * 3650)));
  EcPrivateKey decision_key = NewKey();
  AgentHub hub{*base.ledger, base.clock, *base.log, AgentHubOptions()};
  FleetDesk fleet{*base.ledger, hub, base.clock, random, *base.log, authority, decision_key, View()};
  PlaybookShelf shelf{*base.ledger, base.clock, *base.log, {}};
  RunDesk runs{*base.ledger, base.clock, *base.log, shelf, {}};
  // Knows the suspect's digest, as the service does.
  IncidentDesk incidents{*base.ledger, base.clock, *base.log, nullptr, [this](const IncidentSignal& signal) {
                           SuspectFacts facts{signal.model, signal.snapshot, "", signal.deployment};
                           if (const auto snapshot = vault.Resolve(signal.snapshot); snapshot.ok()) facts.snapshot_digest = snapshot->digest();
                           return std::optional<SuspectFacts>(facts);
                         }};
  ReportDesk reports{ReportSources{*base.ledger, chunks, vault, fleet, incidents, runs, base.clock, "0.1.0-test"}, decision_key};
  EcPrivateKey agent_key = NewKey();
  Caller agent;
  std::unique_ptr<Subscription> following;

  Desks() {
    vault.SetDeploymentsServing([this](const Digest& digest) { return fleet.DeploymentsServing(digest); });
  }

  // dataset/clean@1 -> model/fraud@1 (in good health), dataset/claims@1 -> model/fraud@2 (serving, the suspect).
  void ServeASuspect() {
    Add(v1::SNAPSHOT_KIND_DATASET, "clean");
    Add(v1::SNAPSHOT_KIND_DATASET, "claims");
    Add(v1::SNAPSHOT_KIND_MODEL, "fraud", {"dataset/clean@1"}, "one");
    Add(v1::SNAPSHOT_KIND_MODEL, "fraud", {"dataset/clean@1", "dataset/claims@1"}, "two");
    v1::CreateDeploymentRequest create;
    create.set_name("fraud-prod");
    create.set_environment("prod");
    Must(fleet.CreateDeployment(caller, create));
    Enrol();
    Prove(Deploy("model/fraud@1"));
    base.clock.Advance(absl::Hours(24));
    Prove(Deploy("model/fraud@2"));
    base.clock.Advance(absl::Hours(1));
    v1::OpenIncidentRequest open;
    open.set_title("accuracy fell");
    open.set_severity(2);
    open.set_kind("model-poisoning");
    open.set_model("fraud");
    open.set_environment("prod");
    open.set_deployment("fraud-prod");
    open.set_snapshot("model/fraud@2");
    Must(incidents.OpenIncident(caller, open));
  }

  v1::IssuedDecision Deploy(const std::string& model) {
    v1::DeployRequest request;
    request.set_deployment("fraud-prod");
    request.set_model(model);
    request.set_reason("a new model");
    return Must(fleet.Deploy(caller, request)).decision();
  }

  void Enrol() {
    v1::CreateJoinTokenRequest invite;
    invite.set_agent("web-1");
    invite.set_deployment("fraud-prod");
    v1::EnrolAgentRequest enrol;
    enrol.set_join_token(Must(fleet.CreateJoinToken(caller, invite)).join_token());
    enrol.set_certificate_request_pem(Must(MakeCertificateRequest(agent_key, "anything")));
    Must(fleet.EnrolAgent(Caller(), enrol));
    agent.identity = Identity("web-1");
    agent.agent = AgentName("web-1");
    agent.roles = {v1::ROLE_AGENT};
    v1::FollowRequest follow;
    follow.set_deployment("fraud-prod");
    following = Must(fleet.Follow(agent, follow, std::make_shared<PlayedAgent>()));
  }

  // The agent does what the decision says and proves it.
  void Prove(const v1::IssuedDecision& issued) {
    v1::ServingProof proof;
    proof.set_agent("web-1");
    proof.set_deployment("fraud-prod");
    proof.set_epoch(issued.decision().epoch());
    proof.set_decision_digest(issued.digest());
    proof.set_state(issued.decision().has_release() ? v1::SERVING_STATE_SERVING : v1::SERVING_STATE_CONTAINED);
    proof.set_release_digest(issued.decision().release().digest());
    proof.set_snapshot_digest(issued.decision().release().model_digest());
    *proof.mutable_proved_at() = ToProto(base.clock.Now());
    v1::ReportProofRequest request;
    *request.mutable_proof() = Must(SignEnvelope(agent_key, kProofPayloadType, MessageToJson(proof)));
    Must(fleet.ReportProof(agent, request));
  }
  void ProveNewest() {
    const v1::Deployment deployment = Must(fleet.LoadDeployment(DeploymentName("fraud-prod")));
    Prove(Must(fleet.LoadDecision(DeploymentName("fraud-prod"), Epoch{deployment.epoch()})));
  }

  v1::Incident Incident() { return Must(incidents.Load(IncidentId("INC-1"))); }
  std::vector<std::string> Actions() {
    std::vector<std::string> actions;
    for (const v1::AuditEntry& entry : Must(ListEntries(base.store, 0, 1000)).entries) actions.push_back(entry.action());
    return actions;
  }

 private:
  SnapshotView View() {
    SnapshotView view;
    view.resolve = [this](std::string_view name) { return vault.Resolve(name); };
    view.check_gates = [this](const Digest& digest, std::string_view name) { return vault.CheckGates(digest, name); };
    view.hold = [this](Draft& draft, const Digest& digest) { return vault.Hold(draft, digest); };
    return view;
  }
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_REPORTS_DESKS_FIXTURE_H_
