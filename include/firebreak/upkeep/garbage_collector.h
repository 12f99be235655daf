// GarbageCollector: deletes chunks that no record names and nobody relies on, beside running pushes. Nothing else deletes chunks.
//
//   gather   deleted snapshots that nothing keeps lose their manifest and signatures (one commit each)
//   mark     every chunk that a manifest, an open push, a signature or a report names
//   sweep    every stored chunk that is neither marked nor pinned (upkeep/chunk_keeper.h tells the race and its rules)
//
// A crash leaves a consistent store at every point: the records that named a chunk are gone before the chunk, and a chunk whose
// deletion did not reach the disk is garbage for the next run. New places that name chunks belong into Mark (and into
// storage/FORMAT.md, "Chunks named by records").
#ifndef FIREBREAK_UPKEEP_GARBAGE_COLLECTOR_H_
#define FIREBREAK_UPKEEP_GARBAGE_COLLECTOR_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/log.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/upkeep/chunk_keeper.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak {

struct GarbageOptions {
  absl::Duration push_lifetime = absl::Hours(48);   // as SnapshotLimits
  // Why a deleted snapshot's content has to stay ("INC-4 holds it"), empty = it may go. Reads through the draft.
  std::function<absl::StatusOr<std::string>(Draft&, const std::string& snapshot_digest)> why_kept = {};
  // Gives the space of deleted chunks back to the volume; may be empty.
  std::function<absl::Status()> reclaim = {};
};

struct GarbageWish {
  Identity actor;
  std::string reason;
  bool dry_run = false;
  bool abandon_pushes = false;
};

// Thread-safe; one run at a time. Everything it is given outlives it. Made before the first push of this process is taken.
class GarbageCollector {
 public:
  GarbageCollector(Ledger& ledger, ChunkKeeper& chunks, const Clock& clock, Log& log, GarbageOptions options);
  ~GarbageCollector();

  // Remembers the pushes open now: what they were told by an earlier process is not known. Once, before doors open.
  absl::Status Open();

  // A whole run. kFailedPrecondition: another run is going on, or a push begun before this process started is open.
  // kDataLoss: a manifest page cannot be read, so what it names is not known; nothing was deleted.
  absl::StatusOr<v1::GarbageReport> Collect(const GarbageWish& wish);

  // The same in small steps, for tests that interleave them with pushes. Step answers true when the run is over.
  class Run;
  absl::StatusOr<std::unique_ptr<Run>> Begin(const GarbageWish& wish);

  // No run begins while the lease lives; kFailedPrecondition when one is going on. For backups.
  class Lease;
  absl::StatusOr<std::unique_ptr<Lease>> Block(std::string_view why);

 private:
  friend class Run;
  absl::Status CheckInherited(const GarbageWish& wish);
  absl::Status EndPushes(const GarbageWish& wish, const std::vector<std::string>& ids, std::string_view why);
  absl::StatusOr<absl::flat_hash_set<std::string>> OpenPushes() const;
  absl::Status Take(std::string_view what);
  void Release();

  Ledger& ledger_;
  ChunkKeeper& chunks_;
  const Clock& clock_;
  Log& log_;
  const GarbageOptions options_;

  absl::Mutex mutex_;
  std::string busy_ ABSL_GUARDED_BY(mutex_);   // what is going on; empty = nothing
  absl::flat_hash_set<std::string> inherited_ ABSL_GUARDED_BY(mutex_);
};

class GarbageCollector::Lease {
 public:
  explicit Lease(GarbageCollector& collector) : collector_(collector) {}
  ~Lease() { collector_.Release(); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  GarbageCollector& collector_;
};

// Not thread-safe. The collector outlives it.
class GarbageCollector::Run {
 public:
  Run(GarbageCollector& collector, GarbageWish wish, std::unique_ptr<Lease> lease);
  ~Run();

  absl::StatusOr<bool> Step();
  const v1::GarbageReport& report() const { return report_; }

 private:
  enum class Phase { kGather, kCount, kPushes, kManifests, kSignatures, kReports, kSweep, kEnd, kDone };

  absl::Status Gather();
  absl::Status GatherOne(const std::string& digest);
  absl::Status Count();
  absl::Status MarkPushes();
  absl::Status MarkManifest();
  absl::Status MarkSignatures();
  absl::Status MarkReports();
  absl::Status Sweep();
  absl::Status End();
  void Mark(const Digest& digest) { marks_->Add(digest); }
  void Next(Phase phase);

  GarbageCollector& collector_;
  const GarbageWish wish_;
  std::unique_ptr<Lease> lease_;
  v1::GarbageReport report_;
  Phase phase_ = Phase::kGather;
  std::string after_;                          // of the listing that is going on
  Digest last_chunk_;
  std::unique_ptr<DigestFilter> marks_;
  absl::flat_hash_set<std::string> gone_;      // contents that a dry run counts as collected
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_GARBAGE_COLLECTOR_H_
