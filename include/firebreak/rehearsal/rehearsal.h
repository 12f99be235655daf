// Rehearsal: a playbook run against declared or recorded outcomes in virtual time, decided by the engine itself (Decide, Apply,
// OutcomeEvent). Nothing is stored and nothing leaves; hours of waiting take no time.
#ifndef FIREBREAK_REHEARSAL_REHEARSAL_H_
#define FIREBREAK_REHEARSAL_REHEARSAL_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/playbooks/test_table.h"
#include "firebreak/runs/program.h"
#include "firebreak/v1/playbook.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// One line of what happened, for people.
struct RehearsalLine {
  absl::Duration at;  // since the run began
  std::string text;   // "gate: asks …"
};

struct RehearsalResult {
  std::string name;
  std::vector<std::string> failures;  // what was not as expected; empty = as expected
  v1::PlaybookRun run;                // as it ended
  absl::Duration took;
  std::vector<RehearsalLine> lines;
  bool ok() const { return failures.empty(); }
};

// Pure. Never waits. An outcome that is needed and not declared, or that the action could not answer, is a failure of the case.
RehearsalResult Rehearse(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions,
                         const Program::Children& children, const TestCase& one);

// Names of steps that no result reached, in order of position.
std::vector<std::string> StepsNotReached(const v1::Playbook& playbook, absl::Span<const RehearsalResult> results);

// A case made of a run that happened: its incident values, inputs, outcomes and votes; it expects the same end and steps.
TestCase CaseFromRun(const v1::PlaybookRun& run);

}  // namespace firebreak

#endif  // FIREBREAK_REHEARSAL_REHEARSAL_H_
