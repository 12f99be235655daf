// Keys of alerts.
#ifndef FIREBREAK_STORAGE_KEYS_ALERTS_H_
#define FIREBREAK_STORAGE_KEYS_ALERTS_H_

#include <string_view>
#include <utility>

#include "firebreak/storage/keys.h"
#include "firebreak/v1/alert.pb.h"

namespace firebreak::keys {

inline Key<v1::Alert> Alert(std::string_view fingerprint) {
  return std::move(KeyBuilder("alert").Text(fingerprint)).Build<v1::Alert>();
}
inline KeyPrefix<v1::Alert> Alerts() { return std::move(KeyBuilder("alert")).BuildPrefix<v1::Alert>(); }

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_ALERTS_H_
