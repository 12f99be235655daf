// DiffDesk: the service Diffs, over the vault's manifests and chunks.
#ifndef FIREBREAK_DIFF_DIFF_DESK_H_
#define FIREBREAK_DIFF_DIFF_DESK_H_

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/diff/diff.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/v1/diff.pb.h"

namespace firebreak {

// Thread-safe. `vault` and `chunks` outlive it.
class DiffDesk {
 public:
  DiffDesk(SnapshotVault& vault, const ChunkStore& chunks) : vault_(vault), chunks_(chunks) {}

  absl::StatusOr<v1::DiffSnapshotsResponse> DiffSnapshots(const Caller& caller, const v1::DiffSnapshotsRequest& request);

 private:
  DiffSource SourceOf(const Caller& caller, const std::string& digest);

  SnapshotVault& vault_;
  const ChunkStore& chunks_;
};

}  // namespace firebreak

#endif  // FIREBREAK_DIFF_DIFF_DESK_H_
