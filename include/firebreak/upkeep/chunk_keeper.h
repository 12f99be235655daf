// ChunkKeeper: the chunk store as everybody but garbage collection sees it. It remembers what somebody relies on without a
// record that says so, so that nothing is deleted under a push; and which chunks are damaged, so that they are asked for again.
//
// The race it is about. A push asks MissingChunks and is told "you need not send X"; nothing in the records names X yet. The
// collector reads the records, finds nobody naming X, and deletes it; the push commits and names a chunk that is gone. Or:
// PutChunks finds X stored and writes nothing, X goes between that look and the commit. What makes both impossible:
//
//   1. Whoever is told "stored", or puts a chunk, pins it, and does so together with the look into the store under the shared
//      side of `gate_`. A deletion takes the other side: it looks at the pins and deletes in one step (Sweep). So an answer
//      "stored" is either pinned before the sweep looks, or given after the sweep was done, when the chunk is gone.
//   2. A pin is dropped only when every push that was open while it was young is over (BeginCollection looks at the open
//      pushes under the exclusive side). A commit needs its push open, and an answer counts only for a push that was open when
//      it was given: clients begin before they ask. Pushes are compared by id, never by time: clocks step.
//   3. Pins live in memory. Pushes begun before this process started may rely on answers it does not know of: while one is
//      open nothing is collected (GarbageCollector refuses, and says which).
//   4. A writer without a push (a report: put, sync, commit) is safe for `settle_time` after its Put: no pin younger than that
//      is dropped. That is far longer than such a commit takes.
//
// Pins are a filter in fixed memory: a wrong "pinned" keeps garbage until a later run, never the other way round.
#ifndef FIREBREAK_UPKEEP_CHUNK_KEEPER_H_
#define FIREBREAK_UPKEEP_CHUNK_KEEPER_H_

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/base/clock.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/upkeep/digest_filter.h"

namespace firebreak {

struct ChunkKeeperOptions {
  size_t pin_filter_bytes = size_t{4} << 20;   // each of two; with 4 million pins about 1 in 40 other chunks is kept as well
  absl::Duration settle_time = absl::Seconds(5);
};

// Thread-safe. `inner` and `clock` outlive it.
class ChunkKeeper final : public ChunkStore {
 public:
  ChunkKeeper(ChunkStore& inner, const Clock& clock, ChunkKeeperOptions options = {});

  // Damaged chunks are written over; all are pinned.
  absl::Status Put(absl::Span<const ChunkView> chunks) override;
  absl::Status Replace(absl::Span<const ChunkView> chunks) override;
  absl::Status Sync() override { return inner_.Sync(); }
  // kDataLoss is remembered for TakeSuspects.
  absl::StatusOr<std::string> Get(const Digest& digest) const override;
  absl::StatusOr<std::vector<std::string>> GetMany(absl::Span<const Digest> digests, size_t bytes_max) const override;
  // Damaged chunks count as missing; those stored are pinned.
  absl::StatusOr<std::vector<Digest>> Missing(absl::Span<const Digest> digests) const override;
  absl::StatusOr<std::vector<StoredChunk>> List(const Digest& after, size_t limit) const override {
    return inner_.List(after, limit);
  }
  // As Sweep: what is pinned stays.
  absl::Status Delete(absl::Span<const Digest> digests) override { return Sweep(digests).status(); }

  // --- for garbage collection ---
  // Forgets the pins nobody can rely on any more. `open_pushes` answers the ids of all open pushes; it is called while no
  // answer can be given.
  using OpenPushes = absl::FunctionRef<absl::StatusOr<absl::flat_hash_set<std::string>>()>;
  absl::Status BeginCollection(OpenPushes open_pushes);
  // When every pin is older than settle_time; InfinitePast when there is none.
  absl::Time settled_at() const;
  bool Pinned(const Digest& digest) const;
  // Deletes those that are not pinned and answers which. Durable after Sync.
  absl::StatusOr<std::vector<Digest>> Sweep(absl::Span<const Digest> digests);

  // --- for damage ---
  void SetDamaged(const Digest& digest, bool damaged);
  size_t damaged() const;
  std::vector<Digest> ListDamaged(size_t limit) const;
  // Digests Get failed on, and digests of damaged chunks that were written over, since the last call.
  std::vector<Digest> TakeSuspects();
  std::vector<Digest> TakeReplaced();

 private:
  void Pin(const Digest& digest) const ABSL_SHARED_LOCKS_REQUIRED(gate_);
  absl::Status Write(absl::Span<const ChunkView> chunks);
  bool AnyDamaged() const { return damaged_count_.load(std::memory_order_acquire) > 0; }

  ChunkStore& inner_;
  const Clock& clock_;
  const absl::Duration settle_time_;

  mutable absl::Mutex gate_;   // shared: answers and puts; exclusive: deletions and the turn of generations
  std::unique_ptr<DigestFilter> young_ ABSL_GUARDED_BY(gate_);
  std::unique_ptr<DigestFilter> old_ ABSL_GUARDED_BY(gate_);
  absl::flat_hash_set<std::string> relied_ ABSL_GUARDED_BY(gate_);   // pushes that were open when `old_` was young
  absl::Time turned_at_ ABSL_GUARDED_BY(gate_) = absl::InfinitePast();
  mutable std::atomic<int64_t> last_pin_ns_{0};             // 0 = no pin

  mutable absl::Mutex damage_mutex_ ABSL_ACQUIRED_AFTER(gate_);
  absl::flat_hash_set<Digest> damaged_ ABSL_GUARDED_BY(damage_mutex_);
  // Of those, what somebody has sent again since: it no longer counts as missing, so that the push that sent it can be committed;
  // the damage is closed once the bytes are durable and were read back.
  absl::flat_hash_set<Digest> rewritten_ ABSL_GUARDED_BY(damage_mutex_);
  std::atomic<size_t> damaged_count_{0};
  mutable std::vector<Digest> suspects_ ABSL_GUARDED_BY(damage_mutex_);
  std::vector<Digest> replaced_ ABSL_GUARDED_BY(damage_mutex_);
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_CHUNK_KEEPER_H_
