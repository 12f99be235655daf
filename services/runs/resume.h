// Going on from a step of a run that failed or was cancelled: a new run that takes over what had been done before that step.
#ifndef FIREBREAK_SERVICES_RUNS_RESUME_H_
#define FIREBREAK_SERVICES_RUNS_RESUME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/runs/program.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// The run as it begins, without id and lock. Pure. Outcomes of the steps before `step` are taken over; approvals only when what they
// allowed had been done. kFailedPrecondition names the step that stands in the way.
absl::StatusOr<v1::PlaybookRun> DrawResumed(const Program& program, const v1::PlaybookRun& old, const std::string& step,
                                            absl::Time now);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_RESUME_H_
