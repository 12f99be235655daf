// ActionDesk: every built-in action by itself, with an Idempotency-Key, for people's scripts and for playbooks that run in another
// CACAO engine; and the evidence that actions keep. The handlers of service Actions.
//
// What a caller may do here is exactly what they may do through the RPC that does the same: containing needs `contain`, rolling back
// and releasing `deploy`, lifting a quarantine `lift-quarantine`, revoking a key `manage-signers`. What in a run needs the approval of
// somebody else needs here the permission that the CLI needs for it, and is decided in the caller's own name: starting a playbook
// gives nobody more than that, and neither does leaving it out.
#ifndef FIREBREAK_ACTIONS_ACTION_DESK_H_
#define FIREBREAK_ACTIONS_ACTION_DESK_H_

#include <functional>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/access/caller.h"
#include "firebreak/access/permissions.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/runs/action.h"
#include "firebreak/store/v1/actions.pb.h"
#include "firebreak/v1/action.pb.h"

namespace firebreak {

struct ActionDeskOptions {
  absl::Duration wait_default = absl::Seconds(20);
  absl::Duration wait_max = absl::Seconds(30);
  // Calls that may wait at once; more are answered with what they wait for right away. Proofs come in through the same workers.
  int waiting_max = 4;
  // How long an Idempotency-Key is remembered, from when it was last asked for something new: an outcome from when it was known.
  // After that the key is free, and a request with it is a new one.
  absl::Duration requests_kept = absl::Hours(24 * 7);
  size_t sweep_rows = 20'000;   // looked at in one SweepRequests
  // Whether an incident exists; its error is answered. Unset = not checked.
  std::function<absl::Status(const IncidentId&)> check_incident;
};

// The permission a caller needs to have `action` done; nullopt for one that is not built in.
std::optional<Permission> PermissionOfAction(std::string_view action);

// Thread-safe. Everything it is given outlives it.
class ActionDesk {
 public:
  ActionDesk(Ledger& ledger, const Clock& clock, const ActionCatalogue& actions, ActionDeskOptions options = {});
  ~ActionDesk();

  absl::StatusOr<v1::ListActionsResponse> ListActions(const Caller& caller, const v1::ListActionsRequest& request) const;

  // The request is durable before the effect leaves, its outcome when this answers. kAlreadyExists: the key came with another action,
  // inputs or incident before. kPermissionDenied: the action needs more. kFailedPrecondition: the outcome of an effect that must not be
  // repeated is not known; a person must look. Other errors are the action's own; those that will not go away are kept and
  // answered again, those that may (kUnavailable, kAborted, kResourceExhausted, kDeadlineExceeded) are tried again with the same effect.
  absl::StatusOr<v1::RunActionResponse> RunAction(const Caller& caller, const v1::RunActionRequest& request);

  // Forgets what was asked for longer than requests_kept ago. An effect that must not be repeated and whose outcome nobody knows
  // is never forgotten. Goes on where the last call stopped; for a timer, from one thread.
  absl::Status SweepRequests();

  absl::StatusOr<v1::GetEvidenceResponse> GetEvidence(const Caller& caller, const v1::GetEvidenceRequest& request) const;
  absl::StatusOr<v1::ListEvidenceResponse> ListEvidence(const Caller& caller, const v1::ListEvidenceRequest& request) const;

 private:
  absl::StatusOr<store::v1::ActionRequest> Begin(const Caller& caller, const Action& action, const v1::RunActionRequest& request, bool& fresh);
  absl::Status End(const store::v1::ActionRequest& record, const ActionCall& call);
  absl::StatusOr<ActionResult> PerformAndWait(Action& action, const ActionCall& call, const Caller& caller, absl::Duration wait);

  Ledger& ledger_;
  const Clock& clock_;
  const ActionCatalogue& actions_;
  const ActionDeskOptions options_;
  absl::Mutex mutex_;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t commits_ ABSL_GUARDED_BY(mutex_) = 0;   // seen so far: something may have been proved
  std::unique_ptr<Ledger::Watch> watch_;
  std::string sweep_after_;   // the sweep's own
};

}  // namespace firebreak

#endif  // FIREBREAK_ACTIONS_ACTION_DESK_H_
