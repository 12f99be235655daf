// Who is told after each commit.
#ifndef FIREBREAK_SERVICES_LEDGER_WATCHERS_H_
#define FIREBREAK_SERVICES_LEDGER_WATCHERS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/ledger/ledger.h"

namespace firebreak {

// Thread-safe. Shared with every watch, so that a watch may outlive the ledger.
class Watchers : public std::enable_shared_from_this<Watchers> {
 public:
  std::unique_ptr<Ledger::Watch> Add(Ledger::Watcher watcher);
  bool empty() const;
  // The lock is held during the calls: a watch that is being destroyed waits for its own.
  void Tell(const std::vector<v1::AuditEntry>& entries);

 private:
  class Registration;
  void Remove(uint64_t id);

  mutable absl::Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Ledger::Watcher> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_WATCHERS_H_
