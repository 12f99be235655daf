// KnownAlerts: what memory holds of every alert that fires or ended lately, so that a heartbeat costs a look-up and no commit.
// It only ever repeats what the store has made durable; a fingerprint it does not hold is looked up in the store.
#ifndef FIREBREAK_SERVICES_ALERTS_KNOWN_ALERTS_H_
#define FIREBREAK_SERVICES_ALERTS_KNOWN_ALERTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/alerts/incoming.h"
#include "firebreak/alerts/merge.h"

namespace firebreak {

// Thread-safe; sharded so that many connections do not meet on one lock.
class KnownAlerts {
 public:
  struct Entry {
    KnownFacts facts;
    Lease lease;               // while firing
    uint64_t incident = 0;     // number, 0 for none
    uint64_t revision = 0;     // of the commit it repeats
  };

  // The move a post means by what is known here. For kNone of a firing alert the lease is extended at once. nullopt: not
  // known well enough; ask the store. Fills `incident` when the alert is known.
  std::optional<AlertMove> Hear(const IncomingAlert& incoming, absl::Time now, absl::Duration late_window,
                                uint64_t& incident);

  // Takes over what a commit made durable, unless a newer commit is already here.
  void Learn(uint64_t fingerprint, const Entry& entry);

  std::optional<Entry> Find(uint64_t fingerprint) const;
  // Firing alerts whose lease ended at or before `now`.
  std::vector<uint64_t> Overdue(absl::Time now) const;
  // Forgets ended alerts heard of before `before`.
  void Forget(absl::Time before);
  size_t firing() const { return firing_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kShards = 32;
  struct Shard {
    mutable absl::Mutex mutex;
    absl::flat_hash_map<uint64_t, Entry> entries ABSL_GUARDED_BY(mutex);
  };
  Shard& ShardOf(uint64_t fingerprint) { return shards_[fingerprint % kShards]; }
  const Shard& ShardOf(uint64_t fingerprint) const { return shards_[fingerprint % kShards]; }

  std::array<Shard, kShards> shards_;
  std::atomic<size_t> firing_{0};
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ALERTS_KNOWN_ALERTS_H_
