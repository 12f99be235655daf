// Merge: what an incoming alert means beside what is known of its fingerprint. Pure. Monotonic by event time: an end that is
// older than the episode, or a firing report of an episode that has already ended, changes nothing.
//
//   (unknown) -> FIRING, or RESOLVED when the first word is the end
//   FIRING    -> RESOLVED (the source says so), STALE (its lease ended without a word)
//   STALE     -> FIRING, RESOLVED
//   RESOLVED  -> FIRING (a new episode, or the source insists after the late window)
#ifndef FIREBREAK_ALERTS_MERGE_H_
#define FIREBREAK_ALERTS_MERGE_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "firebreak/alerts/incoming.h"
#include "firebreak/v1/alert.pb.h"

namespace firebreak {

enum class AlertMove {
  kNone,      // a heartbeat or a repeated end: nothing to store
  kLate,      // an older word than what is known: ignored
  kRaise,     // starts to fire, for the first time or again
  kResolve,   // the source says it ended
  kRecord,    // an episode of which only the end was heard: kept, opens nothing
  kChange,    // still fires, but annotations, URL or start differ
};

struct KnownFacts {
  v1::AlertState state = v1::ALERT_STATE_UNSPECIFIED;
  absl::Time starts_at;
  absl::Time ends_at;    // RESOLVED: when it ended
  absl::Time heard_at;   // RESOLVED: when we heard so
  uint64_t content = 0;  // hash of annotations and generator URL
};

KnownFacts FactsOf(const v1::Alert& stored);

AlertMove ChooseMove(const std::optional<KnownFacts>& known, const IncomingAlert& incoming, absl::Time now,
                     absl::Duration late_window);

// The record after `move` (not kNone, kLate). Earliest start of the episode wins; the newest annotations win unless empty.
v1::Alert ApplyMove(const std::optional<v1::Alert>& stored, const IncomingAlert& incoming, AlertMove move, absl::Time now);

// End of a firing alert's lease after another firing report: the newer end rules, unless the known one is later and was given
// by the source.
struct Lease {
  absl::Time end;
  bool is_timeout = false;
};
Lease ExtendLease(const Lease& known, const IncomingAlert& incoming);

}  // namespace firebreak

#endif  // FIREBREAK_ALERTS_MERGE_H_
