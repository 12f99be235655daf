// Single acts that have begun: effects, questions, waiting.
#include <algorithm>
#include <set>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "services/runs/walker.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

}  // namespace

v1::StepError ErrorOf(const absl::Status& status) {
  v1::StepError error;
  error.set_code(static_cast<int32_t>(status.code()));
  error.set_message(std::string(MessageOf(status)));
  return error;
}

RunEvent Walker::NewEvent() const {
  RunEvent event;
  *event.mutable_time() = ToProto(vantage_.now);
  return event;
}

Move Walker::TakeMove() {
  if (record_) return Record{*std::move(record_)};
  if (!perform_.empty()) {
    const std::string first = perform_.front();
    return Perform{first, std::move(perform_), until_};
  }
  return WaitUntil{until_};
}

Walker::Standing Walker::Fail(std::string_view path, const v1::StepError& error) {
  RunEvent event = NewEvent();
  store::v1::StepFailed& failed = *event.mutable_step_failed();
  failed.set_path(std::string(path));
  *failed.mutable_error() = error;
  const v1::Step* step = IsUndoPath(path) ? nullptr : program_.FindStep(path);
  failed.set_continued(step != nullptr && step->continue_on_failure());
  Answer(std::move(event));
  return Standing::kBusy;
}

Walker::Standing Walker::Settle(const v1::StepState& state, const v1::StepError& why) {
  if (state.phase() == v1::STEP_PHASE_STARTED) return LookStarted(state);
  if (state.phase() == v1::STEP_PHASE_ASKING && CloseAsk(state)) return Standing::kBusy;
  return Fail(state.path(), why);
}

Walker::Standing Walker::LookLeaf(const Node& node, const v1::StepState& state, const Way& way) {
  if (way.abandon) return Settle(state, *way.abandon);
  if (state.phase() == v1::STEP_PHASE_STARTED) return LookStarted(state);
  if (state.phase() == v1::STEP_PHASE_ASKING && CloseAsk(state)) return Standing::kBusy;
  if (IsForward() && vantage_.now >= run_deadline_ && !run_.run().paused())
    return Fail(state.path(), absl::DeadlineExceededError("the run's deadline has passed"));
  const absl::Time wake = FromProto(state.wake_at());
  if (state.phase() == v1::STEP_PHASE_DELAYED) {
    if (!way.begins) return Standing::kStopped;
    if (vantage_.now >= wake) return BeginNow(node, state.path());
    AwaitUntil(IsForward() ? std::min(wake, run_deadline_) : wake);
    return Standing::kBusy;
  }
  const absl::Time deadline = FromProto(state.deadline_at());
  const absl::Time limit = IsForward() ? std::min(deadline, run_deadline_) : deadline;
  if (state.phase() == v1::STEP_PHASE_IN_DOUBT) {
    // A person is asked; only they or the run's end settle it.
    if (!IsForward() && vantage_.now >= deadline) return Fail(state.path(), state.error());
    AwaitUntil(IsForward() ? run_deadline_ : deadline);
    return Standing::kBusy;
  }
  if (state.phase() == v1::STEP_PHASE_ASKING) {
    AwaitUntil(limit);
    return Standing::kBusy;
  }
  if (!way.begins) return Standing::kStopped;  // paused: no further attempt
  if (vantage_.now >= deadline) return Fail(state.path(), state.error());
  if (vantage_.now < wake) {
    AwaitUntil(std::min(wake, limit));
    return Standing::kBusy;
  }
  StartAgain(state);
  return Standing::kBusy;
}

// A deadline that has passed does not stop the effect from being asked for once more: what the action answers then
// decides. So a containment whose process was dead for an hour is still carried out.
Walker::Standing Walker::LookStarted(const v1::StepState& state) {
  const ActionSpec* spec = program_.FindAction(state.action());
  if (spec == nullptr)
    return Fail(state.path(), absl::UnimplementedError(StrCat("action ", state.action(), " is not known here")));
  if (spec->action_class == ActionClass::kOnce && !vantage_.IsOwn(state.path())) {
    RunEvent event = NewEvent();
    event.mutable_step_in_doubt()->set_path(state.path());
    *event.mutable_step_in_doubt()->mutable_error() = ErrorOf(absl::UnavailableError(
        StrCat(state.action(), " may or may not have happened (next: firebreak run resolve)")));
    Answer(std::move(event));
    return Standing::kBusy;
  }
  perform_.push_back(state.path());
  return Standing::kBusy;
}

void Walker::StartAgain(const v1::StepState& state) {
  RunEvent event = NewEvent();
  store::v1::StepStarted& started = *event.mutable_step_started();
  started.set_path(state.path());
  started.set_action(state.action());
  started.set_attempt(state.attempt() + 1);
  started.set_effect_id(state.effect_id());
  *started.mutable_inputs() = state.inputs();
  *started.mutable_deadline_at() = state.deadline_at();
  Answer(std::move(event));
}

// One denial denies; enough distinct people approve; expiry denies. Votes recorded in time count even when looked at
// late. False while it is still open.
bool Walker::CloseAsk(const v1::StepState& state) {
  std::set<std::string> approvers;
  bool denied = false;
  for (const v1::Vote& vote : state.votes()) {
    if (!vote.approve()) denied = true;
    if (vote.approve() && vote.subject_digest() == state.subject_digest()) approvers.insert(vote.identity());
  }
  const bool approved = !denied && state.need() > 0 && approvers.size() >= state.need();
  const bool expired = vantage_.now >= FromProto(state.deadline_at());
  if (!approved && !denied && !expired) return false;
  RunEvent event = NewEvent();
  event.mutable_step_done()->set_path(state.path());
  auto& outputs = *event.mutable_step_done()->mutable_outputs()->mutable_fields();
  outputs["decision"].set_string_value(approved ? "approve" : "deny");
  outputs["approved"].set_bool_value(approved);
  outputs["expired"].set_bool_value(!approved && !denied);
  outputs["approvers"].mutable_list_value();
  for (const std::string& identity : approvers)
    outputs["approvers"].mutable_list_value()->add_values()->set_string_value(identity);
  Answer(std::move(event));
  return true;
}

}  // namespace firebreak
