#include "services/runs/drive.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/decide.h"
#include "firebreak/runs/outcome.h"
#include "firebreak/storage/keys/runs.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

// More than most playbooks have steps, retries included: past it another run gets its turn.
constexpr int kTurnsPerDriveMax = 2000;
constexpr absl::Duration kRestMin = absl::Milliseconds(10);

// A run's size is estimated from what happened to it, which is more than it holds; past this it is worth counting.
constexpr size_t kCountedFromBytes = kRunBytesMax / 4;

std::shared_ptr<const Sighting> SightingOf(const Key<v1::PlaybookRun>& key, uint64_t revision, uint64_t as_of) {
  return std::make_shared<const Sighting>(Sighting{as_of, {{key.bytes, revision}}});
}

}  // namespace

RunDrive::RunDrive(const DriveParts& parts, v1::PlaybookRun run, uint64_t revision, std::shared_ptr<const Program> program)
    : parts_(parts),
      id_(run.id()),
      key_(keys::Run(id_)),
      program_(std::move(program)),
      run_(std::make_unique<LoadedRun>(*program_, std::move(run))),
      seen_(SightingOf(key_, revision, revision)) {}

absl::Status RunDrive::Reach(std::string_view point) const {
  return parts_.crash_points == nullptr ? absl::OkStatus() : parts_.crash_points->Pass(point);
}

void RunDrive::Nudge() {
  absl::MutexLock lock(&mutex_);
  nudged_ = true;
}

size_t RunDrive::under_way() const {
  absl::MutexLock lock(&mutex_);
  return under_way_.size();
}

absl::StatusOr<Progress> RunDrive::Follow(Draft& draft, const std::vector<Outcome>& outcomes) {
  const absl::Time now = parts_.clock.Now();
  const v1::PlaybookRun& run = run_->run();
  std::vector<RunEvent> events;
  if (run_->bytes() > kCountedFromBytes) run_->Recount();
  if (run.state() == v1::RUN_STATE_WAITING_FOR_LOCK && !run.cancel_requested()) {
    ASSIGN_OR_RETURN(std::optional<RunEvent> taken, TakeLock(draft, run, now));
    if (taken) events.push_back(*std::move(taken));
  }
  for (const Outcome& outcome : outcomes) {
    std::optional<RunEvent> event = OutcomeEvent(*run_, outcome.path, outcome.result, now);
    if (event) events.push_back(*std::move(event));
  }
  return DecideAll(*run_, std::move(events), {now, "", &own_}, {});
}

absl::StatusOr<Progress> RunDrive::Prepare(Draft& draft, const std::vector<Outcome>& outcomes) {
  // Gone when this draft is not the first: run_ then holds what the one before wanted to write.
  std::shared_ptr<const Sighting> seen = std::exchange(seen_, nullptr);
  if (seen != nullptr && draft.may_rely()) {
    ASSIGN_OR_RETURN(Progress progress, Follow(draft, outcomes));
    if (!progress.events.empty()) {
      draft.Rely(std::move(seen));
      return progress;
    }
    // No commit will tell whether anybody else wrote.
    ASSIGN_OR_RETURN(const std::optional<Stored> stored, draft.store().Get(key_.bytes));
    if (stored && stored->revision == seen->reads.front().second) {
      seen_ = std::move(seen);
      return progress;
    }
  }
  ASSIGN_OR_RETURN(v1::PlaybookRun run, draft.Load(key_, StrCat("run ", id_.text())));
  run_ = std::make_unique<LoadedRun>(*program_, std::move(run));
  ASSIGN_OR_RETURN(Progress progress, Follow(draft, outcomes));
  if (progress.events.empty() && draft.may_rely()) seen_ = SightingOf(key_, draft.reads().at(key_.bytes), draft.as_of());
  return progress;
}

absl::StatusOr<Move> RunDrive::RecordTurn(const std::vector<Outcome>& outcomes) {
  Progress progress;
  bool writes = false;
  absl::Status stopped;
  const absl::StatusOr<Receipt> receipt = parts_.ledger.Transact([&](Draft& draft) -> absl::Status {
    writes = false;
    ASSIGN_OR_RETURN(progress, Prepare(draft, outcomes));
    writes = !progress.events.empty();
    if (!writes) return absl::CancelledError("nothing to record");
    RETURN_IF_ERROR(WriteEvents(draft, run_->mutable_run(), std::move(progress.events), parts_.hooks));
    if (!progress.intents.empty()) stopped = Reach("run-before-intent");
    return stopped;
  });
  RETURN_IF_ERROR(stopped);
  if (!writes && absl::IsCancelled(receipt.status())) return std::move(progress.move);
  RETURN_IF_ERROR(receipt.status());
  seen_ = SightingOf(key_, receipt->revision, receipt->revision);
  if (!outcomes.empty()) RETURN_IF_ERROR(Reach("run-after-outcome"));
  const bool intends = !progress.intents.empty();
  own_.merge(progress.intents);
  if (intends) RETURN_IF_ERROR(Reach("run-after-intent"));
  return std::move(progress.move);
}

