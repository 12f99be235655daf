// New runs: inputs bound and checked, the trigger matched, the lock taken, the first record written.
#ifndef FIREBREAK_SERVICES_RUNS_NEW_RUN_H_
#define FIREBREAK_SERVICES_RUNS_NEW_RUN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/runs/draw_run.h"
#include "firebreak/runs/incident_hooks.h"
#include "firebreak/runs/program.h"
#include "firebreak/v1/incident.pb.h"
#include "firebreak/v1/playbook.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

struct Started {
  v1::PlaybookRun run;
  bool attached = false;  // `run` was there before
  bool recorded = false;  // the incident joined it and the draft says so
};

// Gives `run` its number and lock and writes it with its first step's intent (n steps make n + 1 commits). When the
// lock is held: attach joins a run of the same playbook that holds it or waits for it and enters the line behind any other,
// wait enters the line, fail is kFailedPrecondition.
absl::StatusOr<Started> StartIn(Draft& draft, const Program& program, v1::PlaybookRun run, absl::Time now,
                                const IncidentHooks& hooks);

// Every step of the playbook as PENDING, for showing a run before it starts.
void AddPendingSteps(const Program& program, v1::PlaybookRun& run);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_NEW_RUN_H_
