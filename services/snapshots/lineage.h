// Lineage: what a snapshot was made from and what was made from it, and whether anything upstream is quarantined. Reads only.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_LINEAGE_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_LINEAGE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Answers quarantine and taint for many snapshots of one request, walking shared ancestors once. Not thread-safe; lives for
// one request. Every relation taints: a quarantined evaluation set makes the proof of health as doubtful as a training set
// makes the weights, and a person may override.
class TaintFinder {
 public:
  TaintFinder(const MetaStore& store, size_t nodes_max) : store_(store), nodes_max_(nodes_max) {}

  // The snapshot's own quarantine, or the taint of its nearest quarantined ancestor (tainted_by set), or nothing.
  // kResourceExhausted when more than nodes_max ancestors had to be looked at.
  absl::StatusOr<std::optional<v1::Quarantine>> Find(const std::string& digest);

  // Nothing but the nearest quarantined ancestor.
  absl::StatusOr<std::optional<v1::Quarantine>> FindInAncestors(const std::string& digest);

  // Sets or clears snapshot.quarantine.
  absl::Status Fill(v1::Snapshot& snapshot);

 private:
  const MetaStore& store_;
  size_t nodes_max_;
  absl::flat_hash_set<std::string> clean_;   // neither they nor any ancestor is quarantined
};

struct LineageWalk {
  const MetaStore& store;
  size_t nodes_max;
  uint32_t depth_max = 0;   // 0 = no limit
};

// Breadth first, nearest first, without the root; snapshots as stored (quarantine not filled). kResourceExhausted past nodes_max.
absl::StatusOr<std::vector<v1::LineageNode>> WalkAncestors(const LineageWalk& walk, const std::string& digest);
absl::StatusOr<std::vector<v1::LineageNode>> WalkDescendants(const LineageWalk& walk, const std::string& digest);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_LINEAGE_H_
