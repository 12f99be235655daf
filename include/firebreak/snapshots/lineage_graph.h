// LineageGraph: every snapshot and edge in memory, about 150 bytes a snapshot, so that what a dataset went into is found by
// walking arrays instead of reading records. Pure; LineageIndex keeps one equal to the store.
#ifndef FIREBREAK_SNAPSHOTS_LINEAGE_GRAPH_H_
#define FIREBREAK_SNAPSHOTS_LINEAGE_GRAPH_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/lineage.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Not thread-safe; reads may be shared. A node's number stays the same as long as the graph lives.
class LineageGraph {
 public:
  // `birth` tells graphs apart: node numbers mean nothing in another one.
  explicit LineageGraph(uint64_t birth = 0) : birth_(birth) {}
  uint64_t birth() const { return birth_; }

  using Node = uint32_t;
  struct Edge {
    Node node;                        // the other end
    v1::LineageRelation relation;
  };
  // A node that was reached, and over which edge.
  struct Reached {
    Node node = 0;
    Node from = 0;                    // the node it was reached from; itself for a start
    v1::LineageRelation relation = v1::LINEAGE_RELATION_UNSPECIFIED;
    uint32_t distance = 0;
    v1::BlastTouch touch = v1::BLAST_TOUCH_SOURCE;
  };

  // Takes the snapshot as stored: its edges replace those known before. Parents not known yet get a number at once.
  void Put(const v1::Snapshot& snapshot);
  // It exists no longer. Its number and the edges of its children stay.
  void Remove(const Digest& digest);
  void SetQuarantined(const Digest& digest, bool quarantined);
  // The keys (key ids) that signed it, all of them.
  void SetSigners(const Digest& digest, const std::vector<std::string>& key_ids);

  std::optional<Node> Find(const Digest& digest) const;   // only what exists
  size_t size() const { return existing_; }

  Digest digest(Node node) const;
  std::string name(Node node) const;                      // model/fraud@7; the digest while it is not known
  v1::SnapshotKind kind(Node node) const { return nodes_[node].kind; }
  bool exists(Node node) const { return nodes_[node].exists; }
  bool quarantined(Node node) const { return nodes_[node].quarantined; }
  absl::Span<const Edge> parents(Node node) const { return nodes_[node].parents; }
  absl::Span<const Edge> children(Node node) const { return nodes_[node].children; }
  absl::Span<const Node> SignedBy(std::string_view key_id) const;
  std::vector<Node> Quarantined() const;

  // What trouble in `sources` touches, by the rules of relations.h: the sources, everything made from them, what is configured
  // by any of these and what was evaluated on any of these. Nearest first; within a distance by number. O(nodes + edges).
  std::vector<Reached> Touched(absl::Span<const Node> sources) const;

  // Every ancestor or descendant over every relation, nearest first, without the start.
  enum class Direction { kUp, kDown };
  std::vector<Reached> Walk(Node start, Direction direction) const;

  // From a reached node to its source: at most 16 hops, the middle left out. `reached` is the answer of Touched.
  class Paths {
   public:
    Paths(const LineageGraph& graph, absl::Span<const Reached> reached);
    v1::BlastPath Of(Node node) const;
    const Reached* Find(Node node) const { return by_node_[node] == 0 ? nullptr : &reached_[by_node_[node] - 1]; }

   private:
    const LineageGraph& graph_;
    const absl::Span<const Reached> reached_;
    std::vector<uint32_t> by_node_;   // place in reached_ + 1; 0 = not reached
  };

 private:
  using Raw = std::array<char, 32>;
  struct Content {
    Raw digest{};
    uint32_t series = 0;              // in series_
    v1::SnapshotKind kind = v1::SNAPSHOT_KIND_UNSPECIFIED;
    bool exists = false;
    bool quarantined = false;
    uint64_t version = 0;
    std::vector<Edge> parents;
    std::vector<Edge> children;
    std::vector<uint32_t> signers;    // in signed_
  };
  Node Intern(const Digest& digest);
  void DropParents(Node node);

  std::vector<Content> nodes_;
  absl::flat_hash_map<Raw, Node> by_digest_;
  std::vector<std::string> series_;
  absl::flat_hash_map<std::string, uint32_t> by_series_;
  std::vector<std::vector<Node>> signed_;   // by key
  absl::flat_hash_map<std::string, uint32_t> by_key_;
  size_t existing_ = 0;
  uint64_t birth_;
};

// "model/b@1 fine_tuned_from model/a@1 trained_on dataset/claims@3", for people.
std::string PathText(const v1::BlastPath& path);

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_LINEAGE_GRAPH_H_
