// Which relations taint, how far, and what the gate says about the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lineage/lineage_fixture.h"

namespace firebreak {
namespace {

using testing::DeskFixture;
using testing::DigestOf;
using ::testing::HasSubstr;

constexpr auto kModel = v1::SNAPSHOT_KIND_MODEL;
constexpr auto kDataset = v1::SNAPSHOT_KIND_DATASET;
constexpr auto kConfig = v1::SNAPSHOT_KIND_CONFIG;

TEST(Taint, FollowsContentButNotEvaluation) {
  for (const auto& [relation, taints] : {std::pair(v1::LINEAGE_RELATION_TRAINED_ON, true),
                                         std::pair(v1::LINEAGE_RELATION_FINE_TUNED_FROM, true),
                                         std::pair(v1::LINEAGE_RELATION_DERIVED_FROM, true),
                                         std::pair(v1::LINEAGE_RELATION_EVALUATED_ON, false)}) {
    DeskFixture fixture;
    fixture.With(kDataset, "d", {});
    const v1::Snapshot child = fixture.With(kModel, "child", {{relation, "dataset/d"}});
    const v1::Snapshot grandchild = fixture.With(kModel, "grandchild", {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/child"}});
    ASSERT_TRUE(fixture.Quarantine("dataset/d").ok());
    for (const v1::Snapshot& snapshot : {child, grandchild}) {
      EXPECT_EQ(fixture.LineageGate(snapshot).verdict(), taints ? v1::GATE_VERDICT_FAIL : v1::GATE_VERDICT_PASS)
          << RelationText(relation) << " " << snapshot.name();
      EXPECT_EQ(fixture.vault.Resolve(SnapshotName(snapshot))->has_quarantine(), taints) << RelationText(relation);
    }
  }
}

TEST(Taint, OfAConfigurationReachesWhatRunsWithItAndNoFurther) {
  DeskFixture fixture;
  fixture.With(kConfig, "base", {});
  fixture.With(kConfig, "c", {{v1::LINEAGE_RELATION_DERIVED_FROM, "config/base"}});
  const v1::Snapshot served = fixture.With(kModel, "served", {{v1::LINEAGE_RELATION_CONFIGURED_BY, "config/c"}});
  const v1::Snapshot tuned = fixture.With(kModel, "tuned", {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/served"}});
  ASSERT_TRUE(fixture.Quarantine("config/base").ok());
  const v1::GateResult gate = fixture.LineageGate(served);
  EXPECT_EQ(gate.verdict(), v1::GATE_VERDICT_FAIL);
  EXPECT_THAT(gate.evidence(), HasSubstr("runs with config/base@1 (model/served@1 configured_by config/c@1 derived_from config/base@1)"));
  EXPECT_EQ(fixture.LineageGate(tuned).verdict(), v1::GATE_VERDICT_PASS);
}

// One request asks about many snapshots and remembers what is clean: an answer must not depend on who was asked before.
TEST(Taint, OfAConfigurationIsFoundAlsoForWhatWasSeenAsACleanAncestor) {
  DeskFixture fixture;
  fixture.With(kConfig, "c", {});
  fixture.With(kModel, "a-parent", {{v1::LINEAGE_RELATION_CONFIGURED_BY, "config/c"}});
  fixture.With(kModel, "a-child", {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/a-parent"}});
  ASSERT_TRUE(fixture.Quarantine("config/c").ok());
  v1::ListSnapshotsRequest request;
  request.set_kind(kModel);
  auto listed = fixture.vault.ListSnapshots(fixture.caller, request);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->snapshots_size(), 2);
  for (const v1::Snapshot& snapshot : listed->snapshots()) {
    EXPECT_EQ(snapshot.has_quarantine(), snapshot.name() == "a-parent") << snapshot.name();
  }
}

TEST(Taint, IsFoundAtAnyDepthAndSaysTheWay) {
  DeskFixture fixture;
  fixture.With(kDataset, "d", {});
  v1::Snapshot last = fixture.With(kModel, "m0", {{v1::LINEAGE_RELATION_TRAINED_ON, "dataset/d"}});
  for (int i = 1; i <= 60; ++i) {
    last = fixture.With(kModel, StrCat("m", i), {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, StrCat("model/m", i - 1)}});
  }
  ASSERT_TRUE(fixture.Quarantine("dataset/d").ok());
  const v1::GateResult gate = fixture.LineageGate(last);
  EXPECT_EQ(gate.verdict(), v1::GATE_VERDICT_FAIL);
  EXPECT_THAT(gate.evidence(), HasSubstr("made from dataset/d@1 (model/m60@1 fine_tuned_from model/m59@1"));
  EXPECT_THAT(gate.evidence(), HasSubstr("… 46 more …"));
  EXPECT_THAT(gate.evidence(), HasSubstr("model/m0@1 trained_on dataset/d@1), quarantined by alice"));
  EXPECT_LT(gate.evidence().size(), 1200u);
}

// Deeper than any number of single expectations would reach.
TEST(Hold, CoversAQuarantineFarUpstream) {
  DeskFixture fixture;
  fixture.With(kDataset, "d", {});
  v1::Snapshot last = fixture.With(kModel, "m0", {{v1::LINEAGE_RELATION_TRAINED_ON, "dataset/d"}});
  for (int i = 1; i <= 60; ++i) {
    last = fixture.With(kModel, StrCat("m", i), {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, StrCat("model/m", i - 1)}});
  }
  Draft draft(fixture.base.ledger->store());
  ASSERT_TRUE(fixture.vault.Hold(draft, DigestOf(last)).ok());
  draft.Record(testing::TestEntry());
  ASSERT_TRUE(fixture.Quarantine("dataset/d").ok());
  EXPECT_EQ(fixture.base.ledger->Commit(draft).status().code(), absl::StatusCode::kAborted);
}

TEST(Hold, CoversAnEdgeAddedFarUpstream) {
  DeskFixture fixture;
  const v1::Snapshot bad = fixture.With(kDataset, "bad", {});
  const v1::Snapshot base = fixture.With(kModel, "base", {});
  const v1::Snapshot tuned = fixture.With(kModel, "tuned", {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/base"}});
  ASSERT_TRUE(fixture.Quarantine("dataset/bad").ok());
  Draft draft(fixture.base.ledger->store());
  ASSERT_TRUE(fixture.vault.Hold(draft, DigestOf(tuned)).ok());
  EXPECT_EQ(fixture.LineageGate(tuned).verdict(), v1::GATE_VERDICT_PASS);
  draft.Record(testing::TestEntry());
  ASSERT_TRUE(fixture.AddEdge(fixture.Statement(base, v1::LINEAGE_RELATION_TRAINED_ON, bad)).ok());
  EXPECT_EQ(fixture.base.ledger->Commit(draft).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(fixture.LineageGate(tuned).verdict(), v1::GATE_VERDICT_FAIL);
}

// The sweep of a quarantine and the gates must agree on what is tainted.
TEST(Sweep, NamesExactlyWhatTheGatesBlock) {
  DeskFixture fixture;
  const v1::Snapshot data = fixture.With(kDataset, "d", {});
  const v1::Snapshot config = fixture.With(kConfig, "c", {{v1::LINEAGE_RELATION_DERIVED_FROM, "dataset/d"}});
  std::vector<v1::Snapshot> all = {config};
  all.push_back(fixture.With(kModel, "trained", {{v1::LINEAGE_RELATION_TRAINED_ON, "dataset/d"}}));
  all.push_back(fixture.With(kModel, "measured", {{v1::LINEAGE_RELATION_EVALUATED_ON, "dataset/d"}}));
  all.push_back(fixture.With(kModel, "run", {{v1::LINEAGE_RELATION_CONFIGURED_BY, "config/c"}}));
  all.push_back(fixture.With(kModel, "run-child", {{v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/run"}}));
  all.push_back(fixture.With(kModel, "both", {{v1::LINEAGE_RELATION_EVALUATED_ON, "dataset/d"},
                                              {v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/trained"}}));
  fixture.Deploy("prod", {DeskFixture::Release(all[3])});
  v1::QuarantineSnapshotRequest request;
  request.set_snapshot("dataset/d");
  request.set_reason("flipped labels");
  auto sweep = fixture.vault.QuarantineSnapshot(fixture.caller, request);
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  std::set<std::string> swept;
  for (const v1::Snapshot& snapshot : sweep->tainted()) swept.insert(snapshot.name());
  EXPECT_EQ(sweep->tainted_total(), swept.size());
  for (const v1::Snapshot& snapshot : all) {
    EXPECT_EQ(fixture.LineageGate(snapshot).verdict() == v1::GATE_VERDICT_FAIL, swept.contains(snapshot.name())) << snapshot.name();
  }
  EXPECT_THAT(swept, ::testing::UnorderedElementsAre("c", "trained", "run", "both"));
  EXPECT_THAT(sweep->deployments(), ::testing::ElementsAre("prod"));
}

}  // namespace
}  // namespace firebreak
