// Watching a run live: its state and everything that happened since, in order and without gaps.
#include <algorithm>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/runs/program.h"
#include "firebreak/runs/run_desk.h"
#include "firebreak/storage/keys/runs.h"
#include "services/runs/run_writer.h"

namespace firebreak {
namespace {

constexpr size_t kRecordsPerEvent = 100;  // journal records told at once; more come in the next event

void AddChanges(const v1::PlaybookRun& run, const store::v1::RunRecord& record, v1::WatchRunEvent& event) {
  for (const store::v1::RunEvent& each : record.events()) {
    const std::optional<v1::AuditEntry> entry = EntryFor(run, each);
    if (!entry) continue;
    v1::RunChange& change = *event.add_changes();
    change.set_sequence(record.sequence());
    *change.mutable_time() = each.time();
    change.set_action(entry->action());
    const auto step = entry->facts().find("step");
    if (step != entry->facts().end()) change.set_step(step->second);
    change.set_summary(entry->summary());
    change.set_actor(entry->actor());
  }
}

// One watcher of one run. The ledger calls it on its committer thread, so it only reads a few records and hands them on.
class RunWatch final : public Subscription {
 public:
  RunWatch(Ledger& ledger, RunId run, uint64_t after_sequence, std::shared_ptr<Sink<v1::WatchRunEvent>> sink,
           const WaitBoard* waits)
      : ledger_(ledger),
        run_(std::move(run)),
        subject_(StrCat("run/", run_.text())),
        sink_(std::move(sink)),
        waits_(waits),
        sequence_(after_sequence) {
    watch_ = ledger_.AddWatcher([this](const std::vector<v1::AuditEntry>& entries) {
      const bool concerned = std::any_of(entries.begin(), entries.end(), [this](const v1::AuditEntry& entry) {
        return std::find(entry.subjects().begin(), entry.subjects().end(), subject_) != entry.subjects().end();
      });
      if (concerned) SendNewest();
    });
    SendNewest();  // after the watch began, so that no change falls between
  }

 private:
  void SendNewest() {
    absl::MutexLock lock(&mutex_);
    while (!closed_ && SendSome()) {
    }
  }

  // True while there is more to tell.
  bool SendSome() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    absl::StatusOr<v1::PlaybookRun> run = LoadRecord(ledger_.store(), keys::Run(run_), StrCat("run ", run_.text()));
    if (!run.ok()) return Close(run.status());
    const bool ended = HasEnded(*run);
    const uint64_t newest = run->sequence();
    if (newest > sequence_) {
      v1::WatchRunEvent event;
      const absl::Status read = ReadChanges(*run, event);
      if (!read.ok()) return Close(read);
      if (waits_ != nullptr) waits_->Fill(*run);
      *event.mutable_run() = *std::move(run);
      sequence_ = event.sequence();
      closed_ = !sink_->Send(std::move(event));
    }
    if (closed_ || sequence_ < newest) return !closed_;
    return ended ? Close(absl::OkStatus()) : false;
  }

  absl::Status ReadChanges(const v1::PlaybookRun& run, v1::WatchRunEvent& event) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::string after = sequence_ == 0 ? std::string() : keys::RunRecord(run_, sequence_).bytes;
    ASSIGN_OR_RETURN(const auto page, ListRecords(ledger_.store(), keys::RunRecords(run_), after, kRecordsPerEvent));
    event.set_sequence(run.sequence());  // also when the journal is not there any more
    for (const auto& [key, record] : page.records) {
      if (record.sequence() > run.sequence()) break;  // written after the run was read
      AddChanges(run, record, event);
      event.set_sequence(record.sequence());
    }
    return absl::OkStatus();
  }

  bool Close(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    closed_ = true;
    sink_->Close(status);
    return false;
  }

  Ledger& ledger_;
  const RunId run_;
  const std::string subject_;
  const std::shared_ptr<Sink<v1::WatchRunEvent>> sink_;
  const WaitBoard* const waits_;  // may be null
  absl::Mutex mutex_;
  uint64_t sequence_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Ledger::Watch> watch_;  // last: its end waits for a call in progress
};

}  // namespace

absl::StatusOr<std::unique_ptr<Subscription>> RunDesk::WatchRun(const Caller&, const v1::WatchRunRequest& request,
                                                                std::shared_ptr<Sink<v1::WatchRunEvent>> sink) {
  if (RunNumber(RunId(request.run())) == 0)
    return absl::InvalidArgumentError(StrCat("'", request.run(), "' is no run (next: RUN-17)"));
  RETURN_IF_ERROR(
      LoadRecord(ledger_.store(), keys::Run(RunId(request.run())), StrCat("run ", request.run())).status());
  return std::unique_ptr<Subscription>(
      std::make_unique<RunWatch>(ledger_, RunId(request.run()), request.after_sequence(), std::move(sink), waits_));
}

}  // namespace firebreak
