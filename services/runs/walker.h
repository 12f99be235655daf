// Walker: one look at a run's tree of steps, for one decision. It finds the first event to record; when there is none, what to
// perform and until when to wait. Implemented in walk_steps.cc (steps made of steps), leaf_steps.cc (acts) and begin_step.cc.
#ifndef FIREBREAK_SERVICES_RUNS_WALKER_H_
#define FIREBREAK_SERVICES_RUNS_WALKER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "firebreak/runs/decide.h"
#include "firebreak/runs/loaded_run.h"
#include "services/runs/resolve.h"

namespace firebreak {

v1::StepError ErrorOf(const absl::Status& status);

class Walker {
 public:
  enum class Standing {
    kDone,     // nothing more to do here
    kFailed,   // over, and its failure counts; `failure()` says why
    kBusy,     // begun and not over; what to do about it is in the answer
    kStopped,  // not done, nothing under way, and nothing may begin
  };

  // How a list is walked.
  struct Way {
    bool begins = true;                         // new steps may begin
    std::optional<v1::StepError> abandon;       // set: everything that is not an effect under way is given up for this reason
  };

  Walker(const LoadedRun& run, const Vantage& vantage);

  // The steps of `list` under `path` (empty for the outermost).
  Standing WalkList(const NodeList& list, std::string_view path, const Node* owner, const Way& way);
  // Only those marked always that have not run, at any depth that was reached.
  Standing WalkAlways(const NodeList& list, std::string_view path);
  Standing WalkAlways(const Node& node, const std::string& path);
  // A step that has begun, wherever it stands.
  Standing Look(const Node& node, const v1::StepState& state, const Way& way);
  // Effects under way are waited for; everything else that is open ends for `why`.
  Standing Settle(const v1::StepState& state, const v1::StepError& why);
  void BeginUndo(const Node& node, std::string_view path);

  void Answer(store::v1::RunEvent event) { record_ = std::move(event); }
  store::v1::RunEvent NewEvent() const;
  void AwaitUntil(absl::Time time) { until_ = std::min(until_, time); }
  bool has_record() const { return record_.has_value(); }
  const v1::StepError& failure() const { return failure_; }
  absl::Time run_deadline() const { return run_deadline_; }
  bool IsForward() const { return run_.run().phase() <= v1::RUN_PHASE_FORWARD; }
  Move TakeMove();

 private:
  // --- walk_steps.cc
  Standing LookInside(const Node& node, const v1::StepState& state, const Way& way);
  Standing Close(const Node& node, const v1::StepState& state, Standing standing, const Way& way);
  Standing LookLoop(const Node& node, const v1::StepState& state, const Way& way);
  Standing EnterRound(const Node& node, const v1::StepState& state, const Way& way);
  Standing LookParallel(const Node& node, const v1::StepState& state, const Way& way);
  Standing LookRun(const Node& node, const v1::StepState& state, const Way& way);
  // After a failure that the run survives: what the failed list and playbook always do.
  Standing WalkAfterFailure(const NodeList& list, std::string_view path, const Node* owner, const Way& way);
  const NodeList* TakenList(const Node& node, const v1::StepState& state) const;
  google::protobuf::Struct OutputsOf(const Node& node, const v1::StepState& state) const;
  int FailedRounds(const Node& node, const v1::StepState& state) const;

  // --- leaf_steps.cc
  Standing LookLeaf(const Node& node, const v1::StepState& state, const Way& way);
  Standing LookStarted(const v1::StepState& state);
  bool CloseAsk(const v1::StepState& state);
  void StartAgain(const v1::StepState& state);

  // --- begin_step.cc
  Standing Begin(const Node& node, const std::string& path);
  Standing BeginNow(const Node& node, const std::string& path);
  void BeginCall(const Node& node, const CompiledCall& call, const std::string& path, const Instance& at);
  void BeginAsk(const Node& node, const std::string& path);
  void Enter(const Node& node, const std::string& path);
  absl::Status EnterBranch(const Instance& at, store::v1::StepEntered& entered) const;
  absl::Status EnterCase(const Instance& at, store::v1::StepEntered& entered) const;
  absl::Status EnterForEach(const Instance& at, store::v1::StepEntered& entered) const;
  absl::Status EnterRun(const Instance& at, store::v1::StepEntered& entered) const;
  absl::Status CheckRoom() const;

  Standing Fail(std::string_view path, const v1::StepError& error);
  Standing Fail(std::string_view path, const absl::Status& status) { return Fail(path, ErrorOf(status)); }

  const LoadedRun& run_;
  const Program& program_;
  const Vantage& vantage_;
  absl::Time run_deadline_;
  std::optional<store::v1::RunEvent> record_;
  std::vector<std::string> perform_;
  absl::Time until_ = absl::InfiniteFuture();
  v1::StepError failure_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_WALKER_H_
