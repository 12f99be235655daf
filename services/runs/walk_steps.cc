// Steps made of steps: which of their lists is worked through, and when they are over.
#include <algorithm>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/value_type.h"
#include "services/runs/walker.h"

namespace firebreak {
namespace {

using google::protobuf::Value;
using store::v1::RunEvent;

v1::StepError Abandoned(std::string_view why) { return ErrorOf(absl::CancelledError(ToAbsl(why))); }

// An if as runs were journaled before it had an end of its own: done at once, its steps still to come.
bool IsOldBranch(const Node& node, const v1::StepState& state) {
  return node.kind == StepKind::kIf && state.phase() == v1::STEP_PHASE_DONE && state.branch().empty();
}

bool HasPassed(const v1::StepState& state) {
  return state.phase() == v1::STEP_PHASE_DONE || state.phase() == v1::STEP_PHASE_UNDONE ||
         state.phase() == v1::STEP_PHASE_SKIPPED || (state.phase() == v1::STEP_PHASE_FAILED && state.continued());
}

}  // namespace

Walker::Walker(const LoadedRun& run, const Vantage& vantage)
    : run_(run), program_(run.program()), vantage_(vantage), run_deadline_(absl::InfiniteFuture()) {
  if (run.run().has_deadline_at()) run_deadline_ = FromProto(run.run().deadline_at());
}

Walker::Standing Walker::WalkList(const NodeList& list, std::string_view path, const Node* owner, const Way& way) {
  const std::string prefix = StrCat(path, list.link);
  size_t& passed = run_.Passed(prefix);
  for (size_t i = passed; i < list.nodes.size(); ++i) {
    const Node& node = *list.nodes[i];
    const std::string child = prefix + node.step->name();
    const v1::StepState* state = run_.Find(child);
    if (state == nullptr) return way.begins ? Begin(node, child) : Standing::kStopped;
    const Standing standing = Look(node, *state, way);
    if (standing == Standing::kFailed && owner != nullptr && owner->absorbs && way.begins) {
      const v1::StepError why = failure_;
      if (WalkAfterFailure(list, path, owner, way) == Standing::kBusy) return Standing::kBusy;
      failure_ = why;
    }
    if (standing != Standing::kDone) return standing;
    if (!IsOldBranch(node, *state)) passed = std::max(passed, i + 1);
  }
  return Standing::kDone;
}

Walker::Standing Walker::WalkAfterFailure(const NodeList& list, std::string_view path, const Node* owner, const Way& way) {
  if (owner->kind == StepKind::kRun) {
    const Standing handled = WalkList(owner->handlers, path, nullptr, way);
    if (handled == Standing::kBusy) return handled;
  }
  return WalkAlways(list, path);
}

Walker::Standing Walker::Look(const Node& node, const v1::StepState& state, const Way& way) {
  if (IsOldBranch(node, state)) {
    const NodeList* list = TakenList(node, state);
    return list == nullptr ? Standing::kDone : WalkList(*list, state.path(), &node, way);
  }
  if (HasPassed(state)) return Standing::kDone;
  if (state.phase() == v1::STEP_PHASE_FAILED) {
    failure_ = state.error();
    // The message of a step made of steps already names the one that failed.
    if (node.IsLeaf() || !std::string_view(failure_.message()).starts_with("step "))
      failure_.set_message(StrCat("step ", state.path(), ": ", state.error().message()));
    return Standing::kFailed;
  }
  if (state.phase() != v1::STEP_PHASE_OPEN) return LookLeaf(node, state, way);
  if (!state.has_deadline_at() || way.abandon) return LookInside(node, state, way);
  const absl::Time deadline = FromProto(state.deadline_at());
  if (vantage_.now < deadline) {
    AwaitUntil(deadline);
    return LookInside(node, state, way);
  }
  Way late = way;
  late.begins = false;
  late.abandon = ErrorOf(absl::DeadlineExceededError(StrCat("step ", state.path(), " timed out")));
  return LookInside(node, state, late);
}

const NodeList* Walker::TakenList(const Node& node, const v1::StepState& state) const {
  if (node.kind == StepKind::kIf) return &node.lists[state.condition() ? 0 : 1];
  if (node.kind != StepKind::kSwitch) return node.lists.empty() ? nullptr : &node.lists[0];
  for (const NodeList& list : node.lists) {
    if (list.link == StrCat("/", state.branch(), "/")) return &list;
  }
  return nullptr;  // no case fits
}

Walker::Standing Walker::LookInside(const Node& node, const v1::StepState& state, const Way& way) {
  switch (node.kind) {
    case StepKind::kIf:
    case StepKind::kSwitch:
    case StepKind::kGroup: {
      const NodeList* list = TakenList(node, state);
      return Close(node, state, list == nullptr ? Standing::kDone : WalkList(*list, state.path(), &node, way), way);
    }
    case StepKind::kWhile:
    case StepKind::kForEach:
      return LookLoop(node, state, way);
    case StepKind::kParallel:
      return LookParallel(node, state, way);
    case StepKind::kRun:
      return LookRun(node, state, way);
    case StepKind::kDo:
    case StepKind::kAsk:
    case StepKind::kUnknown:
      break;
  }
  return Fail(state.path(), absl::InternalError("a step made of steps is none of this playbook's"));
}

// What the standing of its steps means for the step itself.
Walker::Standing Walker::Close(const Node& node, const v1::StepState& state, Standing standing, const Way& way) {
  if (standing == Standing::kBusy) return standing;
  if (standing == Standing::kStopped && !way.abandon) return standing;
  RunEvent event = NewEvent();
  if (standing == Standing::kDone) {
    event.mutable_step_done()->set_path(state.path());
    event.mutable_step_done()->set_by_children(true);
    *event.mutable_step_done()->mutable_outputs() = OutputsOf(node, state);
  } else {
    store::v1::StepFailed& failed = *event.mutable_step_failed();
    failed.set_path(state.path());
    failed.set_by_children(true);
    failed.set_continued(node.step->continue_on_failure());
    *failed.mutable_error() = standing == Standing::kFailed ? failure_ : *way.abandon;
  }
  Answer(std::move(event));
  return Standing::kBusy;
}

google::protobuf::Struct Walker::OutputsOf(const Node& node, const v1::StepState& state) const {
  google::protobuf::Struct outputs;
  auto& fields = *outputs.mutable_fields();
  if (node.kind == StepKind::kWhile) fields["rounds"].set_number_value(state.round());
  if (node.kind == StepKind::kForEach) {
    fields["count"].set_number_value(state.items().values_size());
    fields["failed"].set_number_value(FailedRounds(node, state));
  }
  if (node.kind == StepKind::kParallel) {
    int done = 0;
    for (const Node* branch : node.lists[0].nodes) {
      const v1::StepState* each = run_.Find(StrCat(state.path(), "/", branch->step->name()));
      if (each != nullptr && HasPassed(*each)) ++done;
    }
    fields["done"].set_number_value(done);
  }
  if (node.kind == StepKind::kSwitch) {
    std::string text = "default";
    for (size_t i = 0; i + 1 < node.lists.size(); ++i) {
      if (node.lists[i].link == StrCat("/", state.branch(), "/"))
        text = DisplayValue(node.step->choice().cases(static_cast<int>(i)).value());
    }
    fields["case"].set_string_value(text);
  }
  return outputs;
}

int Walker::FailedRounds(const Node& node, const v1::StepState& state) const {
  int rounds = 0;
  for (uint32_t round = 1; round <= state.round(); ++round) {
    const std::string prefix = StrCat(state.path(), "[", round, "]/");
    const bool failed = std::any_of(node.lists[0].nodes.begin(), node.lists[0].nodes.end(), [&](const Node* child) {
      const v1::StepState* each = run_.Find(prefix + child->step->name());
      return each != nullptr && each->phase() == v1::STEP_PHASE_FAILED;
    });
    if (failed) ++rounds;
  }
  return rounds;
}

Walker::Standing Walker::LookLoop(const Node& node, const v1::StepState& state, const Way& way) {
  if (state.round() > 0) {
    const Standing standing = WalkList(node.lists[0], StrCat(state.path(), "[", state.round(), "]"), &node, way);
    if (standing != Standing::kDone) return Close(node, state, standing, way);
  }
  if (way.abandon) return Close(node, state, Standing::kStopped, way);
  if (!way.begins) return Standing::kStopped;
  return EnterRound(node, state, way);
}

// The next round, or the end of the loop.
Walker::Standing Walker::EnterRound(const Node& node, const v1::StepState& state, const Way& way) {
  const uint32_t next = state.round() + 1;
  if (node.kind == StepKind::kForEach) {
    if (static_cast<int>(next) > state.items().values_size()) return Close(node, state, Standing::kDone, way);
  } else {
    absl::StatusOr<Value> goes_on =
        node.expression.ok() ? Evaluate(*node.expression, ValuesAt(run_, {node, state.path()})) : node.expression.status();
    // What a step inside will answer is not there yet before the first round: that counts as "go on".
    if (next == 1 && absl::IsFailedPrecondition(goes_on.status())) {
      goes_on = Value();
      goes_on->set_bool_value(true);
    }
    if (!goes_on.ok()) return Fail(state.path(), goes_on.status());
    if (goes_on->kind_case() != Value::kBoolValue)
      return Fail(state.path(), absl::InvalidArgumentError("the condition is not a bool"));
    if (!goes_on->bool_value()) return Close(node, state, Standing::kDone, way);
    if (next > node.step->loop().max()) {
      return Fail(state.path(), absl::ResourceExhaustedError(
                                    StrCat("still not over after ", node.step->loop().max(), " rounds, the most it may take")));
    }
  }
  const absl::Status room = CheckRoom();
  if (!room.ok()) return Fail(state.path(), room);
  RunEvent event = NewEvent();
  event.mutable_round_entered()->set_path(state.path());
  event.mutable_round_entered()->set_round(next);
  Answer(std::move(event));
  return Standing::kBusy;
}

Walker::Standing Walker::LookParallel(const Node& node, const v1::StepState& state, const Way& way) {
  const std::vector<const Node*>& branches = node.lists[0].nodes;
  const int count = static_cast<int>(branches.size());
  const int need = node.step->parallel().need() == 0 ? count : static_cast<int>(node.step->parallel().need());
  std::vector<const v1::StepState*> states;
  int done = 0;
  int failed = 0;
  std::optional<v1::StepError> first;
  for (const Node* branch : branches) {
    states.push_back(run_.Find(StrCat(state.path(), "/", branch->step->name())));
    if (states.back() == nullptr) continue;
    if (HasPassed(*states.back()) && !IsOldBranch(*branch, *states.back())) ++done;
    if (states.back()->phase() != v1::STEP_PHASE_FAILED || states.back()->continued()) continue;
    ++failed;
    (void)Look(*branch, *states.back(), way);
    if (!first) first = failure_;
  }
  Way inside = way;
  const bool enough = done >= need;
  const bool lost = count - failed < need;
  if (enough || lost) {
    inside.begins = false;
    if (!inside.abandon) inside.abandon = Abandoned(enough ? "abandoned: enough branches are done" : "abandoned: another branch failed");
  }
  bool busy = false;
  bool stopped = false;
  for (size_t i = 0; i < branches.size(); ++i) {
    if (states[i] == nullptr) {
      const bool room = run_.in_flight() < kInFlightMax;
      if (inside.begins && room) return Begin(*branches[i], StrCat(state.path(), "/", branches[i]->step->name()));
      stopped = stopped || !inside.begins;
      continue;
    }
    const Standing standing = Look(*branches[i], *states[i], inside);
    if (record_) return Standing::kBusy;
    busy = busy || standing == Standing::kBusy;
    stopped = stopped || standing == Standing::kStopped;
  }
  if (busy) return Standing::kBusy;
  if (enough) return Close(node, state, Standing::kDone, way);
  if (lost) {
    failure_ = *first;
    return Close(node, state, Standing::kFailed, way);
  }
  return Close(node, state, stopped ? Standing::kStopped : Standing::kBusy, way);
}

Walker::Standing Walker::LookRun(const Node& node, const v1::StepState& state, const Way& way) {
  if (node.inner == nullptr) return Fail(state.path(), absl::NotFoundError("the playbook it runs is missing"));
  return Close(node, state, WalkList(node.lists[0], state.path(), &node, way), way);
}

Walker::Standing Walker::WalkAlways(const NodeList& list, std::string_view path) {
  const std::string prefix = StrCat(path, list.link);
  size_t& passed = run_.Passed(prefix + "*");  // a name has no '*'
  for (size_t i = passed; i < list.nodes.size(); ++i) {
    if (WalkAlways(*list.nodes[i], prefix + list.nodes[i]->step->name()) == Standing::kBusy) return Standing::kBusy;
    passed = i + 1;
  }
  return Standing::kDone;
}

Walker::Standing Walker::WalkAlways(const Node& node, const std::string& path) {
  const v1::StepState* state = run_.Find(path);
  if (state == nullptr) return node.step->always() ? Begin(node, path) : Standing::kDone;
  if (IsOpenLeaf(state->phase())) return LookLeaf(node, *state, {});
  if (node.step->always() && state->phase() == v1::STEP_PHASE_OPEN) return Look(node, *state, {});
  const bool reached = state->phase() == v1::STEP_PHASE_OPEN || state->phase() == v1::STEP_PHASE_FAILED || IsOldBranch(node, *state);
  if (!reached || node.IsLeaf()) return Standing::kDone;
  const NodeList* list = TakenList(node, *state);
  if (list == nullptr || (node.IsLoop() && state->round() == 0)) return Standing::kDone;
  if (node.IsLoop()) return WalkAlways(*list, StrCat(path, "[", state->round(), "]"));
  return WalkAlways(*list, path);
}

}  // namespace firebreak
