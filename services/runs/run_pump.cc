#include "firebreak/runs/run_pump.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/decide.h"
#include "firebreak/runs/outcome.h"
#include "firebreak/storage/keys/playbooks.h"
#include "firebreak/storage/keys/runs.h"
#include "services/runs/run_writer.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

constexpr int kTurnsPerDriveMax =
    2000;  // more than any playbook has steps, retries included: past it another run gets its turn

struct Outcome {
  std::string path;
  absl::StatusOr<ActionResult> result;
};

struct Turn {
  Progress progress;
  bool wrote = false;
};

// Everything one drive needs, for one run.
struct Drive {
  Ledger& ledger;
  const Clock& clock;
  const ActionCatalogue& actions;
  const IncidentHooks& hooks;
  const CrashPoints* crash_points;
  const RunId id;
  const Program program;
  std::string own_intent;  // the step whose intent this drive made durable last

  absl::Status Reach(std::string_view point) const {
    return crash_points == nullptr ? absl::OkStatus() : crash_points->Pass(point);
  }

  // Records the outcome (if any) and whatever follows from it, in one commit; none when nothing follows. The run is
  // loaded inside the draft, so votes and cancels that came meanwhile are seen.
  absl::StatusOr<Turn> RecordTurn(const Outcome* outcome) const;
  absl::StatusOr<ActionResult> PerformStep(const v1::PlaybookRun& run, const v1::StepState& state) const;
  absl::StatusOr<DriveResult> Run();
};

bool StartsStep(const RunEvent& event) { return event.has_step_started(); }

absl::StatusOr<Turn> Drive::RecordTurn(const Outcome* outcome) const {
  Turn turn;
  absl::Status stopped;
  const absl::StatusOr<Receipt> receipt = ledger.Transact([&](Draft& draft) -> absl::Status {
    turn = Turn();
    ASSIGN_OR_RETURN(v1::PlaybookRun run, draft.Load(keys::Run(id), StrCat("run ", id.text())));
    const absl::Time now = clock.Now();
    std::vector<RunEvent> events;
    if (run.state() == v1::RUN_STATE_WAITING_FOR_LOCK && !run.cancel_requested()) {
      ASSIGN_OR_RETURN(std::optional<RunEvent> taken, TakeLock(draft, run, now));
      if (taken) events.push_back(*std::move(taken));
    }
    if (outcome != nullptr) {
      std::optional<RunEvent> event = OutcomeEvent(program, run, outcome->path, outcome->result, now);
      if (event) events.push_back(*std::move(event));
    }
    turn.progress = DecideAll(program, std::move(run), std::move(events), {now, own_intent}, {});
    if (turn.progress.events.empty()) return absl::CancelledError("nothing to record");
    turn.wrote = true;
    RETURN_IF_ERROR(WriteEvents(draft, turn.progress.run, turn.progress.events, hooks));
    if (std::any_of(turn.progress.events.begin(), turn.progress.events.end(), StartsStep))
      stopped = Reach("run-before-intent");
    return stopped;
  });
  RETURN_IF_ERROR(stopped);
  if (!turn.wrote && turn.progress.events.empty() && absl::IsCancelled(receipt.status())) return turn;
  RETURN_IF_ERROR(receipt.status());
  if (outcome != nullptr) RETURN_IF_ERROR(Reach("run-after-outcome"));
  if (std::any_of(turn.progress.events.begin(), turn.progress.events.end(), StartsStep))
    RETURN_IF_ERROR(Reach("run-after-intent"));
  return turn;
}

