// Keys of destinations, shares and the outbox.
#ifndef FIREBREAK_STORAGE_KEYS_SHARING_H_
#define FIREBREAK_STORAGE_KEYS_SHARING_H_

#include <string_view>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/sharing.pb.h"
#include "firebreak/v1/sharing.pb.h"

namespace firebreak::keys {

inline Key<v1::Destination> Destination(std::string_view name) {
  return KeyBuilder("destination").Text(name).Build<v1::Destination>();
}
inline KeyPrefix<v1::Destination> Destinations() { return KeyBuilder("destination").BuildPrefix<v1::Destination>(); }

inline Key<store::v1::DestinationKey> DestinationKey(std::string_view name) {
  return KeyBuilder("destination-key").Text(name).Build<store::v1::DestinationKey>();
}

inline Key<v1::Share> Share(uint64_t number) { return KeyBuilder("share").Number(number).Build<v1::Share>(); }
inline KeyPrefix<v1::Share> Shares() { return KeyBuilder("share").BuildPrefix<v1::Share>(); }

// Present while there is something to do for the share.
inline Key<store::v1::ShareDue> ShareDue(uint64_t number) { return KeyBuilder("share-due").Number(number).Build<store::v1::ShareDue>(); }
inline KeyPrefix<store::v1::ShareDue> SharesDue() { return KeyBuilder("share-due").BuildPrefix<store::v1::ShareDue>(); }

// One person's request ids are their own.
inline Key<store::v1::ShareRequest> ShareRequest(std::string_view identity, std::string_view request_id) {
  return KeyBuilder("share-request").Text(identity).Text(request_id).Build<store::v1::ShareRequest>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_SHARING_H_
