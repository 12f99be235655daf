// Quarantine, derived taint, lineage, verification and signers, over a vault filled by real pushes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/ledger/entries.h"
#include "tests/support/vault_fixture.h"

namespace firebreak {
namespace {

using testing::DigestOf;
using testing::VaultFixture;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct LineageTest : public ::testing::Test {
  absl::StatusOr<v1::QuarantineSnapshotResponse> Quarantine(const std::string& name, bool validate_only = false) {
    v1::QuarantineSnapshotRequest request;
    request.set_snapshot(name);
    request.set_reason("flipped labels");
    request.set_incident("INC-1");
    request.set_validate_only(validate_only);
    return fixture.vault.QuarantineSnapshot(fixture.caller, request);
  }
  absl::StatusOr<v1::LiftQuarantineResponse> Lift(const std::string& name) {
    v1::LiftQuarantineRequest request;
    request.set_snapshot(name);
    request.set_reason("checked by hand");
    return fixture.vault.LiftQuarantine(fixture.caller, request);
  }
  v1::GateVerdict Verdict(const v1::Snapshot& snapshot, const std::string& gate) {
    auto gates = fixture.vault.CheckGates(DigestOf(snapshot));
    EXPECT_TRUE(gates.ok()) << gates.status();
    for (const v1::GateResult& result : *gates) {
      if (result.gate() == gate) return result.verdict();
    }
    return v1::GATE_VERDICT_UNSPECIFIED;
  }

  VaultFixture fixture;
};

TEST_F(LineageTest, SweepsEverythingMadeFromAQuarantinedDataset) {
  const v1::Snapshot data = fixture.Add(v1::SNAPSHOT_KIND_DATASET, "claims");
  const v1::Snapshot clean = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "clean");
  const v1::Snapshot base = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "base", {"dataset/claims"});
  const v1::Snapshot tuned = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "tuned", {"model/base", "model/clean"});
  fixture.vault.SetDeploymentsServing([&](const Digest& digest) -> absl::StatusOr<std::vector<DeploymentName>> {
    if (digest.text() == tuned.digest()) return std::vector<DeploymentName>{DeploymentName("fraud-prod")};
    return std::vector<DeploymentName>();
  });

  auto preview = Quarantine("dataset/claims@1", true);
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_EQ(preview->tainted_size(), 2);
  EXPECT_FALSE(fixture.vault.Resolve("dataset/claims")->has_quarantine());

  auto sweep = Quarantine("dataset/claims@1");
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  ASSERT_EQ(sweep->tainted_size(), 2);
  EXPECT_EQ(sweep->tainted(0).digest(), base.digest());
  EXPECT_EQ(sweep->tainted(1).digest(), tuned.digest());
  EXPECT_EQ(sweep->tainted(1).quarantine().tainted_by(), data.digest());
  EXPECT_THAT(sweep->deployments(), ElementsAre("fraud-prod"));

  EXPECT_EQ(Verdict(data, "quarantine"), v1::GATE_VERDICT_FAIL);
  EXPECT_EQ(Verdict(tuned, "quarantine"), v1::GATE_VERDICT_PASS);
  EXPECT_EQ(Verdict(tuned, "lineage"), v1::GATE_VERDICT_FAIL);
  EXPECT_EQ(Verdict(clean, "lineage"), v1::GATE_VERDICT_PASS);
  EXPECT_EQ(fixture.vault.Resolve("model/tuned")->quarantine().tainted_by(), data.digest());

  v1::ListSnapshotsRequest list;
  list.set_only_quarantined(true);
  EXPECT_EQ(fixture.vault.ListSnapshots(fixture.caller, list)->snapshots_size(), 3);
  auto page = ListEntriesBySubject(fixture.base.ledger->store(), "incident/INC-1", 0, 10);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].action(), "snapshot.quarantined");
}

TEST_F(LineageTest, TaintsWhatIsPushedAfterTheQuarantine) {
  fixture.Add(v1::SNAPSHOT_KIND_DATASET, "claims");
  ASSERT_TRUE(Quarantine("dataset/claims").ok());
  const v1::Snapshot late = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "late", {"dataset/claims"});
  EXPECT_TRUE(late.has_quarantine());
  EXPECT_EQ(Verdict(late, "lineage"), v1::GATE_VERDICT_FAIL);
}

