// Lineage: what a snapshot was made from, and whether anything upstream is quarantined. Reads records, not the index: what may
// be deployed is decided from the store itself.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_LINEAGE_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_LINEAGE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Answers quarantine and taint for many snapshots of one request, walking shared ancestors once. Not thread-safe; lives for
// one request. Which relations taint is in firebreak/snapshots/relations.h.
class TaintFinder {
 public:
  TaintFinder(const MetaStore& store, size_t nodes_max) : store_(store), nodes_max_(nodes_max) {}

  // The snapshot's own quarantine, or the taint of its nearest quarantined ancestor (tainted_by and tainted_path set), or
  // nothing. kResourceExhausted when more than nodes_max ancestors had to be looked at.
  absl::StatusOr<std::optional<v1::Quarantine>> Find(const std::string& digest);

  // Nothing but the nearest quarantined ancestor.
  absl::StatusOr<std::optional<v1::Quarantine>> FindInAncestors(const std::string& digest);

  // Sets or clears snapshot.quarantine.
  absl::Status Fill(v1::Snapshot& snapshot);

 private:
  // The edge over which an ancestor was reached.
  struct Step {
    std::string from;
    v1::LineageRelation relation;
  };
  using Steps = absl::flat_hash_map<std::string, Step>;
  // From `root` up to `ancestor`, at most 16 names.
  absl::StatusOr<std::string> PathTo(const std::string& root, const std::string& ancestor, const Steps& steps) const;

  const MetaStore& store_;
  size_t nodes_max_;
  absl::flat_hash_set<std::string> clean_;   // neither their content nor that of any ancestor is quarantined
};

struct LineageWalk {
  const MetaStore& store;
  size_t nodes_max;
  uint32_t depth_max = 0;   // 0 = no limit
};

// Breadth first over every relation, nearest first, without the root; snapshots as stored (quarantine not filled).
// kResourceExhausted past nodes_max.
absl::StatusOr<std::vector<v1::LineageNode>> WalkAncestors(const LineageWalk& walk, const std::string& digest);

// kInvalidArgument when `parent` is `child` itself or was made from it: lineage must not run in a circle.
absl::Status CheckNoCircle(const LineageWalk& walk, const std::string& child, const v1::LineageEdge& parent);

// Leaves an expectation that no quarantine and no edge of older content changes before the draft commits.
absl::Status ExpectLineage(Draft& draft);
// Says that one does.
absl::Status TouchLineage(Draft& draft);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_LINEAGE_H_
