#include "services/runs/foretell.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/runs/decide.h"
#include "firebreak/runs/loaded_run.h"
#include "firebreak/runs/outcome.h"
#include "services/runs/walker.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

constexpr int kMovesMax = 10000;       // decisions of one plan
constexpr int kPlannedStepsMax = 1000;
constexpr size_t kShownBytesMax = 300;

std::string Shown(const google::protobuf::Struct& outputs) {
  std::string text = PrintJson(outputs);
  if (text.size() <= kShownBytesMax) return text;
  size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

bool LacksValue(const v1::StepError& error) {
  return error.code() == static_cast<int32_t>(absl::StatusCode::kFailedPrecondition) &&
         std::string_view(error.message()).find(" has no value") != std::string_view::npos;
}

class Foreteller {
 public:
  Foreteller(const Program& program, const ActionCatalogue& actions, absl::Time now, v1::RunPlan& plan)
      : program_(program), actions_(actions), now_(now), plan_(plan), run_(program, v1::PlaybookRun()) {}

  void Go(const v1::PlaybookRun& drawn) {
    RunEvent start = NewEvent();
    *start.mutable_run_started()->mutable_run() = drawn;
    start.mutable_run_started()->mutable_run()->set_id("RUN-0");
    run_.Take(start);
    for (int moves = 0; moves < kMovesMax && plan_.steps_size() < kPlannedStepsMax; ++moves) {
      Move move = Decide(run_, {now_, "", &own_});
      if (std::holds_alternative<Finished>(move)) break;
      if (auto* record = std::get_if<Record>(&move)) {
        TakeRecord(std::move(record->event));
      } else if (const auto* perform = std::get_if<Perform>(&move)) {
        for (const std::string& path : perform->paths) PerformOrPreview(path);
      } else if (!PassTime(std::get<WaitUntil>(move).until)) {
        break;
      }
    }
    ListNotReached(program_.steps(), "");
    AddUp();
  }

 private:
  RunEvent NewEvent() const {
    RunEvent event;
    *event.mutable_time() = ToProto(now_);
    return event;
  }

  v1::PlannedStep& PlannedAt(const std::string& path) {
    const auto known = places_.find(path);
    if (known != places_.end()) return *plan_.mutable_steps(known->second);
    places_[path] = plan_.steps_size();
    v1::PlannedStep& step = *plan_.add_steps();
    step.set_path(path);
    const Node* node = program_.FindNode(path);
    step.set_always(node != nullptr && node->step->always());
    return step;
  }

  void TakeRecord(RunEvent event) {
    if (event.has_step_failed() && !event.step_failed().by_children() && unknown_ && LacksValue(event.step_failed().error()))
      return KnownThen(event.step_failed().path(), event.step_failed().error().message());
    if (event.has_step_failed() && !event.step_failed().by_children()) {
      v1::PlannedStep& step = PlannedAt(event.step_failed().path());
      step.set_outcome(v1::PLANNED_OUTCOME_FAILS);
      step.set_note(event.step_failed().error().message());
    } else if (event.has_step_started()) {
      own_.insert(event.step_started().path());
    } else if (event.has_asked()) {
      Ask(event.asked());
    } else if (event.has_step_entered()) {
      v1::PlannedStep& step = PlannedAt(event.step_entered().path());
      step.set_outcome(v1::PLANNED_OUTCOME_DECIDES);
      step.set_then(event.step_entered().branch());
      if (event.step_entered().has_items()) step.set_then(StrCat(event.step_entered().items().values_size(), " elements"));
    }
    run_.Take(event);
  }

  void Ask(const store::v1::Asked& asked) {
    v1::PlannedStep& step = PlannedAt(asked.path());
    step.set_outcome(v1::PLANNED_OUTCOME_ASKS);
    step.set_question(asked.question());
    *step.mutable_roles() = asked.roles();
    *step.mutable_not_identities() = asked.not_identities();
    step.set_need(asked.need());
    *step.mutable_at_most() = ToProto(FromProto(asked.deadline_at()) - now_);
  }

  // What a step needs will only be answered by one before it that changes something.
  void KnownThen(const std::string& path, const std::string& why) {
    const Node* node = program_.FindNode(path);
    v1::PlannedStep& step = PlannedAt(path);
    step.set_outcome(v1::PLANNED_OUTCOME_KNOWN_THEN);
    step.set_note(why);
    if (node != nullptr && node->kind == StepKind::kDo) Describe(*node, node->step->do_().action(), step);
    if (node != nullptr && node->kind == StepKind::kAsk) {
      step.set_need(std::max<uint32_t>(1, node->step->ask().need()));
      *step.mutable_roles() = node->step->ask().roles();
      step.set_question(node->step->ask().question());
    }
    if (node != nullptr) {
      for (const NodeList& list : node->lists) ListMaybe(list, node->IsLoop() ? StrCat(path, "[1]") : path);
    }
    if (run_.Find(path) == nullptr) {
      RunEvent entered = NewEvent();
      entered.mutable_step_entered()->set_path(path);
      entered.mutable_step_entered()->set_branch("none");
      run_.Take(entered);
    }
    RunEvent done = NewEvent();
    done.mutable_step_done()->set_path(path);
    run_.Take(done);
  }

  void ListMaybe(const NodeList& list, const std::string& path) {
    for (const Node* node : list.nodes) {
      if (plan_.steps_size() >= kPlannedStepsMax) return;
      const std::string child = path + list.link + node->step->name();
      v1::PlannedStep& step = PlannedAt(child);
      if (step.outcome() != v1::PLANNED_OUTCOME_UNSPECIFIED) continue;
      step.set_outcome(v1::PLANNED_OUTCOME_MAYBE);
      if (node->kind == StepKind::kDo) Describe(*node, node->step->do_().action(), step);
      if (node->kind == StepKind::kAsk) {
        step.set_need(std::max<uint32_t>(1, node->step->ask().need()));
        *step.mutable_roles() = node->step->ask().roles();
        step.set_question(node->step->ask().question());
      }
      for (const NodeList& lower : node->lists) ListMaybe(lower, node->IsLoop() ? StrCat(child, "[1]") : child);
    }
  }

  void ListNotReached(const NodeList& list, const std::string& path) {
    for (const Node* node : list.nodes) {
      if (plan_.steps_size() >= kPlannedStepsMax) return;
      const std::string child = path + list.link + node->step->name();
      if (places_.count(child) == 0) PlannedAt(child).set_outcome(v1::PLANNED_OUTCOME_NOT_REACHED);
    }
  }

  void Describe(const Node& node, const std::string& action, v1::PlannedStep& step) const {
    step.set_action(action);
    const ActionSpec* spec = program_.FindAction(action);
    if (spec == nullptr) return;
    step.set_action_class(std::string(ActionClassName(spec->action_class)));
    step.set_changes_production(spec->changes_production);
    if (step.then().empty()) step.set_then(spec->about);
    if (!step.has_expected() && spec->typical > absl::ZeroDuration()) *step.mutable_expected() = ToProto(spec->typical);
    const absl::Duration timeout = node.step->has_timeout() ? FromProto(node.step->timeout()) : kDefaultStepTimeout;
    *step.mutable_at_most() = ToProto(timeout);
  }

  void PerformOrPreview(const std::string& path) {
    const v1::StepState state = *run_.Find(path);
    const Node* node = program_.FindNode(path);
    const ActionSpec* spec = program_.FindAction(state.action());
    Action* action = actions_.Find(state.action());
    v1::PlannedStep& step = PlannedAt(path);
    *step.mutable_inputs() = state.inputs();
    ActionCall call;
    call.inputs = state.inputs();
    call.incident = IncidentId(run_.run().incident());
    call.deployment = DeploymentName(run_.run().deployment());
    call.started_by = Identity(run_.run().started_by());
    if (action == nullptr || spec == nullptr || node == nullptr) {
      step.set_note(StrCat("action ", state.action(), " is not known here"));
      step.set_outcome(v1::PLANNED_OUTCOME_FAILS);
      return TakeOutcome(path, absl::UnimplementedError(step.note()));
    }
    if (spec->action_class == ActionClass::kRead && !changed_) {
      Read(path, *action, call, step);
    } else {
      Preview(path, *spec, *action, call, step);
    }
    Describe(*node, state.action(), step);
  }

  void Read(const std::string& path, Action& action, const ActionCall& call, v1::PlannedStep& step) {
    const absl::StatusOr<ActionResult> result = action.Perform(call);
    step.set_outcome(v1::PLANNED_OUTCOME_READS);
    if (!result.ok()) {
      step.set_outcome(v1::PLANNED_OUTCOME_FAILS);
      step.set_note(std::string(MessageOf(result.status())));
      return TakeOutcome(path, result.status());
    }
    if (const auto* done = std::get_if<ActionDone>(&*result)) {
      step.set_now(Shown(done->outputs));
      return TakeOutcome(path, *done);
    }
    step.set_outcome(v1::PLANNED_OUTCOME_KNOWN_THEN);
    step.set_note(StrCat("waits for ", std::get<ActionPending>(*result).waiting_for));
    unknown_ = true;
    TakeOutcome(path, ActionDone{});
  }

  // A read after a change would see another world: what it answers now is shown, and taken as what it may answer then.
  void Preview(const std::string& path, const ActionSpec& spec, Action& action, const ActionCall& call, v1::PlannedStep& step) {
    if (spec.action_class == ActionClass::kRead) {
      const absl::StatusOr<ActionResult> result = action.Perform(call);
      const ActionDone* done = result.ok() ? std::get_if<ActionDone>(&*result) : nullptr;
      step.set_outcome(done != nullptr ? v1::PLANNED_OUTCOME_READS : v1::PLANNED_OUTCOME_KNOWN_THEN);
      step.set_now(done != nullptr ? Shown(done->outputs) : "");
      step.set_note(result.ok() ? (done != nullptr ? "as things are now; read again after the steps before it"
                                                   : "waits for what the steps before it do")
                                : StrCat("as things are now it would fail: ", MessageOf(result.status())));
      unknown_ = true;
      return TakeOutcome(path, done != nullptr ? *done : ActionDone{});
    }
    const absl::StatusOr<ActionPreview> preview = action.Preview(call);
    if (!preview.ok() && !changed_) {
      step.set_outcome(v1::PLANNED_OUTCOME_FAILS);
      step.set_note(std::string(MessageOf(preview.status())));
      return TakeOutcome(path, preview.status());
    }
    unknown_ = true;
    changed_ = true;
    if (!preview.ok()) {
      step.set_outcome(v1::PLANNED_OUTCOME_KNOWN_THEN);
      step.set_note(StrCat("as things are now it would fail: ", MessageOf(preview.status())));
      return TakeOutcome(path, ActionDone{});
    }
    step.set_outcome(!preview->now.empty() && preview->now == preview->then ? v1::PLANNED_OUTCOME_UNCHANGED : v1::PLANNED_OUTCOME_CHANGES);
    step.set_now(preview->now);
    step.set_then(preview->then);
    step.set_blast_radius(preview->blast_radius);
    if (preview->expected > absl::ZeroDuration()) *step.mutable_expected() = ToProto(preview->expected);
    TakeOutcome(path, ActionDone{preview->outputs});
  }

  // The outcome itself, whether its outputs are complete or not.
  void TakeOutcome(const std::string& path, const absl::StatusOr<ActionDone>& outcome) {
    RunEvent event = NewEvent();
    if (outcome.ok()) {
      event.mutable_step_done()->set_path(path);
      *event.mutable_step_done()->mutable_outputs() = outcome->outputs;
    } else {
      event.mutable_step_failed()->set_path(path);
      *event.mutable_step_failed()->mutable_error() = ErrorOf(outcome.status());
      const v1::Step* step = program_.FindStep(path);
      event.mutable_step_failed()->set_continued(step != nullptr && step->continue_on_failure());
    }
    run_.Take(event);
  }

  // Questions are taken as approved; everything else that waits, waits. False when nothing ever comes.
  bool PassTime(absl::Time until) {
    for (const v1::StepState* state : run_.open()) {
      if (state->phase() != v1::STEP_PHASE_ASKING) continue;
      RunEvent event = NewEvent();
      event.mutable_step_done()->set_path(state->path());
      auto& outputs = *event.mutable_step_done()->mutable_outputs()->mutable_fields();
      outputs["decision"].set_string_value("approve");
      outputs["approved"].set_bool_value(true);
      outputs["expired"].set_bool_value(false);
      outputs["approvers"].mutable_list_value();
      run_.Take(event);
      return true;
    }
    if (until == absl::InfiniteFuture() || until <= now_) return false;
    waited_ += until - now_;
    now_ = until;
    return true;
  }

  void AddUp() {
    absl::Duration expected = waited_;
    absl::Duration at_most = waited_;
    uint32_t approvals = 0;
    for (const v1::PlannedStep& step : plan_.steps()) {
      approvals += step.need();
      if (step.has_expected()) expected += FromProto(step.expected());
      if (step.has_at_most()) at_most += FromProto(step.at_most());
    }
    plan_.set_approvals(approvals);
    *plan_.mutable_expected() = ToProto(expected);
    *plan_.mutable_at_most() = ToProto(at_most);
  }

  const Program& program_;
  const ActionCatalogue& actions_;
  absl::Time now_;
  v1::RunPlan& plan_;
  LoadedRun run_;
  OwnIntents own_;
  std::map<std::string, int> places_;
  bool unknown_ = false;   // some step's outputs are known then only
  bool changed_ = false;   // some step would have changed the world by now
  absl::Duration waited_;
};

}  // namespace

void Foretell(const Program& program, const v1::PlaybookRun& drawn, const ActionCatalogue& actions, absl::Time now,
              v1::RunPlan& plan) {
  Foreteller(program, actions, now, plan).Go(drawn);
}

}  // namespace firebreak
