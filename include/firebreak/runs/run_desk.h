// RunDesk: starting runs (by hand or from an incident), approvals, cancels and the settling of steps in doubt; the
// handlers of service Runs. It only writes state; the scheduler sees its commits and drives the runs on.
#ifndef FIREBREAK_RUNS_RUN_DESK_H_
#define FIREBREAK_RUNS_RUN_DESK_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
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
#include "firebreak/runs/program_library.h"
#include "firebreak/runs/wait_board.h"
#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

inline constexpr size_t kActiveRunsMax = 20000;  // in flight at a time

// Thread-safe. Everything it is given outlives it.
class RunDesk final : public RunStarter {
 public:
  RunDesk(Ledger& ledger, const Clock& clock, Log& log, const PlaybookShelf& shelf,
          std::vector<const ActionSpec*> actions, IncidentHooks hooks = {}, const WaitBoard* waits = nullptr);

  // How many runs are in flight, as the scheduler knows it: past kActiveRunsMax nothing new is started. Set before anything is
  // started; without it there is no such limit.
  void CountActiveBy(std::function<size_t()> active) { active_ = std::move(active); }

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

  // For RunControlDesk.

  // One event of a person on a run, as one commit. The run's scheduler does the rest. kCancelled from `decide`: nothing changes.
  using Decision = absl::FunctionRef<absl::StatusOr<store::v1::RunEvent>(const v1::PlaybookRun&)>;
  absl::StatusOr<v1::PlaybookRun> Change(const std::string& id, Decision decide);
  // StartRun of exactly a plan.
  absl::StatusOr<v1::StartRunResponse> StartPinned(const Caller& caller, const v1::StartRunRequest& request,
                                                   const std::string& plan_digest);
  // A run that is drawn already; `request` says what makes a second request the same one.
  absl::StatusOr<v1::StartRunResponse> StartDrawn(const Caller& caller, const v1::StartRunRequest& request,
                                                  const Program& program, v1::PlaybookRun drawn);
  // What the same request led to before.
  absl::StatusOr<std::optional<v1::StartRunResponse>> FindStarted(const Caller& caller,
                                                                  const v1::StartRunRequest& request) const;

 private:
  absl::StatusOr<std::optional<v1::StoredPlaybook>> FindTriggered(const v1::Incident& incident) const;
  absl::Status CheckActive() const;

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  const PlaybookShelf& shelf_;
  const ProgramLibrary programs_;
  const IncidentHooks hooks_;
  const WaitBoard* const waits_;  // may be null
  std::function<size_t()> active_;  // set once, before anything runs
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_RUN_DESK_H_
