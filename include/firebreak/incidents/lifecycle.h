// Lifecycle: the states of an incident after NIST SP 800-61 and the moves between them. Pure.
//
//   DETECTED -> TRIAGED -> CONTAINED -> ERADICATED -> RECOVERED -> CLOSED
//
// Any step forward may skip states; the times of skipped states stay absent. The only way back is to TRIAGED (a relapse), from
// any later state before CLOSED, with a reason; it clears the times of the states it takes back. CLOSED is final.
#ifndef FIREBREAK_INCIDENTS_LIFECYCLE_H_
#define FIREBREAK_INCIDENTS_LIFECYCLE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/v1/incident.pb.h"

namespace firebreak {

enum class Step { kNone, kForward, kRelapse };   // kNone: already there, nothing to write

// What a person's wish to move from `from` to `to` means. kFailedPrecondition names both states when it is not legal;
// kInvalidArgument when `to` is not a state one can move to or a relapse lacks its reason.
absl::StatusOr<Step> CheckMove(v1::IncidentState from, v1::IncidentState to, std::string_view reason);

// Forward only and idempotent: kNone when `to` was reached or passed, which a closed incident always has.
absl::StatusOr<Step> CheckAdvance(v1::IncidentState from, v1::IncidentState to);

// Applies a move that was checked: state, the time of the state reached, and on a relapse the times taken back.
void ApplyMove(v1::Incident& incident, v1::IncidentState to, Step step, absl::Time now);

// "contained"; "unspecified" for anything unknown.
std::string_view StateName(v1::IncidentState state);
// The state called `name` (lower case); kInvalidArgument lists the names.
absl::StatusOr<v1::IncidentState> ParseState(std::string_view name);

}  // namespace firebreak

#endif  // FIREBREAK_INCIDENTS_LIFECYCLE_H_
