#include "firebreak/access/token_desk.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "firebreak/access/permissions.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/access.h"

namespace firebreak {
namespace {

constexpr std::string_view kPrefix = "fbt_";
constexpr size_t kIdBytes = 8;       // 16 hex digits
constexpr size_t kSecretBytes = 32;  // 43 base64url characters
constexpr size_t kSecretChars = 43;
constexpr size_t kReasonBytesMax = 512;
constexpr size_t kTokensMax = 10000;  // more tokens than this is a leak in somebody's automation

struct ParsedToken {
  std::string_view id;
  std::string_view secret;
};

absl::StatusOr<ParsedToken> ParseToken(std::string_view bearer) {
  ParsedToken parsed;
  size_t id_chars = 2 * kIdBytes;
  bool shaped = bearer.starts_with(kPrefix) && bearer.size() == kPrefix.size() + id_chars + 1 + kSecretChars &&
                bearer[kPrefix.size() + id_chars] == '_';
  if (shaped) {
    std::string_view rest = bearer.substr(kPrefix.size());
    parsed.id = rest.substr(0, id_chars);
    parsed.secret = rest.substr(id_chars + 1);
    shaped = FromHex(parsed.id).ok();
  }
  if (!shaped) return absl::UnauthenticatedError("token is not of the form fbt_<id>_<secret>");
  return parsed;
}

bool IsExpired(const v1::Token& token, absl::Time now) {
  return token.has_expires_at() && FromProto(token.expires_at()) <= now;
}

bool CanManageTokens(const v1::Token& token, absl::Time now) {
  if (token.has_revoked_at() || IsExpired(token, now)) return false;
  return std::find(token.roles().begin(), token.roles().end(), v1::ROLE_ADMIN) != token.roles().end();
}

// Sorted, without repeats.
absl::StatusOr<std::vector<v1::Role>> CheckRoles(const v1::CreateTokenRequest& request) {
  std::set<v1::Role> roles;
  for (int number : request.roles()) {
    if (!v1::Role_IsValid(number) || number == v1::ROLE_UNSPECIFIED) {
      return absl::InvalidArgumentError(StrCat("roles: ", number, " is not a role"));
    }
    v1::Role role = static_cast<v1::Role>(number);
    if (role == v1::ROLE_AGENT) {
      return absl::InvalidArgumentError(
          "roles: agent comes with a client certificate only (next: firebreak agent join)");
    }
    roles.insert(role);
  }
  if (roles.empty()) return absl::InvalidArgumentError("roles: at least one is needed");
  return std::vector<v1::Role>(roles.begin(), roles.end());
}

}  // namespace

TokenDesk::TokenDesk(Ledger& ledger, const Clock& clock, Random& random, TokenDeskOptions options)
    : ledger_(ledger), clock_(clock), random_(random), options_(std::move(options)) {
  watch_ = ledger_.AddWatcher([this](const std::vector<v1::AuditEntry>& entries) {
    for (const v1::AuditEntry& entry : entries) {
      if (entry.action() != "token.revoked") continue;
      for (const std::string& subject : entry.subjects()) {
        if (subject.starts_with("token/")) Forget(std::string_view(subject).substr(6));
      }
    }
  });
}

TokenDesk::~TokenDesk() { watch_.reset(); }

absl::StatusOr<Caller> TokenDesk::Authenticate(std::string_view bearer) const {
  ASSIGN_OR_RETURN(ParsedToken parsed, ParseToken(bearer));
  ASSIGN_OR_RETURN(Record record, FindRecordCached(parsed.id));
  if (record == nullptr || !EqualInConstantTime(Sha256(parsed.secret).raw(), record->secret_sha256())) {
    return absl::UnauthenticatedError("token is not known (next: ask an admin for a new one)");
  }
  const v1::Token& token = record->token();
  if (token.has_revoked_at()) {
    return absl::UnauthenticatedError(
        StrCat("token ", token.id(), " was revoked at ", FormatRfc3339(FromProto(token.revoked_at()))));
  }
  if (IsExpired(token, clock_.Now())) {
    return absl::UnauthenticatedError(StrCat("token ", token.id(), " expired at ",
                                             FormatRfc3339(FromProto(token.expires_at())),
                                             " (next: ask an admin for a new one)"));
  }
  Caller caller;
  caller.identity = Identity(token.identity());
  for (int role : token.roles()) caller.roles.push_back(static_cast<v1::Role>(role));
  return caller;
}

absl::StatusOr<TokenDesk::Record> TokenDesk::FindRecordCached(std::string_view id) const {
  uint64_t revocations_before;
  {
    absl::ReaderMutexLock lock(&mutex_);
    auto found = cache_.find(ToAbsl(id));
    if (found != cache_.end()) return found->second;
    revocations_before = revocations_;
  }
  ASSIGN_OR_RETURN(std::optional<store::v1::TokenRecord> stored, FindRecord(ledger_.store(), TokenKey(id)));
  if (!stored) return Record();
  auto record = std::make_shared<const store::v1::TokenRecord>(*std::move(stored));
  absl::MutexLock lock(&mutex_);
  if (revocations_ == revocations_before) {
    if (cache_.size() >= options_.cached_max) cache_.clear();
    cache_.emplace(std::string(id), record);
  }
  return record;
}

void TokenDesk::Forget(std::string_view id) {
  absl::MutexLock lock(&mutex_);
  ++revocations_;
  cache_.erase(ToAbsl(id));
}

absl::StatusOr<v1::CreateTokenResponse> TokenDesk::CreateToken(const Caller& caller,
                                                               const v1::CreateTokenRequest& request) {
  RETURN_IF_ERROR(CheckName("identity", request.identity()));
  if (request.identity() == "firebreak") {
    return absl::InvalidArgumentError("identity: firebreak is the service itself");
  }
  ASSIGN_OR_RETURN(std::vector<v1::Role> roles, CheckRoles(request));
  if (request.ttl_seconds() < 0 || absl::Seconds(request.ttl_seconds()) > options_.ttl_max) {
    return absl::InvalidArgumentError(
        StrCat("ttl_seconds: must be 0 (never expires) to ", absl::ToInt64Seconds(options_.ttl_max)));
  }
  std::string secret = ToBase64Url(random_.Bytes(kSecretBytes));
  store::v1::TokenRecord record;
  record.set_secret_sha256(Sha256(secret).raw());
  v1::Token& token = *record.mutable_token();
  token.set_id(ToHex(random_.Bytes(kIdBytes)));
  token.set_identity(request.identity());
  for (v1::Role role : roles) token.add_roles(role);
  absl::Time now = clock_.Now();
  *token.mutable_created_at() = ToProto(now);
  if (request.ttl_seconds() > 0) *token.mutable_expires_at() = ToProto(now + absl::Seconds(request.ttl_seconds()));
  token.set_created_by(caller.identity.text());

  std::string role_names =
      absl::StrJoin(roles, ", ", [](std::string* out, v1::Role role) { out->append(std::string(RoleName(role))); });
  auto committed = ledger_.Transact([&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(auto taken, draft.Find(TokenKey(token.id())));
    if (taken) return absl::AlreadyExistsError(StrCat("token ", token.id(), " exists"));
    draft.Put(TokenKey(token.id()), record);
    v1::AuditEntry entry;
    entry.set_actor(caller.identity.text());
    entry.set_action("token.created");
    entry.add_subjects(StrCat("token/", token.id()));
    entry.set_summary(StrCat("token for ", token.identity(), " with roles ", role_names));
    (*entry.mutable_facts())["identity"] = token.identity();
    (*entry.mutable_facts())["roles"] = role_names;
    if (token.has_expires_at()) {
      (*entry.mutable_facts())["expires_at"] = FormatRfc3339(FromProto(token.expires_at()));
    }
    draft.Record(std::move(entry));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(committed.status());
  v1::CreateTokenResponse response;
  *response.mutable_token() = token;
  response.set_secret(StrCat(kPrefix, token.id(), "_", secret));
  return response;
}

absl::StatusOr<std::vector<v1::Token>> TokenDesk::LoadAll() const {
  std::vector<v1::Token> tokens;
  std::string after;
  do {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), AllTokens(), after, 500));
    for (auto& [key, record] : page.records) tokens.push_back(std::move(*record.mutable_token()));
    after = page.next_after;
    if (tokens.size() > kTokensMax) {
      return absl::ResourceExhaustedError(StrCat("more than ", kTokensMax, " tokens"));
    }
  } while (!after.empty());
  return tokens;
}

