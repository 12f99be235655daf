// HoldDesk: what may not be deleted until somebody lifts the hold on the record (EU AI Act Art. 73(6)). Every incident holds what
// it touched from the commit that opens it: that hold is not a record that could be forgotten, it is derived from the incident
// and ends only by a record that lifts it. People place further holds on snapshots.
#ifndef FIREBREAK_UPKEEP_HOLD_DESK_H_
#define FIREBREAK_UPKEEP_HOLD_DESK_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/v1/incident.pb.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak {

// Thread-safe. Everything it is given outlives it.
class HoldDesk {
 public:
  HoldDesk(Ledger& ledger, const SnapshotVault& vault, const Clock& clock) : ledger_(ledger), vault_(vault), clock_(clock) {}

  absl::StatusOr<v1::PlaceHoldResponse> PlaceHold(const Caller& caller, const v1::PlaceHoldRequest& request);
  // By HOLD-3 or INC-42. Lifting what is lifted is kFailedPrecondition.
  absl::StatusOr<v1::LiftHoldResponse> LiftHold(const Caller& caller, const v1::LiftHoldRequest& request);
  absl::StatusOr<v1::ListHoldsResponse> ListHolds(const Caller& caller, const v1::ListHoldsRequest& request);

  // "INC-4 holds it", empty when nothing does. An incident holds its suspect, everything the suspect was made from, what its
  // sweep found, and every part of a release that served the suspect. A hold placed while the draft is on its way makes the
  // draft be built again.
  absl::StatusOr<std::string> WhyHeld(Draft& draft, const std::string& digest) const;

 private:
  absl::StatusOr<v1::Hold> LiftIncident(const Caller& caller, const v1::LiftHoldRequest& request, uint64_t number);
  absl::StatusOr<v1::Hold> LiftPlaced(const Caller& caller, const v1::LiftHoldRequest& request, uint64_t number);
  // Everything whose being a suspect would hold `digest`: itself, its descendants, and what shared a release with those.
  absl::StatusOr<absl::flat_hash_set<std::string>> Dependants(const std::string& digest) const;
  bool Touches(const v1::Incident& incident, const absl::flat_hash_set<std::string>& dependants, const std::string& digest) const;
  // A person may have named the suspect without anybody resolving it; empty when there is none.
  std::string SuspectOf(const v1::Incident& incident) const;
  absl::StatusOr<v1::Hold> HoldOf(const v1::Incident& incident) const;

  Ledger& ledger_;
  const SnapshotVault& vault_;
  const Clock& clock_;
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_HOLD_DESK_H_
