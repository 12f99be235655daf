#include "firebreak/rehearsal/rehearsal.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_join.h"
#include "firebreak/base/json.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/runs/draw_run.h"
#include "services/rehearsal/stage.h"

namespace firebreak {
namespace {

// Any moment would do; a whole hour reads well in times shown to people.
absl::Time VirtualStart() { return absl::FromUnixSeconds(1767225600); }  // 2026-01-01T00:00:00Z

std::string StateWord(v1::RunState state) {
  if (state == v1::RUN_STATE_SUCCEEDED) return "succeeded";
  if (state == v1::RUN_STATE_FAILED) return "failed";
  return state == v1::RUN_STATE_CANCELLED ? "cancelled" : "unfinished";
}

bool IsReached(const v1::StepState& state) {
  return state.phase() != v1::STEP_PHASE_UNSPECIFIED && state.phase() != v1::STEP_PHASE_PENDING &&
         state.phase() != v1::STEP_PHASE_SKIPPED;
}

class Judge {
 public:
  Judge(const TestCase& one, const Stage& stage, RehearsalResult& result) : expect_(one.expect), stage_(stage), result_(result) {}

  void Run() {
    const std::string state = StateWord(result_.run.state());
    if (!expect_.state.empty() && state != expect_.state) {
      std::string why = result_.run.error().message();
      Fail(StrCat("ended as ", state, ", not as ", expect_.state, why.empty() ? "" : StrCat(" (", why, ")")));
    }
    for (const std::string& step : expect_.reached) {
      if (!Any(step, IsReached)) Fail(StrCat("step ", step, " was not reached"));
    }
    for (const std::string& step : expect_.not_reached) {
      if (Any(step, IsReached)) Fail(StrCat("step ", step, " was reached"));
    }
    for (const std::string& step : expect_.failed) {
      if (!Any(step, [](const v1::StepState& state_) { return state_.phase() == v1::STEP_PHASE_FAILED; }))
        Fail(StrCat("step ", step, " has not failed"));
    }
    for (const std::string& step : expect_.undone) {
      if (!Any(step, [](const v1::StepState& state_) { return state_.phase() == v1::STEP_PHASE_UNDONE; }))
        Fail(StrCat("step ", step, " was not undone"));
    }
    if (expect_.calls && *expect_.calls != stage_.calls()) {
      Fail(StrCat("performed [", absl::StrJoin(stage_.calls(), ", "), "], not [", absl::StrJoin(*expect_.calls, ", "), "]"));
    }
    for (const auto& [name, value] : expect_.outputs) Output(name, value);
    if (expect_.within && result_.took > *expect_.within)
      Fail(StrCat("took ", absl::FormatDuration(result_.took), ", more than ", absl::FormatDuration(*expect_.within)));
  }

 private:
  void Fail(std::string what) { result_.failures.push_back(std::move(what)); }

  bool Any(std::string_view step, const std::function<bool(const v1::StepState&)>& holds) const {
    return std::any_of(result_.run.steps().begin(), result_.run.steps().end(), [&](const v1::StepState& state) {
      return (NamesStep(step, state.path()) || WithoutUndo(state.path()) == step) && holds(state);
    });
  }

  static std::string_view WithoutUndo(std::string_view path) { return IsUndoPath(path) ? std::string_view() : path; }

  // "plan.eligible": of the last instance of the step.
  void Output(const std::string& name, const google::protobuf::Value& wanted) {
    const size_t dot = name.rfind('.');
    const std::string step = name.substr(0, dot);
    const std::string field = dot == std::string::npos ? "" : name.substr(dot + 1);
    const v1::StepState* last = nullptr;
    for (const v1::StepState& state : result_.run.steps()) {
      if (!IsUndoPath(state.path()) && NamesStep(step, state.path())) last = &state;
    }
    const auto found = last == nullptr ? google::protobuf::Map<std::string, google::protobuf::Value>::const_iterator()
                                       : last->outputs().fields().find(field);
    if (last == nullptr || found == last->outputs().fields().end()) return Fail(StrCat(name, " has no value"));
    if (PrintJson(found->second) != PrintJson(wanted))
      Fail(StrCat(name, " is ", PrintJson(found->second), ", not ", PrintJson(wanted)));
  }

