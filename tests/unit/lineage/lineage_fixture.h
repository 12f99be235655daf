// A vault with typed edges, deployments put straight into the store, and statements signed as the command line signs them.
#ifndef FIREBREAK_TESTS_UNIT_LINEAGE_LINEAGE_FIXTURE_H_
#define FIREBREAK_TESTS_UNIT_LINEAGE_LINEAGE_FIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "firebreak/lineage/lineage_desk.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/fleet.h"
#include "tests/support/vault_fixture.h"

namespace firebreak::testing {

using Edges = std::vector<std::pair<v1::LineageRelation, std::string>>;   // relation, parent's name

struct DeskFixture : VaultFixture {
  LineageDesk desk{*base.ledger, vault, base.clock};

  DeskFixture() {
    vault.SetServedParts([this] { return desk.ServedParts(); });
  }

  v1::Snapshot With(v1::SnapshotKind kind, const std::string& name, const Edges& edges) {
    PushOptions options = Options(NewFolder({{"data", name}}), name, kind);
    for (const auto& [relation, parent] : edges) {
      v1::LineageEdge edge;
      edge.set_relation(relation);
      edge.set_parent_name(parent);
      options.lineage.push_back(edge);
    }
    auto result = Push(options);
    if (!result.ok()) CheckFailed(result.status().ToString().c_str(), __FILE__, __LINE__);
    return result->snapshot;
  }

  absl::Status Quarantine(const std::string& name) {
    v1::QuarantineSnapshotRequest request;
    request.set_snapshot(name);
    request.set_reason("flipped labels");
    return vault.QuarantineSnapshot(caller, request).status();
  }

  // The lineage gate of a snapshot: verdict and evidence.
  v1::GateResult LineageGate(const v1::Snapshot& snapshot) {
    auto gates = vault.CheckGates(DigestOf(snapshot));
    FIREBREAK_CHECK(gates.ok());
    for (v1::GateResult& gate : *gates) {
      if (gate.gate() == "lineage") return gate;
    }
    return v1::GateResult();
  }

  static v1::Release Release(const v1::Snapshot& model, const v1::Snapshot* config = nullptr) {
    v1::Release release;
    release.set_digest(StrCat("sha256:release-of-", model.name(), config == nullptr ? "" : config->name()));
    release.set_model_digest(model.digest());
    release.set_model_name(SnapshotName(model));
    if (config != nullptr) {
      release.set_config_digest(config->digest());
      release.set_config_name(SnapshotName(*config));
    }
    return release;
  }
  // A deployment that wants the last of `releases` and served the others; one agent proves it.
  void Deploy(const std::string& name, const std::vector<v1::Release>& releases) {
    v1::Deployment deployment;
    deployment.set_name(name);
    deployment.set_environment("prod");
    for (const v1::Release& release : releases) *deployment.add_history()->mutable_release() = release;
    *deployment.mutable_wanted() = releases.back();
    store::v1::AgentProof proof;
    proof.set_agent(name + "-a1");
    proof.mutable_proof()->set_release_digest(releases.back().digest());
    auto written = base.ledger->Transact([&](Draft& draft) {
      draft.Put(DeploymentKey(DeploymentName(name)), deployment);
      draft.Put(AgentProofKey(DeploymentName(name), AgentName(proof.agent())), proof);
      draft.Record(TestEntry("decision.issued", {StrCat("deployment/", name)}));
      return absl::OkStatus();
    });
    FIREBREAK_CHECK(written.ok());
  }

  EdgeStatement Statement(const v1::Snapshot& child, v1::LineageRelation relation, const v1::Snapshot& parent) {
    return {.removes = false,
            .relation = relation,
            .child = DigestOf(child),
            .child_name = SnapshotName(child),
            .parent = DigestOf(parent),
            .parent_name = SnapshotName(parent),
            .reason = "",
            .signed_at = base.clock.Now()};
  }
  static v1::Envelope Sign(const EcPrivateKey& with, const std::string& payload) {
    auto envelope = SignEnvelope(with, kInTotoPayloadType, payload);
    FIREBREAK_CHECK(envelope.ok());
    return *std::move(envelope);
  }
  absl::StatusOr<v1::AddEdgeResponse> AddEdge(const v1::Envelope& envelope) {
    v1::AddEdgeRequest request;
    *request.mutable_statement() = envelope;
    return desk.AddEdge(caller, request);
  }
  absl::StatusOr<v1::AddEdgeResponse> AddEdge(const EdgeStatement& statement) {
    return AddEdge(Sign(key, EncodeEdgeStatement(statement)));
  }
  absl::StatusOr<v1::RemoveEdgeResponse> RemoveEdge(EdgeStatement statement) {
    statement.removes = true;
    v1::RemoveEdgeRequest request;
    *request.mutable_statement() = Sign(key, EncodeEdgeStatement(statement));
    return desk.RemoveEdge(caller, request);
  }
  absl::StatusOr<v1::BlastRadiusResponse> Blast(const std::string& of, uint32_t page_size = 0, const std::string& token = "") {
    v1::BlastRadiusRequest request;
    request.set_of(of);
    request.set_page_size(page_size);
    request.set_page_token(token);
    return desk.BlastRadius(caller, request);
  }
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_LINEAGE_LINEAGE_FIXTURE_H_
