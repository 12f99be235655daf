// RunScheduler: decides when each run is driven next. Bounded workers, timers derived from the runs, hints from ledger
// commits. It holds no truth: killed at any moment, a new one on the same store goes on.
#ifndef FIREBREAK_RUNS_RUN_SCHEDULER_H_
#define FIREBREAK_RUNS_RUN_SCHEDULER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/log.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/runs/run_pump.h"

namespace firebreak {

struct RunSchedulerOptions {
  int workers = 16;                                     // actions and commits block their worker while they run
  absl::Duration retry_after_error = absl::Seconds(2);  // when a drive could not read or commit
};

// Thread-safe. `ledger`, `clock`, `log` and `pump` outlive it.
class RunScheduler {
 public:
  RunScheduler(Ledger& ledger, const Clock& clock, Log& log, RunPump& pump, RunSchedulerOptions options = {});
  ~RunScheduler();  // Stop()

  // Loads every active run and starts the workers. Called once.
  absl::Status Start();
  // No new drive begins; blocks until the drives in progress have returned. Runs go on at the next Start of a new
  // scheduler.
  void Stop();

  // A hint that something `run` waits for may have happened. Unknown runs are looked up; never blocks on the store.
  void Poke(const RunId& run);

  // Number of runs known to be active.
  size_t active() const;
  // Drives that have returned since the start.
  uint64_t drives() const;

 private:
  class Queue;
  std::unique_ptr<Queue> queue_;
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_RUN_SCHEDULER_H_
