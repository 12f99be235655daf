// AuditDesk: what people and auditors ask of the log. The handlers of service Audit.
#ifndef FIREBREAK_LEDGER_AUDIT_DESK_H_
#define FIREBREAK_LEDGER_AUDIT_DESK_H_

#include <memory>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/stream.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// Thread-safe. `ledger` outlives it and every subscription.
class AuditDesk {
 public:
  explicit AuditDesk(Ledger& ledger) : ledger_(ledger) {}

  absl::StatusOr<v1::ListAuditResponse> ListAudit(const Caller& caller, const v1::ListAuditRequest& request);

  // Pages of at most 1 MiB of leaves. Every page carries the checkpoint over exactly tree_size leaves, so that an export
  // begun with tree_size 0 goes on with the size found in the first page's checkpoint.
  absl::StatusOr<v1::ExportAuditResponse> ExportAudit(const Caller& caller, const v1::ExportAuditRequest& request);

  absl::StatusOr<v1::GetCheckpointResponse> GetCheckpoint(const Caller& caller, const v1::GetCheckpointRequest& request);
  absl::StatusOr<v1::GetProofResponse> GetProof(const Caller& caller, const v1::GetProofRequest& request);

  // Sends what is in the log from from_index on, then what is committed, each entry once and in order. A watcher more than
  // kHistoryMax entries behind is sent those and closed with kResourceExhausted: it resumes after the last one it got.
  absl::StatusOr<std::unique_ptr<Subscription>> WatchAudit(const Caller& caller, const v1::WatchAuditRequest& request,
                                                           std::shared_ptr<Sink<v1::WatchAuditEvent>> sink);
  static constexpr size_t kHistoryMax = 200;   // below the doors' queue of 256

 private:
  Ledger& ledger_;
};

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_AUDIT_DESK_H_
