#include "firebreak/runs/decide.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/question.h"
#include "services/runs/resolve.h"

namespace firebreak {
namespace {

using Steps = google::protobuf::RepeatedPtrField<v1::Step>;
using store::v1::RunEvent;

v1::StepError ErrorOf(const absl::Status& status) {
  v1::StepError error;
  error.set_code(static_cast<int32_t>(status.code()));
  error.set_message(std::string(MessageOf(status)));
  return error;
}

struct NextStep {
  const v1::Step* step = nullptr;
  std::string path;
};

class Decider {
 public:
  Decider(const Program& program, const v1::PlaybookRun& run, const Vantage& vantage)
      : program_(program), run_(run), vantage_(vantage), run_deadline_(FromProto(run.deadline_at())) {
    if (!run.has_deadline_at()) run_deadline_ = absl::InfiniteFuture();
  }

  Move Next() const {
    if (HasEnded(run_)) return Finished{};
    if (run_.state() == v1::RUN_STATE_WAITING_FOR_LOCK) return WaitForLock();
    if (const v1::StepState* open = OpenStep()) return Continue(*open);
    switch (run_.phase()) {
      case v1::RUN_PHASE_UNDOING:
        return Undo();
      case v1::RUN_PHASE_HANDLING:
        return Handle();
      case v1::RUN_PHASE_FINISHING:
        return Close();
      case v1::RUN_PHASE_UNSPECIFIED:
      case v1::RUN_PHASE_FORWARD:
      case v1::RunPhase_INT_MIN_SENTINEL_DO_NOT_USE_:
      case v1::RunPhase_INT_MAX_SENTINEL_DO_NOT_USE_:
        break;
    }
    return Forward();
  }

 private:
  RunEvent NewEvent() const {
    RunEvent event;
    *event.mutable_time() = ToProto(vantage_.now);
    return event;
  }

  bool IsForward() const { return run_.phase() <= v1::RUN_PHASE_FORWARD; }

  const v1::StepState* OpenStep() const {
    for (const v1::StepState& state : run_.steps()) {
      if (state.phase() == v1::STEP_PHASE_STARTED || state.phase() == v1::STEP_PHASE_BACKING_OFF ||
          state.phase() == v1::STEP_PHASE_ASKING || state.phase() == v1::STEP_PHASE_IN_DOUBT) {
        return &state;
      }
    }
    return nullptr;
  }

  Move Fail(std::string_view path, const v1::StepError& error) const {
    RunEvent event = NewEvent();
    event.mutable_step_failed()->set_path(std::string(path));
    *event.mutable_step_failed()->mutable_error() = error;
    return Record{std::move(event)};
  }
  Move Fail(std::string_view path, const absl::Status& status) const { return Fail(path, ErrorOf(status)); }

  Move EnterPhase(v1::RunPhase phase, std::optional<v1::StepError> error = std::nullopt) const {
    RunEvent event = NewEvent();
    event.mutable_phase_entered()->set_phase(phase);
    if (error) *event.mutable_phase_entered()->mutable_error() = *std::move(error);
    return Record{std::move(event)};
  }

  Move Finish(v1::RunState state) const {
    RunEvent event = NewEvent();
    event.mutable_run_finished()->set_state(state);
    ListSkipped(program_.playbook().steps(), "", *event.mutable_run_finished());
    return Record{std::move(event)};
  }

  // Without the lock nothing may run, so a run that gives up here ends at once.
  Move WaitForLock() const {
    if (run_.cancel_requested()) return Finish(v1::RUN_STATE_CANCELLED);
    if (vantage_.now >= run_deadline_) return Finish(v1::RUN_STATE_FAILED);
    return WaitUntil{run_deadline_};
  }

  // --- a step that has begun
  // -------------------------------------------------------------------------------------------