absl::StatusOr<ActionResult> Drive::PerformStep(const v1::PlaybookRun& run, const v1::StepState& state) const {
  Action* action = actions.Find(state.action());
  if (action == nullptr) return absl::UnimplementedError(StrCat("action ", state.action(), " is not known here"));
  ActionCall call;
  call.effect = EffectId(state.effect_id());
  call.inputs = state.inputs();
  call.incident = IncidentId(run.incident());
  call.deployment = DeploymentName(run.deployment());
  call.run = id;
  call.fence = run.fence();
  call.started_by = Identity(run.started_by());
  for (const v1::StepState& asked : run.steps()) {
    for (const v1::Vote& vote : asked.votes()) {
      const bool known =
          std::find(call.approved_by.begin(), call.approved_by.end(), vote.identity()) != call.approved_by.end();
      if (vote.approve() && asked.phase() == v1::STEP_PHASE_DONE && !known) call.approved_by.push_back(vote.identity());
    }
  }
  return action->Perform(call);
}

absl::StatusOr<DriveResult> Drive::Run() {
  std::optional<Outcome> outcome;
  for (int turns = 0; turns < kTurnsPerDriveMax; ++turns) {
    ASSIGN_OR_RETURN(const Turn turn, RecordTurn(outcome ? &*outcome : nullptr));
    const v1::PlaybookRun& run = turn.progress.run;
    DriveResult result;
    result.deployment = DeploymentName(run.deployment());
    for (const RunEvent& event : turn.progress.events) {
      if (event.has_step_started()) own_intent = event.step_started().path();
    }
    if (std::holds_alternative<Finished>(turn.progress.move)) {
      result.ended = true;
      return result;
    }
    if (const auto* wait = std::get_if<WaitUntil>(&turn.progress.move)) {
      result.wake_at = wait->until;
      return result;
    }
    const auto* perform = std::get_if<Perform>(&turn.progress.move);
    if (perform == nullptr) {  // one commit was full: go on with the next
      outcome.reset();
      continue;
    }
    const v1::StepState* state = FindState(run, perform->path);
    if (state == nullptr)
      return absl::InternalError(StrCat("run ", id.text(), ": decided on a step it has not entered"));
    const auto* pending = outcome && outcome->path == perform->path && outcome->result.ok()
                              ? std::get_if<ActionPending>(&*outcome->result)
                              : nullptr;
    if (pending != nullptr) {  // on its way; nobody holds a thread for it
      result.wake_at = std::min(clock.Now() + std::max(pending->retry_after, absl::Milliseconds(10)),
                                std::max(FromProto(state->deadline_at()), clock.Now() + absl::Milliseconds(10)));
      return result;
    }
    outcome = Outcome{perform->path, PerformStep(run, *state)};
    RETURN_IF_ERROR(Reach("run-after-effect"));
  }
  DriveResult result;
  result.wake_at = clock.Now();
  return result;
}

}  // namespace

RunPump::RunPump(Ledger& ledger, const Clock& clock, Log& log, const ActionCatalogue& actions, IncidentHooks hooks,
                 const CrashPoints* crash_points)
    : ledger_(ledger),
      clock_(clock),
      log_(log),
      actions_(actions),
      hooks_(std::move(hooks)),
      crash_points_(crash_points) {}

absl::StatusOr<DriveResult> RunPump::Drive(const RunId& id) {
  ASSIGN_OR_RETURN(const v1::PlaybookRun run, LoadRecord(ledger_.store(), keys::Run(id), StrCat("run ", id.text())));
  DriveResult ended;
  ended.ended = true;
  if (HasEnded(run)) return ended;
  ASSIGN_OR_RETURN(v1::StoredPlaybook stored, LoadRecord(ledger_.store(), keys::Playbook(run.playbook_digest()),
                                                         StrCat("playbook ", run.playbook_digest())));
  const std::vector<const ActionSpec*> specs = actions_.Specs();
  firebreak::Drive drive{
      ledger_, clock_, actions_, hooks_, crash_points_, id, Program(std::move(*stored.mutable_playbook()), specs), ""};
  absl::StatusOr<DriveResult> result = drive.Run();
  if (result.ok() && result->ended) log_.Info("run.ended", {{"run", id.text()}, {"playbook", run.playbook()}});
  return result;
}

}  // namespace firebreak
