// Audit entries of snapshots, cut to the log's limits in one place.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_ENTRY_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_ENTRY_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/audit.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Also read back: a signature's log index is that of the entry with this action and the key's fact "key_id".
inline constexpr std::string_view kActionPushed = "snapshot.pushed";
inline constexpr std::string_view kActionSigned = "snapshot.signed";   // a further signature over stored content; read alike

// The summary is cut at 512 bytes, at a character.
v1::AuditEntry MakeEntry(const Identity& actor, std::string_view action, std::string_view summary);

// Nothing past 16 subjects.
void AddSubject(v1::AuditEntry& entry, std::string subject);
// snapshot/sha256:… and model/fraud@7.
void AddSubjects(v1::AuditEntry& entry, const v1::Snapshot& snapshot);

// Required, valid UTF-8, at most 1000 bytes.
absl::Status CheckReason(std::string_view reason);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_ENTRY_H_
