// The shared record: built field by field from an allow-list of closed words, buckets and months. Nothing that was typed,
// named or measured exactly has a way in. Pure.
#ifndef FIREBREAK_SHARING_RECORD_H_
#define FIREBREAK_SHARING_RECORD_H_

#include <string>
#include <string_view>
#include <vector>

#include "firebreak/v1/incident.pb.h"
#include "firebreak/v1/run.pb.h"
#include "firebreak/v1/sharing.pb.h"

namespace firebreak {

// `destination_key`: 32 bytes; the record's id is an HMAC under it, so the same incident has unrelated ids elsewhere.
v1::SharedRecord BuildSharedRecord(const v1::Incident& incident, const std::vector<v1::PlaybookRun>& runs,
                                   std::string_view destination_key);

// UUIDv4-shaped HMAC-SHA-256(key, type NUL text): stable under re-sending, meaningless without the key.
std::string KeyedUuid(std::string_view key, std::string_view type, std::string_view text);

}  // namespace firebreak

#endif  // FIREBREAK_SHARING_RECORD_H_
