// How an audit entry is filled in: cut to the log's limits in one place, so that no entry is refused for its length.
#ifndef FIREBREAK_LEDGER_ENTRY_FORM_H_
#define FIREBREAK_LEDGER_ENTRY_FORM_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// The summary is cut at 512 bytes, at a character.
v1::AuditEntry MakeEntry(const Identity& actor, std::string_view action, std::string_view summary);

// Nothing past 16 subjects.
void AddSubject(v1::AuditEntry& entry, std::string subject);

// What a person gives for the record: required, valid UTF-8, at most 1000 bytes. kInvalidArgument.
absl::Status CheckReason(std::string_view reason);

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_ENTRY_FORM_H_
