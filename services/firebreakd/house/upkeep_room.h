// UpkeepRoom: everything that keeps the store healthy, wired together: the chunk store as all others see it, deletion, garbage
// collection, checks, damage, holds, quotas, backups, and the guard against records put back.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_HOUSE_UPKEEP_ROOM_H_
#define FIREBREAK_SERVICES_FIREBREAKD_HOUSE_UPKEEP_ROOM_H_

#include <memory>
#include <vector>

#include "firebreak/doors/method_table.h"
#include "firebreak/metrics/metrics.h"
#include "firebreak/upkeep/deletion_desk.h"
#include "firebreak/upkeep/hold_desk.h"
#include "firebreak/upkeep/quota_desk.h"
#include "firebreak/upkeep/rollback_guard.h"
#include "firebreak/upkeep/store_check.h"
#include "firebreak/upkeep/upkeep_desk.h"
#include "services/firebreakd/house/timers.h"

namespace firebreak {

struct UpkeepOptions {
  UpkeepGround ground = {};
  std::function<absl::Status()> reclaim = {};
  ScrubOptions scrub = {};
  absl::Duration gc_every = absl::ZeroDuration();   // 0 = only when asked
  std::vector<Witness> witnesses = {};
  Witness presented = {};
};

// Built in two steps, because the vault stands on its chunks and the rest on the vault. Everything it is given outlives it.
class UpkeepRoom {
 public:
  UpkeepRoom(Ledger& ledger, ChunkStore& chunks, const Clock& clock, Log& log, UpkeepOptions options);
  ~UpkeepRoom();

  ChunkKeeper& chunks() { return keeper_; }
  absl::Status Open(SnapshotVault& vault, DamageDesk::DeploymentsServing serving);

  void RegisterMethods(MethodTable& table);
  void WireMetrics(Metrics& metrics);
  void Start();
  void Stop();   // remembers where the scrub stands

  // Of a stopped folder: finds and names damage, writes nothing.
  StoreCheck NewCheck(const SnapshotVault& vault) { return StoreCheck({ledger_, keeper_, vault, *damage_, false}); }

  RollbackGuard* guard() { return guard_.get(); }   // null when nobody keeps witnesses
  DamageDesk& damage() { return *damage_; }

 private:
  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  const UpkeepOptions options_;
  ChunkKeeper keeper_;
  std::unique_ptr<HoldDesk> holds_;
  std::unique_ptr<DeletionDesk> deletions_;
  std::unique_ptr<DamageDesk> damage_;
  std::unique_ptr<GarbageCollector> collector_;
  std::unique_ptr<Scrubber> scrubber_;
  std::unique_ptr<QuotaDesk> quotas_;
  std::unique_ptr<UpkeepDesk> desk_;
  std::unique_ptr<RollbackGuard> guard_;
  std::unique_ptr<Timers> slow_;     // scrub, healing, garbage
  std::unique_ptr<Timers> witness_;  // must not wait for those
  bool started_ = false;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_HOUSE_UPKEEP_ROOM_H_
