// The lock of a deployment as those see it who decide about the deployment: a person is told which run has it in its hands, and a
// run that lost it is fenced off.
#ifndef FIREBREAK_RUNS_RUN_GUARD_H_
#define FIREBREAK_RUNS_RUN_GUARD_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "firebreak/base/ids.h"
#include "firebreak/ledger/draft.h"

namespace firebreak {

struct LockWish {
  DeploymentName deployment;
  RunId run;                   // who decides; empty = a person
  uint64_t fence = 0;          // of the run's lock
  bool makes_safer = false;    // containing and freezing are never refused
  bool override_run = false;   // a person, knowing that a run is at it
  Identity decided_by;
  std::string reason;
};

// OK when the deployment is free for this; kFailedPrecondition names the run that has it, kAborted that the run's lock was taken over.
// An override is recorded in the draft. The lock stays expected as it was read.
absl::Status CheckDeploymentLock(Draft& draft, const LockWish& wish);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_RUN_GUARD_H_
