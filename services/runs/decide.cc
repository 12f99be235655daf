#include "firebreak/runs/decide.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "services/runs/walker.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;
using Standing = Walker::Standing;

class Decider {
 public:
  Decider(const LoadedRun& loaded, const Vantage& vantage)
      : loaded_(loaded), run_(loaded.run()), program_(loaded.program()), vantage_(vantage), walker_(loaded, vantage) {}

  Move Next() {
    if (HasEnded(run_)) return Finished{};
    if (run_.state() == v1::RUN_STATE_WAITING_FOR_LOCK) return WaitForLock();
    switch (run_.phase()) {
      case v1::RUN_PHASE_UNDOING:
        return Undo();
      case v1::RUN_PHASE_HANDLING:
        return Handle();
      case v1::RUN_PHASE_FINISHING:
        return CloseRun();
      case v1::RUN_PHASE_UNSPECIFIED:
      case v1::RUN_PHASE_FORWARD:
      case v1::RunPhase_INT_MIN_SENTINEL_DO_NOT_USE_:
      case v1::RunPhase_INT_MAX_SENTINEL_DO_NOT_USE_:
        break;
    }
    return Forward();
  }

 private:
  Move EnterPhase(v1::RunPhase phase, std::optional<v1::StepError> error = std::nullopt) const {
    RunEvent event = walker_.NewEvent();
    event.mutable_phase_entered()->set_phase(phase);
    if (error) *event.mutable_phase_entered()->mutable_error() = *std::move(error);
    return Record{std::move(event)};
  }

  Move Finish(v1::RunState state) const {
    RunEvent event = walker_.NewEvent();
    event.mutable_run_finished()->set_state(state);
    ListSkipped(program_.steps(), "", *event.mutable_run_finished());
    return Record{std::move(event)};
  }

  // Without the lock nothing may run, so a run that gives up here ends at once.
  Move WaitForLock() const {
    if (run_.cancel_requested()) return Finish(v1::RUN_STATE_CANCELLED);
    if (vantage_.now >= walker_.run_deadline()) return Finish(v1::RUN_STATE_FAILED);
    return WaitUntil{walker_.run_deadline()};
  }

  // --- forward

  v1::StepError CancelError() const {
    return ErrorOf(absl::CancelledError(StrCat("cancelled by ", run_.cancelled_by())));
  }

  // Ends everything that has begun but effects under way, which are waited for. True while there is any.
  bool SettlesOpen(const v1::StepError& why) {
    bool busy = false;
    for (const v1::StepState* state : loaded_.open()) {
      const bool leaving = state->phase() == v1::STEP_PHASE_STARTED;
      if (!leaving && IsAlways(program_.FindNode(state->path()))) continue;  // goes on when its turn comes
      busy = true;
      walker_.Settle(*state, why);
      if (walker_.has_record()) break;
    }
    return busy;
  }

  Move Forward() {
    if (run_.cancel_requested()) return ForwardCancelled();
    const bool late = vantage_.now >= walker_.run_deadline();
    if (late && !run_.paused()) return ForwardLate();
    Walker::Way way;
    way.begins = !run_.paused();
    switch (walker_.WalkList(program_.steps(), "", nullptr, way)) {
      case Standing::kDone:
        return Finish(v1::RUN_STATE_SUCCEEDED);
      case Standing::kFailed:
        if (run_.paused()) return WaitUntil{absl::InfiniteFuture()};
        return EnterPhase(v1::RUN_PHASE_UNDOING, walker_.failure());
      case Standing::kBusy:
      case Standing::kStopped:
        break;
    }
    if (!run_.paused()) walker_.AwaitUntil(walker_.run_deadline());
    return walker_.TakeMove();
  }

  Move ForwardCancelled() {
    if (SettlesOpen(CancelError())) return walker_.TakeMove();
    Walker::Way way;
    way.begins = false;
    const Standing standing = walker_.WalkList(program_.steps(), "", nullptr, way);
    if (standing == Standing::kDone) return Finish(v1::RUN_STATE_SUCCEEDED);
    if (walker_.has_record()) return walker_.TakeMove();
    return EnterPhase(v1::RUN_PHASE_HANDLING, CancelError());
  }

