// RunDrive: one run driven as far as it goes now. Lives on the stack of the thread that drives.
#ifndef FIREBREAK_SERVICES_RUNS_DRIVE_H_
#define FIREBREAK_SERVICES_RUNS_DRIVE_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/runs/loaded_run.h"
#include "firebreak/runs/run_pump.h"
#include "services/runs/effect_threads.h"
#include "services/runs/run_writer.h"

namespace firebreak {

struct DriveParts {
  Ledger& ledger;
  const Clock& clock;
  const ActionCatalogue& actions;
  const IncidentHooks& hooks;
  const CrashPoints* crash_points;
  EffectThreads* helpers;   // nullptr: one effect after the other
  WaitBoard* waits;   // may be null
};

class RunDrive {
 public:
  // `run` is the record that the store held at `revision`.
  RunDrive(const DriveParts& parts, v1::PlaybookRun run, uint64_t revision, std::shared_ptr<const Program> program);

  // Intents are durable before their effects leave; the outcome of one step and the intent of the next are one commit. Returns when
  // nothing is under way any more.
  absl::StatusOr<DriveResult> Run();

  // Something the run waits for may have happened: look again although effects are still under way. Thread-safe.
  void Nudge();

 private:
  struct Outcome {
    std::string path;
    absl::StatusOr<ActionResult> result;
  };

  absl::Status Reach(std::string_view point) const;
  // Records the outcomes (if any) and whatever follows from them, in one commit; none when nothing follows. Votes and cancels that came
  // meanwhile are seen: the run as this drive left it is only relied on, and read again when the ledger says that it has moved.
  absl::StatusOr<Move> RecordTurn(const std::vector<Outcome>& outcomes);
  // What RecordTurn is to write: decided on the run as it was left, or on the stored one where that no longer holds.
  absl::StatusOr<Progress> Prepare(Draft& draft, const std::vector<Outcome>& outcomes);
  absl::StatusOr<Progress> Follow(Draft& draft, const std::vector<Outcome>& outcomes);
  absl::StatusOr<DriveResult> Turns();
  // Begins what is to be performed and is not under way or resting. True when there was anything.
  bool Start(const Perform& perform);
  absl::StatusOr<ActionResult> PerformStep(const ActionCall& call, const std::string& action) const;
  ActionCall CallOf(const v1::StepState& state) const;
  void Rest(const Outcome& outcome);
  // Blocks until an effect has ended, somebody nudges, or `until`.
  std::vector<Outcome> Collect(absl::Time until);
  size_t under_way() const;

  const DriveParts parts_;
  const RunId id_;
  const Key<v1::PlaybookRun> key_;
  const std::shared_ptr<const Program> program_;
  // Touched by the driving thread, or by the ledger's while that one waits for a commit.
  std::unique_ptr<LoadedRun> run_;              // never null; after a commit that failed not what the store holds
  std::shared_ptr<const Sighting> seen_;        // the record that run_ is; null: it has to be read again
  OwnIntents own_;                              // intents this drive made durable
  std::map<std::string, absl::Time> resting_;   // performed, on their way; again then
  mutable absl::Mutex mutex_;
  std::set<std::string> under_way_ ABSL_GUARDED_BY(mutex_);   // begun, and the outcome not taken out of ended_ yet
  int performing_ ABSL_GUARDED_BY(mutex_) = 0;                // threads inside an action
  std::vector<Outcome> ended_ ABSL_GUARDED_BY(mutex_);
  bool nudged_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_DRIVE_H_
