// What a SnapshotVault is made of; shared by the files that implement its handlers.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_PARTS_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_PARTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "services/snapshots/catalogue.h"
#include "services/snapshots/keyring.h"
#include "services/snapshots/policies.h"
#include "services/snapshots/push_desk.h"
#include "services/snapshots/signatures.h"

namespace firebreak {

struct SnapshotVault::Parts {
  Parts(Ledger& ledger_in, ChunkStore& chunks_in, const Clock& clock_in, Log& log_in, const SnapshotLimits& limits_in)
      : ledger(ledger_in),
        chunks(chunks_in),
        clock(clock_in),
        log(log_in),
        limits(limits_in),
        catalogue(ledger.store(), limits.lineage_nodes_max),
        keyring(ledger, clock, limits),
        policies(ledger, clock),
        signatures(ledger, chunks, clock, catalogue, keyring, policies, limits),
        pushes(ledger, chunks, clock, catalogue, keyring, limits),
        index(ledger_in) {}

  Ledger& ledger;
  ChunkStore& chunks;
  const Clock& clock;
  Log& log;
  const SnapshotLimits limits;
  const Catalogue catalogue;
  Keyring keyring;
  Policies policies;
  Signatures signatures;
  PushDesk pushes;
  SnapshotVault::DeploymentsServing serving;
  SnapshotVault::ServedParts served_parts;
  LineageIndex index;
  SnapshotVault::ReleasesNaming releases;

  // --- gates.cc ---
  // `name` as CheckGates has it.
  absl::StatusOr<bool> Signed(const v1::Snapshot& snapshot, std::string_view name, SignatureDepth depth,
                              std::string* evidence) const;
  v1::GateResult SignatureGate(const v1::Snapshot& snapshot, std::string_view name) const;
  v1::GateResult IntactGate(const v1::Snapshot& snapshot) const;

  // --- signer_desk.cc ---
  // Releases ever decided that name any of these.
  absl::StatusOr<std::vector<std::string>> Releases(const std::vector<std::string>& digests) const;

  // --- quarantine.cc ---
  // From the index, nearest first, at most nodes_max; snapshots as stored. `total` counts all within depth_max (0 = any).
  absl::StatusOr<std::vector<v1::LineageNode>> NearestDescendants(const Digest& digest, uint32_t depth_max, size_t nodes_max,
                                                                  uint64_t* total);
  absl::StatusOr<QuarantineSweep> Sweep(const std::string& digest);
  // Deployments that serve any of these now, sorted, each once.
  absl::StatusOr<std::vector<DeploymentName>> Serving(const std::vector<std::string>& digests) const;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_PARTS_H_
