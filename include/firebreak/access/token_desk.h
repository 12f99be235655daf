// TokenDesk: bearer tokens. Who a token stands for, with which roles, until when; the Access service's handlers.
// A token reads fbt_<id>_<secret>: the id finds the record, the secret proves possession, only its SHA-256 is stored.
#ifndef FIREBREAK_ACCESS_TOKEN_DESK_H_
#define FIREBREAK_ACCESS_TOKEN_DESK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/random.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/store/v1/access.pb.h"
#include "firebreak/v1/access.pb.h"

namespace firebreak {

struct TokenDeskOptions {
  std::string service_version = "0.1.0";
  size_t cached_max = 4096;                         // tokens held in memory; past it the cache starts over
  absl::Duration ttl_max = absl::Hours(24 * 3660);  // ten years: longer is a typing mistake
};

// Thread-safe. `ledger`, `clock` and `random` outlive it.
class TokenDesk {
 public:
  TokenDesk(Ledger& ledger, const Clock& clock, Random& random, TokenDeskOptions options = {});
  ~TokenDesk();

  // Who `bearer` (the token alone, without "Bearer ") stands for. kUnauthenticated says malformed, unknown, expired or
  // revoked, never which part of a secret was wrong. A token revoked before the call began is refused, cached or not.
  // Reads the store only for tokens not seen lately.
  absl::StatusOr<Caller> Authenticate(std::string_view bearer) const;

  // Handlers. The secret is in the answer of CreateToken and nowhere else.
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const Caller& caller, const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens(const Caller& caller, const v1::ListTokensRequest& request);
  // Revoking twice answers the same. The last token that can manage tokens is not revoked (kFailedPrecondition).
  absl::StatusOr<v1::RevokeTokenResponse> RevokeToken(const Caller& caller, const v1::RevokeTokenRequest& request);
  absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const Caller& caller, const v1::WhoAmIRequest& request);

 private:
  using Record = std::shared_ptr<const store::v1::TokenRecord>;

  absl::StatusOr<Record> FindRecordCached(std::string_view id) const;
  absl::StatusOr<std::vector<v1::Token>> LoadAll() const;
  absl::Status CheckAnotherAdminRemains(std::string_view id) const;
  void Forget(std::string_view id);

  Ledger& ledger_;
  const Clock& clock_;
  Random& random_;
  const TokenDeskOptions options_;

  absl::Mutex revoking_;  // one revocation at a time, so that two cannot take away the last two admins
  mutable absl::Mutex mutex_;
  mutable absl::flat_hash_map<std::string, Record> cache_ ABSL_GUARDED_BY(mutex_);
  // Moves with every revocation, so that a record read before one is not cached after it.
  uint64_t revocations_ ABSL_GUARDED_BY(mutex_) = 0;

  std::unique_ptr<Ledger::Watch> watch_;  // last: its callback uses the members above
};

}  // namespace firebreak

#endif  // FIREBREAK_ACCESS_TOKEN_DESK_H_
