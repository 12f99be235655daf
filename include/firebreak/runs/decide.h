// Decide: what a run does next. Pure: same playbook, run and moment, same answer, so asking twice is harmless and a
// crash between asking and doing costs nothing.
#ifndef FIREBREAK_RUNS_DECIDE_H_
#define FIREBREAK_RUNS_DECIDE_H_

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/runs/loaded_run.h"
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

inline constexpr int kRunStepsMax = 4000;         // entered in one run, rounds counted
inline constexpr uint64_t kRunCommitsMax = 20000;  // of one run: its journal's length
inline constexpr int kInFlightMax = 16;           // effects of one run under way at a time

// The intents are durable: make the effects happen, at the same time where there are several, and record each outcome. Some may
// already be under way. Look again at `until`, when something else of the run is due.
struct Perform {
  std::string path;                // the first of them
  std::vector<std::string> paths;  // all, in the order they were begun
  absl::Time until = absl::InfiniteFuture();
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

// Paths of the steps whose intents this very drive has made durable. An effect of class once is performed only by the drive that
// recorded its intent; anybody else finds it in doubt.
using OwnIntents = std::set<std::string, std::less<>>;

struct Vantage {
  absl::Time now;
  std::string_view own_intent;               // one of them, for who has no more
  const OwnIntents* own_intents = nullptr;
  const OwnIntents* new_intents = nullptr;   // of the commit in the making, which will be own when it is durable
  bool IsOwn(std::string_view path) const {
    return own_intent == path || (own_intents != nullptr && own_intents->count(path) > 0) ||
           (new_intents != nullptr && new_intents->count(path) > 0);
  }
};

// Order: steps forward; after a failure undo of completed roll-back steps (last to end first, never of containment), then the
// on_failure steps, then the steps marked always. A cancel skips the undo: what was done stays as it is. The run's index is used
// and kept up to date, its content is not touched.
Move Decide(const LoadedRun& run, const Vantage& vantage);
// The same for a run without an index, which is made for this one question.
Move Decide(const Program& program, const v1::PlaybookRun& run, const Vantage& vantage);

// 32 hex digits of SHA-256 over run, step path, iteration, action and resolved inputs: same over retries and restarts.
EffectId EffectIdOf(std::string_view run, std::string_view path, uint64_t iteration, std::string_view action,
                    const google::protobuf::Struct& inputs);

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_DECIDE_H_
