// AgentLoop: keeps one host at its deployment's newest decision: follows the control plane, walks the chain of what was missed,
// lets the ServingSlot converge, signs and reports proofs. Without contact it keeps serving and says since when.
#ifndef FIREBREAK_CLIENTS_AGENT_AGENT_LOOP_H_
#define FIREBREAK_CLIENTS_AGENT_AGENT_LOOP_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "clients/agent/serving_slot.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/crash_points.h"
#include "firebreak/base/log.h"
#include "firebreak/base/random.h"
#include "firebreak/channel/control_port.h"
#include "firebreak/crypto/sign.h"

namespace firebreak {

struct LoopOptions {
  absl::Duration prove_every = absl::Minutes(5);    // measure and prove again although nothing was decided
  absl::Duration retry_first = absl::Milliseconds(250);
  absl::Duration retry_max = absl::Seconds(10);
  absl::Duration silence_max = absl::Seconds(20);   // heartbeats come every 5 s
  // Sends damaged chunks that lie here back (OfferWanted); empty: never.
  std::function<absl::StatusOr<uint64_t>(const std::set<std::string>& wanted, const std::vector<HeldSnapshot>& held)> offer = {};
};

// first, twice that …, at most max, each times 0.5 … 1.0: many agents must not come back in step.
absl::Duration BackoffAfter(int failures, const LoopOptions& options, Random& random);

// Follow and Work run on two threads; the rest is thread-safe. Everything given outlives it.
class AgentLoop {
 public:
  AgentLoop(ServingSlot& slot, ControlPort& control, EcPrivateKey agent_key, const Clock& clock, Random& random, Log& log,
            const CrashPoints& crash, LoopOptions options = {});

  // Dials again and again until Stop.
  void Follow();
  // Converges and proves, until Stop or (in tests) a crash point: kCancelled then.
  absl::Status Work();
  void Stop();

  // The parts of Work, for one turn. Worker thread only.
  // Takes a decision that was pushed: nothing when it is the one held; walks the chain when there is a gap. An error says why
  // the decision was refused; what is served stays as decided before.
  absl::Status Take(const v1::Envelope& pushed);
  // One convergence and its report. kCancelled, kAborted as ServingSlot::Converge; kUnavailable: the report did not arrive.
  absl::Status ConvergeAndReport();

 private:
  absl::Status CatchUp(const v1::Envelope& pushed);
  absl::Status WalkChain();
  absl::Status Report(v1::ServingProof proof);
  void Offer();
  void Heard();
  void Remember(const std::string& checkpoint);
  void WriteStatus();
  bool NewerWaiting() const;

  // Constant after construction.
  ServingSlot& slot_;
  ControlPort& control_;
  const EcPrivateKey agent_key_;
  const Clock& clock_;
  Random& random_;
  Log& log_;
  const CrashPoints& crash_;
  const LoopOptions options_;
  const std::string deployment_;

  mutable absl::Mutex mutex_;
  std::optional<v1::Envelope> pushed_ ABSL_GUARDED_BY(mutex_);   // newest one not taken yet
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  bool reconnected_ ABSL_GUARDED_BY(mutex_) = false;             // prove again: the control plane may have been restored
  absl::Time last_contact_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::string last_error_ ABSL_GUARDED_BY(mutex_);
  v1::ServingProof last_proof_ ABSL_GUARDED_BY(mutex_);
  uint64_t slot_epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> wanted_ ABSL_GUARDED_BY(mutex_);         // damaged in the store, as last heard
  std::set<std::string> looked_for_ ABSL_GUARDED_BY(mutex_);     // of those, what was looked for here already
  v1::Envelope slot_head_ ABSL_GUARDED_BY(mutex_);               // the decision at slot_epoch_

  // Of the following thread only. Shown whenever it connects: a control plane whose records were put back learns of it.
  std::string checkpoint_;
  uint64_t checkpoint_size_ = 0;
  absl::Time checkpoint_saved_ = absl::InfinitePast();

  std::string refusal_;   // worker only: why the last pushed decision was not taken; reported once
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_AGENT_LOOP_H_
