// Proofs, pure: whether what an agent says it serves is what its decision asked for.
#ifndef FIREBREAK_FLEET_PROOF_H_
#define FIREBREAK_FLEET_PROOF_H_

#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

enum class ProofVerdict {
  kProven,       // serves exactly what the decision says
  kConverging,   // says itself that it is not there yet
  kDiverged,     // an error, or something else is served
};

// `decision` is the one of the proof's epoch.
ProofVerdict JudgeProof(const v1::Decision& decision, const v1::ServingProof& proof);

// Equal in everything but the time and what the probe printed: such a proof is a heartbeat and costs no commit.
bool SaysTheSame(const v1::ServingProof& a, const v1::ServingProof& b);

}  // namespace firebreak

#endif  // FIREBREAK_FLEET_PROOF_H_
