// StoreCheck: is everything stored still what it should be? Every chunk is read and hashed, every manifest's pages and totals,
// every signature against the keyring of now, every reference of every record, and the whole audit log against its root.
#ifndef FIREBREAK_UPKEEP_STORE_CHECK_H_
#define FIREBREAK_UPKEEP_STORE_CHECK_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/ledger/tiles.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/store/v1/snapshots.pb.h"
#include "firebreak/upkeep/chunk_keeper.h"
#include "firebreak/upkeep/damage_desk.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak {

struct StoreCheckParts {
  Ledger& ledger;
  ChunkKeeper& chunks;
  const SnapshotVault& vault;
  DamageDesk& damage;
  bool record_damage = true;   // false: only tell (a stopped folder is not written to)
};

// Not thread-safe; runs beside everything else. Everything it is given outlives it.
class StoreCheck {
 public:
  explicit StoreCheck(StoreCheckParts parts) : parts_(parts) {}

  // A small piece of work; answers what there is to tell: phase, how far, and new findings. phase "done" ends it. An error only
  // when checking itself is not possible; damage is a finding.
  absl::StatusOr<v1::CheckStoreEvent> Step();

 private:
  enum class Phase { kCount, kChunks, kNameDamage, kManifests, kSignatures, kVersions, kContents, kDeployments, kReports, kLog, kDone };

  absl::Status Advance();
  absl::Status Count();
  absl::Status CheckChunks();
  absl::Status NameDamage();
  absl::Status CheckManifests();
  absl::Status CheckManifest(const std::string& digest, const store::v1::Manifest& manifest);
  absl::Status CheckSignatures();
  absl::Status CheckVersions();
  absl::Status CheckContents();
  absl::Status CheckDeployments();
  absl::Status CheckReports();
  absl::Status CheckLog();
  absl::StatusOr<bool> Exists(const std::string& snapshot_digest) const;
  void Find(std::string kind, std::string subject, std::string problem);
  void Next(Phase phase);
  // Takes the next page of a table and calls `check` for each record; then the next phase.
  static constexpr size_t kRows = 64;   // in a step
  template <typename Message, typename Check>
  absl::Status Each(const KeyPrefix<Message>& prefix, Phase next, Check check, size_t rows = kRows);

  const StoreCheckParts parts_;
  Phase phase_ = Phase::kCount;
  std::string after_;
  Digest last_chunk_;
  std::vector<FoundDamage> damaged_;
  v1::CheckStoreEvent event_;
  uint64_t findings_ = 0;
  uint64_t chunks_total_ = 0;
  uint64_t snapshots_total_ = 0;
  uint64_t log_size_ = 0;
  TreeEdge log_;
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_STORE_CHECK_H_
