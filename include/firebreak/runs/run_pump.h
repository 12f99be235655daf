// RunPump: drives one run as far as it goes now: load, decide, record, act, record. It has no state of its own, so any
// thread of any process that holds the store can drive any run.
#ifndef FIREBREAK_RUNS_RUN_PUMP_H_
#define FIREBREAK_RUNS_RUN_PUMP_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/crash_points.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/log.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/runs/action.h"
#include "firebreak/runs/incident_hooks.h"
#include "firebreak/runs/program_library.h"
#include "firebreak/runs/wait_board.h"

namespace firebreak {

struct DriveResult {
  bool ended = false;                           // the run is over; nothing will ever wake it
  absl::Time wake_at = absl::InfiniteFuture();  // drive again then, or earlier on a hint
  DeploymentName deployment;                    // commits about it may be what the run waits for
};

struct RunPumpOptions {
  int helpers = 0;              // threads for effects of one run that are under way together; 0 = one after the other
  WaitBoard* waits = nullptr;   // where it says what effects wait for
};

class EffectThreads;

// Thread-safe for different runs; two drives of one run at a time are correct (one loses with kAborted) but wasteful.
// `crash_points` may be null; it knows run-before-intent, run-after-intent, run-after-effect, run-after-outcome.
// Everything given outlives it.
class RunPump {
 public:
  RunPump(Ledger& ledger, const Clock& clock, Log& log, const ActionCatalogue& actions, IncidentHooks hooks = {},
          const CrashPoints* crash_points = nullptr, RunPumpOptions options = {});
  ~RunPump();

  // Blocks while actions run. Intent is durable before its effect leaves; outcome of one step and intent of the next
  // are one commit. An error means only that this drive ended early (store unavailable, run moved): drive again. A run whose
  // playbook cannot be read fails, on the record.
  absl::StatusOr<DriveResult> Drive(const RunId& run);

  // Tells a drive of `run` that waits for its effects to look at the run again; nothing when there is none. Does not block.
  void Nudge(const RunId& run);

 private:
  class Drives;

  absl::Status FailUnreadable(const RunId& id, const absl::Status& why);
  absl::Status ForgetLost(const RunId& id);

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  const ActionCatalogue& actions_;
  const IncidentHooks hooks_;
  const CrashPoints* const crash_points_;
  const RunPumpOptions options_;
  const ProgramLibrary programs_;
  const std::unique_ptr<Drives> drives_;
  const std::unique_ptr<EffectThreads> helpers_;
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_RUN_PUMP_H_
