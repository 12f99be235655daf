#include "firebreak/runs/program.h"

#include <utility>

namespace firebreak {
namespace {

using Steps = google::protobuf::RepeatedPtrField<v1::Step>;

const v1::Step* FindIn(const Steps& steps, std::string_view path) {
  const size_t slash = path.find('/');
  const std::string_view name = path.substr(0, slash);
  for (const v1::Step& step : steps) {
    if (step.name() != name) continue;
    if (slash == std::string_view::npos) return &step;
    const std::string_view rest = path.substr(slash + 1);
    if (rest.starts_with("then/")) return FindIn(step.branch().then_steps(), rest.substr(5));
    if (rest.starts_with("else/")) return FindIn(step.branch().else_steps(), rest.substr(5));
    return nullptr;
  }
  return nullptr;
}

}  // namespace

Program::Program(v1::Playbook playbook, absl::Span<const ActionSpec* const> actions) : playbook_(std::move(playbook)) {
  for (const ActionSpec* spec : actions) actions_.emplace(spec->name, *spec);
}

const ActionSpec* Program::FindAction(std::string_view name) const {
  const auto found = actions_.find(name);
  return found == actions_.end() ? nullptr : &found->second;
}

const v1::Step* Program::FindStep(std::string_view path) const {
  if (IsUndoPath(path)) path.remove_suffix(kUndoSuffix.size());
  if (path.starts_with(kHandlerPrefix)) return FindIn(playbook_.on_failure(), path.substr(kHandlerPrefix.size()));
  return FindIn(playbook_.steps(), path);
}

bool IsUndoPath(std::string_view path) { return path.ends_with(kUndoSuffix); }

const v1::DoStep& CallAt(const v1::Step& step, std::string_view path) {
  return IsUndoPath(path) ? step.undo() : step.do_();
}

const v1::StepState* FindState(const v1::PlaybookRun& run, std::string_view path) {
  for (const v1::StepState& state : run.steps()) {
    if (state.path() == path) return &state;
  }
  return nullptr;
}

v1::StepState* FindState(v1::PlaybookRun& run, std::string_view path) {
  for (v1::StepState& state : *run.mutable_steps()) {
    if (state.path() == path) return &state;
  }
  return nullptr;
}

bool HasEnded(const v1::PlaybookRun& run) {
  return run.state() == v1::RUN_STATE_SUCCEEDED || run.state() == v1::RUN_STATE_FAILED ||
         run.state() == v1::RUN_STATE_CANCELLED;
}

}  // namespace firebreak
