#include "firebreak/access/role_holders.h"

#include <string_view>

#include "firebreak/access/permissions.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/access.h"

namespace firebreak {

absl::StatusOr<std::map<std::string, std::set<std::string>>> RoleHolders(const MetaStore& store, absl::Time now) {
  std::map<std::string, std::set<std::string>> holders;
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(store, AllTokens(), after, 500));
    for (const auto& [key, record] : page.records) {
      const v1::Token& token = record.token();
      if (token.has_revoked_at() || (token.has_expires_at() && FromProto(token.expires_at()) <= now)) continue;
      for (const int role : token.roles()) {
        holders[std::string(RoleName(static_cast<v1::Role>(role)))].insert(token.identity());
      }
    }
    after = page.next_after;
  } while (!after.empty());
  return holders;
}

}  // namespace firebreak