  const CaseExpectation& expect_;
  const Stage& stage_;
  RehearsalResult& result_;
};

void Names(const google::protobuf::RepeatedPtrField<v1::Step>& steps, std::vector<std::string>& names) {
  for (const v1::Step& step : steps) {
    names.push_back(step.name());
    Names(step.branch().then_steps(), names);
    Names(step.branch().else_steps(), names);
    Names(step.loop().steps(), names);
    for (const v1::SwitchCase& one : step.choice().cases()) Names(one.steps(), names);
    Names(step.choice().default_steps(), names);
    Names(step.parallel().branches(), names);
    Names(step.group().steps(), names);
    Names(step.for_each().steps(), names);
  }
}

}  // namespace

RehearsalResult Rehearse(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions,
                         const Program::Children& children, const TestCase& one) {
  RehearsalResult result;
  result.name = one.name;
  const Program program(playbook, actions, children);
  if (!program.status().ok()) {
    result.failures.emplace_back(MessageOf(program.status()));
    return result;
  }
  v1::StoredPlaybook stored;
  *stored.mutable_playbook() = playbook;
  stored.set_stored_by("author");
  absl::StatusOr<v1::PlaybookRun> run = DrawRun(
      {.playbook = stored, .incident = one.incident, .inputs = one.inputs, .started_by = one.started_by, .reason = "rehearsal"},
      VirtualStart());
  if (!run.ok()) {
    result.failures.emplace_back(MessageOf(run.status()));
    return result;
  }
  run->set_id("RUN-1");
  run->set_state(v1::RUN_STATE_RUNNING);
  Stage stage(program, one, *std::move(run), VirtualStart(), result);
  stage.Play();
  if (result.ok()) Judge(one, stage, result).Run();
  return result;
}

std::vector<std::string> StepsNotReached(const v1::Playbook& playbook, absl::Span<const RehearsalResult> results) {
  std::vector<std::string> names;
  Names(playbook.steps(), names);
  Names(playbook.on_failure(), names);
  std::set<std::string, std::less<>> reached;
  for (const RehearsalResult& result : results) {
    for (const v1::StepState& state : result.run.steps()) {
      if (IsReached(state)) reached.emplace(StepNameOf(state.path()));
    }
  }
  names.erase(std::remove_if(names.begin(), names.end(), [&](const std::string& name) { return reached.count(name) > 0; }),
              names.end());
  return names;
}

TestCase CaseFromRun(const v1::PlaybookRun& run) {
  TestCase one;
  one.name = run.id();
  one.inputs = run.inputs();
  one.started_by = run.started_by();
  const auto& values = run.incident_values().fields();
  const auto text = [&values](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second.string_value();
  };
  one.incident.set_id(run.incident());
  one.incident.set_title(text("title"));
  one.incident.set_kind(text("kind"));
  one.incident.set_model(text("model"));
  one.incident.set_environment(text("environment"));
  one.incident.set_deployment(text("deployment"));
  one.incident.set_snapshot(text("snapshot"));
  one.incident.set_snapshot_digest(text("snapshot_digest"));
  one.incident.set_opened_by(text("opened_by"));
  if (const auto severity = values.find("severity"); severity != values.end())
    one.incident.set_severity(static_cast<uint32_t>(severity->second.number_value()));
  one.expect.state = StateWord(run.state());
  for (const v1::StepState& state : run.steps()) {
    if (!IsReached(state)) {
      one.expect.not_reached.push_back(state.path());
      continue;
    }
    one.expect.reached.push_back(state.path());
    for (const v1::Vote& vote : state.votes()) {
      one.votes.push_back({.step = state.path(), .by = vote.identity(), .as = "", .approve = vote.approve(),
                           .at = FromProto(vote.time()) - FromProto(state.started_at())});
    }
    if (state.action().empty()) continue;
    DeclaredOutcome outcome;
    outcome.outputs = state.outputs();
    outcome.takes = std::max(absl::ZeroDuration(), FromProto(state.ended_at()) - FromProto(state.started_at()));
    if (state.phase() == v1::STEP_PHASE_FAILED) {
      outcome.fail = absl::StatusCodeToString(static_cast<absl::StatusCode>(state.error().code()));
      outcome.message = state.error().message();
    }
    one.outcomes[state.path()] = {outcome};
  }
  return one;
}

}  // namespace firebreak
