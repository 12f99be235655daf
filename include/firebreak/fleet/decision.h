// Decisions, pure: which decision may follow which, what it does to a deployment's record, and the chain check that the
// control plane and every agent make alike. A roll-back is a new, higher decision that names an older release.
#ifndef FIREBREAK_FLEET_DECISION_H_
#define FIREBREAK_FLEET_DECISION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/v1/audit.pb.h"
#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

inline constexpr std::string_view kDecisionPayloadType = "application/vnd.firebreak.decision.v1+json";
inline constexpr std::string_view kProofPayloadType = "application/vnd.firebreak.proof.v1+json";

// What somebody wants decided. `release` is given for DEPLOY and ROLLBACK only.
struct DecisionWish {
  DeploymentName deployment;
  v1::DecisionKind kind = v1::DECISION_KIND_UNSPECIFIED;
  std::optional<v1::Release> release;
  std::string reason;                      // required, at most kReasonBytesMax
  IncidentId incident;
  RunId run;
  EffectId effect_id;                      // empty = asked by hand without a request id
  std::string asked;                       // digest of a client's request; empty = deployment, kind and (DEPLOY) release count
  Identity decided_by;
  std::vector<std::string> approved_by;
  uint64_t fence = 0;                      // of the run's lock; a run that lost it since is refused
  uint64_t only_at_epoch = 0;              // only while this is the newest decision (an undo); 0 = whatever it is
  bool override_run = false;               // by hand although a run has the deployment in its hands
};

inline constexpr size_t kReasonBytesMax = 1024;
inline constexpr int kReleaseDatasetsMax = 16;
inline constexpr int kHistoryMax = 64;     // ReleaseRecords kept in a Deployment

// sha256 over one line per part ("model sha256:…", "config …", "dataset …" sorted): parts are never mixed.
Digest ReleaseDigest(const v1::Release& release);

// The decision that follows the deployment's newest one. Legal transitions (kFailedPrecondition otherwise, with the next step):
//   DEPLOY    unless contained or frozen
//   CONTAIN   once anything was deployed; again while contained: a new epoch, the same state
//   RELEASE   while contained or frozen; lifts both
//   ROLLBACK  to a release other than the one served; clears a containment, keeps a freeze
//   FREEZE    once anything was deployed
// A decision without a release means: serve nothing (CONTAIN, and FREEZE while contained).
absl::StatusOr<v1::Decision> NextDecision(const v1::Deployment& deployment, const DecisionWish& wish, absl::Time now);

// Folds an issued decision into the deployment's record and its release history. Total.
void ApplyDecision(v1::Deployment& deployment, const v1::IssuedDecision& issued);

// Signs the exact JSON of `decision`.
absl::StatusOr<v1::IssuedDecision> SignDecision(const EcPrivateKey& key, const v1::Decision& decision);

// What a follower of the chain remembers: the last decision it accepted. epoch 0 = none yet.
struct ChainHead {
  DeploymentName deployment;
  Epoch epoch;
  std::string digest;                      // sha256:… of the last accepted payload; empty at epoch 0
};

// Why an envelope was not accepted as the next decision. Checked in this order: forged, wrong deployment, replayed, skipped,
// broken chain. The Status carries one of these words in front of its message: ChainFaultOf finds it again.
enum class ChainFault { kNone, kForged, kWrongDeployment, kReplayed, kSkipped, kBrokenChain };
std::string_view ChainFaultName(ChainFault fault);   // "forged" …
ChainFault ChainFaultOf(const absl::Status& status);

// The decision in `envelope`, if it is exactly the successor of `head` and signed by `key`. kPermissionDenied: forged or for
// another deployment. kFailedPrecondition: replayed. kOutOfRange: skipped (ask for the chain in between). kDataLoss: broken chain.
absl::StatusOr<v1::Decision> CheckSuccessor(const ChainHead& head, const v1::Envelope& envelope, const EcPublicKey& key);

// The signature and the JSON only; no place in a chain is implied.
absl::StatusOr<v1::Decision> OpenDecision(const v1::Envelope& envelope, const EcPublicKey& key);

// The head after `envelope` was accepted.
ChainHead HeadAfter(const v1::Decision& decision, const v1::Envelope& envelope);

}  // namespace firebreak

#endif  // FIREBREAK_FLEET_DECISION_H_
