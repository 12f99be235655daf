#include "firebreak/snapshots/lineage_graph.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/text.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/snapshots/relations.h"

namespace firebreak {
namespace {

constexpr uint32_t kHopsMax = 16;   // of a path that is shown

std::array<char, 32> RawOf(const Digest& digest) {
  std::array<char, 32> raw;
  std::copy(digest.raw().begin(), digest.raw().end(), raw.begin());
  return raw;
}

template <typename Edges>
void Erase(Edges& edges, LineageGraph::Node node) {
  edges.erase(std::remove_if(edges.begin(), edges.end(), [&](const LineageGraph::Edge& edge) { return edge.node == node; }),
              edges.end());
}

void SortByDistance(std::vector<LineageGraph::Reached>& reached) {
  std::sort(reached.begin(), reached.end(), [](const LineageGraph::Reached& a, const LineageGraph::Reached& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.node < b.node;
  });
}

}  // namespace

LineageGraph::Node LineageGraph::Intern(const Digest& digest) {
  const Raw raw = RawOf(digest);
  const auto [found, added] = by_digest_.try_emplace(raw, static_cast<Node>(nodes_.size()));
  if (added) nodes_.emplace_back().digest = raw;
  return found->second;
}

void LineageGraph::DropParents(Node node) {
  for (const Edge& edge : nodes_[node].parents) Erase(nodes_[edge.node].children, node);
  nodes_[node].parents.clear();
}

void LineageGraph::Put(const v1::Snapshot& snapshot) {
  absl::StatusOr<Digest> digest = Digest::Parse(snapshot.digest());
  if (!digest.ok()) return;   // records of ours are read back as they were written; nothing to index otherwise
  const Node node = Intern(*digest);
  const auto [series, added] = by_series_.try_emplace(snapshot.name(), static_cast<uint32_t>(series_.size()));
  if (added) series_.push_back(snapshot.name());
  Content& content = nodes_[node];
  existing_ += content.exists ? 0 : 1;
  content.exists = true;
  content.series = series->second;
  content.kind = snapshot.kind();
  content.version = snapshot.version();
  DropParents(node);
  std::vector<Edge> parents;
  for (const v1::LineageEdge& edge : snapshot.lineage()) {
    absl::StatusOr<Digest> parent = Digest::Parse(edge.parent_digest());
    if (!parent.ok()) continue;
    const Node other = Intern(*parent);   // may move nodes_
    parents.push_back({other, edge.relation()});
    nodes_[other].children.push_back({node, edge.relation()});
  }
  nodes_[node].parents = std::move(parents);
}

void LineageGraph::Remove(const Digest& digest) {
  const std::optional<Node> node = Find(digest);
  if (!node) return;
  DropParents(*node);
  nodes_[*node].exists = false;
  --existing_;
}

void LineageGraph::SetQuarantined(const Digest& digest, bool quarantined) { nodes_[Intern(digest)].quarantined = quarantined; }

void LineageGraph::SetSigners(const Digest& digest, const std::vector<std::string>& key_ids) {
  const Node node = Intern(digest);
  for (const uint32_t key : nodes_[node].signers) {
    std::vector<Node>& nodes = signed_[key];
    nodes.erase(std::remove(nodes.begin(), nodes.end(), node), nodes.end());
  }
  nodes_[node].signers.clear();
  for (const std::string& key_id : key_ids) {
    const auto [key, added] = by_key_.try_emplace(key_id, static_cast<uint32_t>(signed_.size()));
    if (added) signed_.emplace_back();
    signed_[key->second].push_back(node);
    nodes_[node].signers.push_back(key->second);
  }
}

absl::Span<const LineageGraph::Node> LineageGraph::SignedBy(std::string_view key_id) const {
  const auto found = by_key_.find(std::string(key_id));
  if (found == by_key_.end()) return {};
  return signed_[found->second];
}

std::vector<LineageGraph::Node> LineageGraph::Quarantined() const {
  std::vector<Node> nodes;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].quarantined) nodes.push_back(static_cast<Node>(i));
  }
  return nodes;
}

