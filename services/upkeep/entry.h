// Audit entries of upkeep, cut to the log's limits in one place.
#ifndef FIREBREAK_SERVICES_UPKEEP_ENTRY_H_
#define FIREBREAK_SERVICES_UPKEEP_ENTRY_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// The summary is cut at 512 bytes, at a character.
v1::AuditEntry UpkeepEntry(const Identity& actor, std::string_view action, std::string_view summary);

// Nothing past 16 subjects.
void AddUpkeepSubject(v1::AuditEntry& entry, std::string subject);

// Required, valid UTF-8, at most 1000 bytes.
absl::Status CheckUpkeepReason(std::string_view reason);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_UPKEEP_ENTRY_H_
