// The checks every engine makes on a Change before it looks at its own data, so that all engines refuse the same things
// in the same words.
#ifndef FIREBREAK_STORAGE_CHANGE_H_
#define FIREBREAK_STORAGE_CHANGE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak {

// What both engines keep: the ledger merges many callers' drafts (each 100 operations, 1 MB) into one Change.
inline constexpr MetaStore::Limits kCommitLimits = {.operations_max = 1'000'000, .bytes_max = size_t{64} << 20};

// kInvalidArgument: an empty key, or a key twice among puts and deletes. kResourceExhausted: over `limits`; puts,
// deletes and expectations count as operations, keys and values as bytes.
absl::Status CheckChange(const Change& change, const MetaStore::Limits& limits);

// kAborted: `key` was expected at `expected`, but is at `found` (0 = absent).
absl::Status ExpectationFailed(std::string_view key, uint64_t expected, uint64_t found);

// A key for people: NUL between components becomes '/', other unprintable bytes \xNN.
std::string PrintableKey(std::string_view key);

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_CHANGE_H_