TEST_F(LineageTest, CannotBeWashedCleanByPushingTheSameBytesWithoutTheirLineage) {
  fixture.Add(v1::SNAPSHOT_KIND_DATASET, "claims");
  const v1::Snapshot model = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "m", {"dataset/claims"});
  ASSERT_TRUE(Quarantine("dataset/claims").ok());
  auto washed = fixture.Push(fixture.Options(fixture.NewFolder({{"data", "m"}}), "other-name"));
  ASSERT_TRUE(washed.ok()) << washed.status();
  EXPECT_EQ(washed->snapshot.digest(), model.digest());
  EXPECT_TRUE(washed->snapshot.has_quarantine());
  EXPECT_EQ(washed->snapshot.lineage_size(), 1);
}

TEST_F(LineageTest, LiftsOnlyWhatIsQuarantinedItself) {
  fixture.Add(v1::SNAPSHOT_KIND_DATASET, "claims");
  fixture.Add(v1::SNAPSHOT_KIND_MODEL, "m", {"dataset/claims"});
  EXPECT_EQ(Lift("dataset/claims").status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Quarantine("dataset/claims").ok());
  EXPECT_THAT(std::string(Lift("model/m").status().message()), HasSubstr("lift the quarantine of that one"));
  ASSERT_TRUE(Lift("dataset/claims").ok());
  EXPECT_FALSE(fixture.vault.Resolve("model/m")->has_quarantine());
}

TEST_F(LineageTest, KeepsTheFirstQuarantineWhenAskedAgain) {
  fixture.Add(v1::SNAPSHOT_KIND_DATASET, "claims");
  ASSERT_TRUE(Quarantine("dataset/claims").ok());
  const uint64_t entries = fixture.base.ledger->size();
  ASSERT_TRUE(Quarantine("dataset/claims").ok());
  EXPECT_EQ(fixture.base.ledger->size(), entries);
  QuarantineWish wish;
  wish.snapshot = DigestOf(*fixture.vault.Resolve("dataset/claims"));
  wish.reason = "another reason";
  wish.incident = IncidentId("INC-2");
  wish.actor = Identity("bob");
  auto committed = fixture.base.ledger->Transact(
      [&](Draft& draft) { return fixture.vault.AddQuarantine(draft, wish).status(); });
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(fixture.vault.Resolve("dataset/claims")->quarantine().incident(), "INC-1");
}

TEST_F(LineageTest, MakesADecisionBuildAgainWhenAnAncestorIsQuarantinedInBetween) {
  fixture.Add(v1::SNAPSHOT_KIND_DATASET, "claims");
  const v1::Snapshot model = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "m", {"dataset/claims"});
  Draft draft(fixture.base.ledger->store());
  ASSERT_TRUE(fixture.vault.Hold(draft, DigestOf(model)).ok());
  draft.Record(testing::TestEntry());
  ASSERT_TRUE(Quarantine("dataset/claims").ok());
  EXPECT_EQ(fixture.base.ledger->Commit(draft).status().code(), absl::StatusCode::kAborted);
}

TEST_F(LineageTest, RefusesAnUnknownParentAndACircle) {
  const v1::Snapshot a = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "a");
  fixture.Add(v1::SNAPSHOT_KIND_MODEL, "b", {"model/a"});
  PushOptions options = fixture.Options(fixture.NewFolder({{"data", "a"}}), "a");
  options.lineage.emplace_back();
  options.lineage[0].set_relation(v1::LINEAGE_RELATION_DERIVED_FROM);
  options.lineage[0].set_parent_name("model/b");
  EXPECT_THAT(std::string(fixture.Push(options).status().message()), HasSubstr("circle"));
  options.lineage[0].set_parent_name("model/a");
  EXPECT_THAT(std::string(fixture.Push(options).status().message()), HasSubstr("circle"));
  options.lineage[0].set_parent_name("model/c");
  EXPECT_EQ(fixture.Push(options).status().code(), absl::StatusCode::kNotFound);
  options.lineage[0].set_parent_name("");
  options.lineage[0].set_parent_digest(a.digest());
  options.lineage[0].clear_relation();
  EXPECT_EQ(fixture.Push(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LineageTest, WalksAncestorsNearestFirst) {
  fixture.Add(v1::SNAPSHOT_KIND_DATASET, "d");
  fixture.Add(v1::SNAPSHOT_KIND_MODEL, "a", {"dataset/d"});
  const v1::Snapshot b = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "b", {"model/a", "dataset/d"});
  auto ancestors = fixture.vault.Ancestors(DigestOf(b));
  ASSERT_TRUE(ancestors.ok());
  ASSERT_EQ(ancestors->size(), 2u);
  EXPECT_EQ((*ancestors)[0].snapshot().name(), "a");
  EXPECT_EQ((*ancestors)[1].snapshot().name(), "d");
  EXPECT_EQ((*ancestors)[1].distance(), 1u);
  v1::GetLineageRequest request;
  request.set_snapshot("dataset/d");
  request.set_depth_max(1);
  auto lineage = fixture.vault.GetLineage(fixture.caller, request);
  ASSERT_TRUE(lineage.ok());
  EXPECT_EQ(lineage->descendants_size(), 2);
}

