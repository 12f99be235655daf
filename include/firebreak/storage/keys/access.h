// Keys of the access domain: bearer tokens by their public half.
#ifndef FIREBREAK_STORAGE_KEYS_ACCESS_H_
#define FIREBREAK_STORAGE_KEYS_ACCESS_H_

#include <string_view>
#include <utility>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/access.pb.h"

namespace firebreak {

inline Key<store::v1::TokenRecord> TokenKey(std::string_view id) {
  return std::move(KeyBuilder("access.token").Text(id)).Build<store::v1::TokenRecord>();
}

inline KeyPrefix<store::v1::TokenRecord> AllTokens() {
  return KeyBuilder("access.token").BuildPrefix<store::v1::TokenRecord>();
}

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_KEYS_ACCESS_H_
