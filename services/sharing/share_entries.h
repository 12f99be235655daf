// Share numbers and the audit entries about shares.
#ifndef FIREBREAK_SERVICES_SHARING_SHARE_ENTRIES_H_
#define FIREBREAK_SERVICES_SHARING_SHARE_ENTRIES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/v1/audit.pb.h"
#include "firebreak/v1/sharing.pb.h"

namespace firebreak {

// SHR-4 -> 4.
absl::StatusOr<uint64_t> ShareNumber(std::string_view id);

// Over the destination's name, kind, address and TLP: an approval holds for exactly these. Credentials and trust roots may change.
std::string DestinationDigest(const v1::Destination& destination);

// Names the share, its incident and its destination; payload_digest is that of the bytes concerned.
v1::AuditEntry ShareEntry(const v1::Share& share, std::string_view actor, std::string_view action, std::string_view summary);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SHARING_SHARE_ENTRIES_H_
