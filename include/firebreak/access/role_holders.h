// Who could act in a role now: the identities with a token that is valid at `now`, by role name. For saying beforehand that
// nobody could answer a question.
#ifndef FIREBREAK_ACCESS_ROLE_HOLDERS_H_
#define FIREBREAK_ACCESS_ROLE_HOLDERS_H_

#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak {

// Reads every token; for things people wait for, not for every call.
absl::StatusOr<std::map<std::string, std::set<std::string>>> RoleHolders(const MetaStore& store, absl::Time now);

}  // namespace firebreak

#endif  // FIREBREAK_ACCESS_ROLE_HOLDERS_H_
