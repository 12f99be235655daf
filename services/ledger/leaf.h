// How an audit entry becomes a leaf. All but index and time is written on the caller's thread; the committer adds those two
// in front, so its work per entry is a copy and a hash.
#ifndef FIREBREAK_SERVICES_LEDGER_LEAF_H_
#define FIREBREAK_SERVICES_LEDGER_LEAF_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

// The entry's JSON from its third member on, without the opening brace. kInvalidArgument when the entry breaks a limit of
// audit.proto or the leaf would be longer than kEntryBytesMax.
absl::StatusOr<std::string> LeafBody(const v1::AuditEntry& entry);

// Entry times have microseconds: what the leaf shows is what the entry holds.
absl::Time ToLeafTime(absl::Time time);
std::string LeafTimeText(absl::Time time);

std::string MakeLeaf(uint64_t index, std::string_view time_text, std::string_view body);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_LEAF_H_
