// Edges added and corrected under signature: what is accepted, what is refused, what stays visible.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "firebreak/ledger/entries.h"
#include "tests/unit/lineage/lineage_fixture.h"

namespace firebreak {
namespace {

using testing::DeskFixture;
using ::testing::HasSubstr;

constexpr auto kTrained = v1::LINEAGE_RELATION_TRAINED_ON;

struct StatementsTest : public ::testing::Test {
  DeskFixture fixture;
  v1::Snapshot data = fixture.With(v1::SNAPSHOT_KIND_DATASET, "d", {});
  v1::Snapshot model = fixture.With(v1::SNAPSHOT_KIND_MODEL, "m", {});
  EdgeStatement statement = fixture.Statement(model, kTrained, data);

  absl::Status Refused(const std::string& payload) { return fixture.AddEdge(DeskFixture::Sign(fixture.key, payload)).status(); }
};

TEST_F(StatementsTest, AddASignedEdgeThatTaintsAndIsKeptByteForByte) {
  auto added = fixture.AddEdge(statement);
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_FALSE(added->already_existed());
  EXPECT_EQ(added->child().lineage_size(), 1);
  ASSERT_TRUE(fixture.Quarantine("dataset/d").ok());
  EXPECT_EQ(fixture.LineageGate(model).verdict(), v1::GATE_VERDICT_FAIL);

  v1::ListStatementsRequest request;
  request.set_snapshot("model/m");
  auto listed = fixture.desk.ListStatements(fixture.caller, request);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->statements_size(), 1);
  EXPECT_EQ(listed->statements(0).envelope().payload(), EncodeEdgeStatement(statement));
  EXPECT_EQ(listed->statements(0).signer(), "release");
  EXPECT_TRUE(VerifyEnvelope(fixture.key.public_key(), listed->statements(0).envelope(), kInTotoPayloadType).ok());

