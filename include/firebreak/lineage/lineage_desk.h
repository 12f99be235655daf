// LineageDesk: the service Lineage. Takes in signed statements about edges, draws the graph around a snapshot, and tells what a
// bad snapshot or signing key touches, with the way it gets there.
#ifndef FIREBREAK_LINEAGE_LINEAGE_DESK_H_
#define FIREBREAK_LINEAGE_LINEAGE_DESK_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/lineage/serving_index.h"
#include "firebreak/snapshots/lineage_statement.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/v1/lineage.pb.h"

namespace firebreak {

// Thread-safe. Everything it is given outlives it.
class LineageDesk {
 public:
  LineageDesk(Ledger& ledger, SnapshotVault& vault, const Clock& clock) : ledger_(ledger), vault_(vault), clock_(clock), serving_(ledger) {}

  // Durable when they answer. The same statement again is harmless; a statement once accepted is worth nothing a second time,
  // so that an old one cannot be replayed over a later correction.
  absl::StatusOr<v1::AddEdgeResponse> AddEdge(const Caller& caller, const v1::AddEdgeRequest& request);
  absl::StatusOr<v1::RemoveEdgeResponse> RemoveEdge(const Caller& caller, const v1::RemoveEdgeRequest& request);

  absl::StatusOr<v1::ListStatementsResponse> ListStatements(const Caller&, const v1::ListStatementsRequest& request);
  absl::StatusOr<v1::GetGraphResponse> GetGraph(const Caller&, const v1::GetGraphRequest& request);
  absl::StatusOr<v1::BlastRadiusResponse> BlastRadius(const Caller&, const v1::BlastRadiusRequest& request);

  // Reads what the questions are answered from (about a second for 100,000 snapshots), so that the first one is quick. For a
  // thread of its own at the start of the service; kCancelled soon after `give_up` is set.
  absl::Status Warm(const std::atomic<bool>& give_up);

  // For SnapshotVault::SetServedParts.
  absl::StatusOr<std::vector<ServedPart>> ServedParts();
  ServingIndex& serving() { return serving_; }

 private:
  struct Accepted {
    v1::LineageStatement statement;
    bool already_existed = false;
    v1::Snapshot child;
  };
  struct Checked {
    EdgeStatement edge;
    v1::LineageStatement record;   // all but when and from whom
    v1::Snapshot child;
    v1::Snapshot parent;
  };
  absl::StatusOr<Accepted> Accept(const Caller& caller, const v1::Envelope& envelope, bool removes, bool validate_only);
  absl::StatusOr<Checked> Check(const v1::Envelope& envelope, bool removes) const;
  absl::Status Write(Draft& draft, const Caller& caller, const Checked& checked, Accepted& accepted) const;
  struct Source;
  absl::StatusOr<Source> FindSource(std::string_view of) const;
  absl::Status MarkStatements(v1::GetGraphResponse& response) const;

  Ledger& ledger_;
  SnapshotVault& vault_;
  const Clock& clock_;
  ServingIndex serving_;
};

}  // namespace firebreak

#endif  // FIREBREAK_LINEAGE_LINEAGE_DESK_H_
