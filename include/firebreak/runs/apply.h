// Apply: the one place where a run's state changes. Pure and total: any event on any state gives a state (an event that
// does not fit changes nothing), so the journal can always be replayed.
#ifndef FIREBREAK_RUNS_APPLY_H_
#define FIREBREAK_RUNS_APPLY_H_

#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// Legal transitions of a step:
//   (absent) -> STARTED | ASKING | OPEN (a step made of steps) | DELAYED | FAILED (inputs cannot be resolved) | SKIPPED
//   DELAYED -> STARTED | ASKING | OPEN | FAILED      OPEN -> DONE | FAILED
//   STARTED -> DONE | FAILED | BACKING_OFF | IN_DOUBT      BACKING_OFF -> STARTED | FAILED
//   ASKING -> DONE | FAILED      IN_DOUBT -> DONE | BACKING_OFF | FAILED      DONE -> UNDONE
v1::PlaybookRun Apply(v1::PlaybookRun run, const store::v1::RunEvent& event);

// All events of one commit; the run's sequence becomes the record's.
v1::PlaybookRun ApplyRecord(v1::PlaybookRun run, const store::v1::RunRecord& record);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_APPLY_H_
