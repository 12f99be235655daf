// RunDesk: starting runs (by hand or from an incident), approvals, cancels and the settling of steps in doubt; the
// handlers of service Runs. It only writes state; the scheduler sees its commits and drives the runs on.
#ifndef FIREBREAK_RUNS_RUN_DESK_H_
#define FIREBREAK_RUNS_RUN_DESK_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/base/stream.h"
#include "firebreak/incidents/run_starter.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/runs/incident_hooks.h"
#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// Thread-safe. Everything it is given outlives it.
class RunDesk final : public RunStarter {
 public:
  RunDesk(Ledger& ledger, const Clock& clock, Log& log, const PlaybookShelf& shelf,
          std::vector<const ActionSpec*> actions, IncidentHooks hooks = {});

  // RunStarter: the most severe playbook whose trigger matches gets a run and its lock in the caller's draft. Never
  // fails because of a playbook: when it cannot start (input unknown, deployment locked by another run and if_locked =
  // fail) the reason is recorded in the draft and the answer is nullopt. if_locked = attach joins the run of the
  // same playbook that holds the lock or is in line for it, and waits in line behind any other.
  absl::StatusOr<std::optional<v1::PlaybookRun>> StartTriggered(Draft& draft, const v1::Incident& incident) override;

  absl::StatusOr<std::optional<std::string>> PreviewTriggered(const v1::Incident& incident) const override;
  absl::StatusOr<bool> HasActiveRun(Draft& draft, const v1::Incident& incident) const override;
  absl::StatusOr<bool> HasActiveRunOn(Draft& draft, const v1::Incident& incident,
                                      const std::string& deployment) const override;

  absl::StatusOr<v1::StartRunResponse> StartRun(const Caller& caller, const v1::StartRunRequest& request);
  absl::StatusOr<v1::GetRunResponse> GetRun(const Caller& caller, const v1::GetRunRequest& request) const;
  absl::StatusOr<v1::ListRunsResponse> ListRuns(const Caller& caller, const v1::ListRunsRequest& request) const;
  absl::StatusOr<v1::CancelRunResponse> CancelRun(const Caller& caller, const v1::CancelRunRequest& request);
  absl::StatusOr<v1::ListApprovalsResponse> ListApprovals(const Caller& caller,
                                                          const v1::ListApprovalsRequest& request) const;
  // kPermissionDenied: the role, the author or the trigger; kAlreadyExists: this person has voted; kAborted: what is
  // pending is not what was shown; kFailedPrecondition: nothing is asked any more.
  absl::StatusOr<v1::AnswerApprovalResponse> AnswerApproval(const Caller& caller,
                                                            const v1::AnswerApprovalRequest& request);
  absl::StatusOr<v1::ResolveStepResponse> ResolveStep(const Caller& caller, const v1::ResolveStepRequest& request);
  // Sends the run as it is (if newer than after_sequence) and after every change; closes with OK when the run has
  // ended.
  absl::StatusOr<std::unique_ptr<Subscription>> WatchRun(const Caller& caller, const v1::WatchRunRequest& request,
                                                         std::shared_ptr<Sink<v1::WatchRunEvent>> sink);

 private:
  using Decision = absl::FunctionRef<absl::StatusOr<store::v1::RunEvent>(const v1::PlaybookRun&)>;
  // One event of a person on a run, as one commit. The run's scheduler does the rest.
  absl::StatusOr<v1::PlaybookRun> Change(const std::string& id, Decision decide);
  absl::StatusOr<std::optional<v1::StoredPlaybook>> FindTriggered(const v1::Incident& incident) const;

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  const PlaybookShelf& shelf_;
  const std::vector<const ActionSpec*> actions_;
  const IncidentHooks hooks_;
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_RUN_DESK_H_
