// From what an action answered to the event that records it. Pure.
#ifndef FIREBREAK_RUNS_OUTCOME_H_
#define FIREBREAK_RUNS_OUTCOME_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/runs/action.h"
#include "firebreak/runs/loaded_run.h"
#include "firebreak/runs/program.h"
#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

inline constexpr size_t kOutputsBytesMax = 64 * 1024;  // of one step
inline constexpr size_t kRunBytesMax = 512 * 1024;     // a run and its journal record must fit one commit

// nullopt: the effect is on its way, nothing to record; perform again later. `path` must be STARTED.
std::optional<store::v1::RunEvent> OutcomeEvent(const LoadedRun& run, std::string_view path,
                                                const absl::StatusOr<ActionResult>& result, absl::Time now);
// The same for a run without an index.
std::optional<store::v1::RunEvent> OutcomeEvent(const Program& program, const v1::PlaybookRun& run,
                                                std::string_view path, const absl::StatusOr<ActionResult>& result,
                                                absl::Time now);

// Whether another attempt after `status` makes sense: kUnavailable, kResourceExhausted, kDeadlineExceeded. Not kAborted: what
// the step was about (a plan, a revision) is no longer so, and asking again for the same thing cannot change that.
bool IsRetryable(const absl::Status& status);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_OUTCOME_H_
