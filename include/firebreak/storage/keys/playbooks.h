// Keys of stored playbooks: every version by digest, and the newest version of each name.
#ifndef FIREBREAK_STORAGE_KEYS_PLAYBOOKS_H_
#define FIREBREAK_STORAGE_KEYS_PLAYBOOKS_H_

#include <string_view>
#include <utility>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/playbooks.pb.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak::keys {

// `digest` is the text form, sha256:…
inline Key<v1::StoredPlaybook> Playbook(std::string_view digest) {
  return std::move(KeyBuilder("playbook").Text(digest)).Build<v1::StoredPlaybook>();
}
inline Key<store::v1::PlaybookName> PlaybookName(std::string_view name) {
  return std::move(KeyBuilder("playbook-name").Text(name)).Build<store::v1::PlaybookName>();
}
inline KeyPrefix<store::v1::PlaybookName> PlaybookNames() {
  return KeyBuilder("playbook-name").BuildPrefix<store::v1::PlaybookName>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_PLAYBOOKS_H_
