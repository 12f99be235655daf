// ServingSlot: the one thing on this host that a deployment's decisions are about: the decision last accepted, what `current`
// points to, and the server behind it. Everything is durable before it is acted on, and asking again finishes what a crash cut.
#ifndef FIREBREAK_CLIENTS_AGENT_SERVING_SLOT_H_
#define FIREBREAK_CLIENTS_AGENT_SERVING_SLOT_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "clients/agent/converge.h"
#include "clients/agent/folder.h"
#include "clients/agent/hooks.h"
#include "clients/agent/offer.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/crash_points.h"
#include "firebreak/base/log.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/fleet/decision.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

struct SlotOptions {
  std::string agent;
  DeploymentName deployment;
  std::filesystem::path folder;
  std::filesystem::path safe_folder;     // empty = none
  std::string reload;                    // commands; empty = nothing to do
  std::string probe;                     // run while a release is served
  std::string probe_contained;           // run while contained: does nothing answer from the model any more?
  absl::Duration hook_timeout = absl::Seconds(30);
};

// What the slot needs of the world. All outlive it.
struct SlotPorts {
  // Brings a snapshot into a folder that does not exist yet, every byte checked against `snapshot`; goes on where an earlier
  // call was cut. Gives up with kAborted as soon as `abandoned` says so.
  std::function<absl::Status(const Digest& snapshot, const std::filesystem::path& into, const std::function<bool()>& abandoned)>
      fetch;
  // The content digest of a folder as a snapshot of `kind`.
  std::function<absl::StatusOr<Digest>(const std::filesystem::path& folder, v1::SnapshotKind kind)> hash;
  HookRunner* hooks = nullptr;
  const Clock* clock = nullptr;
  Log* log = nullptr;
  const CrashPoints* crash = nullptr;
};

// Not thread-safe: one worker drives it.
class ServingSlot {
 public:
  // Loads state.pb; kDataLoss when it cannot be read or its decision is not signed by `decision_key`: then a person is needed,
  // what is served stays as it is.
  static absl::StatusOr<std::unique_ptr<ServingSlot>> Open(SlotOptions options, SlotPorts ports, EcPublicKey decision_key);

  ChainHead head() const;
  const v1::Envelope& head_envelope() const { return state_.head(); }   // empty before the first decision
  // Snapshots whose files are staged here: of what is served, and of the last known-good releases.
  std::vector<HeldSnapshot> HeldSnapshots() const;
  const store::v1::AgentState& state() const { return state_; }
  const AgentFolder& folder() const { return folder_; }
  const EcPublicKey& decision_key() const { return decision_key_; }

  // The next decision of the chain, synced to disk when this returns OK; acts on nothing. Errors are CheckSuccessor's, and the
  // disk's: nothing was accepted then. kCancelled: stopped at a crash point.
  absl::Status Accept(const v1::Envelope& envelope);

  // Does what is left to do for the accepted decision and says what is served now. What went wrong is in the proof's `error`
  // and in its state; the Status is an error only when stopped at a crash point (kCancelled) or abandoned for a newer
  // decision (kAborted).
  absl::StatusOr<v1::ServingProof> Converge(const std::function<bool()>& abandoned);

 private:
  ServingSlot(SlotOptions options, SlotPorts ports, EcPublicKey decision_key);
  absl::Status CarryOut(const std::function<bool()>& abandoned, std::string& probe);
  absl::Status Do(AgentStep step, const std::function<bool()>& abandoned, std::string& probe);
  absl::Status Stage(const std::function<bool()>& abandoned);
  absl::Status CheckStaged();
  absl::StatusOr<std::string> RunHook(const std::string& command);
  // Hashes what `current` points to and fills in release and snapshot digest.
  absl::Status MeasureServed(v1::ServingProof& proof) const;
  absl::Status Remember();

  // Constant after construction.
  const SlotOptions options_;
  const SlotPorts ports_;
  const EcPublicKey decision_key_;

  AgentFolder folder_;
  store::v1::AgentState state_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_AGENT_SERVING_SLOT_H_
