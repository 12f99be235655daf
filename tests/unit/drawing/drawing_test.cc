// The three drawings of one graph: complete, escaped, and laid out so that every edge runs forward.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <set>

#include "firebreak/base/text.h"
#include "firebreak/drawing/lineage_drawing.h"
#include "services/drawing/layers.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::GraphNode& AddNode(v1::GetGraphResponse& graph, const std::string& name, int level) {
  v1::GraphNode& node = *graph.add_nodes();
  node.set_digest("sha256:" + name);
  node.set_name(name);
  node.set_kind(v1::SNAPSHOT_KIND_MODEL);
  node.set_level(level);
  return node;
}
v1::GraphEdge& AddEdge(v1::GetGraphResponse& graph, const std::string& child, v1::LineageRelation relation, const std::string& parent) {
  v1::GraphEdge& edge = *graph.add_edges();
  edge.set_child_digest("sha256:" + child);
  edge.set_parent_digest("sha256:" + parent);
  edge.set_relation(relation);
  return edge;
}

v1::GetGraphResponse Sample() {
  v1::GetGraphResponse graph;
  AddNode(graph, "model/base@1", 0).set_tainted(true);
  AddNode(graph, "dataset/claims@3", -1).set_quarantined(true);
  AddNode(graph, "dataset/raw@1", -2);
  AddNode(graph, "config/tokenizer@2", -1);
  AddNode(graph, "model/fraud@7", 1).add_serving("fraud-prod");
  AddNode(graph, "model/fraud-small@1", 2);
  graph.mutable_nodes(4)->set_tainted(true);
  AddEdge(graph, "model/base@1", v1::LINEAGE_RELATION_TRAINED_ON, "dataset/claims@3");
  AddEdge(graph, "dataset/claims@3", v1::LINEAGE_RELATION_DERIVED_FROM, "dataset/raw@1");
  AddEdge(graph, "model/base@1", v1::LINEAGE_RELATION_CONFIGURED_BY, "config/tokenizer@2");
  AddEdge(graph, "model/fraud@7", v1::LINEAGE_RELATION_FINE_TUNED_FROM, "model/base@1").set_signer("release");
  AddEdge(graph, "model/fraud-small@1", v1::LINEAGE_RELATION_DERIVED_FROM, "model/fraud@7");
  v1::GraphEdge& removed = AddEdge(graph, "model/fraud-small@1", v1::LINEAGE_RELATION_TRAINED_ON, "dataset/raw@1");
  removed.set_removed(true);
  removed.set_removed_by("release");
  removed.set_removed_reason("a slip");
  graph.set_ancestors_total(3);
  graph.set_descendants_total(2);
  return graph;
}

TEST(DrawTree, ShowsBothDirectionsWithMarks) {
  EXPECT_EQ(DrawTree(Sample(), {}),
            "model/base@1  tainted\n"
            "made from\n"
            "├── trained_on dataset/claims@3  QUARANTINED\n"
            "│   └── derived_from dataset/raw@1\n"
            "└── configured_by config/tokenizer@2\n"
            "went into\n"
            "└── fine_tuned_from model/fraud@7  tainted  serving fraud-prod  (added, signed by release)\n"
            "    └── derived_from model/fraud-small@1\n");
  const std::string ascii = DrawTree(Sample(), {.ascii = true});
  for (const char c : ascii) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  EXPECT_THAT(ascii, HasSubstr("|   `-- derived_from dataset/raw@1\n`-- configured_by"));
  const auto paint = [](std::string_view text, Mark mark) { return mark == Mark::kQuarantined ? StrCat("<", text, ">") : std::string(text); };
  EXPECT_THAT(DrawTree(Sample(), {.paint = paint}), HasSubstr("<QUARANTINED>"));
}

