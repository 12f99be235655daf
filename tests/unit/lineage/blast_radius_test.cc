// What a bad dataset, model, configuration or key touches, and how the answer keeps up with the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "firebreak/snapshots/relations.h"
#include "tests/unit/lineage/lineage_fixture.h"

namespace firebreak {
namespace {

using testing::DeskFixture;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr auto kModel = v1::SNAPSHOT_KIND_MODEL;
constexpr auto kTuned = v1::LINEAGE_RELATION_FINE_TUNED_FROM;

std::vector<std::string> Names(const v1::BlastRadiusResponse& response) {
  std::vector<std::string> names;
  for (const v1::BlastSnapshot& snapshot : response.snapshots()) names.push_back(snapshot.name());
  return names;
}

struct BlastTest : public ::testing::Test {
  BlastTest() {
    fixture.With(v1::SNAPSHOT_KIND_DATASET, "claims", {});
    fixture.With(v1::SNAPSHOT_KIND_CONFIG, "tokenizer", {});
    base = fixture.With(kModel, "base", {{v1::LINEAGE_RELATION_TRAINED_ON, "dataset/claims"}});
    tuned = fixture.With(kModel, "tuned", {{kTuned, "model/base"}, {v1::LINEAGE_RELATION_CONFIGURED_BY, "config/tokenizer"}});
    other = fixture.With(kModel, "other", {{v1::LINEAGE_RELATION_EVALUATED_ON, "dataset/claims"}});
    fixture.Deploy("fraud-prod", {DeskFixture::Release(base), DeskFixture::Release(tuned)});
    fixture.Deploy("fraud-canary", {DeskFixture::Release(tuned), DeskFixture::Release(other)});
  }
  DeskFixture fixture;
  v1::Snapshot base, tuned, other;
};

TEST_F(BlastTest, OfADatasetNamesModelsReleasesDeploymentsAndAgentsWithTheWay) {
  auto blast = fixture.Blast("dataset/claims");
  ASSERT_TRUE(blast.ok()) << blast.status();
  EXPECT_THAT(Names(*blast), ElementsAre("dataset/claims@1", "model/base@1", "model/other@1", "model/tuned@1"));
  EXPECT_EQ(blast->models_total(), 2u);
  EXPECT_EQ(blast->datasets_total(), 1u);
  EXPECT_EQ(blast->evaluated_total(), 1u);
  EXPECT_EQ(PathText(blast->snapshots(3).path()), "model/tuned@1 fine_tuned_from model/base@1 trained_on dataset/claims@1");
  EXPECT_THAT(blast->snapshots(3).serving(), ElementsAre("fraud-prod"));
  EXPECT_EQ(blast->snapshots(2).touch(), v1::BLAST_TOUCH_EVALUATED);
  ASSERT_EQ(blast->releases_size(), 2);
  std::map<std::string, const v1::BlastRelease*> releases;
  for (const v1::BlastRelease& release : blast->releases()) releases[release.model()] = &release;
  EXPECT_FALSE(releases["model/base@1"]->wanted());
  EXPECT_TRUE(releases["model/tuned@1"]->wanted());
  EXPECT_THAT(releases["model/tuned@1"]->deployments(), UnorderedElementsAre("fraud-prod", "fraud-canary"));
  ASSERT_EQ(blast->deployments_size(), 1);
  EXPECT_EQ(blast->deployments(0).name(), "fraud-prod");
  EXPECT_EQ(blast->deployments(0).part(), "model/tuned@1");
  ASSERT_EQ(blast->agents_size(), 1);
  EXPECT_EQ(blast->agents(0).agent(), "fraud-prod-a1");
  EXPECT_TRUE(blast->agents(0).proved());
}

TEST_F(BlastTest, OfAConfigurationStopsAtWhatRunsWithIt) {
  fixture.With(kModel, "grandchild", {{kTuned, "model/tuned"}});
  auto blast = fixture.Blast("config/tokenizer@1");
  ASSERT_TRUE(blast.ok()) << blast.status();
  EXPECT_THAT(Names(*blast), ElementsAre("config/tokenizer@1", "model/tuned@1"));
  EXPECT_EQ(blast->snapshots(1).touch(), v1::BLAST_TOUCH_CONFIGURED);
  EXPECT_EQ(blast->deployments(0).touch(), v1::BLAST_TOUCH_CONFIGURED);
}

TEST_F(BlastTest, OfASigningKeyStartsFromAllItSigned) {
  const EcPrivateKey second = testing::NewKey();
  fixture.Trust(second, "night-shift");
  std::swap(fixture.key, const_cast<EcPrivateKey&>(second));
  fixture.With(kModel, "night", {});
  fixture.With(kModel, "night-child", {{kTuned, "model/night"}});
  std::swap(fixture.key, const_cast<EcPrivateKey&>(second));
  fixture.With(kModel, "day-child", {{kTuned, "model/night"}});
  for (const std::string& of : {std::string("night-shift"), second.public_key().key_id()}) {
    auto blast = fixture.Blast(of);
    ASSERT_TRUE(blast.ok()) << blast.status();
    EXPECT_EQ(blast->source_kind(), v1::BLAST_SOURCE_KIND_SIGNING_KEY);
    EXPECT_THAT(Names(*blast), UnorderedElementsAre("model/night@1", "model/night-child@1", "model/day-child@1"));
    EXPECT_EQ(blast->snapshots(0).distance(), 0u);
    EXPECT_EQ(blast->snapshots(2).name(), "model/day-child@1");
  }
}

TEST_F(BlastTest, KeepsUpWithPushesQuarantinesAndDecisions) {
  ASSERT_TRUE(fixture.Blast("dataset/claims").ok());   // the indexes are in memory now
  const v1::Snapshot late = fixture.With(kModel, "late", {{kTuned, "model/tuned"}});
  fixture.Deploy("late-prod", {DeskFixture::Release(late)});
  ASSERT_TRUE(fixture.Quarantine("model/base").ok());
  auto blast = fixture.Blast("dataset/claims");
  ASSERT_TRUE(blast.ok());
  EXPECT_THAT(Names(*blast), ElementsAre("dataset/claims@1", "model/base@1", "model/other@1", "model/tuned@1", "model/late@1"));
  EXPECT_TRUE(blast->snapshots(1).quarantined());
  EXPECT_EQ(blast->deployments_total(), 2u);
  fixture.Deploy("late-prod", {DeskFixture::Release(other)});
  EXPECT_EQ(fixture.Blast("dataset/claims")->deployments_total(), 1u);
  v1::LiftQuarantineRequest lift;
  lift.set_snapshot("model/base");
  lift.set_reason("checked");
  ASSERT_TRUE(fixture.vault.LiftQuarantine(fixture.caller, lift).ok());
  EXPECT_FALSE(fixture.Blast("dataset/claims")->snapshots(1).quarantined());
}

TEST_F(BlastTest, ComesInPagesThatNeitherRepeatNorSkip) {
  const auto all = Names(*fixture.Blast("dataset/claims"));
  std::vector<std::string> paged;
  std::string token;
  int pages = 0;
  do {
    auto page = fixture.Blast("dataset/claims", 1, token);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const std::string& name : Names(*page)) paged.push_back(name);
    EXPECT_EQ(page->releases_size(), token.empty() ? 2 : 0);
    token = page->next_page_token();
    if (++pages == 2) fixture.With(kModel, "in-between", {{kTuned, "model/tuned"}});
  } while (!token.empty() && pages < 10);
  EXPECT_EQ(std::vector<std::string>(paged.begin(), paged.begin() + 4), all);
  EXPECT_EQ(paged.back(), "model/in-between@1");
  EXPECT_EQ(fixture.Blast("dataset/claims", 1, "1.2").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(fixture.Blast("dataset/claims", 1, "99999.0.0").status().code(), absl::StatusCode::kAborted);
}

TEST_F(BlastTest, NamesTheNearestWhenItDoesNotKnowTheSource) {
  EXPECT_THAT(std::string(fixture.Blast("releas").status().message()), HasSubstr("did you mean release?"));
  EXPECT_THAT(std::string(fixture.Blast("dataset/claim").status().message()), HasSubstr("did you mean dataset/claims?"));
  EXPECT_EQ(fixture.Blast("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(BlastTest, IsDrawnAsAGraphWithMarks) {
  ASSERT_TRUE(fixture.Quarantine("dataset/claims").ok());
  v1::GetGraphRequest request;
  request.set_snapshot("model/base");
  auto graph = fixture.desk.GetGraph(fixture.caller, request);
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::map<std::string, v1::GraphNode> nodes;
  for (const v1::GraphNode& node : graph->nodes()) nodes[node.name()] = node;
  EXPECT_EQ(graph->nodes(0).name(), "model/base@1");
  EXPECT_EQ(nodes["dataset/claims@1"].level(), -1);
  EXPECT_TRUE(nodes["dataset/claims@1"].quarantined());
  EXPECT_FALSE(nodes["dataset/claims@1"].tainted());
  EXPECT_EQ(nodes["model/tuned@1"].level(), 1);
  EXPECT_TRUE(nodes["model/tuned@1"].tainted());
  EXPECT_THAT(nodes["model/tuned@1"].serving(), ElementsAre("fraud-prod"));
  EXPECT_EQ(graph->edges_size(), 2);
  request.set_nodes_max(2);
  graph = fixture.desk.GetGraph(fixture.caller, request);
  EXPECT_EQ(graph->nodes_size(), 2);
  EXPECT_EQ(graph->ancestors_total() + graph->descendants_total(), 2u);
}

// The walk over arrays against the plainest possible one over a set of edges.
TEST(LineageGraph, TouchesWhatAnExhaustiveSearchTouches) {
  for (const unsigned seed : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
    std::mt19937 random(seed);
    constexpr int kNodes = 60;
    const auto digest = [](int i) { return Sha256(StrCat("n", i)); };
    LineageGraph graph;
    std::vector<std::tuple<int, int, v1::LineageRelation>> edges;   // child, parent
    for (int child = kNodes - 1; child >= 0; --child) {             // children before parents: numbers are given out of order
      v1::Snapshot snapshot;
      snapshot.set_digest(digest(child).text());
      snapshot.set_kind(kModel);
      snapshot.set_name(StrCat("n", child));
      snapshot.set_version(1);
      for (int n = 0; child > 0 && n < 2; ++n) {
        const int parent = static_cast<int>(random() % static_cast<unsigned>(child));
        const auto relation = static_cast<v1::LineageRelation>(1 + random() % 5);
        v1::LineageEdge& edge = *snapshot.add_lineage();
        edge.set_parent_digest(digest(parent).text());
        edge.set_relation(relation);
        edges.emplace_back(child, parent, relation);
      }
      graph.Put(snapshot);
    }
    const int source = static_cast<int>(random() % 10);
    std::set<int> content = {source};
    for (int round = 0; round < kNodes; ++round) {
      for (const auto& [child, parent, relation] : edges) {
        if (content.contains(parent) && SpreadOf(relation) == Spread::kContent) content.insert(child);
      }
    }
    std::map<std::string, v1::BlastTouch> wanted;
    for (const Spread spread : {Spread::kDoubt, Spread::kServing}) {
      for (const auto& [child, parent, relation] : edges) {
        if (content.contains(parent) && SpreadOf(relation) == spread) wanted[StrCat("model/n", child, "@1")] = TouchOf(spread);
      }
    }
    for (const int node : content) wanted[StrCat("model/n", node, "@1")] = node == source ? v1::BLAST_TOUCH_SOURCE : v1::BLAST_TOUCH_CONTENT;
    std::map<std::string, v1::BlastTouch> got;
    uint32_t last = 0;
    const auto reached = graph.Touched({*graph.Find(digest(source))});
    const LineageGraph::Paths paths(graph, reached);
    for (const LineageGraph::Reached& one : reached) {
      got[graph.name(one.node)] = one.touch;
      EXPECT_GE(one.distance, last);
      last = one.distance;
      const v1::BlastPath path = paths.Of(one.node);
      EXPECT_EQ(path.hops(path.hops_size() - 1).name(), StrCat("model/n", source, "@1"));
      EXPECT_EQ(static_cast<uint32_t>(path.hops_size()) + path.hops_left_out(), one.distance + 1);
    }
    EXPECT_EQ(got, wanted) << "seed " << seed;
  }
}

TEST(LineageGraph, ForgetsWhatWasRemovedAndTakesItBack) {
  LineageGraph graph;
  v1::Snapshot parent, child;
  parent.set_digest(Sha256("p").text());
  parent.set_name("p");
  child.set_digest(Sha256("c").text());
  child.set_name("c");
  child.add_lineage()->set_parent_digest(parent.digest());
  child.mutable_lineage(0)->set_relation(kTuned);
  graph.Put(child);
  EXPECT_EQ(graph.size(), 1u);
  EXPECT_FALSE(graph.Find(Sha256("p")).has_value());
  graph.Put(parent);
  EXPECT_EQ(graph.Touched({*graph.Find(Sha256("p"))}).size(), 2u);
  graph.Put(child);   // again: no edge is doubled
  EXPECT_EQ(graph.children(*graph.Find(Sha256("p"))).size(), 1u);
  child.clear_lineage();
  graph.Put(child);
  EXPECT_EQ(graph.Touched({*graph.Find(Sha256("p"))}).size(), 1u);
  graph.Remove(Sha256("p"));
  EXPECT_FALSE(graph.Find(Sha256("p")).has_value());
  EXPECT_EQ(graph.size(), 1u);
  graph.SetSigners(Sha256("c"), {"k1", "k2"});
  graph.SetSigners(Sha256("c"), {"k2"});
  EXPECT_TRUE(graph.SignedBy("k1").empty());
  EXPECT_EQ(graph.SignedBy("k2").size(), 1u);
}

}  // namespace
}  // namespace firebreak
