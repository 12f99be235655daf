// Keys of effects that only leave a trace: what was written down once must not be written down again.
#ifndef FIREBREAK_STORAGE_KEYS_ACTIONS_H_
#define FIREBREAK_STORAGE_KEYS_ACTIONS_H_

#include <string_view>

#include "firebreak/base/ids.h"
#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/actions.pb.h"
#include "firebreak/v1/action.pb.h"
#include "google/protobuf/wrappers.pb.h"

namespace firebreak::keys {

// The incident a run's note went to.
inline Key<google::protobuf::StringValue> NoteOfEffect(const EffectId& effect) {
  return KeyBuilder("note-effect").Text(effect.text()).Build<google::protobuf::StringValue>();
}

// What an effect that only leaves a trace has answered.
inline Key<store::v1::EffectAnswer> AnswerOfEffect(const EffectId& effect) {
  return KeyBuilder("effect-answer").Text(effect.text()).Build<store::v1::EffectAnswer>();
}

// One Idempotency-Key of one caller; neither holds NUL.
inline Key<store::v1::ActionRequest> ActionRequest(std::string_view identity, std::string_view key) {
  return KeyBuilder("action-request").Text(identity).Text(key).Build<store::v1::ActionRequest>();
}
inline KeyPrefix<store::v1::ActionRequest> ActionRequests() { return KeyBuilder("action-request").BuildPrefix<store::v1::ActionRequest>(); }

// Evidence, newest first.
inline Key<v1::Evidence> Evidence(uint64_t number) { return KeyBuilder("evidence").Number(~number).Build<v1::Evidence>(); }
inline KeyPrefix<v1::Evidence> AllEvidence() { return KeyBuilder("evidence").BuildPrefix<v1::Evidence>(); }

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_ACTIONS_H_
