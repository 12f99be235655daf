#include "firebreak/runs/apply.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "firebreak/runs/program.h"
#include "services/runs/applier.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

class Applier {
 public:
  Applier(v1::PlaybookRun& run, const RunEvent& event, StateLookup find) : run_(run), event_(event), find_(find) {}

  void Take();

 private:
  void Start(const store::v1::StepStarted& started) {
    v1::StepState* state = find_(started.path());
    if (state == nullptr) {
      state = Enter(started.path());
    } else if (state->phase() != v1::STEP_PHASE_BACKING_OFF && state->phase() != v1::STEP_PHASE_DELAYED) {
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
    v1::StepState* state = find_(done.path());
    if (state == nullptr || !IsOpen(*state)) return;
    End(*state, v1::STEP_PHASE_DONE);
    *state->mutable_outputs() = done.outputs();
    state->clear_error();
    if (!IsUndoPath(done.path())) return;
    const std::string_view undone = std::string_view(done.path()).substr(0, done.path().size() - kUndoSuffix.size());
    v1::StepState* original = find_(undone);
    if (original != nullptr && original->phase() == v1::STEP_PHASE_DONE) original->set_phase(v1::STEP_PHASE_UNDONE);
  }

  void Fail(const store::v1::StepFailed& failed) {
    v1::StepState* state = find_(failed.path());
    if (state == nullptr) {
      state = Enter(failed.path());  // its inputs could not be resolved
    } else if (!IsOpen(*state)) {
      return;
    }
    End(*state, v1::STEP_PHASE_FAILED);
    *state->mutable_error() = failed.error();
    if (failed.continued()) state->set_continued(true);
  }

  void BackOff(const store::v1::StepBackingOff& backing_off) {
    v1::StepState* state = find_(backing_off.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_STARTED) return;
    state->set_phase(v1::STEP_PHASE_BACKING_OFF);
    *state->mutable_error() = backing_off.error();
    *state->mutable_wake_at() = backing_off.wake_at();
  }

  void Doubt(const store::v1::StepInDoubt& doubt) {
    v1::StepState* state = find_(doubt.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_STARTED) return;
    state->set_phase(v1::STEP_PHASE_IN_DOUBT);
    *state->mutable_error() = doubt.error();
  }

  void Resolve(const store::v1::StepResolved& resolved) {
    v1::StepState* state = find_(resolved.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_IN_DOUBT) return;
    state->clear_error();
    if (resolved.happened()) return End(*state, v1::STEP_PHASE_DONE);
    state->set_phase(v1::STEP_PHASE_BACKING_OFF);  // due at once: it is sent again under the same effect id
    *state->mutable_wake_at() = event_.time();
  }

  // As runs were journaled before a step made of steps had an end of its own.
  void Branch(const store::v1::BranchTaken& taken) {
    if (find_(taken.path()) != nullptr) return;
    v1::StepState* state = Enter(taken.path());
    state->set_condition(taken.condition());
    state->set_phase(v1::STEP_PHASE_DONE);
    *state->mutable_ended_at() = event_.time();
  }

  void Open(const store::v1::StepEntered& entered) {
    v1::StepState* state = find_(entered.path());
    if (state == nullptr) {
      state = Enter(entered.path());
    } else if (state->phase() != v1::STEP_PHASE_DELAYED) {
      return;
    }
    state->set_phase(v1::STEP_PHASE_OPEN);
    state->clear_wake_at();
    state->set_branch(entered.branch());
    state->set_condition(entered.condition());
    state->set_playbook_digest(entered.playbook_digest());
    if (entered.has_items()) *state->mutable_items() = entered.items();
    if (entered.has_inputs()) *state->mutable_inputs() = entered.inputs();
    if (entered.has_deadline_at()) *state->mutable_deadline_at() = entered.deadline_at();
  }

  void EnterRound(const store::v1::RoundEntered& entered) {
    v1::StepState* state = find_(entered.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_OPEN || entered.round() != state->round() + 1) return;
    state->set_round(entered.round());
  }

  void Delay(const store::v1::StepDelayed& delayed) {
    if (find_(delayed.path()) != nullptr) return;
    v1::StepState* state = Enter(delayed.path());
    state->set_phase(v1::STEP_PHASE_DELAYED);
    *state->mutable_wake_at() = delayed.until();
  }

  void Ask(const store::v1::Asked& asked) {
    v1::StepState* state = find_(asked.path());
    if (state == nullptr) {
      state = Enter(asked.path());
    } else if (state->phase() != v1::STEP_PHASE_DELAYED) {
      return;
    }
    state->set_phase(v1::STEP_PHASE_ASKING);
    state->set_attempt(1);
    state->set_question(asked.question());
    state->set_subject_digest(asked.subject_digest());
    *state->mutable_roles() = asked.roles();
    state->set_need(asked.need());
    *state->mutable_not_identities() = asked.not_identities();
    *state->mutable_deadline_at() = asked.deadline_at();
    *state->mutable_wake_at() = asked.deadline_at();
    SettleState();
  }

  void Vote(const store::v1::Voted& voted) {
    v1::StepState* state = find_(voted.path());
    if (state == nullptr || state->phase() != v1::STEP_PHASE_ASKING) return;
    for (const v1::Vote& vote : state->votes()) {
      if (vote.identity() == voted.vote().identity()) return;
    }
    *state->add_votes() = voted.vote();
  }

  void Cancel(const store::v1::CancelRequested& cancel) {
    run_.set_cancel_requested(true);
    run_.set_cancelled_by(cancel.identity());
    run_.set_preempted_by(cancel.preempted_by());
    if (!run_.paused()) return;
    run_.set_paused(false);  // what is always done must still be done
    SettleState();
  }

  void Pause(const store::v1::PauseRequested& pause) {
    run_.set_paused(true);
    run_.set_paused_by(pause.identity());
    SettleState();
  }

  void Continue() {
    if (!run_.paused()) return;
    run_.set_paused(false);
    run_.clear_paused_by();
    SettleState();
  }

  void TakeLock(const store::v1::LockTaken& taken) {
    run_.set_fence(taken.fence());
    if (run_.state() != v1::RUN_STATE_WAITING_FOR_LOCK) return;
    run_.set_state(v1::RUN_STATE_RUNNING);
    SettleState();
  }

  void EnterPhase(const store::v1::PhaseEntered& entered) {
    if (entered.phase() <= run_.phase()) return;  // only ever onwards
    run_.set_phase(entered.phase());
    if (entered.has_error() && !run_.has_error()) *run_.mutable_error() = entered.error();
    run_.set_handling_failure(entered.phase() == v1::RUN_PHASE_HANDLING);
    SettleState();
  }

  void Attach(const std::string& incident) {
    if (std::find(run_.attached().begin(), run_.attached().end(), incident) == run_.attached().end())
      run_.add_attached(incident);
  }

  void Finish(const store::v1::RunFinished& finished) {
    run_.set_state(finished.state());
    *run_.mutable_ended_at() = event_.time();
    run_.set_handling_failure(false);
    if (finished.has_error() && !run_.has_error()) *run_.mutable_error() = finished.error();
    for (v1::StepState& state : *run_.mutable_steps()) {
      if (state.phase() != v1::STEP_PHASE_OPEN) continue;  // begun, and what it was made of was not all done
      state.set_phase(v1::STEP_PHASE_FAILED);
      *state.mutable_ended_at() = event_.time();
    }
    for (const std::string& path : finished.skipped()) {
      if (find_(path) != nullptr) continue;
      v1::StepState* state = Enter(path);
      state->set_phase(v1::STEP_PHASE_SKIPPED);
      *state->mutable_ended_at() = event_.time();
    }
  }

  v1::StepState* Enter(const std::string& path) {
    v1::StepState* state = run_.add_steps();
    state->set_path(path);
    *state->mutable_started_at() = event_.time();
    return state;
  }

  static bool IsOpen(const v1::StepState& state) {
    return IsOpenLeaf(state.phase()) || state.phase() == v1::STEP_PHASE_OPEN;
  }

  void End(v1::StepState& state, v1::StepPhase phase) {
    const bool asked = state.phase() == v1::STEP_PHASE_ASKING;
    state.set_phase(phase);
    state.clear_wake_at();
    *state.mutable_ended_at() = event_.time();
    run_.set_ended_steps(run_.ended_steps() + 1);
    state.set_ended_order(run_.ended_steps());
    if (asked) SettleState();
  }

  // What the run as a whole waits for.
  void SettleState() {
    if (run_.state() == v1::RUN_STATE_WAITING_FOR_LOCK) return;
    const bool asks = std::any_of(run_.steps().begin(), run_.steps().end(), [](const v1::StepState& state) {
      return state.phase() == v1::STEP_PHASE_ASKING;
    });
    run_.set_state(run_.paused() ? v1::RUN_STATE_PAUSED
                                 : (asks ? v1::RUN_STATE_WAITING_FOR_APPROVAL : v1::RUN_STATE_RUNNING));
  }

  v1::PlaybookRun& run_;
  const RunEvent& event_;
  const StateLookup find_;
};

void Applier::Take() {
  switch (event_.kind_case()) {
    case RunEvent::kLockTaken:
      return TakeLock(event_.lock_taken());
    case RunEvent::kStepStarted:
      return Start(event_.step_started());
    case RunEvent::kStepDone:
      return Done(event_.step_done());
    case RunEvent::kStepFailed:
      return Fail(event_.step_failed());
    case RunEvent::kStepBackingOff:
      return BackOff(event_.step_backing_off());
    case RunEvent::kStepInDoubt:
      return Doubt(event_.step_in_doubt());
    case RunEvent::kStepResolved:
      return Resolve(event_.step_resolved());
    case RunEvent::kBranchTaken:
      return Branch(event_.branch_taken());
    case RunEvent::kStepEntered:
      return Open(event_.step_entered());
    case RunEvent::kRoundEntered:
      return EnterRound(event_.round_entered());
    case RunEvent::kStepDelayed:
      return Delay(event_.step_delayed());
    case RunEvent::kAsked:
      return Ask(event_.asked());
    case RunEvent::kVoted:
      return Vote(event_.voted());
    case RunEvent::kCancelRequested:
      return Cancel(event_.cancel_requested());
    case RunEvent::kPauseRequested:
      return Pause(event_.pause_requested());
    case RunEvent::kContinueRequested:
      return Continue();
    case RunEvent::kPhaseEntered:
      return EnterPhase(event_.phase_entered());
    case RunEvent::kIncidentAttached:
      return Attach(event_.incident_attached().incident());
    case RunEvent::kRunFinished:
      return Finish(event_.run_finished());
    case RunEvent::kRunStarted:
    case RunEvent::KIND_NOT_SET:
      break;
  }
}

}  // namespace