absl::StatusOr<v1::ListTokensResponse> TokenDesk::ListTokens(const Caller&, const v1::ListTokensRequest&) {
  ASSIGN_OR_RETURN(std::vector<v1::Token> tokens, LoadAll());
  std::sort(tokens.begin(), tokens.end(), [](const v1::Token& a, const v1::Token& b) {
    return std::make_pair(FromProto(a.created_at()), a.id()) < std::make_pair(FromProto(b.created_at()), b.id());
  });
  v1::ListTokensResponse response;
  for (v1::Token& token : tokens) *response.add_tokens() = std::move(token);
  return response;
}

absl::Status TokenDesk::CheckAnotherAdminRemains(std::string_view id) const {
  ASSIGN_OR_RETURN(std::vector<v1::Token> tokens, LoadAll());
  absl::Time now = clock_.Now();
  for (const v1::Token& token : tokens) {
    if (token.id() != id && CanManageTokens(token, now)) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      StrCat("token ", id, " is the last one that can manage tokens (next: create another admin token first)"));
}

absl::StatusOr<v1::RevokeTokenResponse> TokenDesk::RevokeToken(const Caller& caller,
                                                               const v1::RevokeTokenRequest& request) {
  if (request.id().empty()) return absl::InvalidArgumentError("id: which token is needed");
  if (request.id().find('\0') != std::string::npos) return absl::InvalidArgumentError("id: not a token id");
  if (request.reason().empty()) return absl::InvalidArgumentError("reason: is required");
  if (request.reason().size() > kReasonBytesMax) {
    return absl::InvalidArgumentError(StrCat("reason: at most ", kReasonBytesMax, " bytes"));
  }
  v1::RevokeTokenResponse response;
  bool changed = false;
  absl::MutexLock revoking(&revoking_);
  auto committed = ledger_.Transact([&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(store::v1::TokenRecord record, draft.Load(TokenKey(request.id()), StrCat("token ", request.id())));
    *response.mutable_token() = record.token();
    changed = !record.token().has_revoked_at();
    if (!changed) return absl::CancelledError("already revoked");  // leaves without a commit
    absl::Time now = clock_.Now();
    if (CanManageTokens(record.token(), now)) RETURN_IF_ERROR(CheckAnotherAdminRemains(request.id()));
    *record.mutable_token()->mutable_revoked_at() = ToProto(now);
    draft.Put(TokenKey(request.id()), record);
    v1::AuditEntry entry;
    entry.set_actor(caller.identity.text());
    entry.set_action("token.revoked");
    entry.add_subjects(StrCat("token/", request.id()));
    entry.set_summary(StrCat("token of ", record.token().identity(), " revoked"));
    (*entry.mutable_facts())["reason"] = request.reason();
    draft.Record(std::move(entry));
    *response.mutable_token() = record.token();
    return absl::OkStatus();
  });
  if (!committed.ok() && !(absl::IsCancelled(committed.status()) && !changed)) return committed.status();
  Forget(request.id());  // before the answer, whether or not the watcher was told already
  return response;
}

absl::StatusOr<v1::WhoAmIResponse> TokenDesk::WhoAmI(const Caller& caller, const v1::WhoAmIRequest&) {
  v1::WhoAmIResponse response;
  response.set_identity(caller.identity.text());
  for (v1::Role role : caller.roles) response.add_roles(role);
  response.set_service_version(options_.service_version);
  return response;
}

}  // namespace firebreak
