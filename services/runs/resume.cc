#include "services/runs/resume.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/runs/decide.h"

namespace firebreak {
namespace {

enum class Order { kBefore, kAround, kSame, kAfter, kBeside };

std::string_view StateText(v1::StepPhase phase) {
  if (phase == v1::STEP_PHASE_FAILED) return "failed";
  if (phase == v1::STEP_PHASE_UNDONE) return "was undone";
  if (phase == v1::STEP_PHASE_SKIPPED) return "was never begun";
  return "did not end";
}

size_t PlaceIn(const NodeList& list, const Node* node) {
  return static_cast<size_t>(std::find(list.nodes.begin(), list.nodes.end(), node) - list.nodes.begin());
}

// The list `node` stands in.
const NodeList& ListOf(const Program& program, const Node& node) {
  if (node.parent == nullptr) return node.link == kHandlerPrefix ? program.handlers() : program.steps();
  for (const NodeList& list : node.parent->lists) {
    if (PlaceIn(list, &node) < list.nodes.size()) return list;
  }
  return node.parent->handlers;
}

// How `path` stands to the step that is done anew.
Order OrderOf(const Program& program, std::string_view path, std::string_view anew) {
  if (path == anew) return Order::kSame;
  const Node* a = program.FindNode(path);
  const Node* b = program.FindNode(anew);
  std::vector<const Node*> line_a;
  std::vector<const Node*> line_b;
  for (; a != nullptr; a = a->parent) line_a.insert(line_a.begin(), a);
  for (; b != nullptr; b = b->parent) line_b.insert(line_b.begin(), b);
  for (size_t i = 0; i < std::min(line_a.size(), line_b.size()); ++i) {
    if (line_a[i] != line_b[i]) {
      if (line_a[i]->parent != nullptr && line_a[i]->parent->kind == StepKind::kParallel) return Order::kBeside;
      const NodeList& list = ListOf(program, *line_a[i]);
      return PlaceIn(list, line_a[i]) < PlaceIn(list, line_b[i]) ? Order::kBefore : Order::kAfter;
    }
    const uint32_t round_a = RoundOf(PathPrefix(path, line_a[i]->depth));
    const uint32_t round_b = RoundOf(PathPrefix(anew, line_b[i]->depth));
    const bool inside_both = i + 1 < line_a.size() && i + 1 < line_b.size();
    if (inside_both && round_a != round_b) return round_a < round_b ? Order::kBefore : Order::kAfter;
  }
  return line_a.size() < line_b.size() ? Order::kAround : Order::kAfter;   // after: a part of what is done anew
}

bool EndedWell(const v1::StepState& state) {
  return state.phase() == v1::STEP_PHASE_DONE || (state.phase() == v1::STEP_PHASE_FAILED && state.continued());
}

bool IsHandler(std::string_view path) {
  return path.starts_with(kHandlerPrefix) || path.find("/on_failure/") != std::string_view::npos;
}

// The step around the one that is done anew, as it was while it was being worked through.
v1::StepState Reopened(const v1::StepState& state, const Node& node, std::string_view anew) {
  v1::StepState open = state;
  open.set_phase(v1::STEP_PHASE_OPEN);
  open.clear_error();
  open.clear_outputs();
  open.clear_ended_at();
  open.clear_ended_order();
  open.clear_deadline_at();
  if (node.kind == StepKind::kIf && open.branch().empty()) open.set_branch(open.condition() ? "then" : "else");
  if (node.IsLoop()) open.set_round(RoundOf(PathPrefix(anew, node.depth)));
  return open;
}

// An approval counts on only when an effect behind it was made: else it is asked again, and whatever was entered after it is
// entered anew, so that a branch that looked at the old answer looks at the new one. No effect is among it.
void DropUnusedApprovals(const Program& program, google::protobuf::RepeatedPtrField<v1::StepState>& steps) {
  int last_effect = -1;
  for (int i = 0; i < steps.size(); ++i) {
    const ActionSpec* spec = program.FindAction(steps[i].action());
    if (spec != nullptr && spec->action_class != ActionClass::kRead) last_effect = i;
  }
  for (int i = last_effect + 1; i < steps.size(); ++i) {
    if (steps[i].need() == 0) continue;
    steps.DeleteSubrange(i, steps.size() - i);
    return;
  }
}

// Whether a step at `path` would be walked again: everything around it is being worked through.
bool StandsInOpenSteps(const Program& program, std::string_view path, std::string_view anew) {
  const Node* node = program.FindNode(path);
  for (const Node* around = node->parent; around != nullptr; around = around->parent) {
    if (OrderOf(program, WithoutRound(PathPrefix(path, around->depth)), anew) != Order::kAround) return false;
  }
  return true;
}

// Whether the run had already put something else into production: containing again would take that out.
bool ChangedProduction(const Program& program, const v1::PlaybookRun& old) {
  return std::any_of(old.steps().begin(), old.steps().end(), [&](const v1::StepState& state) {
    const ActionSpec* spec = program.FindAction(state.action());
    return spec != nullptr && spec->changes_production && !spec->keeps_on_failure;
  });
}

// What contains is asked for once more: a person may have lifted it since, and asking twice is harmless.
bool ContainsAnew(const Program& program, const v1::StepState& state, std::string_view anew) {
  const ActionSpec* spec = program.FindAction(state.action());
  return spec != nullptr && spec->keeps_on_failure && spec->action_class == ActionClass::kConverge &&
         StandsInOpenSteps(program, state.path(), anew);
}

absl::Status TakeOver(const Program& program, const v1::PlaybookRun& old, std::string_view anew, v1::PlaybookRun& run) {
  const bool changed_production = ChangedProduction(program, old);
  for (const v1::StepState& state : old.steps()) {
    const std::string_view path = state.path();
    const Node* node = program.FindNode(path);
    if (node == nullptr || IsUndoPath(path) || IsHandler(path)) continue;
    const Order order = OrderOf(program, path, anew);
    if (order == Order::kSame || order == Order::kAfter) continue;
    if (order == Order::kAround) {
      *run.add_steps() = Reopened(state, *node, anew);
      continue;
    }
    if (!EndedWell(state)) {
      if (order == Order::kBeside || (state.phase() == v1::STEP_PHASE_SKIPPED && node->parent != nullptr)) continue;
      return absl::FailedPreconditionError(StrCat("step ", path, " comes before ", anew, " and ", StateText(state.phase()),
                                                  " (next: resume from ", path, ")"));
    }
    if (!changed_production && ContainsAnew(program, state, anew)) continue;
    v1::StepState& taken = *run.add_steps();
    taken = state;
    taken.set_adopted(true);
    run.set_ended_steps(std::max(run.ended_steps(), state.ended_order()));
  }
  DropUnusedApprovals(program, *run.mutable_steps());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PlaybookRun> DrawResumed(const Program& program, const v1::PlaybookRun& old, const std::string& step,
                                            absl::Time now) {
  if (old.state() != v1::RUN_STATE_FAILED && old.state() != v1::RUN_STATE_CANCELLED) {
    return absl::FailedPreconditionError(
        StrCat(old.id(), " has neither failed nor been cancelled: there is nothing to go on from"));
  }
  const Node* node = program.FindNode(step);
  if (node == nullptr || IsUndoPath(step) || IsHandler(step))
    return absl::NotFoundError(StrCat(old.id(), " has no step ", step, " to go on from (next: firebreak run show ", old.id(), ")"));
  for (const Node* around = node->parent; around != nullptr; around = around->parent) {
    const std::string path(WithoutRound(PathPrefix(step, around->depth)));
    const v1::StepState* state = FindState(old, path);
    if (state == nullptr || state->phase() == v1::STEP_PHASE_SKIPPED)
      return absl::FailedPreconditionError(StrCat("step ", path, " around ", step, " was never begun (next: resume from ", path, ")"));
  }
  v1::PlaybookRun run;
  run.set_playbook(old.playbook());
  run.set_playbook_digest(old.playbook_digest());
  run.set_playbook_author(old.playbook_author());
  run.set_incident(old.incident());
  run.set_deployment(old.deployment());
  run.set_lock_key(old.lock_key());
  run.set_severity(old.severity());
  run.set_if_locked("wait");
  run.set_state(v1::RUN_STATE_RUNNING);
  run.set_phase(v1::RUN_PHASE_FORWARD);
  *run.mutable_inputs() = old.inputs();
  *run.mutable_incident_values() = old.incident_values();
  run.set_resumed_from(old.id());
  run.set_resumed_step(step);
  *run.mutable_started_at() = ToProto(now);
  const v1::Playbook& playbook = program.playbook();
  *run.mutable_deadline_at() =
      ToProto(now + (playbook.has_timeout() ? FromProto(playbook.timeout()) : kDefaultRunTimeout));
  absl::Status taken = TakeOver(program, old, step, run);
  if (!taken.ok()) return taken;
  return run;
}

}  // namespace firebreak
