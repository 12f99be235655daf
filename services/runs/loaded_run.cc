#include "firebreak/runs/loaded_run.h"

#include <algorithm>
#include <utility>

#include "firebreak/runs/apply.h"
#include "services/runs/applier.h"

namespace firebreak {

LoadedRun::LoadedRun(const Program& program, v1::PlaybookRun run) : program_(program), run_(std::move(run)) { IndexAll(); }

void LoadedRun::IndexAll() {
  states_.clear();
  open_.clear();
  passed_.clear();
  bytes_ = run_.ByteSizeLong();
  states_.reserve(static_cast<size_t>(run_.steps_size()));
  for (v1::StepState& state : *run_.mutable_steps()) {
    states_.emplace(state.path(), &state);
    if (IsOpenLeaf(state.phase())) open_.push_back(&state);
  }
}

const v1::StepState* LoadedRun::Find(std::string_view path) const {
  ++looks_;
  const auto found = states_.find(path);
  return found == states_.end() ? nullptr : found->second;
}

int LoadedRun::in_flight() const {
  return static_cast<int>(std::count_if(open_.begin(), open_.end(), [](const v1::StepState* state) {
    return state->phase() == v1::STEP_PHASE_STARTED;
  }));
}

void LoadedRun::Index(const v1::StepState* state) {
  const auto place = std::find(open_.begin(), open_.end(), state);
  if (IsOpenLeaf(state->phase())) {
    if (place == open_.end()) open_.push_back(state);
  } else if (place != open_.end()) {
    open_.erase(place);
  }
}

void LoadedRun::Take(const store::v1::RunEvent& event) {
  if (event.has_run_started()) {
    run_ = Apply(std::move(run_), event);
    return IndexAll();
  }
  const int before = run_.steps_size();
  ApplyInPlace(run_, event, [this](std::string_view path) -> v1::StepState* {
    const auto found = states_.find(path);
    return found == states_.end() ? nullptr : found->second;
  });
  bytes_ += event.ByteSizeLong();
  for (int i = before; i < run_.steps_size(); ++i) {
    v1::StepState* state = run_.mutable_steps(i);
    states_.emplace(state->path(), state);
    Index(state);
  }
  if (const v1::StepState* state = Find(PathOf(event))) Index(state);
}

}  // namespace firebreak