std::optional<LineageGraph::Node> LineageGraph::Find(const Digest& digest) const {
  if (digest.empty()) return std::nullopt;
  const auto found = by_digest_.find(RawOf(digest));
  if (found == by_digest_.end() || !nodes_[found->second].exists) return std::nullopt;
  return found->second;
}

Digest LineageGraph::digest(Node node) const {
  const Raw& raw = nodes_[node].digest;
  return Digest::FromRaw(std::string_view(raw.data(), raw.size()));
}

std::string LineageGraph::name(Node node) const {
  const Content& content = nodes_[node];
  if (!content.exists) return digest(node).text();
  return SnapshotName(content.kind, series_[content.series], content.version);
}

std::vector<LineageGraph::Reached> LineageGraph::Touched(absl::Span<const Node> sources) const {
  std::vector<Reached> reached;
  std::vector<bool> seen(nodes_.size(), false);
  for (const Node source : sources) {
    if (seen[source]) continue;
    seen[source] = true;
    reached.push_back({.node = source, .from = source});
  }
  const auto spread = [&](size_t at, Spread wanted) {
    const Reached from = reached[at];   // a copy: push_back moves the vector
    for (const Edge& edge : nodes_[from.node].children) {
      if (SpreadOf(edge.relation) != wanted || seen[edge.node]) continue;
      seen[edge.node] = true;
      reached.push_back({edge.node, from.node, edge.relation, from.distance + 1, TouchOf(wanted)});
    }
  };
  for (size_t at = 0; at < reached.size(); ++at) spread(at, Spread::kContent);
  // What content does not reach may still run with it or be measured by it. Neither spreads further; the stronger one counts.
  const size_t content = reached.size();
  for (const Spread last : {Spread::kServing, Spread::kDoubt}) {
    for (size_t at = 0; at < content; ++at) spread(at, last);
  }
  SortByDistance(reached);
  return reached;
}

std::vector<LineageGraph::Reached> LineageGraph::Walk(Node start, Direction direction) const {
  std::vector<Reached> reached = {{.node = start, .from = start}};
  std::vector<bool> seen(nodes_.size(), false);
  seen[start] = true;
  for (size_t at = 0; at < reached.size(); ++at) {
    const Reached from = reached[at];
    for (const Edge& edge : direction == Direction::kUp ? nodes_[from.node].parents : nodes_[from.node].children) {
      if (seen[edge.node]) continue;
      seen[edge.node] = true;
      reached.push_back({edge.node, from.node, edge.relation, from.distance + 1, TouchOf(SpreadOf(edge.relation))});
    }
  }
  reached.erase(reached.begin());
  return reached;
}

LineageGraph::Paths::Paths(const LineageGraph& graph, absl::Span<const Reached> reached)
    : graph_(graph), reached_(reached), by_node_(graph.nodes_.size(), 0) {
  for (size_t i = 0; i < reached.size(); ++i) by_node_[reached[i].node] = static_cast<uint32_t>(i + 1);
}

v1::BlastPath LineageGraph::Paths::Of(Node node) const {
  v1::BlastPath path;
  const Reached* at = Find(node);
  if (at == nullptr) return path;
  const uint32_t hops = at->distance + 1;
  for (uint32_t hop = 0; hop < hops && at != nullptr; ++hop) {
    const Reached& one = *at;
    const bool shown = hops <= kHopsMax || hop < kHopsMax / 2 || hop >= hops - kHopsMax / 2;
    if (shown) {
      v1::BlastHop& added = *path.add_hops();
      added.set_name(graph_.name(one.node));
      added.set_digest(graph_.digest(one.node).text());
      added.set_relation(one.relation);
    }
    at = Find(one.from);
  }
  if (hops > kHopsMax) path.set_hops_left_out(hops - kHopsMax);
  return path;
}

std::string PathText(const v1::BlastPath& path) {
  std::string text;
  for (int i = 0; i < path.hops_size(); ++i) {
    const v1::BlastHop& hop = path.hops(i);
    if (path.hops_left_out() > 0 && i == path.hops_size() / 2) StrAppend(&text, "… ", path.hops_left_out(), " more … ");
    StrAppend(&text, hop.name());
    if (i + 1 < path.hops_size()) StrAppend(&text, " ", RelationText(hop.relation()), " ");
  }
  return text;
}

}  // namespace firebreak
