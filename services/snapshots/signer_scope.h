// What a signer may sign: patterns of names, kinds, and the identities an authority's certificates may carry. Pure.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_SIGNER_SCOPE_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_SIGNER_SCOPE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

using Patterns = google::protobuf::RepeatedPtrField<std::string>;
using Kinds = google::protobuf::RepeatedField<int>;

// '*' stands for any run of characters, everything else for itself.
bool MatchesPattern(std::string_view pattern, std::string_view text);

// An empty list matches everything.
bool MatchesAny(const Patterns& patterns, std::string_view text);
bool HasKind(const Kinds& kinds, v1::SnapshotKind kind);

// Whether its signature may count for content of this kind under this name (without version).
bool InScope(const v1::TrustedSigner& signer, v1::SnapshotKind kind, std::string_view name);

// The first of `identities` that the signer's patterns accept; empty when none.
std::string AcceptedIdentity(const v1::TrustedSigner& authority, const std::vector<std::string>& identities);

// kInvalidArgument naming `what`: at most 32 patterns of 1 to 200 printable characters.
absl::Status CheckPatterns(std::string_view what, const Patterns& patterns);
absl::Status CheckKindList(std::string_view what, const Kinds& kinds);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_SIGNER_SCOPE_H_
