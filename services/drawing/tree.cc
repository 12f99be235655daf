#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "firebreak/base/text.h"
#include "firebreak/drawing/lineage_drawing.h"
#include "firebreak/snapshots/names.h"

namespace firebreak {
namespace {

constexpr size_t kDepthMax = 200;   // drawn; deeper than anybody can follow on a screen

class Tree {
 public:
  Tree(const v1::GetGraphResponse& graph, const TreeStyle& style) : graph_(graph), style_(style) {
    for (const v1::GraphNode& node : graph.nodes()) nodes_[node.digest()] = &node;
    for (const v1::GraphEdge& edge : graph.edges()) {
      parents_[edge.child_digest()].push_back(&edge);
      children_[edge.parent_digest()].push_back(&edge);
    }
  }

  std::string Draw() {
    if (graph_.nodes().empty()) return "";
    const v1::GraphNode& root = graph_.nodes(0);
    text_ = Label(root) + "\n";
    Section("made from", parents_, root.digest(), true);
    Section("went into", children_, root.digest(), false);
    const uint64_t total = graph_.ancestors_total() + graph_.descendants_total();
    const auto shown = static_cast<uint64_t>(std::count_if(graph_.nodes().begin(), graph_.nodes().end(),
                                                           [](const v1::GraphNode& node) { return node.kind() != 0; }) - 1);
    if (total > shown) StrAppend(&text_, "(", total - shown, " more are farther away; --nodes shows more of them)\n");
    return text_;
  }

 private:
  using Edges = std::map<std::string, std::vector<const v1::GraphEdge*>>;

  std::string Paint(std::string_view text, Mark mark) const {
    return style_.paint ? style_.paint(text, mark) : std::string(text);
  }

  std::string Label(const v1::GraphNode& node) const {
    std::string label = node.name();
    if (node.quarantined()) StrAppend(&label, "  ", Paint("QUARANTINED", Mark::kQuarantined));
    if (node.tainted() && !node.quarantined()) StrAppend(&label, "  ", Paint("tainted", Mark::kTainted));
    std::string serving;
    for (int i = 0; i < node.serving_size() && i < 5; ++i) StrAppend(&serving, i == 0 ? "" : ", ", node.serving(i));
    if (node.serving_size() > 5) StrAppend(&serving, " and ", node.serving_size() - 5, " more");
    if (!serving.empty()) StrAppend(&label, "  ", Paint(StrCat("serving ", serving), Mark::kServing));
    return label;
  }

  void Section(std::string_view title, const Edges& edges, const std::string& root, bool up) {
    const auto found = edges.find(root);
    StrAppend(&text_, Paint(found == edges.end() ? StrCat(title, ": nothing known") : std::string(title), Mark::kFaint), "\n");
    std::set<std::string> drawn = {root};
    Branch(edges, root, "", up, drawn, 0);
  }

  void Branch(const Edges& edges, const std::string& at, const std::string& indent, bool up, std::set<std::string>& drawn, size_t depth) {
    const auto found = edges.find(at);
    if (found == edges.end()) return;
    for (size_t i = 0; i < found->second.size(); ++i) {
      const v1::GraphEdge& edge = *found->second[i];
      const std::string& next = up ? edge.parent_digest() : edge.child_digest();
      const auto node = nodes_.find(next);
      if (node == nodes_.end()) continue;
      const bool last = i + 1 == found->second.size();
      const std::string_view corner = style_.ascii ? (last ? "`-- " : "|-- ") : (last ? "└── " : "├── ");
      StrAppend(&text_, indent, corner, Paint(RelationText(edge.relation()), Mark::kFaint), " ", Label(*node->second));
      if (!edge.signer().empty()) StrAppend(&text_, Paint(StrCat("  (added, signed by ", edge.signer(), ")"), Mark::kFaint));
      if (edge.removed()) {
        StrAppend(&text_, Paint(StrCat("  (taken back by ", edge.removed_by(), ": ", edge.removed_reason(), ")"), Mark::kFaint));
      }
      const bool fresh = drawn.insert(next).second;
      const bool more = edges.contains(next);
      StrAppend(&text_, !fresh && more ? "  (see above)" : "", "\n");
      if (!fresh || edge.removed() || depth >= kDepthMax) continue;
      const std::string_view bar = last ? "    " : (style_.ascii ? "|   " : "│   ");
      Branch(edges, next, StrCat(indent, bar), up, drawn, depth + 1);
    }
  }

  const v1::GetGraphResponse& graph_;
  const TreeStyle& style_;
  std::map<std::string, const v1::GraphNode*> nodes_;
  Edges parents_, children_;
  std::string text_;
};

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return quoted + "\"";
}

}  // namespace

std::string DrawTree(const v1::GetGraphResponse& graph, const TreeStyle& style) { return Tree(graph, style).Draw(); }

std::string DrawDot(const v1::GetGraphResponse& graph) {
  std::string dot = "digraph lineage {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];\n"
                    "  edge [fontname=\"sans-serif\", fontsize=10];\n";
  for (const v1::GraphNode& node : graph.nodes()) {
    std::string label = node.name();
    for (const std::string& deployment : node.serving()) StrAppend(&label, ", serving ", deployment);
    StrAppend(&dot, "  ", Quoted(node.digest()), " [label=", Quoted(label));
    if (node.quarantined()) {
      StrAppend(&dot, ", fillcolor=\"#fbd5d5\", color=\"#b42318\", penwidth=2");
    } else if (node.tainted()) {
      StrAppend(&dot, ", fillcolor=\"#fdecc8\", color=\"#b54708\"");
    } else if (!node.serving().empty()) {
      StrAppend(&dot, ", fillcolor=\"#d7f0dd\", color=\"#067647\"");
    }
    StrAppend(&dot, node.level() == 0 ? ", peripheries=2" : "", "];\n");
  }
  for (const v1::GraphEdge& edge : graph.edges()) {
    StrAppend(&dot, "  ", Quoted(edge.parent_digest()), " -> ", Quoted(edge.child_digest()), " [label=",
              Quoted(StrCat(RelationText(edge.relation()), edge.removed() ? " (taken back)" : "")),
              edge.removed() ? ", style=dashed, color=gray" : "", "];\n");
  }
  return dot + "}\n";
}

}  // namespace firebreak
