// Keys of effects that only leave a trace: what was written down once must not be written down again.
#ifndef FIREBREAK_STORAGE_KEYS_ACTIONS_H_
#define FIREBREAK_STORAGE_KEYS_ACTIONS_H_

#include "firebreak/base/ids.h"
#include "firebreak/storage/keys.h"
#include "google/protobuf/wrappers.pb.h"

namespace firebreak::keys {

// The incident a run's note went to.
inline Key<google::protobuf::StringValue> NoteOfEffect(const EffectId& effect) {
  return KeyBuilder("note-effect").Text(effect.text()).Build<google::protobuf::StringValue>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_ACTIONS_H_
