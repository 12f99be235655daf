#include "firebreak/runs/run_pump.h"

#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/apply.h"
#include "firebreak/storage/keys/runs.h"
#include "services/runs/drive.h"

namespace firebreak {

// Drives in progress, so that one that waits for its effects can be told to look up.
class RunPump::Drives {
 public:
  void Add(const RunId& run, RunDrive& drive) {
    absl::MutexLock lock(&mutex_);
    drives_.emplace(run.text(), &drive);
  }
  void Remove(const RunId& run, const RunDrive& drive) {
    absl::MutexLock lock(&mutex_);
    const auto [first, last] = drives_.equal_range(run.text());
    for (auto each = first; each != last; ++each) {
      if (each->second != &drive) continue;
      drives_.erase(each);
      return;
    }
  }
  void Nudge(const RunId& run) {
    absl::MutexLock lock(&mutex_);
    const auto [first, last] = drives_.equal_range(run.text());
    for (auto each = first; each != last; ++each) each->second->Nudge();
  }

 private:
  absl::Mutex mutex_;
  std::multimap<std::string, RunDrive*> drives_ ABSL_GUARDED_BY(mutex_);
};

RunPump::RunPump(Ledger& ledger, const Clock& clock, Log& log, const ActionCatalogue& actions, IncidentHooks hooks,
                 const CrashPoints* crash_points, RunPumpOptions options)
    : ledger_(ledger),
      clock_(clock),
      log_(log),
      actions_(actions),
      hooks_(std::move(hooks)),
      crash_points_(crash_points),
      options_(options),
      programs_(ledger.store(), [&actions] { return actions.Specs(); }),
      drives_(std::make_unique<Drives>()),
      helpers_(options.helpers > 0 ? std::make_unique<EffectThreads>(options.helpers) : nullptr) {}

RunPump::~RunPump() = default;

void RunPump::Nudge(const RunId& run) { drives_->Nudge(run); }

absl::StatusOr<DriveResult> RunPump::Drive(const RunId& id) {
  DriveResult ended;
  ended.ended = true;
  ASSIGN_OR_RETURN(const std::optional<Stored> stored, ledger_.store().Get(keys::Run(id).bytes));
  if (!stored) {
    RETURN_IF_ERROR(ForgetLost(id));
    return ended;
  }
  v1::PlaybookRun run;
  if (!run.ParseFromString(stored->value)) return UnreadableRecord(keys::Run(id).bytes);
  if (HasEnded(run)) return ended;
  absl::StatusOr<std::shared_ptr<const Program>> program = programs_.Load(run.playbook_digest());
  if (!program.ok()) {
    if (!IsOfPlaybookForGood(program.status())) return program.status();
    RETURN_IF_ERROR(FailUnreadable(id, program.status()));
    return ended;
  }
  const DriveParts parts{ledger_, clock_, actions_, hooks_, crash_points_, helpers_.get(), options_.waits};
  const std::string playbook = run.playbook();
  RunDrive drive(parts, std::move(run), stored->revision, *std::move(program));
  drives_->Add(id, drive);
  absl::StatusOr<DriveResult> result = drive.Run();
  drives_->Remove(id, drive);
  if (result.ok() && result->ended) log_.Info("run.ended", {{"run", id.text()}, {"playbook", playbook}});
  return result;
}

// Nobody can say what it would do next. It ends loudly and lifts nothing.
absl::Status RunPump::FailUnreadable(const RunId& id, const absl::Status& why) {
  log_.Error("run.unreadable_playbook", {{"run", id.text()}, {"error", why.ToString()}});
  bool over = false;
  const absl::StatusOr<Receipt> receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(v1::PlaybookRun run, draft.Load(keys::Run(id), StrCat("run ", id.text())));
    over = HasEnded(run);
    if (over) return absl::CancelledError("it has ended");
    store::v1::RunEvent event;
    *event.mutable_time() = ToProto(clock_.Now());
    event.mutable_run_finished()->set_state(v1::RUN_STATE_FAILED);
    v1::StepError& error = *event.mutable_run_finished()->mutable_error();
    error.set_code(static_cast<int32_t>(why.code()));
    error.set_message(StrCat("its playbook cannot be read: ", MessageOf(why),
                             "; nothing was undone and nothing lifted (next: a person takes over)"));
    run = Apply(std::move(run), event);
    return WriteEvents(draft, run, {event}, hooks_);
  });
  return over ? absl::OkStatus() : receipt.status();
}

// An index entry without a run: said once, then no longer looked for.
absl::Status RunPump::ForgetLost(const RunId& id) {
  bool lost = false;
  const absl::StatusOr<Receipt> receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<store::v1::RunReference> active, draft.Find(keys::ActiveRun(id)));
    lost = active.has_value();
    if (!lost) return absl::CancelledError("nothing to forget");
    draft.Delete(keys::ActiveRun(id));
    v1::AuditEntry entry;
    entry.set_actor(ServiceCaller().identity.text());
    entry.set_action("run.lost");
    entry.add_subjects(StrCat("run/", id.text()));
    if (!active->deployment().empty()) entry.add_subjects(StrCat("deployment/", active->deployment()));
    entry.set_summary(StrCat(id.text(), " was active, but its record is gone: look at its deployment and restore a backup"));
    draft.Record(std::move(entry));
    return absl::OkStatus();
  });
  if (!lost) return absl::OkStatus();
  log_.Error("run.lost", {{"run", id.text()}});
  return receipt.status();
}

}  // namespace firebreak
