// The state machine behind Apply, over any way of finding a step by its path.
#ifndef FIREBREAK_SERVICES_RUNS_APPLIER_H_
#define FIREBREAK_SERVICES_RUNS_APPLIER_H_

#include <string_view>

#include "absl/functional/function_ref.h"
#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// nullptr when there is none.
using StateLookup = absl::FunctionRef<v1::StepState*(std::string_view path)>;

// Total: an event that does not fit changes nothing. New states are added at the end of run.steps.
void ApplyInPlace(v1::PlaybookRun& run, const store::v1::RunEvent& event, StateLookup find);

// The path an event is about; empty when it is about the whole run.
std::string_view PathOf(const store::v1::RunEvent& event);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_APPLIER_H_
