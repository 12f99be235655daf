// RunControlDesk: what a run would do before it does it, and control over runs: pause, go on, resume from a step; the handlers of
// service RunControl.
#ifndef FIREBREAK_RUNS_RUN_CONTROL_DESK_H_
#define FIREBREAK_RUNS_RUN_CONTROL_DESK_H_

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/runs/action.h"
#include "firebreak/runs/incident_hooks.h"
#include "firebreak/runs/program_library.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/v1/run_control.pb.h"

namespace firebreak {

inline constexpr absl::Duration kPlanLifetime = absl::Hours(1);   // after it the world has to be looked at again
inline constexpr uint64_t kPlansKeptMax = 256;

struct RunControlParts {
  Ledger& ledger;
  const Clock& clock;
  const PlaybookShelf& shelf;
  const ActionCatalogue& actions;
  IncidentHooks hooks;
  RunDesk& runs;
};

// Thread-safe. Everything it is given outlives it.
class RunControlDesk {
 public:
  explicit RunControlDesk(RunControlParts parts);

  // Performs the playbook's reads and previews the rest. Nothing outside changes; the plan itself is kept for an hour.
  absl::StatusOr<v1::PlanRunResponse> PlanRun(const Caller& caller, const v1::PlanRunRequest& request);
  // Makes the plan again and starts the run if nothing differs; kAborted names what does.
  absl::StatusOr<v1::StartPlanResponse> StartPlan(const Caller& caller, const v1::StartPlanRequest& request);
  absl::StatusOr<v1::PauseRunResponse> PauseRun(const Caller& caller, const v1::PauseRunRequest& request);
  absl::StatusOr<v1::ContinueRunResponse> ContinueRun(const Caller& caller, const v1::ContinueRunRequest& request);
  // kFailedPrecondition: the run has not failed or was not cancelled, or a step before did not end well.
  absl::StatusOr<v1::ResumeRunResponse> ResumeRun(const Caller& caller, const v1::ResumeRunRequest& request);

 private:
  absl::StatusOr<v1::RunPlan> MakePlan(const Caller& caller, const v1::PlanRunRequest& request) const;
  absl::Status KeepPlan(const v1::RunPlan& plan, const v1::PlanRunRequest& request);

  const RunControlParts parts_;
  const ProgramLibrary programs_;
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_RUN_CONTROL_DESK_H_
