// DamageDesk: chunks whose stored bytes are not what their digest says. Found by the scrub, a check or a read; named by the
// snapshots, files and deployments they touch; healed by whoever sends the right bytes again: a push of the same content or an
// agent that holds it. While a chunk is damaged, the `intact` gate of what it touches fails with this as evidence.
#ifndef FIREBREAK_UPKEEP_DAMAGE_DESK_H_
#define FIREBREAK_UPKEEP_DAMAGE_DESK_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/upkeep/chunk_keeper.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak {

struct FoundDamage {
  Digest digest;
  uint64_t size_bytes = 0;
  std::string problem;   // one sentence
};

// Reads a chunk and compares it with its digest; empty when it is sound, otherwise what is wrong with it.
std::string ExamineChunk(const ChunkStore& chunks, const Digest& digest, uint64_t* bytes_read);

// Thread-safe. Everything it is given outlives it.
class DamageDesk {
 public:
  using DeploymentsServing = std::function<absl::StatusOr<std::vector<DeploymentName>>(const Digest& snapshot)>;
  DamageDesk(Ledger& ledger, ChunkKeeper& chunks, SnapshotVault& vault, const Clock& clock, Log& log, DeploymentsServing serving)
      : ledger_(ledger), chunks_(chunks), vault_(vault), clock_(clock), log_(log), serving_(std::move(serving)) {}

  // Tells the keeper what the records know; once, before doors open.
  absl::Status Open();

  // What the damage touches, without writing anything. One walk over all manifests however many chunks there are.
  absl::StatusOr<std::vector<v1::ChunkDamage>> Describe(const std::vector<FoundDamage>& found, std::string_view found_by) const;
  // The same, on the record: damage, a failing proof of every touched snapshot, an audit entry for each chunk. Chunks already on
  // record are left out.
  absl::StatusOr<std::vector<v1::ChunkDamage>> Record(const std::vector<FoundDamage>& found, std::string_view found_by);

  // Looks into reads that failed, and closes damage whose chunk holds the right bytes again (durably) or is named by nothing any
  // more; then proves the snapshots it touched. For a timer.
  absl::Status Settle();

  absl::StatusOr<v1::ListDamageResponse> ListDamage(const Caller& caller, const v1::ListDamageRequest& request) const;
  // From agents. Takes damaged chunks only, and only bytes that hash to their digest.
  absl::StatusOr<v1::OfferChunksResponse> OfferChunks(const Caller& caller, const v1::OfferChunksRequest& request);

  // For agents: what is wanted, at most `limit`.
  std::vector<Digest> Wanted(size_t limit) const { return chunks_.ListDamaged(limit); }

 private:
  absl::Status RecordOne(const v1::ChunkDamage& damage);
  absl::Status FailProofs(const v1::ChunkDamage& damage, size_t from);
  absl::Status Close(const v1::ChunkDamage& damage, std::string_view action, std::string_view how);
  absl::Status CloseHealed(const Digest& digest);
  absl::Status CloseUnnamed();

  Ledger& ledger_;
  ChunkKeeper& chunks_;
  SnapshotVault& vault_;
  const Clock& clock_;
  Log& log_;
  const DeploymentsServing serving_;
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_DAMAGE_DESK_H_
