// Decide: what a run does next. Pure: same playbook, run and moment, same answer, so asking twice is harmless and a
// crash between asking and doing costs nothing.
#ifndef FIREBREAK_RUNS_DECIDE_H_
#define FIREBREAK_RUNS_DECIDE_H_

#include <string>
#include <string_view>
#include <variant>

#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/runs/program.h"
#include "firebreak/store/v1/runs.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

inline constexpr absl::Duration kDefaultStepTimeout = absl::Hours(1);    // of a do step that names none
inline constexpr absl::Duration kDefaultAskTimeout = absl::Minutes(30);  // of an ask that names none; expiry denies
inline constexpr absl::Duration kDefaultRunTimeout = absl::Hours(24);    // of a playbook that names none
inline constexpr uint32_t kDefaultRetryTimes = 3;                        // of a do step that names no retry
inline constexpr absl::Duration kDefaultBackoffMin = absl::Seconds(1);
inline constexpr absl::Duration kDefaultBackoffMax = absl::Seconds(30);

// The intent is durable: make the effect happen, then record its outcome.
struct Perform {
  std::string path;
};
// Apply this event and commit it; then decide again.
struct Record {
  store::v1::RunEvent event;
};
// Nothing to do before `until` unless an event comes: a vote, a cancel, a lock that becomes free.
struct WaitUntil {
  absl::Time until;
};
struct Finished {};
using Move = std::variant<Perform, Record, WaitUntil, Finished>;

struct Vantage {
  absl::Time now;
  // The step whose intent this very drive has made durable. An effect of class once is performed only by the drive that
  // recorded its intent; anybody else finds it in doubt.
  std::string_view own_intent;
};

// Order: steps forward; after a failure undo of completed roll-back steps (last first, never of containment), then the
// on_failure steps, then the steps marked always. A cancel skips the undo: what was done stays as it is.
Move Decide(const Program& program, const v1::PlaybookRun& run, const Vantage& vantage);

// 32 hex digits of SHA-256 over run, step path, iteration, action and resolved inputs: same over retries and restarts.
EffectId EffectIdOf(std::string_view run, std::string_view path, uint64_t iteration, std::string_view action,
                    const google::protobuf::Struct& inputs);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_DECIDE_H_
