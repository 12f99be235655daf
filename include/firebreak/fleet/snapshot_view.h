// SnapshotView: what the fleet needs to know of snapshots, as functions, so that fleet and snapshots do not include one another.
// Main fills it from the SnapshotVault.
#ifndef FIREBREAK_FLEET_SNAPSHOT_VIEW_H_
#define FIREBREAK_FLEET_SNAPSHOT_VIEW_H_

#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/v1/fleet.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Every function is thread-safe and outlives the FleetDesk.
struct SnapshotView {
  // SnapshotVault::Resolve: model/x@7, model/x, or sha256:…; kNotFound names the nearest.
  std::function<absl::StatusOr<v1::Snapshot>(std::string_view)> resolve;
  // SnapshotVault::CheckGates: signature, intact, quarantine, lineage; of a part that the release calls by this name.
  std::function<absl::StatusOr<std::vector<v1::GateResult>>(const Digest&, std::string_view name)> check_gates;
  // Optional. Leaves an expectation on the snapshot's record in the draft, so that a quarantine committed in between makes
  // the decision be built again.
  std::function<absl::Status(Draft&, const Digest&)> hold;
};

}  // namespace firebreak

#endif  // FIREBREAK_FLEET_SNAPSHOT_VIEW_H_
