// Keys of the fleet: deployments, their decisions, agents, proofs, join tokens.
#ifndef FIREBREAK_STORAGE_KEYS_FLEET_H_
#define FIREBREAK_STORAGE_KEYS_FLEET_H_

#include <string_view>
#include <utility>

#include "firebreak/base/ids.h"
#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/fleet.pb.h"
#include "firebreak/v1/fleet.pb.h"

namespace firebreak {

inline Key<v1::Deployment> DeploymentKey(const DeploymentName& name) {
  return std::move(KeyBuilder("deployment").Text(name.text())).Build<v1::Deployment>();
}
inline KeyPrefix<v1::Deployment> DeploymentPrefix() { return KeyBuilder("deployment").BuildPrefix<v1::Deployment>(); }

inline Key<v1::IssuedDecision> DecisionKey(const DeploymentName& name, Epoch epoch) {
  return std::move(KeyBuilder("decision").Text(name.text()).Number(epoch.value)).Build<v1::IssuedDecision>();
}
inline KeyPrefix<v1::IssuedDecision> DecisionPrefix(const DeploymentName& name) {
  return std::move(KeyBuilder("decision").Text(name.text())).BuildPrefix<v1::IssuedDecision>();
}

inline Key<store::v1::EffectDecision> EffectDecisionKey(const EffectId& effect) {
  return std::move(KeyBuilder("effect-decision").Text(effect.text())).Build<store::v1::EffectDecision>();
}

inline Key<store::v1::EnrolledAgent> AgentKey(const AgentName& agent) {
  return std::move(KeyBuilder("agent").Text(agent.text())).Build<store::v1::EnrolledAgent>();
}

inline Key<store::v1::AgentProof> AgentProofKey(const DeploymentName& name, const AgentName& agent) {
  return std::move(KeyBuilder("agent-proof").Text(name.text()).Text(agent.text())).Build<store::v1::AgentProof>();
}
inline KeyPrefix<store::v1::AgentProof> AgentProofPrefix(const DeploymentName& name) {
  return std::move(KeyBuilder("agent-proof").Text(name.text())).BuildPrefix<store::v1::AgentProof>();
}

inline Key<store::v1::JoinToken> JoinTokenKey(const Digest& token_hash) {
  return std::move(KeyBuilder("join-token").Text(token_hash.text())).Build<store::v1::JoinToken>();
}

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_KEYS_FLEET_H_