ActionCall RunDrive::CallOf(const v1::StepState& state) const {
  const v1::PlaybookRun& run = run_->run();
  ActionCall call;
  call.effect = EffectId(state.effect_id());
  call.inputs = state.inputs();
  call.incident = IncidentId(run.incident());
  call.deployment = DeploymentName(run.deployment());
  call.run = id_;
  call.fence = run.fence();
  call.started_by = Identity(run.started_by());
  for (const v1::StepState& asked : run.steps()) {
    if (asked.votes().empty()) continue;
    // A yes in a question that was denied or expired approves nothing.
    const auto approved = asked.outputs().fields().find("approved");
    if (approved == asked.outputs().fields().end() || !approved->second.bool_value()) continue;
    for (const v1::Vote& vote : asked.votes()) {
      const bool known =
          std::find(call.approved_by.begin(), call.approved_by.end(), vote.identity()) != call.approved_by.end();
      if (vote.approve() && asked.phase() == v1::STEP_PHASE_DONE && !known) call.approved_by.push_back(vote.identity());
    }
  }
  if (!IsUndoPath(state.path())) return call;
  const std::string_view path = state.path();
  const v1::StepState* undone = run_->Find(path.substr(0, path.size() - kUndoSuffix.size()));
  call.undoes = undone == nullptr ? google::protobuf::Struct() : undone->outputs();
  return call;
}

absl::StatusOr<ActionResult> RunDrive::PerformStep(const ActionCall& call, const std::string& action) const {
  Action* found = parts_.actions.Find(action);
  if (found == nullptr) return absl::UnimplementedError(StrCat("action ", action, " is not known here"));
  return found->Perform(call);
}

bool RunDrive::Start(const Perform& perform) {
  const absl::Time now = parts_.clock.Now();
  std::vector<const v1::StepState*> due;
  for (const std::string& path : perform.paths) {
    const auto rests = resting_.find(path);
    if (rests != resting_.end() && now < rests->second) continue;
    absl::MutexLock lock(&mutex_);
    if (under_way_.count(path) > 0) continue;
    if (const v1::StepState* state = run_->Find(path)) due.push_back(state);
  }
  for (const v1::StepState* state : due) {
    resting_.erase(state->path());
    {
      absl::MutexLock lock(&mutex_);
      under_way_.insert(state->path());
      ++performing_;
    }
    auto perform_one = [this, call = CallOf(*state), action = state->action(), path = state->path()] {
      Outcome outcome{path, PerformStep(call, action)};
      absl::MutexLock lock(&mutex_);
      --performing_;
      ended_.push_back(std::move(outcome));
    };
    const bool alone = due.size() == 1 && under_way() == 1;
    if (!alone && parts_.helpers != nullptr && parts_.helpers->TakeOn(perform_one)) continue;
    perform_one();
    return true;  // its outcome is recorded before the next begins
  }
  return !due.empty();
}

std::vector<RunDrive::Outcome> RunDrive::Collect(absl::Time until) {
  absl::MutexLock lock(&mutex_);
  auto wakes = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return nudged_ || !ended_.empty() || under_way_.empty(); };
  if (!wakes()) parts_.clock.AwaitUntil(mutex_, absl::Condition(&wakes), until);
  nudged_ = false;
  // Only now may a step be performed again: one whose outcome nobody has looked at must not.
  for (const Outcome& outcome : ended_) under_way_.erase(outcome.path);
  return std::exchange(ended_, {});
}

void RunDrive::Rest(const Outcome& outcome) {
  const auto* pending = outcome.result.ok() ? std::get_if<ActionPending>(&*outcome.result) : nullptr;
  const v1::StepState* state = run_->Find(outcome.path);
  const bool waits = pending != nullptr && state != nullptr && state->phase() == v1::STEP_PHASE_STARTED;
  if (parts_.waits != nullptr) parts_.waits->Set(id_.text(), outcome.path, waits ? pending->waiting_for : "");
  if (!waits) return;  // on its way; nobody holds a thread for it
  const absl::Time now = parts_.clock.Now();
  resting_[outcome.path] = std::min(now + std::max(pending->retry_after, kRestMin),
                                    std::max(FromProto(state->deadline_at()), now + kRestMin));
}

absl::StatusOr<DriveResult> RunDrive::Turns() {
  std::vector<Outcome> outcomes;
  for (int turns = 0; turns < kTurnsPerDriveMax; ++turns) {
    ASSIGN_OR_RETURN(const Move move, RecordTurn(outcomes));
    for (const Outcome& outcome : outcomes) Rest(outcome);
    outcomes.clear();
    DriveResult result;
    result.deployment = DeploymentName(run_->run().deployment());
    if (std::holds_alternative<Finished>(move)) {
      result.ended = true;
      return result;
    }
    if (std::holds_alternative<Record>(move)) continue;  // one commit was full: go on with the next
    const auto* wait = std::get_if<WaitUntil>(&move);
    const auto* perform = std::get_if<Perform>(&move);
    result.wake_at = wait != nullptr ? wait->until : perform->until;
    if (perform != nullptr) {
      Start(*perform);
      for (const std::string& path : perform->paths) {
        const auto rests = resting_.find(path);
        if (rests != resting_.end()) result.wake_at = std::min(result.wake_at, rests->second);
      }
    }
    outcomes = Collect(result.wake_at);
    if (!outcomes.empty()) RETURN_IF_ERROR(Reach("run-after-effect"));
    if (outcomes.empty() && under_way() == 0) return result;
  }
  DriveResult result;
  result.wake_at = parts_.clock.Now();
  return result;
}

absl::StatusOr<DriveResult> RunDrive::Run() {
  absl::StatusOr<DriveResult> result = Turns();
  absl::MutexLock lock(&mutex_);
  auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return performing_ == 0; };
  mutex_.Await(absl::Condition(&none));  // they use this drive
  return result;
}

}  // namespace firebreak
