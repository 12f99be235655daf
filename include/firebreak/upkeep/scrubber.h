// Scrubber: reads every stored chunk again and again, slowly, so that a dying disk is noticed before a roll-back needs it.
#ifndef FIREBREAK_UPKEEP_SCRUBBER_H_
#define FIREBREAK_UPKEEP_SCRUBBER_H_

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/store/v1/upkeep.pb.h"
#include "firebreak/upkeep/chunk_keeper.h"
#include "firebreak/upkeep/damage_desk.h"

namespace firebreak {

struct ScrubOptions {
  uint64_t bytes_per_second = uint64_t{16} << 20;   // 0 = off
  absl::Duration round_every = absl::Hours(24);     // a round begins this long after the one before ended
  absl::Duration save_every = absl::Minutes(15);    // how much is read again after a crash
};

// Thread-safe; Turn is called by one timer. Everything it is given outlives it.
class Scrubber {
 public:
  Scrubber(Ledger& ledger, ChunkKeeper& chunks, DamageDesk& damage, const Clock& clock, ScrubOptions options)
      : ledger_(ledger), chunks_(chunks), damage_(damage), clock_(clock), options_(options) {}

  // Goes on where the process before left off.
  absl::Status Open();

  // Reads as much as the rate allows for the time since the last turn (at most ten seconds' worth). A round that ended is saved
  // with an audit entry.
  absl::Status Turn();
  // Remembers the place; when the service stops.
  absl::Status Save();

  store::v1::ScrubState state() const;
  // Since the last complete round ended; since the first began while there is none.
  absl::Duration age() const;

 private:
  absl::Status Read(uint64_t budget);
  absl::Status EndRound();
  absl::Status Write(std::string_view action, const std::string& summary);

  Ledger& ledger_;
  ChunkKeeper& chunks_;
  DamageDesk& damage_;
  const Clock& clock_;
  const ScrubOptions options_;
  mutable absl::Mutex mutex_;
  store::v1::ScrubState state_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_turn_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time last_save_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool moved_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace firebreak

#endif  // FIREBREAK_UPKEEP_SCRUBBER_H_
