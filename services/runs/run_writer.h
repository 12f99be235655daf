// The one way a run's events get into a draft: state, journal record, indexes, lock and audit entries together.
#ifndef FIREBREAK_SERVICES_RUNS_RUN_WRITER_H_
#define FIREBREAK_SERVICES_RUNS_RUN_WRITER_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/runs/decide.h"
#include "firebreak/runs/incident_hooks.h"
#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// What one commit of a run may hold: the ledger takes 16 audit entries, hooks and callers need some of them.
inline constexpr size_t kEntriesPerTurn = 10;
inline constexpr size_t kEventsPerTurn = 64;

struct Progress {
  std::vector<store::v1::RunEvent> events;   // all applied to the run
  OwnIntents intents;                        // paths of the steps that `events` start
  Move move;  // what comes then; Record when the limit of one commit was reached
};

struct DecideLimits {
  size_t entries_max = kEntriesPerTurn;
  // Whoever records the intent of an effect of class once must be the one to perform it; a desk is not.
  bool stops_before_once = false;
};

// Decides and applies until there is something to do but recording. `events` are applied first.
Progress DecideAll(LoadedRun& run, std::vector<store::v1::RunEvent> events, const Vantage& vantage, const DecideLimits& limits);

// Writes `events`, already applied to `run`, as the run's next commit. Releases the lock and calls run_ended when they
// end it.
absl::Status WriteEvents(Draft& draft, v1::PlaybookRun& run, std::vector<store::v1::RunEvent> events, const IncidentHooks& hooks);

// The lock for a waiting run when it is free and the run is first in line; nullopt otherwise. Writes the lock.
absl::StatusOr<std::optional<store::v1::RunEvent>> TakeLock(Draft& draft, const v1::PlaybookRun& run, absl::Time now);

// Entries the ledger gets for `events`.
std::vector<v1::AuditEntry> EntriesFor(const v1::PlaybookRun& run, const store::v1::RunRecord& record);
// The one for `event`; nullopt when there is nothing to say about it.
std::optional<v1::AuditEntry> EntryFor(const v1::PlaybookRun& run, const store::v1::RunEvent& event);
bool MakesEntry(const store::v1::RunEvent& event);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_RUNS_RUN_WRITER_H_
