// Stores that fail on purpose: wrappers around real ports for crash simulations and fault tests. The faults are those a
// disk or a dying process can produce, never kinder and never impossible ones.
#ifndef FIREBREAK_STORAGE_WRAP_FAULTS_H_
#define FIREBREAK_STORAGE_WRAP_FAULTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak {

enum class Fault {
  kNone,
  kLost,                // kUnavailable, and nothing was written
  kDoneButUnavailable,  // written, and reported as kUnavailable all the same
  kDiskFull,            // kResourceExhausted, and nothing was written
  kStopBefore,          // the process dies before the write: kUnavailable, as is every later call until Restart
  kStopAfter,           // the process dies after the write became durable, before its caller heard of it
};

// How often a random plan picks each fault, in 0..1; the rest is kNone.
struct FaultOdds {
  double lost = 0;
  double done_but_unavailable = 0;
  double disk_full = 0;
};

// Decides the fate of numbered writes (1, 2, 3 …). Thread-safe.
class FaultPlan {
 public:
  FaultPlan() = default;

  // The n-th write (counted from the plan's beginning) meets `fault`. Overrides the random plan.
  void FailAt(uint64_t n, Fault fault);
  // From now on, writes without a fate of their own meet random faults; the same seed gives the same fates.
  void FailRandomly(uint64_t seed, FaultOdds odds);
  // Forgets every planned fault; the count goes on.
  void Heal();

  // Takes the next number and its fate.
  struct Fate {
    uint64_t n = 0;
    Fault fault = Fault::kNone;
  };
  Fate Next();
  uint64_t count() const;

 private:
  mutable absl::Mutex mutex_;
  uint64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Fault> fates_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::mt19937_64> random_ ABSL_GUARDED_BY(mutex_);
  FaultOdds odds_ ABSL_GUARDED_BY(mutex_);
};

// Thread-safe. `inner` outlives it; commits made under it can be read from `inner` after a simulated crash.
class FaultyMetaStore final : public MetaStore {
 public:
  explicit FaultyMetaStore(MetaStore& inner) : inner_(inner) {}

  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override;
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after,
                                             size_t limit) const override;
  absl::StatusOr<uint64_t> Commit(const Change& change) override;
  Limits limits() const override { return inner_.limits(); }

  FaultPlan& plan() { return plan_; }
  // Called with n before the n-th commit is decided, on the committing thread; may call plan().FailAt(n, …) and Stop().
  // n is exact while one thread commits at a time, as the ledger does.
  void OnCommit(std::function<void(uint64_t n, const Change& change)> hook);

  // The process is dead: every call answers kUnavailable and nothing is written until Restart.
  void Stop();
  void Restart();
  bool stopped() const;

  uint64_t commits() const { return plan_.count(); }  // tried, whatever became of them
  uint64_t committed() const;                         // really written

 private:
  absl::Status CheckAlive() const;

  MetaStore& inner_;
  FaultPlan plan_;
  mutable absl::Mutex mutex_;
  std::function<void(uint64_t, const Change&)> hook_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t committed_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Thread-safe. `inner` outlives it. Put and Delete take the fates of writes(), Sync those of syncs().
class FaultyChunkStore final : public ChunkStore {
 public:
  explicit FaultyChunkStore(ChunkStore& inner) : inner_(inner) {}

  absl::Status Put(absl::Span<const ChunkView> chunks) override;
  absl::Status Sync() override;
  absl::StatusOr<std::string> Get(const Digest& digest) const override;
  absl::StatusOr<std::vector<Digest>> Missing(absl::Span<const Digest> digests) const override;
  absl::Status Replace(absl::Span<const ChunkView> chunks) override;  // also heals what Damage damaged
  absl::StatusOr<std::vector<StoredChunk>> List(const Digest& after, size_t limit) const override;
  absl::Status Delete(absl::Span<const Digest> digests) override;

  FaultPlan& writes() { return writes_; }
  FaultPlan& syncs() { return syncs_; }
  // Get answers kDataLoss for this digest from now on.
  void Damage(const Digest& digest);

  void Stop();
  void Restart();
  bool stopped() const;

 private:
  absl::Status CheckAlive() const;
  absl::Status Run(FaultPlan& plan, std::string_view doing, const std::function<absl::Status()>& write);

  ChunkStore& inner_;
  FaultPlan writes_;
  FaultPlan syncs_;
  mutable absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Digest> damaged_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_WRAP_FAULTS_H_