  Move Continue(const v1::StepState& state) const {
    if (state.phase() == v1::STEP_PHASE_STARTED) return ContinueStarted(state);
    if (IsForward() && run_.cancel_requested())
      return Fail(state.path(), absl::CancelledError(StrCat("cancelled by ", run_.cancelled_by())));
    if (state.phase() == v1::STEP_PHASE_ASKING) {
      if (std::optional<Move> closed = CloseAsk(state)) return *std::move(closed);
    }
    if (IsForward() && vantage_.now >= run_deadline_)
      return Fail(state.path(), absl::DeadlineExceededError("the run's deadline has passed"));
    const absl::Time deadline = FromProto(state.deadline_at());
    const absl::Time limit = IsForward() ? std::min(deadline, run_deadline_) : deadline;
    if (state.phase() == v1::STEP_PHASE_IN_DOUBT) {
      if (IsForward()) return WaitUntil{run_deadline_};  // a person is asked; only they or the run's end settle it
      return vantage_.now >= deadline ? Fail(state.path(), state.error()) : Move(WaitUntil{deadline});
    }
    if (state.phase() == v1::STEP_PHASE_ASKING) return WaitUntil{limit};
    if (vantage_.now >= deadline) return Fail(state.path(), state.error());
    const absl::Time wake = FromProto(state.wake_at());
    if (vantage_.now < wake) return WaitUntil{std::min(wake, limit)};
    return StartAgain(state);
  }

  // A deadline that has passed does not stop the effect from being asked for once more: what the action answers then
  // decides. So a containment whose process was dead for an hour is still carried out.
  Move ContinueStarted(const v1::StepState& state) const {
    const ActionSpec* spec = program_.FindAction(state.action());
    if (spec == nullptr)
      return Fail(state.path(), absl::UnimplementedError(StrCat("action ", state.action(), " is not known here")));
    if (spec->action_class == ActionClass::kOnce && vantage_.own_intent != state.path()) {
      RunEvent event = NewEvent();
      event.mutable_step_in_doubt()->set_path(state.path());
      *event.mutable_step_in_doubt()->mutable_error() = ErrorOf(absl::UnavailableError(
          StrCat(state.action(), " may or may not have happened (next: firebreak run resolve)")));
      return Record{std::move(event)};
    }
    return Perform{state.path()};
  }

  Move StartAgain(const v1::StepState& state) const {
    RunEvent event = NewEvent();
    store::v1::StepStarted& started = *event.mutable_step_started();
    started.set_path(state.path());
    started.set_action(state.action());
    started.set_attempt(state.attempt() + 1);
    started.set_effect_id(state.effect_id());
    *started.mutable_inputs() = state.inputs();
    *started.mutable_deadline_at() = state.deadline_at();
    return Record{std::move(event)};
  }

  // One denial denies; enough distinct people approve; expiry denies. Votes recorded in time count even when looked at
  // late.
  std::optional<Move> CloseAsk(const v1::StepState& state) const {
    std::set<std::string> approvers;
    bool denied = false;
    for (const v1::Vote& vote : state.votes()) {
      if (!vote.approve()) denied = true;
      if (vote.approve() && vote.subject_digest() == state.subject_digest()) approvers.insert(vote.identity());
    }
    const bool approved = !denied && state.need() > 0 && approvers.size() >= state.need();
    const bool expired = vantage_.now >= FromProto(state.deadline_at());
    if (!approved && !denied && !expired) return std::nullopt;
    RunEvent event = NewEvent();
    event.mutable_step_done()->set_path(state.path());
    auto& outputs = *event.mutable_step_done()->mutable_outputs()->mutable_fields();
    outputs["decision"].set_string_value(approved ? "approve" : "deny");
    outputs["approved"].set_bool_value(approved);
    outputs["expired"].set_bool_value(!approved && !denied);
    outputs["approvers"].mutable_list_value();
    for (const std::string& identity : approvers)
      outputs["approvers"].mutable_list_value()->add_values()->set_string_value(identity);
    return Record{std::move(event)};
  }

  // --- the next step of each phase
  // -------------------------------------------------------------------------------------

