#include "firebreak/fleet/proof.h"

namespace firebreak {

ProofVerdict JudgeProof(const v1::Decision& decision, const v1::ServingProof& proof) {
  if (!proof.error().empty() || proof.state() == v1::SERVING_STATE_DIVERGED) return ProofVerdict::kDiverged;
  if (proof.state() == v1::SERVING_STATE_CONVERGING) return ProofVerdict::kConverging;
  if (!decision.has_release()) {
    return proof.state() == v1::SERVING_STATE_CONTAINED ? ProofVerdict::kProven : ProofVerdict::kDiverged;
  }
  const bool as_decided = proof.state() == v1::SERVING_STATE_SERVING &&
                          proof.release_digest() == decision.release().digest() &&
                          proof.snapshot_digest() == decision.release().model_digest();
  return as_decided ? ProofVerdict::kProven : ProofVerdict::kDiverged;
}

bool SaysTheSame(const v1::ServingProof& a, const v1::ServingProof& b) {
  return a.agent() == b.agent() && a.deployment() == b.deployment() && a.epoch() == b.epoch() &&
         a.decision_digest() == b.decision_digest() && a.state() == b.state() &&
         a.release_digest() == b.release_digest() && a.snapshot_digest() == b.snapshot_digest() && a.error() == b.error() &&
         a.staged_release_digest() == b.staged_release_digest();
}

}  // namespace firebreak
