// The graph around one snapshot, for drawing: nearest first, with what is quarantined, tainted and served, and which edges were
// signed later or corrected.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/lineage/lineage_desk.h"
#include "firebreak/storage/keys/lineage.h"

namespace firebreak {
namespace {

using Reached = LineageGraph::Reached;

constexpr uint32_t kNodesDefault = 200;
constexpr uint32_t kNodesMax = 5000;
constexpr size_t kStatementsMax = 200;   // of one node, looked at

struct Listed {
  LineageGraph::Node node;
  int32_t level;
};

// Both directions, nearest first, until `nodes_max` are listed.
std::vector<Listed> Nearest(const std::vector<Reached>& up, const std::vector<Reached>& down, LineageGraph::Node start,
                            size_t nodes_max, uint32_t depth_max) {
  std::vector<Listed> listed = {{start, 0}};
  size_t above = 0;
  size_t below = 0;
  while (listed.size() < nodes_max && (above < up.size() || below < down.size())) {
    const bool take_up = below >= down.size() || (above < up.size() && up[above].distance <= down[below].distance);
    const Reached& next = take_up ? up[above++] : down[below++];
    if (depth_max > 0 && next.distance > depth_max) break;
    const auto level = static_cast<int32_t>(next.distance);
    listed.push_back({next.node, take_up ? -level : level});
  }
  return listed;
}

void AddNode(const LineageGraph& graph, const Listed& one, const LineageGraph::Paths& taint, v1::GetGraphResponse& response) {
  v1::GraphNode& node = *response.add_nodes();
  node.set_digest(graph.digest(one.node).text());
  node.set_name(graph.name(one.node));
  node.set_kind(graph.kind(one.node));
  node.set_level(one.level);
  node.set_quarantined(graph.quarantined(one.node));
  const Reached* reached = taint.Find(one.node);
  node.set_tainted(reached != nullptr && reached->distance > 0 && reached->touch != v1::BLAST_TOUCH_EVALUATED);
}

}  // namespace

// Edges signed later get their signer; those that a correction took away are shown as taken away.
absl::Status LineageDesk::MarkStatements(v1::GetGraphResponse& response) const {
  std::set<std::string> shown;
  for (const v1::GraphNode& node : response.nodes()) shown.insert(node.digest());
  std::map<std::pair<std::string, std::pair<std::string, int>>, v1::GraphEdge*> edges;
  for (v1::GraphEdge& edge : *response.mutable_edges()) {
    edges[{edge.child_digest(), {edge.parent_digest(), edge.relation()}}] = &edge;
  }
  std::vector<v1::GraphEdge> removed;
  const std::vector<std::string> children(shown.begin(), shown.end());
  for (const std::string& child : children) {
    ASSIGN_OR_RETURN(RecordPage<v1::LineageStatement> page,
                     ListRecords(ledger_.store(), keys::LineageStatements(child), "", kStatementsMax));
    for (const auto& [key, statement] : page.records) {
      const auto found = edges.find({child, {statement.parent_digest(), statement.relation()}});
      if (found != edges.end() && !statement.removes()) found->second->set_signer(statement.signer());
      if (found != edges.end() || !statement.removes()) continue;
      v1::GraphEdge edge;
      edge.set_child_digest(child);
      edge.set_parent_digest(statement.parent_digest());
      edge.set_relation(statement.relation());
      edge.set_removed(true);
      edge.set_removed_by(statement.signer());
      edge.set_removed_reason(statement.reason());
      if (shown.insert(statement.parent_digest()).second) {
        v1::GraphNode& node = *response.add_nodes();
        node.set_digest(statement.parent_digest());
        node.set_name(statement.parent_name());
        node.set_level(-1);
      }
      removed.push_back(std::move(edge));
    }
  }
  for (v1::GraphEdge& edge : removed) *response.add_edges() = std::move(edge);
  return absl::OkStatus();
}

absl::Status LineageDesk::Warm(const std::atomic<bool>& give_up) {
  RETURN_IF_ERROR(serving_.Read([](const ServingIndex::Deployments&) { return absl::OkStatus(); }));
  return vault_.lineage().Warm(give_up);
}

absl::StatusOr<v1::GetGraphResponse> LineageDesk::GetGraph(const Caller&, const v1::GetGraphRequest& request) {
  ASSIGN_OR_RETURN(v1::Snapshot snapshot, vault_.Resolve(request.snapshot()));
  ASSIGN_OR_RETURN(Digest digest, Digest::Parse(snapshot.digest()));
  const size_t nodes_max = request.nodes_max() == 0 ? kNodesDefault : std::min(request.nodes_max(), kNodesMax);
  v1::GetGraphResponse response;
  RETURN_IF_ERROR(vault_.lineage().Read([&](const LineageGraph& graph) -> absl::Status {
    const std::optional<LineageGraph::Node> start = graph.Find(digest);
    if (!start) return absl::NotFoundError(StrCat("snapshot ", digest.text(), " does not exist"));
    const std::vector<Reached> up = graph.Walk(*start, LineageGraph::Direction::kUp);
    const std::vector<Reached> down = graph.Walk(*start, LineageGraph::Direction::kDown);
    response.set_ancestors_total(up.size());
    response.set_descendants_total(down.size());
    const std::vector<Reached> tainted = graph.Touched(graph.Quarantined());
    const LineageGraph::Paths taint(graph, tainted);
    std::set<LineageGraph::Node> listed;
    for (const Listed& one : Nearest(up, down, *start, nodes_max, request.depth_max())) {
      AddNode(graph, one, taint, response);
      listed.insert(one.node);
    }
    for (const LineageGraph::Node child : listed) {
      for (const LineageGraph::Edge& edge : graph.parents(child)) {
        if (!listed.contains(edge.node)) continue;
        v1::GraphEdge& added = *response.add_edges();
        added.set_child_digest(graph.digest(child).text());
        added.set_parent_digest(graph.digest(edge.node).text());
        added.set_relation(edge.relation);
      }
    }
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(MarkStatements(response));
  std::map<std::string, std::vector<std::string>> serving;
  ASSIGN_OR_RETURN(std::vector<ServedPart> parts, ServedParts());
  for (ServedPart& part : parts) serving[part.snapshot].push_back(part.deployment.text());
  for (v1::GraphNode& node : *response.mutable_nodes()) {
    for (const std::string& name : serving[node.digest()]) node.add_serving(name);
  }
  return response;
}

}  // namespace firebreak
