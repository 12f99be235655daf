// Keys of signing policies, and of the names a content goes by, which decide which policies it is under.
#ifndef FIREBREAK_STORAGE_KEYS_SIGNERS_H_
#define FIREBREAK_STORAGE_KEYS_SIGNERS_H_

#include <string_view>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/snapshots.pb.h"
#include "firebreak/v1/signer.pb.h"

namespace firebreak::keys {

inline Key<v1::SigningPolicy> SigningPolicy(std::string_view name) {
  return KeyBuilder("signing-policy").Text(name).Build<v1::SigningPolicy>();
}
inline KeyPrefix<v1::SigningPolicy> SigningPolicies() { return KeyBuilder("signing-policy").BuildPrefix<v1::SigningPolicy>(); }

// The policy changed last: written with every change, so that a draft can expect that none was made.
inline Key<v1::SigningPolicy> LastPolicyChange() { return KeyBuilder("signing-policy-last").Build<v1::SigningPolicy>(); }

// "this content is also called so"; the name is without version.
inline Key<store::v1::SignedRef> NameOfContent(std::string_view digest, std::string_view name) {
  return KeyBuilder("snapshot-name").Text(digest).Text(name).Build<store::v1::SignedRef>();
}
inline KeyPrefix<store::v1::SignedRef> NamesOfContent(std::string_view digest) {
  return KeyBuilder("snapshot-name").Text(digest).BuildPrefix<store::v1::SignedRef>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_SIGNERS_H_
