// WatchAudit: history first, then what is committed, without a gap or a repeat between the two.
#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/audit_desk.h"
#include "firebreak/ledger/entries.h"

namespace firebreak {
namespace {

using AuditSink = std::shared_ptr<Sink<v1::WatchAuditEvent>>;

// Thread-safe: fed by the handler's thread (history) and by the committer's (news). The lock is held while sending, which
// never blocks, and keeps the order.
class AuditFeed {
 public:
  AuditFeed(const Ledger& ledger, const v1::WatchAuditRequest& request, AuditSink sink)
      : ledger_(ledger), subject_(request.subject()), sink_(std::move(sink)), next_index_(request.from_index()) {}

  // News is only taken once history has been sent; until then the store has it.
  void OnCommit(const std::vector<v1::AuditEntry>& entries) {
    absl::MutexLock lock(&mutex_);
    if (!live_) return;
    for (const v1::AuditEntry& entry : entries) {
      if (entry.index() < next_index_) continue;
      next_index_ = entry.index() + 1;
      if (!IsAboutSubject(entry)) continue;
      if (!SendOne(entry)) return;
    }
  }

  // Sends what is in the store and goes live. Reads happen outside the lock, so that the committer never waits for one.
  absl::Status SendHistory() {
    size_t sent = 0;
    for (;;) {
      const uint64_t size = ledger_.size();
      uint64_t from_index = 0;
      {
        absl::MutexLock lock(&mutex_);
        // Whoever commits after this check finds the feed live.
        if (next_index_ >= ledger_.size()) {
          live_ = true;
          return absl::OkStatus();
        }
        from_index = next_index_;
      }
      const size_t limit = AuditDesk::kHistoryMax - sent;
      ASSIGN_OR_RETURN(EntryPage page, subject_.empty() ? ListEntries(ledger_.store(), from_index, limit)
                                                        : ListEntriesBySubject(ledger_.store(), subject_, from_index, limit));
      absl::MutexLock lock(&mutex_);
      for (const v1::AuditEntry& entry : page.entries) {
        if (!SendOne(entry)) return absl::OkStatus();
      }
      sent += page.entries.size();
      next_index_ = page.more ? page.next_index : std::max(page.next_index, size);
      if (sent == AuditDesk::kHistoryMax && next_index_ < ledger_.size()) {
        sink_->Close(absl::ResourceExhaustedError(
            StrCat("watch: more than ", AuditDesk::kHistoryMax, " entries behind; resume from index ", next_index_)));
        return absl::OkStatus();
      }
    }
  }

 private:
  bool IsAboutSubject(const v1::AuditEntry& entry) const {
    return subject_.empty() ||
           std::find(entry.subjects().begin(), entry.subjects().end(), subject_) != entry.subjects().end();
  }
  bool SendOne(const v1::AuditEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::WatchAuditEvent event;
    *event.mutable_entry() = entry;
    if (sink_->Send(std::move(event))) return true;
    live_ = false;
    return false;
  }

  const Ledger& ledger_;
  const std::string subject_;
  const AuditSink sink_;
  absl::Mutex mutex_;
  uint64_t next_index_ ABSL_GUARDED_BY(mutex_);
  bool live_ ABSL_GUARDED_BY(mutex_) = false;
};

class AuditSubscription final : public Subscription {
 public:
  AuditSubscription(std::shared_ptr<AuditFeed> feed, std::unique_ptr<Ledger::Watch> watch)
      : feed_(std::move(feed)), watch_(std::move(watch)) {}

 private:
  const std::shared_ptr<AuditFeed> feed_;
  const std::unique_ptr<Ledger::Watch> watch_;   // goes first: after it nothing more is sent
};

}  // namespace

absl::StatusOr<std::unique_ptr<Subscription>> AuditDesk::WatchAudit(const Caller&, const v1::WatchAuditRequest& request,
                                                                    std::shared_ptr<Sink<v1::WatchAuditEvent>> sink) {
  auto feed = std::make_shared<AuditFeed>(ledger_, request, std::move(sink));
  std::unique_ptr<Ledger::Watch> watch =
      ledger_.AddWatcher([feed](const std::vector<v1::AuditEntry>& entries) { feed->OnCommit(entries); });
  RETURN_IF_ERROR(feed->SendHistory());
  return std::make_unique<AuditSubscription>(std::move(feed), std::move(watch));
}

}  // namespace firebreak
