#include "services/snapshots/lineage.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/lineage_graph.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/snapshots/relations.h"
#include "firebreak/storage/keys/lineage.h"
#include "firebreak/storage/keys/snapshots.h"

namespace firebreak {
namespace {

constexpr size_t kPathHopsMax = 16;

absl::Status TooMany(std::string_view digest, size_t nodes_max) {
  return absl::ResourceExhaustedError(StrCat("lineage of ", digest, " reaches more than ", nodes_max, " snapshots"));
}

}  // namespace

absl::StatusOr<std::string> TaintFinder::PathTo(const std::string& root, const std::string& ancestor, const Steps& steps) const {
  std::vector<std::pair<std::string, v1::LineageRelation>> hops;   // from the ancestor down; relation to the one above
  std::string at = ancestor;
  auto relation = v1::LINEAGE_RELATION_UNSPECIFIED;
  while (true) {
    hops.emplace_back(at, relation);
    if (at == root) break;
    const auto step = steps.find(at);
    if (step == steps.end()) return absl::InternalError(StrCat("no path from ", root, " to ", ancestor));
    at = step->second.from;
    relation = step->second.relation;
  }
  std::reverse(hops.begin(), hops.end());
  v1::BlastPath path;
  for (size_t i = 0; i < hops.size(); ++i) {
    if (hops.size() > kPathHopsMax && i >= kPathHopsMax / 2 && i < hops.size() - kPathHopsMax / 2) continue;
    ASSIGN_OR_RETURN(std::optional<v1::Snapshot> snapshot, FindRecord(store_, keys::SnapshotByDigest(hops[i].first)));
    v1::BlastHop& hop = *path.add_hops();
    hop.set_name(snapshot ? SnapshotName(*snapshot) : hops[i].first);
    hop.set_relation(hops[i].second);
  }
  if (hops.size() > kPathHopsMax) path.set_hops_left_out(static_cast<uint32_t>(hops.size() - kPathHopsMax));
  return PathText(path);
}

absl::StatusOr<std::optional<v1::Quarantine>> TaintFinder::FindInAncestors(const std::string& digest) {
  Steps steps;   // by ancestor
  std::deque<std::string> queue = {digest};
  while (!queue.empty()) {
    const std::string at = std::move(queue.front());
    queue.pop_front();
    ASSIGN_OR_RETURN(std::optional<v1::Snapshot> snapshot, FindRecord(store_, keys::SnapshotByDigest(at)));
    if (!snapshot) return absl::DataLossError(StrCat("lineage names snapshot ", at, ", which is not stored"));
    for (const v1::LineageEdge& edge : snapshot->lineage()) {
      const Spread spread = SpreadOf(edge.relation());
      // What configures an ancestor did its work, or harm, when that one was served; only our own is run with us.
      if (spread == Spread::kDoubt || (spread == Spread::kServing && at != digest)) continue;
      const std::string& parent = edge.parent_digest();
      if (parent == digest || clean_.contains(parent) || !steps.emplace(parent, Step{at, edge.relation()}).second) continue;
      if (steps.size() > nodes_max_) return TooMany(digest, nodes_max_);
      ASSIGN_OR_RETURN(std::optional<v1::Quarantine> quarantine, FindRecord(store_, keys::SnapshotQuarantine(parent)));
      if (quarantine) {
        quarantine->set_tainted_by(parent);
        ASSIGN_OR_RETURN(*quarantine->mutable_tainted_path(), PathTo(digest, parent, steps));
        return quarantine;
      }
      queue.push_back(parent);
    }
  }
  // The root itself may be quarantined, and its configuration matters to it alone; its ancestors' content is known to be clean.
  for (const auto& [ancestor, step] : steps) clean_.insert(ancestor);
  return std::optional<v1::Quarantine>();
}

absl::StatusOr<std::optional<v1::Quarantine>> TaintFinder::Find(const std::string& digest) {
  if (!clean_.contains(digest)) {
    ASSIGN_OR_RETURN(std::optional<v1::Quarantine> own, FindRecord(store_, keys::SnapshotQuarantine(digest)));
    if (own) return own;
  }
  return FindInAncestors(digest);
}

absl::Status TaintFinder::Fill(v1::Snapshot& snapshot) {
  snapshot.clear_quarantine();
  ASSIGN_OR_RETURN(std::optional<v1::Quarantine> found, Find(snapshot.digest()));
  if (found) *snapshot.mutable_quarantine() = *std::move(found);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::LineageNode>> WalkAncestors(const LineageWalk& walk, const std::string& root) {
  std::vector<v1::LineageNode> nodes;
  absl::flat_hash_set<std::string> seen = {root};
  std::deque<std::pair<std::string, uint32_t>> queue = {{root, 0}};
  while (!queue.empty()) {
    const auto [digest, distance] = queue.front();
    queue.pop_front();
    if (walk.depth_max > 0 && distance >= walk.depth_max) continue;
    ASSIGN_OR_RETURN(v1::Snapshot at, LoadRecord(walk.store, keys::SnapshotByDigest(digest), StrCat("snapshot ", digest)));
    for (const v1::LineageEdge& edge : at.lineage()) {
      if (!seen.insert(edge.parent_digest()).second) continue;
      if (nodes.size() >= walk.nodes_max) return TooMany(root, walk.nodes_max);
      v1::LineageNode node;
      ASSIGN_OR_RETURN(*node.mutable_snapshot(), LoadRecord(walk.store, keys::SnapshotByDigest(edge.parent_digest()),
                                                            StrCat("snapshot ", edge.parent_digest())));
      node.set_relation(edge.relation());
      node.set_reached_from(digest);
      node.set_distance(distance + 1);
      nodes.push_back(std::move(node));
      queue.emplace_back(edge.parent_digest(), distance + 1);
    }
  }
  return nodes;
}

absl::Status CheckNoCircle(const LineageWalk& walk, const std::string& child, const v1::LineageEdge& parent) {
  const bool itself = parent.parent_digest() == child;
  bool above = itself;
  if (!itself) {
    ASSIGN_OR_RETURN(std::vector<v1::LineageNode> ancestors, WalkAncestors(walk, parent.parent_digest()));
    above = std::any_of(ancestors.begin(), ancestors.end(),
                        [&](const v1::LineageNode& node) { return node.snapshot().digest() == child; });
  }
  if (!above) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("lineage would run in a circle: ", parent.parent_name(), " is ",
                                           itself ? "this content itself" : "made from this content"));
}

absl::Status ExpectLineage(Draft& draft) { return draft.Find(keys::LineageClock()).status(); }

absl::Status TouchLineage(Draft& draft) {
  ASSIGN_OR_RETURN(std::optional<store::v1::LineageClock> found, draft.Find(keys::LineageClock()));
  store::v1::LineageClock clock = found.value_or(store::v1::LineageClock());
  clock.set_changes(clock.changes() + 1);
  draft.Put(keys::LineageClock(), clock);
  return absl::OkStatus();
}

}  // namespace firebreak
