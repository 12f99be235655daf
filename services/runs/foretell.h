// Foretelling a run: the engine's own decisions, with reads performed, changes previewed and questions taken as approved. Nothing is
// written anywhere.
#ifndef FIREBREAK_SERVICES_RUNS_FORETELL_H_
#define FIREBREAK_SERVICES_RUNS_FORETELL_H_

#include <string>

#include "absl/time/time.h"
#include "firebreak/runs/action.h"
#include "firebreak/runs/program.h"
#include "firebreak/v1/run.pb.h"
#include "firebreak/v1/run_control.pb.h"

namespace firebreak {

// `drawn` as DrawRun gives it. Fills steps, approvals and durations of the plan.
void Foretell(const Program& program, const v1::PlaybookRun& drawn, const ActionCatalogue& actions, absl::Time now,
              v1::RunPlan& plan);

// sha256 over everything the plan says but times and durations.
std::string PlanDigest(const v1::RunPlan& plan);

// What differs between two plans of the same request, for people; empty when their digests are equal.
std::string PlanDifference(const v1::RunPlan& shown, const v1::RunPlan& now);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_FORETELL_H_
