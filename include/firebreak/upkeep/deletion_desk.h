// DeletionDesk: deleting snapshots, and taking that back. A deletion takes one version's name away and is refused while anything
// needs the content; the content itself goes only with a later garbage collection, so a mistake can be undone until then.
// Nothing is ever deleted because of its age: retention is what people ask for.
#ifndef FIREBREAK_UPKEEP_DELETION_DESK_H_
#define FIREBREAK_UPKEEP_DELETION_DESK_H_

#include <string>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/upkeep/hold_desk.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak {

// Thread-safe. Everything it is given outlives it.
class DeletionDesk {
 public:
  DeletionDesk(Ledger& ledger, const SnapshotVault& vault, const HoldDesk& holds, const Clock& clock)
      : ledger_(ledger), vault_(vault), holds_(holds), clock_(clock) {}

  // kFailedPrecondition names what needs it. Its versions' numbers are never given out again.
  absl::StatusOr<v1::DeleteSnapshotResponse> DeleteSnapshot(const Caller& caller, const v1::DeleteSnapshotRequest& request);
  // kFailedPrecondition once the content was collected, or when it was pushed again under another version.
  absl::StatusOr<v1::UndeleteSnapshotResponse> UndeleteSnapshot(const Caller& caller, const v1::UndeleteSnapshotRequest& request);
  absl::StatusOr<v1::ListDeletedSnapshotsResponse> ListDeletedSnapshots(const Caller& caller,
                                                                        const v1::ListDeletedSnapshotsRequest& request);

  // Why this content has to stay: a deployment serves it or may be rolled back to it, it is quarantined (evidence), or a hold.
  // Empty when nothing needs it. What it read in the draft makes the draft be built again when it changes.
  absl::StatusOr<std::string> WhyKept(Draft& draft, const std::string& digest) const;

 private:
  absl::Status Delete(Draft& draft, const Caller& caller, const v1::DeleteSnapshotRequest& request, v1::DeleteSnapshotResponse* out);
  absl::StatusOr<std::string> WhyServed(Draft& draft, const std::string& digest) const;
  absl::StatusOr<bool> OtherName(const v1::Snapshot& snapshot) const;
  absl::Status SetNewest(Draft& draft, const v1::Snapshot& changed, bool present) const;

  Ledger& ledger_;
  const SnapshotVault& vault_;
  const HoldDesk& holds_;
  const Clock& clock_;
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_DELETION_DESK_H_
