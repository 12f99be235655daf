#include "firebreak/runs/apply.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "firebreak/runs/program.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

class Applier {
 public:
  Applier(v1::PlaybookRun& run, const RunEvent& event) : run_(run), event_(event) {}

  void Start(const store::v1::StepStarted& started) {
    v1::StepState* state = FindState(run_, started.path());
    if (state == nullptr) {
      state = Enter(started.path());
    } else if (state->phase() != v1::STEP_PHASE_BACKING_OFF) {
      return;
    }
    state->set_phase(v1::STEP_PHASE_STARTED);
    state->set_action(started.action());
    state->set_attempt(started.attempt());
    state->set_effect_id(started.effect_id());
    *state->mutable_inputs() = started.inputs();
    *state->mutable_deadline_at() = started.deadline_at();
    state->clear_wake_at();
  }

  void Done(const store::v1::StepDone& done) {
    v1::StepState* state = Open(done.path());
    if (state == nullptr) return;
    End(*state, v1::STEP_PHASE_DONE);
    *state->mutable_outputs() = done.outputs();
    state->clear_error();
    if (!IsUndoPath(done.path())) return;
    const std::string_view undone = std::string_view(done.path()).substr(0, done.path().size() - kUndoSuffix.size());
    v1::StepState* original = FindState(run_, undone);
    if (original != nullptr && original->phase() == v1::STEP_PHASE_DONE) original->set_phase(v1::STEP_PHASE_UNDONE);
  }

  void Fail(const store::v1::StepFailed& failed) {
    v1::StepState* state = FindState(run_, failed.path());
    if (state == nullptr) {
      state = Enter(failed.path());  // its inputs could not be resolved
    } else if (!IsOpen(*state)) {
      return;
    }
    End(*state, v1::STEP_PHASE_FAILED);
    *state->mutable_error() = failed.error();
  }

  void BackOff(const store::v1::StepBackingOff& backing_off) {
    v1::StepState* state = FindState(run_, backing_off.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_STARTED) return;
    state->set_phase(v1::STEP_PHASE_BACKING_OFF);
    *state->mutable_error() = backing_off.error();
    *state->mutable_wake_at() = backing_off.wake_at();
  }

  void Doubt(const store::v1::StepInDoubt& doubt) {
    v1::StepState* state = FindState(run_, doubt.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_STARTED) return;
    state->set_phase(v1::STEP_PHASE_IN_DOUBT);
    *state->mutable_error() = doubt.error();
  }

  void Resolve(const store::v1::StepResolved& resolved) {
    v1::StepState* state = FindState(run_, resolved.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_IN_DOUBT) return;
    state->clear_error();
    if (resolved.happened()) return End(*state, v1::STEP_PHASE_DONE);
    state->set_phase(v1::STEP_PHASE_BACKING_OFF);  // due at once: it is sent again under the same effect id
    *state->mutable_wake_at() = event_.time();
  }

  void Branch(const store::v1::BranchTaken& taken) {
    if (FindState(run_, taken.path()) != nullptr) return;
    v1::StepState* state = Enter(taken.path());
    state->set_condition(taken.condition());
    End(*state, v1::STEP_PHASE_DONE);
  }

  void Ask(const store::v1::Asked& asked) {
    if (FindState(run_, asked.path()) != nullptr) return;
    v1::StepState* state = Enter(asked.path());
    state->set_phase(v1::STEP_PHASE_ASKING);
    state->set_attempt(1);
    state->set_question(asked.question());
    state->set_subject_digest(asked.subject_digest());
    *state->mutable_roles() = asked.roles();
    state->set_need(asked.need());
    *state->mutable_not_identities() = asked.not_identities();
    *state->mutable_deadline_at() = asked.deadline_at();
    *state->mutable_wake_at() = asked.deadline_at();
    run_.set_state(v1::RUN_STATE_WAITING_FOR_APPROVAL);
  }

  void Vote(const store::v1::Voted& voted) {
    v1::StepState* state = FindState(run_, voted.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_ASKING) return;
    for (const v1::Vote& vote : state->votes()) {
      if (vote.identity() == voted.vote().identity()) return;
    }
    *state->add_votes() = voted.vote();
  }

