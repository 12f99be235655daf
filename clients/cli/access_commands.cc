// token, key, agent: who may do what.
#include <vector>

#include "absl/time/time.h"
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/v1/access.grpc.pb.h"
#include "firebreak/v1/fleet.grpc.pb.h"

namespace firebreak::cli {
namespace access_commands {
namespace {

constexpr absl::Duration kLifetimeMax = absl::Hours(87'600);

struct NoOptions {};
struct TokenOptions {
  std::string identity;
  std::vector<std::string> roles;
  std::string ttl;
  std::string out;
  bool show = false;
};
struct IdReason {
  std::string id;
  std::string reason;
};
struct KeyOptions {
  std::string out;
  std::string pub;
};
struct JoinOptions {
  std::string agent;
  std::string deployment;
  std::string out;
};

absl::Status CreateToken(Session& session, const TokenOptions& options) {
  if (options.out.empty() && !options.show) {
    return absl::InvalidArgumentError("where should the token go? give --out FILE (written once, mode 0600) or --show");
  }
  v1::CreateTokenRequest request;
  request.set_identity(options.identity);
  for (const std::string& role : options.roles) {
    ASSIGN_OR_RETURN(int value, ParseEnum(v1::Role_descriptor(), "role", role));
    request.add_roles(static_cast<v1::Role>(value));
  }
  if (!options.ttl.empty()) {
    absl::Duration ttl;
    // A lifetime that rounds to none would be the opposite of what was asked for: no end.
    if (!absl::ParseDuration(options.ttl, &ttl) || ttl < absl::Seconds(1) || ttl > kLifetimeMax) {
      return absl::InvalidArgumentError(StrCat("--ttl ", options.ttl, ": give a duration from 1s to 87600h, such as 24h"));
    }
    request.set_ttl_seconds(absl::ToInt64Seconds(ttl));
  }
  if (!options.out.empty()) RETURN_IF_ERROR(CheckNewFile(options.out));
  ASSIGN_OR_RETURN(v1::CreateTokenResponse made, session.Call<v1::Access>(&v1::Access::Stub::CreateToken, request));
  if (!options.out.empty()) {
    RETURN_IF_ERROR(WriteWholeFile(options.out, StrCat(made.secret(), "\n"), FileMode::kSecret));
    made.clear_secret();
  }
  session.out().PrintAnswer(made, options.out.empty() ? made.secret()
                                                      : StrCat("token ", made.token().id(), " for ", options.identity,
                                                               " is in ", options.out));
  return absl::OkStatus();
}

absl::Status ListTokens(Session& session, const NoOptions&) {
  ASSIGN_OR_RETURN(v1::ListTokensResponse answer,
                   session.Call<v1::Access>(&v1::Access::Stub::ListTokens, v1::ListTokensRequest()));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"ID", "IDENTITY", "ROLES", "CREATED", "EXPIRES", "REVOKED"});
  for (const v1::Token& token : answer.tokens()) {
    std::string roles;
    for (int role : token.roles()) roles += (roles.empty() ? "" : ",") + ShortEnum(v1::Role_descriptor(), role);
    table.Add({token.id(), token.identity(), roles, TimeText(token.has_created_at(), token.created_at()),
               TimeText(token.has_expires_at(), token.expires_at()), TimeText(token.has_revoked_at(), token.revoked_at())});
  }
  session.out().PrintTable(table, "no tokens");
  return absl::OkStatus();
}

absl::Status RevokeToken(Session& session, const IdReason& options) {
  v1::RevokeTokenRequest request;
  request.set_id(options.id);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::RevokeTokenResponse answer, session.Call<v1::Access>(&v1::Access::Stub::RevokeToken, request));
  session.out().PrintAnswer(answer, StrCat("token ", answer.token().id(), " of ", answer.token().identity(), " is revoked"));
  return absl::OkStatus();
}

absl::Status GenerateKey(Session& session, const KeyOptions& options) {
  RETURN_IF_ERROR(CheckNewFile(options.out));
  RETURN_IF_ERROR(CheckNewFile(options.pub));
  if (std::filesystem::path(options.out).lexically_normal() == std::filesystem::path(options.pub).lexically_normal()) {
    return absl::InvalidArgumentError("--out and --pub name the same file; the private key needs one of its own");
  }
  ASSIGN_OR_RETURN(EcPrivateKey key, EcPrivateKey::Generate(EcCurve::kP256));
  RETURN_IF_ERROR(WriteWholeFile(options.out, key.ToPem(), FileMode::kSecret));
  RETURN_IF_ERROR(WriteWholeFile(options.pub, key.public_key().pem(), FileMode::kOrdinary));
  session.out().PrintFields({{"private_key", options.out}, {"public_key", options.pub}, {"key_id", key.public_key().key_id()}},
                            StrCat("private key in ", options.out, " (keep it), public key in ", options.pub, "\nkey id ",
                             key.public_key().key_id(), "\nnext: an admin runs firebreak signer trust NAME --key ", options.pub));
  return absl::OkStatus();
}

absl::Status CreateJoinToken(Session& session, const JoinOptions& options) {
  v1::CreateJoinTokenRequest request;
  request.set_agent(options.agent);
  request.set_deployment(options.deployment);
  RETURN_IF_ERROR(CheckNewFile(options.out));
  ASSIGN_OR_RETURN(v1::CreateJoinTokenResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::CreateJoinToken, request));
  RETURN_IF_ERROR(WriteWholeFile(options.out, StrCat(answer.join_token(), "\n"), FileMode::kSecret));
  answer.clear_join_token();
  session.out().PrintAnswer(
      answer, StrCat("join token for agent ", options.agent, " is in ", options.out, ", good once, until ",
                     TimeText(true, answer.expires_at()),
                     "\nnext, on its host: firebreak-agent enrol --join-token-file ", options.out, " …"));
  return absl::OkStatus();
}