TEST(DrawTree, DrawsAnythingReachedTwiceOnlyOnceAndSaysWhatIsMissing) {
  v1::GetGraphResponse graph;
  AddNode(graph, "a", 0);
  for (const char* name : {"b", "c", "d", "e"}) AddNode(graph, name, -1);
  for (const char* parent : {"b", "c"}) {
    AddEdge(graph, "a", v1::LINEAGE_RELATION_TRAINED_ON, parent);
    AddEdge(graph, parent, v1::LINEAGE_RELATION_TRAINED_ON, "d");
  }
  AddEdge(graph, "d", v1::LINEAGE_RELATION_TRAINED_ON, "e");
  graph.set_ancestors_total(10);
  const std::string tree = DrawTree(graph, {});
  EXPECT_THAT(tree, HasSubstr("└── trained_on d  (see above)"));
  EXPECT_EQ(tree.find("trained_on e"), tree.rfind("trained_on e"));
  EXPECT_THAT(tree, HasSubstr("(6 more are farther away"));
  EXPECT_THAT(tree, HasSubstr("went into: nothing known"));
  EXPECT_EQ(DrawTree(v1::GetGraphResponse(), {}), "");
}

TEST(DrawDot, QuotesNames) {
  v1::GetGraphResponse graph = Sample();
  graph.mutable_nodes(2)->set_name("a\"b\\c\nd");
  const std::string dot = DrawDot(graph);
  EXPECT_THAT(dot, HasSubstr("label=\"a\\\"b\\\\c d\""));
  EXPECT_THAT(dot, HasSubstr("\"sha256:dataset/claims@3\" -> \"sha256:model/base@1\" [label=\"trained_on\"]"));
  EXPECT_THAT(dot, HasSubstr("trained_on (taken back)\", style=dashed"));
}

TEST(DrawSvg, IsWellFormedAndEscaped) {
  v1::GetGraphResponse graph = Sample();
  graph.mutable_nodes(2)->set_name("<script>\"x\"&</script>");
  const std::string svg = DrawSvg(graph);
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;&quot;x&quot;&amp;&lt;/script&gt;"));
  for (const v1::GraphNode& node : graph.nodes()) {
    if (&node == &graph.nodes(2)) continue;
    EXPECT_THAT(svg, HasSubstr(StrCat(">", node.name(), "</text>")));
  }
  int depth = 0;
  for (size_t at = 0; at < svg.size(); ++at) {
    if (svg[at] != '<') continue;
    const size_t end = svg.find('>', at);
    ASSERT_NE(end, std::string::npos);
    depth += svg[at + 1] == '/' ? -1 : (svg[end - 1] == '/' ? 0 : 1);
    ASSERT_GE(depth, 0);
  }
  EXPECT_EQ(depth, 0);
  EXPECT_THAT(DrawSvg(v1::GetGraphResponse()), HasSubstr("</svg>"));
  if (const char* out = std::getenv("FIREBREAK_DRAWING_OUT"); out != nullptr) std::ofstream(out) << DrawSvg(Sample());
}

TEST(Arrange, LetsEveryEdgeRunForwardAndGivesEachItsPlace) {
  for (const unsigned seed : {1u, 2u, 3u, 4u, 5u}) {
    std::mt19937 random(seed);
    std::vector<std::pair<size_t, size_t>> edges;
    for (size_t child = 1; child < 80; ++child) {
      for (int n = 0; n < 2; ++n) edges.emplace_back(random() % child, child);
    }
    const Layout layout = Arrange(80, edges);
    std::set<std::pair<size_t, size_t>> taken;
    for (const Layout::Place& place : layout.nodes) EXPECT_TRUE(taken.emplace(place.layer, place.row).second);
    ASSERT_EQ(layout.routes.size(), edges.size());
    for (size_t i = 0; i < edges.size(); ++i) {
      const auto& route = layout.routes[i];
      EXPECT_EQ(route.front().layer, layout.nodes[edges[i].first].layer);
      EXPECT_EQ(route.back().layer, layout.nodes[edges[i].second].layer);
      for (size_t step = 0; step + 1 < route.size(); ++step) EXPECT_EQ(route[step].layer + 1, route[step + 1].layer);
      for (size_t step = 1; step + 1 < route.size(); ++step) EXPECT_TRUE(taken.emplace(route[step].layer, route[step].row).second);
    }
  }
  EXPECT_EQ(Arrange(2, {{0, 1}, {1, 0}}).nodes.size(), 2u);   // a circle does not hang
}

}  // namespace
}  // namespace firebreak
