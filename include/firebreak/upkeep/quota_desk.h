// QuotaDesk: how much snapshots may take, by pattern of their names. Counted is content as pushed, every version: what people can
// add up themselves, whatever deduplication saves on disk.
#ifndef FIREBREAK_UPKEEP_QUOTA_DESK_H_
#define FIREBREAK_UPKEEP_QUOTA_DESK_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak {

// "*", "model/*", "model/fraud-*", "dataset/claims"; a star only at the end.
absl::Status CheckQuotaPattern(std::string_view pattern);
bool QuotaCovers(std::string_view pattern, std::string_view name);   // name: model/fraud

// Thread-safe. `ledger` and `clock` outlive it.
class QuotaDesk {
 public:
  QuotaDesk(Ledger& ledger, const Clock& clock) : ledger_(ledger), clock_(clock) {}

  absl::StatusOr<v1::SetQuotaResponse> SetQuota(const Caller& caller, const v1::SetQuotaRequest& request);
  absl::StatusOr<v1::ListQuotasResponse> ListQuotas(const Caller& caller, const v1::ListQuotasRequest& request) const;

  // May the push go on? Bytes sent are added up per push; a commit brings the exact size. kResourceExhausted says how much is
  // used, allowed and asked for.
  absl::Status CheckPush(const PushLoad& load);

 private:
  absl::Status Measure(v1::Quota& quota) const;

  Ledger& ledger_;
  const Clock& clock_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, uint64_t> sent_ ABSL_GUARDED_BY(mutex_);   // by push id, while there are quotas
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_QUOTA_DESK_H_
