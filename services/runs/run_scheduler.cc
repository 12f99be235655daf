#include "firebreak/runs/run_scheduler.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/runs.h"

namespace firebreak {
namespace {

constexpr size_t kPage = 500;
constexpr absl::Duration kDelayMax = absl::Minutes(5);  // between two looks at a run whose record cannot be read

// Entries the pump itself writes: whoever wrote them already knows.
bool IsOfPump(std::string_view action) {
  static constexpr std::string_view kActions[] = {"step.started",    "step.done",      "step.undone",  "step.failed",
                                                  "step.retrying",   "step.in_doubt",  "branch.taken", "approval.asked",
                                                  "approval.closed", "run.lock_taken", "run.failing",  "run.finished",
                                                  "step.entered",    "step.round",     "step.delayed", "run.moved"};
  return std::find(std::begin(kActions), std::end(kActions), action) != std::end(kActions);
}

}  // namespace

class RunScheduler::Queue {
 public:
  Queue(Ledger& ledger, const Clock& clock, Log& log, RunPump& pump, RunSchedulerOptions options)
      : ledger_(ledger), clock_(clock), log_(log), pump_(pump), options_(options) {}

  absl::Status Start() {
    // Watching comes first: a run that starts while the active ones are read is then seen twice rather than never.
    watch_ = ledger_.AddWatcher([this](const std::vector<v1::AuditEntry>& entries) { Notice(entries); });
    std::string after;
    do {
      ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::ActiveRuns(), after, kPage));
      for (const auto& [key, reference] : page.records) {
        absl::MutexLock lock(&mutex_);
        Entry& entry = entries_[reference.run()];
        SetDeployment(reference.run(), entry, reference.deployment());
        Enqueue(reference.run(), entry);
      }
      after = page.next_after;
    } while (!after.empty());
    for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { Work(); });
    return absl::OkStatus();
  }

  void Stop() {
    watch_.reset();
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  void Poke(const std::string& run) {
    absl::MutexLock lock(&mutex_);
    Enqueue(run, entries_[run]);
  }

  size_t active() const {
    absl::MutexLock lock(&mutex_);
    return entries_.size();
  }

  uint64_t drives() const {
    absl::MutexLock lock(&mutex_);
    return drives_;
  }

 private:
  struct Entry {
    std::string deployment;
    bool queued = false;
    bool running = false;
    bool again = false;                           // something happened while it was running
    int failures = 0;                             // drives that could not read or commit, in a row
    absl::Time wake_at = absl::InfiniteFuture();  // in timers_ when finite
  };

  void Notice(const std::vector<v1::AuditEntry>& entries) {
    absl::MutexLock lock(&mutex_);
    for (const v1::AuditEntry& entry : entries) {
      const bool of_pump = IsOfPump(entry.action());
      const bool frees_lock = entry.action() == "run.finished";
      for (const std::string& subject : entry.subjects()) {
        if (!of_pump && subject.starts_with("run/")) Enqueue(subject.substr(4), entries_[subject.substr(4)]);
        if ((!of_pump || frees_lock) && subject.starts_with("deployment/")) EnqueueDeployment(subject.substr(11));
      }
    }
  }

  void EnqueueDeployment(const std::string& deployment) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto runs = by_deployment_.find(deployment);
    if (runs == by_deployment_.end()) return;
    for (const std::string& run : runs->second) Enqueue(run, entries_[run]);
  }

  void SetDeployment(const std::string& run, Entry& entry, const std::string& deployment)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (entry.deployment == deployment) return;
    const auto old = by_deployment_.find(entry.deployment);
    if (old != by_deployment_.end() && old->second.erase(run) > 0 && old->second.empty()) by_deployment_.erase(old);
    entry.deployment = deployment;
    if (!deployment.empty()) by_deployment_[deployment].insert(run);
  }

  void Enqueue(const std::string& run, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (entry.running) {
      entry.again = true;
      pump_.Nudge(RunId(run));
    } else if (!entry.queued) {
      entry.queued = true;
      ready_.push_back(run);
      SetTimer(run, entry, absl::InfiniteFuture());
    }
  }

  void SetTimer(const std::string& run, Entry& entry, absl::Time wake_at) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (entry.wake_at != absl::InfiniteFuture()) timers_.erase({entry.wake_at, run});
    entry.wake_at = wake_at;
    if (wake_at != absl::InfiniteFuture()) timers_.insert({wake_at, run});
  }

  absl::Time EarliestTimer() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return timers_.empty() ? absl::InfiniteFuture() : timers_.begin()->first;
  }

  void EnqueueDue(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
      const std::string run = timers_.begin()->second;
      Enqueue(run, entries_[run]);
    }
  }

  // Waits for work; false when stopping.
  bool Await() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (;;) {
      if (stopping_) return false;
      EnqueueDue(clock_.Now());
      if (!ready_.empty()) return true;
      const absl::Time until = EarliestTimer();
      auto wakes = [this, until]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || !ready_.empty() || EarliestTimer() < until;
      };
      clock_.AwaitUntil(mutex_, absl::Condition(&wakes), until);
    }
  }

  void Work() {
    absl::MutexLock lock(&mutex_);
    while (Await()) {
      const std::string run = std::move(ready_.front());
      ready_.pop_front();
      Entry& entry = entries_[run];
      entry.queued = false;
      entry.running = true;
      entry.again = false;
      mutex_.Unlock();
      const absl::StatusOr<DriveResult> result = pump_.Drive(RunId(run));
      mutex_.Lock();
      Settle(run, result);
    }
  }

  void Settle(const std::string& run, const absl::StatusOr<DriveResult>& result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Entry& entry = entries_[run];
    entry.running = false;
    ++drives_;
    if (!result.ok() && !absl::IsNotFound(result.status())) {
      SetTimer(run, entry, clock_.Now() + DelayAfter(run, entry, result.status()));
      return;
    }
    if (!result.ok() || result->ended) {
      SetTimer(run, entry, absl::InfiniteFuture());
      SetDeployment(run, entry, "");
      entries_.erase(run);
      return;
    }
    entry.failures = 0;
    SetDeployment(run, entry, result->deployment.text());
    if (entry.again) {
      Enqueue(run, entry);
    } else {
      SetTimer(run, entry, result->wake_at);
    }
  }

  // What will pass is tried again soon; a record that cannot be read is said loudly and looked at ever more rarely.
  absl::Duration DelayAfter(const std::string& run, Entry& entry, const absl::Status& status) {
    const bool passes = absl::IsUnavailable(status) || absl::IsAborted(status);
    const LogLevel level = passes ? LogLevel::kWarning : LogLevel::kError;
    log_.Write(level, "run.drive_failed", {{"run", run}, {"error", status.ToString()}});
    entry.failures = std::min(entry.failures + 1, 16);
    absl::Duration delay = options_.retry_after_error;
    for (int i = 1; !passes && i < entry.failures && delay < kDelayMax; ++i) delay *= 2;
    return std::min(delay, std::max(kDelayMax, options_.retry_after_error));
  }

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  RunPump& pump_;
  const RunSchedulerOptions options_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t drives_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::set<std::string>> by_deployment_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> ready_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<absl::Time, std::string>> timers_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<Ledger::Watch> watch_;  // only touched by Start and Stop
  std::vector<std::thread> workers_;
};

RunScheduler::RunScheduler(Ledger& ledger, const Clock& clock, Log& log, RunPump& pump, RunSchedulerOptions options)
    : queue_(std::make_unique<Queue>(ledger, clock, log, pump, options)) {}

RunScheduler::~RunScheduler() { Stop(); }

absl::Status RunScheduler::Start() { return queue_->Start(); }
void RunScheduler::Stop() { queue_->Stop(); }
void RunScheduler::Poke(const RunId& run) { queue_->Poke(run.text()); }
size_t RunScheduler::active() const { return queue_->active(); }
uint64_t RunScheduler::drives() const { return queue_->drives(); }

}  // namespace firebreak