absl::Status RemoveAgent(Session& session, const IdReason& options) {
  v1::RemoveAgentRequest request;
  request.set_agent(options.id);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(v1::RemoveAgentResponse answer, session.Call<v1::Fleet>(&v1::Fleet::Stub::RemoveAgent, request));
  session.out().PrintAnswer(answer, StrCat("agent ", options.id, " is removed; its certificate no longer opens anything"));
  return absl::OkStatus();
}

void SetUpIdReason(CLI::App& command, IdReason& options) {
  command.add_option("id", options.id, "As its list shows it")->required();
  command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
}

}  // namespace
}  // namespace access_commands

void AddAccessCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace access_commands;
  const auto none = [](CLI::App&, NoOptions&) {};
  CLI::App* token = AddGroup(app, "token", "Bearer tokens");
  AddCommand<TokenOptions>(*token, chosen, "create", "Make a token for an identity; it is shown or written once",
                           [](CLI::App& command, TokenOptions& options) {
                             command.add_option("identity", options.identity, "Who, e.g. alice")->required();
                             AddRepeated(command, "--role", options.roles,
                                         "viewer, monitor, publisher, responder, security-lead, admin")
                                 ->required();
                             command.add_option("--ttl", options.ttl, "Lifetime, e.g. 720h; default: no end");
                             command.add_option("--out", options.out, "File to write, mode 0600");
                             command.add_flag("--show", options.show, "Print it once instead");
                           },
                           CreateToken, session);
  AddCommand<NoOptions>(*token, chosen, "list", "Every token, without its secret", none, ListTokens, session);
  AddCommand<IdReason>(*token, chosen, "revoke", "End a token now", SetUpIdReason, RevokeToken, session);
  CLI::App* key = AddGroup(app, "key", "Publisher keys; no service needed");
  AddCommand<KeyOptions>(*key, chosen, "generate", "Make a P-256 key pair",
                         [](CLI::App& command, KeyOptions& options) {
                           command.add_option("--out", options.out, "Private key, written with mode 0600")->required();
                           command.add_option("--pub", options.pub, "Public key")->required();
                         },
                         GenerateKey, session);
  CLI::App* agent = AddGroup(app, "agent", "Agents on serving hosts");
  AddCommand<JoinOptions>(*agent, chosen, "join-token", "A one-time token with which an agent gets its certificate",
                          [](CLI::App& command, JoinOptions& options) {
                            command.add_option("agent", options.agent, "Its name from now on, e.g. web-1")->required();
                            command.add_option("--deployment", options.deployment, "What it will serve")->required();
                            command.add_option("--out", options.out, "File to write, mode 0600")->required();
                          },
                          CreateJoinToken, session);
  AddCommand<IdReason>(*agent, chosen, "remove", "Stop accepting an agent", SetUpIdReason, RemoveAgent, session);
}

}  // namespace firebreak::cli
