// SubjectFeed: which things of one kind the ledger has touched since they were last looked at, so that an index in memory reads
// again only what changed. Complete up to the moment of asking: what the watcher was not told is read from the log.
#ifndef FIREBREAK_SNAPSHOTS_SUBJECT_FEED_H_
#define FIREBREAK_SNAPSHOTS_SUBJECT_FEED_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/ledger/ledger.h"

namespace firebreak {

// Thread-safe. `ledger` outlives it.
class SubjectFeed {
 public:
  // `prefix` of audit subjects: "snapshot/sha256:", "deployment/".
  SubjectFeed(Ledger& ledger, std::string prefix);
  ~SubjectFeed();

  struct Touched {
    bool all = false;                     // more than can be kept in mind, or the first time: read everything
    std::vector<std::string> subjects;    // without "snapshot/" or "deployment/"
  };
  // Everything touched since the last Take by commits that were done when this was called. Read the store afterwards: a
  // commit in between may be seen early and is named again.
  absl::StatusOr<Touched> Take();

 private:
  static constexpr size_t kKeptMax = 50'000;
  void Note(const std::vector<v1::AuditEntry>& entries) ABSL_LOCKS_EXCLUDED(mutex_);
  void Keep(const v1::AuditEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Ledger& ledger_;
  const std::string prefix_;
  absl::Mutex mutex_;
  bool all_ ABSL_GUARDED_BY(mutex_) = true;
  uint64_t covered_ ABSL_GUARDED_BY(mutex_) = 0;   // every entry below was looked at
  absl::flat_hash_set<std::string> subjects_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Ledger::Watch> watch_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_SUBJECT_FEED_H_