TEST_F(LineageTest, FindsAFlippedBitInAStoredChunkAndRemembersIt) {
  const v1::Snapshot model = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "m");
  auto good = fixture.vault.Verify(DigestOf(model), Identity("alice"));
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_TRUE(good->intact());
  EXPECT_EQ(good->bytes_read(), 1u);
  ASSERT_TRUE(fixture.chunks.Corrupt(Sha256("m")));
  auto bad = fixture.vault.Verify(DigestOf(model), Identity("alice"));
  ASSERT_TRUE(bad.ok()) << bad.status();
  EXPECT_FALSE(bad->intact());
  ASSERT_EQ(bad->findings_size(), 1);
  EXPECT_THAT(bad->findings(0), HasSubstr("file 'data'"));
  EXPECT_EQ(Verdict(model, "intact"), v1::GATE_VERDICT_FAIL);
}

TEST_F(LineageTest, FailsTheIntactGateWhenAChunkIsGone) {
  const v1::Snapshot model = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "m");
  const Digest chunk = Sha256("m");
  ASSERT_TRUE(fixture.chunks.Delete(absl::MakeConstSpan(&chunk, 1)).ok());
  EXPECT_EQ(Verdict(model, "intact"), v1::GATE_VERDICT_FAIL);
  EXPECT_EQ(Verdict(model, "signature"), v1::GATE_VERDICT_PASS);
}

TEST_F(LineageTest, NamesWhatARevokedKeySignedAndFailsItsGate) {
  const v1::Snapshot early = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "early");
  const uint64_t index = fixture.base.ledger->size();
  const v1::Snapshot late = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "late");
  v1::RevokeSignerRequest request;
  request.set_key_id(fixture.key.public_key().key_id());
  request.set_reason("stolen");
  request.set_from_index(index);
  auto revoked = fixture.vault.RevokeSigner(fixture.caller, request);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(revoked->snapshots(), ElementsAre("model/late@1"));
  EXPECT_EQ(Verdict(early, "signature"), v1::GATE_VERDICT_PASS);
  EXPECT_EQ(Verdict(late, "signature"), v1::GATE_VERDICT_FAIL);
  request.set_from_index(0);
  EXPECT_EQ(fixture.vault.RevokeSigner(fixture.caller, request)->snapshots_size(), 2);
  EXPECT_EQ(Verdict(early, "signature"), v1::GATE_VERDICT_FAIL);
  // Never looser again.
  request.set_from_index(index);
  EXPECT_EQ(fixture.vault.RevokeSigner(fixture.caller, request)->signer().revoked_from_index(), 0u);
  auto verified = fixture.vault.Verify(DigestOf(early), Identity("alice"));
  EXPECT_FALSE(verified->intact());
  EXPECT_EQ(Verdict(early, "intact"), v1::GATE_VERDICT_PASS);
}

TEST_F(LineageTest, ListsByKindAndNameInPages) {
  for (int i = 0; i < 5; ++i) fixture.Add(v1::SNAPSHOT_KIND_MODEL, "m", {}, absl::StrCat(i));
  fixture.Add(v1::SNAPSHOT_KIND_DATASET, "m");
  v1::ListSnapshotsRequest request;
  request.set_page_size(2);
  int total = 0;
  int pages = 0;
  do {
    auto page = fixture.vault.ListSnapshots(fixture.caller, request);
    ASSERT_TRUE(page.ok()) << page.status();
    total += page->snapshots_size();
    ++pages;
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && pages < 10);
  EXPECT_EQ(total, 6);
  EXPECT_EQ(pages, 3);
  request.set_kind(v1::SNAPSHOT_KIND_DATASET);
  EXPECT_EQ(fixture.vault.ListSnapshots(fixture.caller, request)->snapshots_size(), 1);
}

}  // namespace
}  // namespace firebreak
