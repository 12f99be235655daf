// What a SnapshotVault is made of; shared by the files that implement its handlers.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_PARTS_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_PARTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "services/snapshots/catalogue.h"
#include "services/snapshots/keyring.h"
#include "services/snapshots/push_desk.h"

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
        pushes(ledger, chunks, clock, catalogue, keyring, limits) {}

  Ledger& ledger;
  ChunkStore& chunks;
  const Clock& clock;
  Log& log;
  const SnapshotLimits limits;
  const Catalogue catalogue;
  Keyring keyring;
  PushDesk pushes;
  SnapshotVault::DeploymentsServing serving;

  // --- gates.cc ---
  v1::GateResult SignatureGate(const v1::Snapshot& snapshot) const;
  v1::GateResult IntactGate(const v1::Snapshot& snapshot) const;
  // Empty evidence text = some signature counts; otherwise why none does. `evidence` gets the sentence either way.
  absl::StatusOr<bool> SignatureCounts(const v1::Snapshot& snapshot, std::string* evidence) const;
  absl::StatusOr<std::string> LoadBundle(const std::string& digest, const std::string& key_id) const;

  // --- quarantine.cc ---
  absl::StatusOr<QuarantineSweep> Sweep(const std::string& digest) const;
  // Deployments that serve any of these now, sorted, each once.
  absl::StatusOr<std::vector<DeploymentName>> Serving(const std::vector<std::string>& digests) const;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_PARTS_H_