  Move Forward() const {
    for (const v1::StepState& state : run_.steps()) {
      if (state.phase() != v1::STEP_PHASE_FAILED) continue;
      if (run_.cancel_requested()) return EnterPhase(v1::RUN_PHASE_HANDLING, CancelError());
      v1::StepError error = state.error();
      error.set_message(StrCat("step ", state.path(), ": ", error.message()));
      return EnterPhase(v1::RUN_PHASE_UNDOING, std::move(error));
    }
    const NextStep next = NextIn(program_.playbook().steps(), "", /*only_always=*/false);
    if (next.step == nullptr) return Finish(v1::RUN_STATE_SUCCEEDED);
    if (run_.cancel_requested()) return EnterPhase(v1::RUN_PHASE_HANDLING, CancelError());
    if (vantage_.now >= run_deadline_) {
      return EnterPhase(v1::RUN_PHASE_UNDOING, ErrorOf(absl::DeadlineExceededError("the run's deadline has passed")));
    }
    return Begin(next);
  }

  v1::StepError CancelError() const {
    return ErrorOf(absl::CancelledError(StrCat("cancelled by ", run_.cancelled_by())));
  }

  Move Undo() const {
    for (int i = run_.steps_size() - 1; i >= 0; --i) {
      const v1::StepState& state = run_.steps(i);
      if (IsUndoPath(state.path())) {
        // The target is no longer what we set, or cannot be reached: undoing further would be guessing.
        if (state.phase() == v1::STEP_PHASE_FAILED) return EnterPhase(v1::RUN_PHASE_HANDLING);
        continue;
      }
      if (state.phase() != v1::STEP_PHASE_DONE) continue;
      const v1::Step* step = program_.FindStep(state.path());
      if (step == nullptr || !step->has_undo()) continue;
      const ActionSpec* spec = program_.FindAction(step->do_().action());
      if (spec == nullptr || spec->keeps_on_failure) continue;  // fail-safe: containment stays
      return Begin({step, StrCat(state.path(), kUndoSuffix)});
    }
    return EnterPhase(v1::RUN_PHASE_HANDLING);
  }

  Move Handle() const {
    for (const v1::StepState& state : run_.steps()) {
      if (state.phase() == v1::STEP_PHASE_FAILED && std::string_view(state.path()).starts_with(kHandlerPrefix) &&
          !IsUndoPath(state.path())) {
        return EnterPhase(v1::RUN_PHASE_FINISHING);
      }
    }
    const NextStep next = NextIn(program_.playbook().on_failure(), std::string(kHandlerPrefix), /*only_always=*/false);
    if (next.step == nullptr) return EnterPhase(v1::RUN_PHASE_FINISHING);
    return Begin(next);
  }

  Move Close() const {
    const NextStep next = NextIn(program_.playbook().steps(), "", /*only_always=*/true);
    if (next.step != nullptr) return Begin(next);
    const bool cancelled =
        run_.error().code() == static_cast<int32_t>(absl::StatusCode::kCancelled) && run_.cancel_requested();
    return Finish(cancelled ? v1::RUN_STATE_CANCELLED : v1::RUN_STATE_FAILED);
  }

  NextStep NextIn(const Steps& steps, const std::string& prefix, bool only_always) const {
    for (const v1::Step& step : steps) {
      const std::string path = prefix + step.name();
      const v1::StepState* state = FindState(run_, path);
      if (state == nullptr) {
        if (only_always && !step.always()) continue;
        return {&step, path};
      }
      if (!step.has_branch() || state->phase() != v1::STEP_PHASE_DONE) continue;
      NextStep next = state->condition() ? NextIn(step.branch().then_steps(), path + "/then/", only_always)
                                         : NextIn(step.branch().else_steps(), path + "/else/", only_always);
      if (next.step != nullptr) return next;
    }
    return {};
  }