  auto page = ListEntriesBySubject(fixture.base.ledger->store(), StrCat("snapshot/", data.digest()), 0, 50);
  ASSERT_TRUE(page.ok());
  ASSERT_TRUE(std::any_of(page->entries.begin(), page->entries.end(), [&](const v1::AuditEntry& entry) {
    return entry.action() == "lineage.added" && entry.payload_digest() == listed->statements(0).digest();
  }));
}

TEST_F(StatementsTest, AreHarmlessTwiceAndWorthNothingAfterACorrection) {
  const v1::Envelope envelope = DeskFixture::Sign(fixture.key, EncodeEdgeStatement(statement));
  ASSERT_TRUE(fixture.AddEdge(envelope).ok());
  const uint64_t entries = fixture.base.ledger->size();
  EXPECT_TRUE(fixture.AddEdge(envelope)->already_existed());
  EXPECT_EQ(fixture.base.ledger->size(), entries);

  EdgeStatement correction = statement;
  correction.reason = "the wrong dataset was named";
  auto removed = fixture.RemoveEdge(correction);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(removed->child().lineage_size(), 0);
  // Somebody who kept the first statement cannot bring the edge back with it.
  EXPECT_TRUE(fixture.AddEdge(envelope)->already_existed());
  EXPECT_EQ(fixture.vault.Resolve("model/m")->lineage_size(), 0);
  // The publisher can, by signing again.
  fixture.base.clock.Advance(absl::Seconds(1));
  EXPECT_FALSE(fixture.AddEdge(fixture.Statement(model, kTrained, data))->already_existed());
  EXPECT_EQ(fixture.vault.Resolve("model/m")->lineage_size(), 1);
  v1::ListStatementsRequest request;
  request.set_snapshot("model/m");
  EXPECT_EQ(fixture.desk.ListStatements(fixture.caller, request)->statements_size(), 3);
}

TEST_F(StatementsTest, OfACorrectionStayVisibleInTheGraph) {
  ASSERT_TRUE(fixture.AddEdge(statement).ok());
  EdgeStatement correction = statement;
  correction.reason = "the wrong dataset was named";
  ASSERT_TRUE(fixture.RemoveEdge(correction).ok());
  EXPECT_EQ(fixture.LineageGate(model).verdict(), v1::GATE_VERDICT_PASS);
  v1::GetGraphRequest request;
  request.set_snapshot("model/m");
  auto graph = fixture.desk.GetGraph(fixture.caller, request);
  ASSERT_TRUE(graph.ok()) << graph.status();
  ASSERT_EQ(graph->nodes_size(), 2);
  ASSERT_EQ(graph->edges_size(), 1);
  EXPECT_TRUE(graph->edges(0).removed());
  EXPECT_EQ(graph->edges(0).removed_by(), "release");
  EXPECT_EQ(graph->edges(0).removed_reason(), "the wrong dataset was named");
}

TEST_F(StatementsTest, NeedAReasonToRemoveAndAnEdgeThatIsThere) {
  EXPECT_THAT(std::string(fixture.RemoveEdge(statement).status().message()), HasSubstr("needs a reason"));
  statement.reason = "because";
  EXPECT_EQ(fixture.RemoveEdge(statement).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(StatementsTest, CountOnlyFromAKeyTrustedNowAndForThisKind) {
  const EcPrivateKey stranger = testing::NewKey();
  const std::string payload = EncodeEdgeStatement(statement);
  EXPECT_THAT(std::string(fixture.AddEdge(DeskFixture::Sign(stranger, payload)).status().message()), HasSubstr("not trusted"));
  v1::TrustSignerRequest trust;
  trust.set_name("data-team");
  trust.set_public_key_pem(stranger.public_key().pem());
  trust.add_kinds(v1::SNAPSHOT_KIND_DATASET);
  ASSERT_TRUE(fixture.vault.TrustSigner(fixture.caller, trust).ok());
  EXPECT_THAT(std::string(fixture.AddEdge(DeskFixture::Sign(stranger, payload)).status().message()), HasSubstr("for a model"));
  const EcPrivateKey narrow = testing::NewKey();
  trust.clear_kinds();
  trust.set_name("other-team");
  trust.set_public_key_pem(narrow.public_key().pem());
  trust.add_names("other-*");
  ASSERT_TRUE(fixture.vault.TrustSigner(fixture.caller, trust).ok());
  EXPECT_THAT(std::string(fixture.AddEdge(DeskFixture::Sign(narrow, payload)).status().message()), HasSubstr("called m"));
  v1::RevokeSignerRequest revoke;
  revoke.set_key_id(fixture.key.public_key().key_id());
  revoke.set_reason("stolen");
  ASSERT_TRUE(fixture.vault.RevokeSigner(fixture.caller, revoke).ok());
  EXPECT_THAT(std::string(Refused(payload).message()), HasSubstr("revoked"));
}

TEST_F(StatementsTest, AreRefusedWhenTheirSignatureOrNamesDoNotFit) {
  v1::Envelope envelope = DeskFixture::Sign(fixture.key, EncodeEdgeStatement(statement));
  envelope.mutable_payload()->back() = ' ';
  EXPECT_EQ(fixture.AddEdge(envelope).status().code(), absl::StatusCode::kDataLoss);
  envelope = DeskFixture::Sign(fixture.key, EncodeEdgeStatement(statement));
  *envelope.add_signatures() = envelope.signatures(0);
  EXPECT_EQ(fixture.AddEdge(envelope).status().code(), absl::StatusCode::kInvalidArgument);
  auto other_type = SignEnvelope(fixture.key, "application/json", EncodeEdgeStatement(statement));
  EXPECT_EQ(fixture.AddEdge(*other_type).status().code(), absl::StatusCode::kDataLoss);
  statement.parent_name = "model/m@1";
  EXPECT_THAT(std::string(fixture.AddEdge(statement).status().message()), HasSubstr("model/m@1 is sha256:"));
}

TEST_F(StatementsTest, AreReadStrictly) {
  const std::string good = EncodeEdgeStatement(statement);
  ASSERT_TRUE(ParseEdgeStatement(good).ok());
  const std::pair<const char*, const char*> twists[] = {
      {"\"_type\"", "\"type\""},
      {"in-toto.io/Statement/v1", "in-toto.io/Statement/v0.1"},
      {"lineage-edge/v1", "lineage-edge/v2"},
      {"\"operation\":\"add\"", "\"operation\":\"replace\""},
      {"\"operation\":\"add\"", "\"operation\":\"add\",\"operation\":\"remove\""},
      {"\"operation\":\"add\"", "\"operation\":\"add\",\"extra\":1"},
      {"trained_on", "TRAINED_ON"},
      {"\"reason\":\"\"", "\"reason\":null"},
      {"firebreakSnapshot", "sha256"},
      {"2026-01-01T00:00:00Z", "yesterday"},
      {"\"subject\":[", "\"subject\":[{},"},
  };
  for (const auto& [from, to] : twists) {
    const std::string bad = absl::StrReplaceAll(good, {{from, to}});
    ASSERT_NE(bad, good) << from;
    EXPECT_EQ(Refused(bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  for (size_t cut = 0; cut < good.size(); cut += 7) EXPECT_FALSE(ParseEdgeStatement(good.substr(0, cut)).ok());
}

TEST_F(StatementsTest, NeverCloseACircle) {
  const v1::Snapshot tuned = fixture.With(v1::SNAPSHOT_KIND_MODEL, "tuned", {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/m"}});
  EXPECT_THAT(std::string(fixture.AddEdge(fixture.Statement(model, v1::LINEAGE_RELATION_EVALUATED_ON, tuned)).status().message()),
              HasSubstr("circle"));
  EXPECT_THAT(std::string(fixture.AddEdge(fixture.Statement(model, kTrained, model)).status().message()), HasSubstr("circle"));
}

TEST_F(StatementsTest, ChangeNothingInADryRun) {
  v1::AddEdgeRequest request;
  *request.mutable_statement() = DeskFixture::Sign(fixture.key, EncodeEdgeStatement(statement));
  request.set_validate_only(true);
  ASSERT_TRUE(fixture.desk.AddEdge(fixture.caller, request).ok());
  EXPECT_EQ(fixture.vault.Resolve("model/m")->lineage_size(), 0);
}

}  // namespace
}  // namespace firebreak
