#include "committer.h"

#include <algorithm>

#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/ledger.h"
#include "leaf.h"
#include "stored_tree.h"

namespace firebreak {
namespace {

struct FoundHead {
  store::v1::LogHead head;
  uint64_t revision = 0;   // 0: the log has not begun
};

absl::StatusOr<FoundHead> ReadHead(const MetaStore& store) {
  ASSIGN_OR_RETURN(std::optional<Stored> stored, store.Get(LogHeadKey().bytes));
  FoundHead found;
  if (!stored) return found;
  found.revision = stored->revision;
  if (!found.head.ParseFromString(stored->value)) return UnreadableRecord(LogHeadKey().bytes);
  return found;
}

}  // namespace

absl::StatusOr<LogTip> LoadTip(const MetaStore& store) {
  ASSIGN_OR_RETURN(FoundHead found, ReadHead(store));
  LogTip tip;
  tip.edge = std::make_shared<TreeEdge>();
  if (found.revision == 0) return tip;
  ASSIGN_OR_RETURN(TreeEdge edge, RebuildEdge(store, found.head.size()));
  if (edge.Root() != found.head.root()) {
    return absl::DataLossError(StrCat("log of ", edge.size(), " entries: the entries do not lead to the root stored with them"));
  }
  tip.edge = std::make_shared<TreeEdge>(std::move(edge));
  tip.last_time = FromProto(found.head.last_time());
  tip.head_revision = found.revision;
  tip.commit = found.head.commit();
  return tip;
}

Committer::Committer(MetaStore& store, const Clock& clock, Log& log, LogTip tip, const LedgerOptions& options)
    : store_(store),
      clock_(clock),
      log_(log),
      queue_max_(options.queue_max),
      crash_points_(options.crash_points),
      edge_(tip.edge),
      visible_(tip.head_revision),
      tip_(std::move(tip)),
      recent_(tip_.head_revision),
      attempt_(tip_.commit),
      thread_([this] { Run(); }) {}

Committer::~Committer() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void Committer::Submit(Ticket& ticket) {
  if (Enqueue(ticket)) ticket.done.WaitForNotification();
}

bool Committer::Enqueue(Ticket& ticket) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) {
    ticket.result = absl::UnavailableError("ledger: it is shutting down");
    return false;
  }
  if (queue_.size() >= queue_max_) {
    ticket.result = absl::ResourceExhaustedError(
        StrCat("ledger: ", queue_max_, " commits are waiting already; try again later"));
    return false;
  }
  queue_.push_back(&ticket);
  return true;
}

std::shared_ptr<const TreeEdge> Committer::edge() const {
  absl::MutexLock lock(&mutex_);
  return edge_;
}

void Committer::Run() {
  for (;;) {
    std::deque<Ticket*> backlog;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Committer::HasWork));
      if (queue_.empty()) return;
      backlog.swap(queue_);
    }
    while (!backlog.empty()) CommitBacklog(backlog);
  }
}

// Commits one group from the front of the backlog.
void Committer::CommitBacklog(std::deque<Ticket*>& backlog) {
  if (uncertain_) {
    if (absl::Status caught = Catch(); !caught.ok()) {
      const absl::Status answer =
          absl::UnavailableError(StrCat("ledger: the outcome of an earlier commit is not known yet: ", MessageOf(caught)));
      for (Ticket* ticket : backlog) ticket->Settle(answer);
      backlog.clear();
      return;
    }
  }
  const absl::Time time = std::max(tip_.last_time, ToLeafTime(clock_.Now()));
  const bool crashing = crash_points_ != nullptr && crash_points_->armed();
  const Group::KeepEntries keep = watchers_->empty() && !crashing ? Group::KeepEntries::kNo : Group::KeepEntries::kYes;
  Group group(store_, recent_, *tip_.edge, time, keep);
  while (!backlog.empty() && !group.full() && group.Add(*backlog.front())) backlog.pop_front();
  if (group.nothing_to_write()) {
    group.SettleAll(tip_.head_revision);
    return;
  }
  if (crashing) ReachCrashPoints("before-", group);
  const absl::StatusOr<uint64_t> revision = Write(group);
  if (crashing && revision.ok()) ReachCrashPoints("after-", group);
  group.SettleAll(revision);
  if (revision.ok() && !group.entries().empty()) watchers_->Tell(group.entries());
}

