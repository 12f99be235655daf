#include "firebreak/runs/wait_board.h"

namespace firebreak {

void WaitBoard::Set(const std::string& run, const std::string& path, const std::string& what) {
  absl::MutexLock lock(&mutex_);
  if (what.empty()) {
    if (!notes_.empty()) notes_.erase({run, path});
  } else if (notes_.size() < kNotesMax || notes_.count({run, path}) > 0) {
    notes_[{run, path}] = what;
  }
}

void WaitBoard::Fill(v1::PlaybookRun& run) const {
  absl::MutexLock lock(&mutex_);
  if (notes_.empty()) return;
  for (v1::StepState& state : *run.mutable_steps()) {
    if (state.phase() != v1::STEP_PHASE_STARTED) continue;
    const auto note = notes_.find({run.id(), state.path()});
    if (note != notes_.end()) state.set_waiting_for(note->second);
  }
}

}  // namespace firebreak
