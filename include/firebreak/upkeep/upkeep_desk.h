// UpkeepDesk: the handlers of service Upkeep that are about the store as a whole: garbage collection, state, checks, backups.
// Deletions, holds, damage and quotas have desks of their own.
#ifndef FIREBREAK_UPKEEP_UPKEEP_DESK_H_
#define FIREBREAK_UPKEEP_UPKEEP_DESK_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/access/caller.h"
#include "firebreak/backup/backup.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/stream.h"
#include "firebreak/upkeep/damage_desk.h"
#include "firebreak/upkeep/garbage_collector.h"
#include "firebreak/upkeep/scrubber.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak {

// What only the engine and the data folder can do.
struct UpkeepGround {
  std::function<absl::StatusOr<uint64_t>()> free_bytes = {};
  std::function<absl::Status(const std::string& folder)> cut = {};   // RocksStore::Cut
  std::string backup_folder = {};                 // empty: this service makes no backups
  std::string cut_folder = {};                    // on the store's volume; made and removed by each backup
  std::vector<BackupSource> backup_extras = {};   // beside the store
  std::string service_version = {};
};

struct UpkeepDeskParts {
  Ledger& ledger;
  ChunkKeeper& chunks;
  SnapshotVault& vault;
  GarbageCollector& collector;
  DamageDesk& damage;
  Scrubber& scrubber;
  const Clock& clock;
  Log& log;
};

// Thread-safe. Everything it is given outlives it and every subscription.
class UpkeepDesk {
 public:
  UpkeepDesk(const UpkeepDeskParts& parts, UpkeepGround ground) : parts_(parts), ground_(std::move(ground)) {}

  // Waits a few seconds for writers without a push when there is nothing else to wait for.
  absl::StatusOr<v1::CollectGarbageResponse> CollectGarbage(const Caller& caller, const v1::CollectGarbageRequest& request);
  absl::StatusOr<v1::GetStoreResponse> GetStore(const Caller& caller, const v1::GetStoreRequest& request);
  // One check at a time; it ends with its stream.
  absl::StatusOr<std::unique_ptr<Subscription>> CheckStore(const Caller& caller, const v1::CheckStoreRequest& request,
                                                           std::shared_ptr<Sink<v1::CheckStoreEvent>> sink);
  // A backup of this moment while everything goes on but garbage collection. On failure no backup is added.
  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(const Caller& caller, const v1::CreateBackupRequest& request);
  absl::StatusOr<v1::ListBackupsResponse> ListBackups(const Caller& caller, const v1::ListBackupsRequest& request);

 private:
  class CheckThread;
  absl::StatusOr<v1::Backup> Write(const v1::CreateBackupRequest& request);

  const UpkeepDeskParts parts_;
  const UpkeepGround ground_;
  absl::Mutex mutex_;
  bool checking_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_UPKEEP_DESK_H_