absl::StatusOr<uint64_t> Committer::Write(Group& group) {
  const uint64_t commit = ++attempt_;
  absl::StatusOr<uint64_t> revision = store_.Commit(group.TakeChange(tip_.head_revision, commit));
  // These two promise that nothing was written. Every other error has to be looked into.
  if (absl::IsResourceExhausted(revision.status()) || absl::IsInvalidArgument(revision.status())) return revision;
  if (!revision.ok()) revision = FindOutcome(revision.status(), group, commit);
  if (revision.ok()) Publish(group, *revision, commit);
  return revision;
}

// Did the group get written although the store reported `error`? Its revision, or what its callers are to be told.
absl::StatusOr<uint64_t> Committer::FindOutcome(const absl::Status& error, const Group& group, uint64_t commit) {
  const absl::StatusOr<FoundHead> found = ReadHead(store_);
  if (!found.ok()) {
    uncertain_ = true;
    log_.Error("ledger.outcome_unknown", {{"error", error.ToString()}, {"read", found.status().ToString()}});
    return absl::UnavailableError(StrCat("ledger: outcome unknown: ", MessageOf(error)));
  }
  if (found->revision == tip_.head_revision) return error;
  // The number tells our own attempts apart, the root those of another writer that counts as we do.
  if (found->head.commit() == commit && found->head.root() == group.edge().Root()) return found->revision;
  // Somebody else's write, or an earlier one of ours that arrived late. Ours failed its expectation: nothing was written.
  uncertain_ = true;
  log_.Warning("ledger.log_moved", {{"size", StrCat(found->head.size())}, {"expected", StrCat(tip_.edge->size())}});
  return absl::AbortedError("ledger: the log has moved under this commit");
}

// Makes the tip what the store holds. An earlier commit whose outcome was unknown is found here; a log that does not
// continue ours is refused until a person has looked.
absl::Status Committer::Catch() {
  ASSIGN_OR_RETURN(FoundHead found, ReadHead(store_));
  if (found.revision != tip_.head_revision) {
    ASSIGN_OR_RETURN(LogTip tip, LoadTip(store_));
    if (tip.edge->size() < tip_.edge->size()) {
      return absl::DataLossError(StrCat("the log shrank from ", tip_.edge->size(), " to ", tip.edge->size(), " entries"));
    }
    StoredTree tree(store_, tip.edge);
    ASSIGN_OR_RETURN(std::string root, TreeRoot(tree, tip_.edge->size()));
    if (root != tip_.edge->Root()) {
      return absl::DataLossError(StrCat("the log no longer holds the first ", tip_.edge->size(), " entries as they were"));
    }
    tip_ = std::move(tip);
    attempt_ = std::max(attempt_, tip_.commit);
    absl::MutexLock lock(&mutex_);
    edge_ = tip_.edge;
  }
  recent_.Begin(tip_.head_revision);   // somebody else may have written: what was read before is looked up again
  visible_.store(tip_.head_revision, std::memory_order_release);
  uncertain_ = false;
  return absl::OkStatus();
}

// Every change of state is a place to die at: before it is durable, and after it is but before anybody was told.
void Committer::ReachCrashPoints(const char* moment, const Group& group) const {
  for (const v1::AuditEntry& entry : group.entries()) crash_points_->Reach(StrCat(moment, entry.action()));
}

void Committer::Publish(const Group& group, uint64_t revision, uint64_t commit) {
  recent_.Note(group.written(), revision);
  visible_.store(revision, std::memory_order_release);   // after the note: a draft may trust what it covers
  tip_.edge = std::make_shared<TreeEdge>(group.edge());
  tip_.last_time = group.time();
  tip_.head_revision = revision;
  tip_.commit = commit;
  absl::MutexLock lock(&mutex_);
  edge_ = tip_.edge;
}

}  // namespace firebreak
