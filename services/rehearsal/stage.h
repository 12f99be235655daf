// Stage: one case being played. Holds the virtual time, what is under way and who is still to vote.
#ifndef FIREBREAK_SERVICES_REHEARSAL_STAGE_H_
#define FIREBREAK_SERVICES_REHEARSAL_STAGE_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firebreak/rehearsal/rehearsal.h"
#include "firebreak/runs/action.h"
#include "firebreak/runs/decide.h"

namespace firebreak {

// "sweep[2]/mend" -> "mend": how a playbook names the step.
std::string_view StepNameOf(std::string_view path);
bool NamesStep(std::string_view wanted, std::string_view path);

// One use. What it is given outlives it.
class Stage {
 public:
  Stage(const Program& program, const TestCase& one, v1::PlaybookRun run, absl::Time start, RehearsalResult& result);

  // Plays until the run has ended or cannot go on; then the result has the run and its lines.
  void Play();
  const std::vector<std::string>& calls() const { return calls_; }

 private:
  struct UnderWay {
    absl::Time ready;
    absl::StatusOr<ActionResult> answer;
  };

  void Say(std::string_view path, std::string_view what);
  void Take(const store::v1::RunEvent& event);
  bool PerformAll(const Perform& perform);
  const DeclaredOutcome* OutcomeOf(std::string_view path, const std::string& action);
  std::optional<UnderWay> Call(const std::string& path);
  bool Wait(absl::Time until);  // false: nothing would ever happen
  std::optional<absl::Time> NextOutside() const;
  void ActOutside();
  bool Vote(const DeclaredVote& vote, const v1::StepState& state);

  const Program& program_;
  const TestCase& case_;
  v1::PlaybookRun run_;
  const absl::Time start_;
  absl::Time now_;
  RehearsalResult& result_;
  OwnIntents own_;
  std::map<std::string, UnderWay> under_way_;
  std::map<std::string, size_t> answered_;  // per key of outcomes: how many were used
  std::vector<bool> voted_;
  bool cancelled_ = false;
  std::vector<std::string> calls_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_REHEARSAL_STAGE_H_