  Move ForwardLate() {
    const v1::StepError late = ErrorOf(absl::DeadlineExceededError("the run's deadline has passed"));
    if (SettlesOpen(late)) return walker_.TakeMove();
    Walker::Way way;
    way.begins = false;
    const Standing standing = walker_.WalkList(program_.steps(), "", nullptr, way);
    if (standing == Standing::kDone) return Finish(v1::RUN_STATE_SUCCEEDED);
    if (walker_.has_record()) return walker_.TakeMove();
    return EnterPhase(v1::RUN_PHASE_UNDOING, standing == Standing::kFailed ? walker_.failure() : late);
  }

  // --- after a failure

  // Whether the step's undo may run: never of what keeps people safe.
  static bool MayUndo(const Node* node) {
    return node != nullptr && node->step->has_undo() && node->call.spec != nullptr && !node->call.spec->keeps_on_failure;
  }

  // The completed step that ended last and has an undo; nullptr when there is none left.
  const v1::StepState* LastToUndo() const {
    const v1::StepState* last = nullptr;
    for (const v1::StepState& state : run_.steps()) {
      if (state.phase() != v1::STEP_PHASE_DONE || state.action().empty() || IsUndoPath(state.path())) continue;
      if (last != nullptr && state.ended_order() < last->ended_order()) continue;
      if (MayUndo(program_.FindNode(state.path()))) last = &state;
    }
    return last;
  }

  Move Undo() {
    for (const v1::StepState* state : loaded_.open()) {
      const Node* node = program_.FindNode(state->path());
      if (node != nullptr) walker_.Look(*node, *state, {});
      return walker_.TakeMove();
    }
    // The target is no longer what we set, or cannot be reached: undoing further would be guessing.
    const bool stuck = std::any_of(run_.steps().begin(), run_.steps().end(), [](const v1::StepState& state) {
      return state.phase() == v1::STEP_PHASE_FAILED && IsUndoPath(state.path());
    });
    const v1::StepState* last = stuck ? nullptr : LastToUndo();
    if (last == nullptr) return EnterPhase(v1::RUN_PHASE_HANDLING);
    walker_.BeginUndo(*program_.FindNode(last->path()), last->path());
    return walker_.TakeMove();
  }

  Move Handle() {
    // Playbooks that were run as a part of this one clean up after themselves first, the innermost of them before the others.
    for (int i = run_.steps_size() - 1; i >= 0; --i) {
      const v1::StepState& state = run_.steps(i);
      if (state.playbook_digest().empty() || state.continued() ||
          (state.phase() != v1::STEP_PHASE_OPEN && state.phase() != v1::STEP_PHASE_FAILED)) {
        continue;
      }
      const Node* node = program_.FindNode(state.path());
      if (node != nullptr && walker_.WalkList(node->handlers, state.path(), nullptr, {}) == Standing::kBusy)
        return walker_.TakeMove();
    }
    if (walker_.WalkList(program_.handlers(), "", nullptr, {}) == Standing::kBusy) return walker_.TakeMove();
    return EnterPhase(v1::RUN_PHASE_FINISHING);
  }

  Move CloseRun() {
    if (walker_.WalkAlways(program_.steps(), "") == Standing::kBusy) return walker_.TakeMove();
    const bool cancelled =
        run_.error().code() == static_cast<int32_t>(absl::StatusCode::kCancelled) && run_.cancel_requested();
    return Finish(cancelled ? v1::RUN_STATE_CANCELLED : v1::RUN_STATE_FAILED);
  }

  // Steps of lists that were reached and that never began.
  void ListSkipped(const NodeList& list, const std::string& path, store::v1::RunFinished& finished) const {
    constexpr int kSkippedMax = 500;
    for (const Node* node : list.nodes) {
      if (finished.skipped_size() >= kSkippedMax) return;
      const std::string child = path + list.link + node->step->name();
      const v1::StepState* state = loaded_.Find(child);
      if (state == nullptr) {
        finished.add_skipped(child);
        continue;
      }
      if (node->IsLoop() && state->round() == 0) continue;
      const std::string inside = node->IsLoop() ? StrCat(child, "[", state->round(), "]") : child;
      for (const NodeList& lower : node->lists) ListSkipped(lower, inside, finished);
    }
  }

  const LoadedRun& loaded_;
  const v1::PlaybookRun& run_;
  const Program& program_;
  const Vantage& vantage_;
  Walker walker_;
};

}  // namespace

Move Decide(const LoadedRun& run, const Vantage& vantage) { return Decider(run, vantage).Next(); }

Move Decide(const Program& program, const v1::PlaybookRun& run, const Vantage& vantage) {
  return Decide(LoadedRun(program, run), vantage);
}

}  // namespace firebreak
