// Program: a playbook together with the specs of the actions it uses: all that deciding about a run needs.
#ifndef FIREBREAK_RUNS_PROGRAM_H_
#define FIREBREAK_RUNS_PROGRAM_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/v1/playbook.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

class Program {
 public:
  Program(v1::Playbook playbook, absl::Span<const ActionSpec* const> actions);

  const v1::Playbook& playbook() const { return playbook_; }
  const ActionSpec* FindAction(std::string_view name) const;  // nullptr when this build does not have it
  // "contain", "gate/then/apply", "on_failure/page"; nullptr when there is none. "apply/undo" answers the step apply.
  const v1::Step* FindStep(std::string_view path) const;

 private:
  v1::Playbook playbook_;
  std::map<std::string, ActionSpec, std::less<>> actions_;
};

// Paths of undo end so.
inline constexpr std::string_view kUndoSuffix = "/undo";
inline constexpr std::string_view kHandlerPrefix = "on_failure/";
bool IsUndoPath(std::string_view path);
// What to perform at `path`: the step's call or its undo.
const v1::DoStep& CallAt(const v1::Step& step, std::string_view path);

const v1::StepState* FindState(const v1::PlaybookRun& run, std::string_view path);
v1::StepState* FindState(v1::PlaybookRun& run, std::string_view path);
bool HasEnded(const v1::PlaybookRun& run);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_PROGRAM_H_
