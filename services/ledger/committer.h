// The ledger's one writer: takes tickets from a bounded queue, turns as many as fit into one commit, and settles them.
#ifndef FIREBREAK_SERVICES_LEDGER_COMMITTER_H_
#define FIREBREAK_SERVICES_LEDGER_COMMITTER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/ledger/tiles.h"
#include "firebreak/storage/meta_store.h"
#include "group.h"
#include "recent_writes.h"
#include "ticket.h"
#include "watchers.h"

namespace firebreak {

// Where the log ends in the store.
struct LogTip {
  std::shared_ptr<const TreeEdge> edge;
  absl::Time last_time = absl::InfinitePast();
  uint64_t head_revision = 0;
  uint64_t commit = 0;   // number of the newest group
};

// Reads the head and rebuilds the edge. kDataLoss when the root stored is not the root found.
absl::StatusOr<LogTip> LoadTip(const MetaStore& store);

// Thread-safe. `store`, `clock` and `log` outlive it. The thread runs from construction to destruction, which commits what
// is queued first.
class Committer {
 public:
  Committer(MetaStore& store, const Clock& clock, Log& log, LogTip tip, const LedgerOptions& options);
  ~Committer();

  // Blocks until the ticket is settled; its result is the answer.
  void Submit(Ticket& ticket);
  // For a ticket with `then`: returns at once. False when it was not taken; then its result says why.
  bool Enqueue(Ticket& ticket);

  MetaStore& store() const { return store_; }
  std::shared_ptr<const TreeEdge> edge() const;   // of what is durable
  Watchers& watchers() const { return *watchers_; }
  // Everything committed up to this revision is visible to a read that begins now. For Draft's `as_of`.
  uint64_t visible() const { return visible_.load(std::memory_order_acquire); }

 private:
  void Run();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }
  void CommitBacklog(std::deque<Ticket*>& backlog);
  absl::StatusOr<uint64_t> Write(Group& group);
  absl::StatusOr<uint64_t> FindOutcome(const absl::Status& error, const Group& group, uint64_t commit);
  absl::Status Catch();
  void Publish(const Group& group, uint64_t revision, uint64_t commit);
  void ReachCrashPoints(const char* moment, const Group& group) const;

  MetaStore& store_;
  const Clock& clock_;
  Log& log_;
  const size_t queue_max_;
  const CrashPoints* const crash_points_;   // may be null
  const std::shared_ptr<Watchers> watchers_ = std::make_shared<Watchers>();

  mutable absl::Mutex mutex_;
  std::deque<Ticket*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const TreeEdge> edge_ ABSL_GUARDED_BY(mutex_);

  std::atomic<uint64_t> visible_;

  // The committer thread's own.
  LogTip tip_;
  RecentWrites recent_;
  uint64_t attempt_ = 0;      // numbers groups, also those that failed
  bool uncertain_ = false;    // the last outcome could not be read; nothing is written before it is known

  std::thread thread_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_COMMITTER_H_