void ApplyInPlace(v1::PlaybookRun& run, const RunEvent& event, StateLookup find) {
  if (!HasEnded(run)) Applier(run, event, find).Take();
}

std::string_view PathOf(const RunEvent& event) {
  switch (event.kind_case()) {
    case RunEvent::kStepStarted:
      return event.step_started().path();
    case RunEvent::kStepDone:
      return event.step_done().path();
    case RunEvent::kStepFailed:
      return event.step_failed().path();
    case RunEvent::kStepBackingOff:
      return event.step_backing_off().path();
    case RunEvent::kStepInDoubt:
      return event.step_in_doubt().path();
    case RunEvent::kStepResolved:
      return event.step_resolved().path();
    case RunEvent::kBranchTaken:
      return event.branch_taken().path();
    case RunEvent::kStepEntered:
      return event.step_entered().path();
    case RunEvent::kRoundEntered:
      return event.round_entered().path();
    case RunEvent::kStepDelayed:
      return event.step_delayed().path();
    case RunEvent::kAsked:
      return event.asked().path();
    case RunEvent::kVoted:
      return event.voted().path();
    case RunEvent::kRunStarted:
    case RunEvent::kLockTaken:
    case RunEvent::kCancelRequested:
    case RunEvent::kPauseRequested:
    case RunEvent::kContinueRequested:
    case RunEvent::kPhaseEntered:
    case RunEvent::kIncidentAttached:
    case RunEvent::kRunFinished:
    case RunEvent::KIND_NOT_SET:
      break;
  }
  return {};
}

v1::PlaybookRun Apply(v1::PlaybookRun run, const RunEvent& event) {
  if (event.has_run_started()) return run.id().empty() ? event.run_started().run() : run;
  ApplyInPlace(run, event, [&run](std::string_view path) { return FindState(run, path); });
  return run;
}

v1::PlaybookRun ApplyRecord(v1::PlaybookRun run, const store::v1::RunRecord& record) {
  for (const RunEvent& event : record.events()) run = Apply(std::move(run), event);
  run.set_sequence(record.sequence());
  return run;
}

}  // namespace firebreak
