#include "services/runs/run_writer.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/runs/apply.h"
#include "firebreak/storage/keys/runs.h"

namespace firebreak {
namespace {

using store::v1::RunEvent;

constexpr int kSettledAtOnceMax = 4;  // attached incidents settled in the commit that ends their run

bool StartsOnce(const Program& program, const RunEvent& event) {
  if (!event.has_step_started()) return false;
  const ActionSpec* spec = program.FindAction(event.step_started().action());
  return spec != nullptr && spec->action_class == ActionClass::kOnce;
}

absl::Status ReleaseLock(Draft& draft, const v1::PlaybookRun& run) {
  if (run.lock_key().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::optional<store::v1::RunLock> lock, draft.Find(keys::RunLock(run.lock_key())));
  if (!lock) return absl::OkStatus();
  auto& waiting = *lock->mutable_waiting();
  waiting.erase(std::remove(waiting.begin(), waiting.end(), run.id()), waiting.end());
  if (lock->run() == run.id()) lock->clear_run();
  draft.Put(keys::RunLock(run.lock_key()), *lock);
  return absl::OkStatus();
}

// Every settled incident makes an entry, and a commit has few left: the desk's slow timer settles the rest.
absl::Status SettleIncidents(Draft& draft, const v1::PlaybookRun& run, const IncidentHooks& hooks) {
  if (!hooks.run_ended) return absl::OkStatus();
  if (!run.incident().empty()) RETURN_IF_ERROR(hooks.run_ended(draft, IncidentId(run.incident())));
  const int count = std::min(run.attached_size(), kSettledAtOnceMax);
  for (int i = 0; i < count; ++i) RETURN_IF_ERROR(hooks.run_ended(draft, IncidentId(run.attached(i))));
  return absl::OkStatus();
}

}  // namespace

Progress DecideAll(LoadedRun& run, std::vector<RunEvent> events, const Vantage& vantage, const DecideLimits& limits) {
  Progress progress;
  size_t entries = 0;
  auto take = [&](RunEvent event) {
    if (event.has_step_started()) progress.intents.insert(event.step_started().path());
    if (MakesEntry(event)) ++entries;
    run.Take(event);
    progress.events.push_back(std::move(event));
  };
  for (RunEvent& event : events) take(std::move(event));
  const Vantage mine{vantage.now, vantage.own_intent, vantage.own_intents, &progress.intents};
  for (;;) {
    progress.move = Decide(run, mine);
    auto* record = std::get_if<Record>(&progress.move);
    if (record == nullptr || entries >= limits.entries_max || progress.events.size() >= kEventsPerTurn) break;
    if (limits.stops_before_once && StartsOnce(run.program(), record->event)) break;
    take(std::move(record->event));
  }
  return progress;
}

absl::Status WriteEvents(Draft& draft, v1::PlaybookRun& run, std::vector<RunEvent> events, const IncidentHooks& hooks) {
  const RunId id(run.id());
  run.set_sequence(run.sequence() + 1);
  store::v1::RunRecord record;
  record.set_sequence(run.sequence());
  for (RunEvent& event : events) *record.add_events() = std::move(event);
  draft.Put(keys::Run(id), run);
  draft.Put(keys::RunRecord(id, run.sequence()), record);
  for (v1::AuditEntry& entry : EntriesFor(run, record)) draft.Record(std::move(entry));  // at least one

  const bool ended = HasEnded(run);
  if (record.sequence() == 1) {
    store::v1::RunReference reference;
    reference.set_run(run.id());
    reference.set_deployment(run.deployment());
    if (!ended) draft.Put(keys::ActiveRun(id), reference);
    if (!run.incident().empty()) draft.Put(keys::RunOfIncident(IncidentId(run.incident()), id), reference);
  }
  if (!ended) return absl::OkStatus();
  draft.Delete(keys::ActiveRun(id));
  RETURN_IF_ERROR(ReleaseLock(draft, run));
  return SettleIncidents(draft, run, hooks);
}

absl::StatusOr<std::optional<RunEvent>> TakeLock(Draft& draft, const v1::PlaybookRun& run, absl::Time now) {
  ASSIGN_OR_RETURN(std::optional<store::v1::RunLock> found, draft.Find(keys::RunLock(run.lock_key())));
  store::v1::RunLock lock = found.value_or(store::v1::RunLock());
  if (!lock.run().empty() && lock.run() != run.id()) return std::optional<RunEvent>();
  if (lock.waiting_size() > 0 && lock.waiting(0) != run.id()) return std::optional<RunEvent>();
  if (lock.waiting_size() > 0) lock.mutable_waiting()->erase(lock.mutable_waiting()->begin());
  lock.set_run(run.id());
  lock.set_fence(lock.fence() + 1);
  *lock.mutable_taken_at() = ToProto(now);
  draft.Put(keys::RunLock(run.lock_key()), lock);
  RunEvent event;
  *event.mutable_time() = ToProto(now);
  event.mutable_lock_taken()->set_fence(lock.fence());
  return std::optional<RunEvent>(std::move(event));
}

}  // namespace firebreak