  void ListSkipped(const Steps& steps, const std::string& prefix, store::v1::RunFinished& finished) const {
    for (const v1::Step& step : steps) {
      const std::string path = prefix + step.name();
      if (FindState(run_, path) == nullptr) {
        finished.add_skipped(path);
        continue;
      }
      if (!step.has_branch()) continue;
      ListSkipped(step.branch().then_steps(), path + "/then/", finished);
      ListSkipped(step.branch().else_steps(), path + "/else/", finished);
    }
  }

  // --- beginning a step
  // ------------------------------------------------------------------------------------------------

  Move Begin(const NextStep& next) const {
    if (next.step->has_ask()) return BeginAsk(*next.step, next.path);
    if (next.step->has_branch()) return BeginBranch(*next.step, next.path);
    return BeginDo(*next.step, next.path);
  }

  Move BeginDo(const v1::Step& step, const std::string& path) const {
    const v1::DoStep& call = CallAt(step, path);
    const ActionSpec* spec = program_.FindAction(call.action());
    if (spec == nullptr)
      return Fail(path, absl::UnimplementedError(StrCat("action ", call.action(), " is not known here")));
    absl::StatusOr<google::protobuf::Struct> inputs = ResolveInputs(call, *spec, run_);
    if (!inputs.ok()) return Fail(path, inputs.status());
    RunEvent event = NewEvent();
    store::v1::StepStarted& started = *event.mutable_step_started();
    started.set_path(path);
    started.set_action(call.action());
    started.set_attempt(1);
    started.set_effect_id(EffectIdOf(run_.id(), path, 0, call.action(), *inputs).text());
    *started.mutable_inputs() = *std::move(inputs);
    const absl::Duration timeout = step.has_timeout() ? FromProto(step.timeout()) : kDefaultStepTimeout;
    *started.mutable_deadline_at() = ToProto(vantage_.now + timeout);
    return Record{std::move(event)};
  }

  Move BeginAsk(const v1::Step& step, const std::string& path) const {
    RunEvent event = NewEvent();
    store::v1::Asked& asked = *event.mutable_asked();
    asked.set_path(path);
    asked.set_question(ResolveText(step.ask().question(), ValuesOf(run_)));
    absl::StatusOr<std::string> subject = SubjectDigest(step.ask(), run_, path, asked.question());
    if (!subject.ok()) return Fail(path, subject.status());
    asked.set_subject_digest(*std::move(subject));
    *asked.mutable_roles() = step.ask().roles();
    asked.set_need(std::max<uint32_t>(1, step.ask().need()));
    for (const std::string& identity : step.ask().not_identities()) {
      const std::string& excluded = identity == "author" ? run_.playbook_author() : run_.started_by();
      if (!excluded.empty()) asked.add_not_identities(excluded);
    }
    const absl::Duration timeout = step.has_timeout() ? FromProto(step.timeout()) : kDefaultAskTimeout;
    *asked.mutable_deadline_at() = ToProto(vantage_.now + timeout);
    return Record{std::move(event)};
  }

  Move BeginBranch(const v1::Step& step, const std::string& path) const {
    const absl::StatusOr<google::protobuf::Value> condition =
        EvaluateText(step.branch().condition().text(), ValuesOf(run_));
    if (!condition.ok()) return Fail(path, condition.status());
    if (condition->kind_case() != google::protobuf::Value::kBoolValue)
      return Fail(path, absl::InvalidArgumentError("the condition is not a bool"));
    RunEvent event = NewEvent();
    event.mutable_branch_taken()->set_path(path);
    event.mutable_branch_taken()->set_condition(condition->bool_value());
    return Record{std::move(event)};
  }

  const Program& program_;
  const v1::PlaybookRun& run_;
  const Vantage& vantage_;
  absl::Time run_deadline_;
};

}  // namespace

Move Decide(const Program& program, const v1::PlaybookRun& run, const Vantage& vantage) {
  return Decider(program, run, vantage).Next();
}

}  // namespace firebreak