  void EnterPhase(const store::v1::PhaseEntered& entered) {
    if (entered.phase() <= run_.phase()) return;  // only ever onwards
    run_.set_phase(entered.phase());
    if (entered.has_error() && !run_.has_error()) *run_.mutable_error() = entered.error();
    run_.set_handling_failure(entered.phase() == v1::RUN_PHASE_HANDLING);
    run_.set_state(v1::RUN_STATE_RUNNING);
  }

  void Finish(const store::v1::RunFinished& finished) {
    run_.set_state(finished.state());
    *run_.mutable_ended_at() = event_.time();
    run_.set_handling_failure(false);
    for (const std::string& path : finished.skipped()) {
      if (FindState(run_, path) == nullptr) End(*Enter(path), v1::STEP_PHASE_SKIPPED);
    }
  }

 private:
  v1::StepState* Enter(const std::string& path) {
    v1::StepState* state = run_.add_steps();
    state->set_path(path);
    *state->mutable_started_at() = event_.time();
    return state;
  }

  static bool IsOpen(const v1::StepState& state) {
    return state.phase() == v1::STEP_PHASE_STARTED || state.phase() == v1::STEP_PHASE_BACKING_OFF ||
           state.phase() == v1::STEP_PHASE_ASKING || state.phase() == v1::STEP_PHASE_IN_DOUBT;
  }

  v1::StepState* Open(std::string_view path) {
    v1::StepState* state = FindState(run_, path);
    return state != nullptr && IsOpen(*state) ? state : nullptr;
  }

  void End(v1::StepState& state, v1::StepPhase phase) {
    if (state.phase() == v1::STEP_PHASE_ASKING) run_.set_state(v1::RUN_STATE_RUNNING);
    state.set_phase(phase);
    state.clear_wake_at();
    *state.mutable_ended_at() = event_.time();
  }

  v1::PlaybookRun& run_;
  const RunEvent& event_;
};

}  // namespace

v1::PlaybookRun Apply(v1::PlaybookRun run, const RunEvent& event) {
  if (event.kind_case() == RunEvent::kRunStarted) return run.id().empty() ? event.run_started().run() : run;
  if (HasEnded(run)) return run;
  Applier applier(run, event);
  switch (event.kind_case()) {
    case RunEvent::kRunStarted:
      break;
    case RunEvent::kLockTaken:
      run.set_fence(event.lock_taken().fence());
      if (run.state() == v1::RUN_STATE_WAITING_FOR_LOCK) run.set_state(v1::RUN_STATE_RUNNING);
      break;
    case RunEvent::kStepStarted:
      applier.Start(event.step_started());
      break;
    case RunEvent::kStepDone:
      applier.Done(event.step_done());
      break;
    case RunEvent::kStepFailed:
      applier.Fail(event.step_failed());
      break;
    case RunEvent::kStepBackingOff:
      applier.BackOff(event.step_backing_off());
      break;
    case RunEvent::kStepInDoubt:
      applier.Doubt(event.step_in_doubt());
      break;
    case RunEvent::kStepResolved:
      applier.Resolve(event.step_resolved());
      break;
    case RunEvent::kBranchTaken:
      applier.Branch(event.branch_taken());
      break;
    case RunEvent::kAsked:
      applier.Ask(event.asked());
      break;
    case RunEvent::kVoted:
      applier.Vote(event.voted());
      break;
    case RunEvent::kCancelRequested:
      run.set_cancel_requested(true);
      run.set_cancelled_by(event.cancel_requested().identity());
      break;
    case RunEvent::kPhaseEntered:
      applier.EnterPhase(event.phase_entered());
      break;
    case RunEvent::kIncidentAttached:
      if (std::find(run.attached().begin(), run.attached().end(), event.incident_attached().incident()) ==
          run.attached().end()) {
        run.add_attached(event.incident_attached().incident());
      }
      break;
    case RunEvent::kRunFinished:
      applier.Finish(event.run_finished());
      break;
    case RunEvent::KIND_NOT_SET:
      break;
  }
  return run;
}

v1::PlaybookRun ApplyRecord(v1::PlaybookRun run, const store::v1::RunRecord& record) {
  for (const RunEvent& event : record.events()) run = Apply(std::move(run), event);
  run.set_sequence(record.sequence());
  return run;
}

}  // namespace firebreak
