#include "services/snapshots/lineage.h"

#include <deque>
#include <utility>

#include "absl/functional/function_ref.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"

namespace firebreak {
namespace {

constexpr size_t kChildrenPage = 500;

absl::Status TooMany(std::string_view digest, size_t nodes_max) {
  return absl::ResourceExhaustedError(StrCat("lineage of ", digest, " reaches more than ", nodes_max, " snapshots"));
}

struct Neighbour {
  std::string digest;
  v1::LineageRelation relation;
};
using Neighbours = absl::FunctionRef<absl::StatusOr<std::vector<Neighbour>>(const std::string&)>;

absl::StatusOr<std::vector<v1::LineageNode>> Walk(const LineageWalk& walk, const std::string& root, Neighbours neighbours) {
  std::vector<v1::LineageNode> nodes;
  absl::flat_hash_set<std::string> seen = {root};
  std::deque<std::pair<std::string, uint32_t>> queue = {{root, 0}};
  while (!queue.empty()) {
    const auto [digest, distance] = queue.front();
    queue.pop_front();
    if (walk.depth_max > 0 && distance >= walk.depth_max) continue;
    ASSIGN_OR_RETURN(std::vector<Neighbour> next, neighbours(digest));
    for (const Neighbour& neighbour : next) {
      if (!seen.insert(neighbour.digest).second) continue;
      if (nodes.size() >= walk.nodes_max) return TooMany(root, walk.nodes_max);
      v1::LineageNode node;
      ASSIGN_OR_RETURN(*node.mutable_snapshot(), LoadRecord(walk.store, keys::SnapshotByDigest(neighbour.digest),
                                                            StrCat("snapshot ", neighbour.digest)));
      node.set_relation(neighbour.relation);
      node.set_reached_from(digest);
      node.set_distance(distance + 1);
      nodes.push_back(std::move(node));
      queue.emplace_back(neighbour.digest, distance + 1);
    }
  }
  return nodes;
}

}  // namespace

absl::StatusOr<std::optional<v1::Quarantine>> TaintFinder::FindInAncestors(const std::string& digest) {
  absl::flat_hash_set<std::string> seen = {digest};
  std::deque<std::string> queue = {digest};
  while (!queue.empty()) {
    const std::string at = std::move(queue.front());
    queue.pop_front();
    ASSIGN_OR_RETURN(std::optional<v1::Snapshot> snapshot, FindRecord(store_, keys::SnapshotByDigest(at)));
    if (!snapshot) return absl::DataLossError(StrCat("lineage names snapshot ", at, ", which is not stored"));
    for (const v1::LineageEdge& edge : snapshot->lineage()) {
      const std::string& parent = edge.parent_digest();
      if (clean_.contains(parent) || !seen.insert(parent).second) continue;
      if (seen.size() > nodes_max_) return TooMany(digest, nodes_max_);
      ASSIGN_OR_RETURN(std::optional<v1::Quarantine> quarantine, FindRecord(store_, keys::SnapshotQuarantine(parent)));
      if (quarantine) {
        quarantine->set_tainted_by(parent);
        return quarantine;
      }
      queue.push_back(parent);
    }
  }
  // The root itself may be quarantined; only its ancestors are known to be clean.
  seen.erase(digest);
  clean_.insert(seen.begin(), seen.end());
  return std::optional<v1::Quarantine>();
}

absl::StatusOr<std::optional<v1::Quarantine>> TaintFinder::Find(const std::string& digest) {
  if (clean_.contains(digest)) return std::optional<v1::Quarantine>();
  ASSIGN_OR_RETURN(std::optional<v1::Quarantine> own, FindRecord(store_, keys::SnapshotQuarantine(digest)));
  if (own) return own;
  return FindInAncestors(digest);
}

absl::Status TaintFinder::Fill(v1::Snapshot& snapshot) {
  snapshot.clear_quarantine();
  ASSIGN_OR_RETURN(std::optional<v1::Quarantine> found, Find(snapshot.digest()));
  if (found) *snapshot.mutable_quarantine() = *std::move(found);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::LineageNode>> WalkAncestors(const LineageWalk& walk, const std::string& digest) {
  return Walk(walk, digest, [&](const std::string& at) -> absl::StatusOr<std::vector<Neighbour>> {
    ASSIGN_OR_RETURN(v1::Snapshot snapshot, LoadRecord(walk.store, keys::SnapshotByDigest(at), StrCat("snapshot ", at)));
    std::vector<Neighbour> parents;
    for (const v1::LineageEdge& edge : snapshot.lineage()) parents.push_back({edge.parent_digest(), edge.relation()});
    return parents;
  });
}

absl::StatusOr<std::vector<v1::LineageNode>> WalkDescendants(const LineageWalk& walk, const std::string& digest) {
  return Walk(walk, digest, [&](const std::string& at) -> absl::StatusOr<std::vector<Neighbour>> {
    std::vector<Neighbour> children;
    std::string after;
    do {
      ASSIGN_OR_RETURN(RecordPage<v1::LineageEdge> page,
                       ListRecords(walk.store, keys::SnapshotChildren(at), after, kChildrenPage));
      // In a child record parent_digest holds the other end of the edge, the child.
      for (const auto& [key, edge] : page.records) children.push_back({edge.parent_digest(), edge.relation()});
      if (children.size() > walk.nodes_max) return TooMany(digest, walk.nodes_max);
      after = page.next_after;
    } while (!after.empty());
    return children;
  });
}

}  // namespace firebreak
