#include "clients/cli/session.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/v1/access.grpc.pb.h"
#include "firebreak/v1/fleet.grpc.pb.h"

namespace firebreak::cli {
namespace {

constexpr int kAttemptsMax = 3;
constexpr absl::Duration kStreamPause = absl::Milliseconds(300);
constexpr absl::Duration kReconnectWait = absl::Seconds(2);

std::string FirstOf(const std::string& flag, const char* variable, const std::string& otherwise) {
  if (!flag.empty()) return flag;
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? std::string(value) : otherwise;
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && (facts.st_mode & 0077) != 0) {
    return absl::FailedPreconditionError(StrCat("token file ", path, " can be read by others (next: chmod 600 ", path, ")"));
  }
  auto content = ReadSmallFile(path);
  if (!content.ok()) return Annotate(content.status(), "token file");
  std::string token(absl::StripAsciiWhitespace(*content));
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (token.empty() || !printable) {
    return absl::UnauthenticatedError(
        StrCat("token file ", path, " holds no token (next: ask an admin for firebreak token create NAME --out FILE)"));
  }
  return token;
}

absl::StatusOr<std::string> ReadAuthority(const std::string& path) {
  auto pem = ReadSmallFile(path);
  if (!pem.ok()) return Annotate(pem.status(), "CA file");
  if (const auto facts = ReadCertificate(*pem); !facts.ok()) {
    return absl::InvalidArgumentError(
        StrCat("CA file ", path, " is not a certificate (next: copy ca.pem from the data folder of firebreakd)"));
  }
  return pem;
}

absl::Status CheckAddress(const std::string& server) {
  const size_t colon = server.rfind(':');
  uint32_t port = 0;
  if (colon != std::string::npos && colon > 0 && server.find('/') == std::string::npos &&
      absl::SimpleAtoi(server.substr(colon + 1), &port) && port > 0 && port < 65536) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat("--server ", server, ": give HOST:PORT of the gRPC door, such as 127.0.0.1:9443"));
}

// "web-1, web-2 (not connected)": the agents that did not prove `epoch` yet, and why when it is known.
std::string NotProven(const v1::Deployment& deployment, uint64_t epoch) {
  std::vector<std::string> missing;
  for (const v1::AgentStatus& agent : deployment.agents()) {
    const v1::ServingProof& proof = agent.proof();
    if (proof.epoch() >= epoch && proof.error().empty()) continue;
    if (proof.epoch() >= epoch) {
      missing.push_back(StrCat(agent.agent(), " (", proof.error(), ")"));
    } else {
      missing.push_back(StrCat(agent.agent(), agent.connected() ? "" : " (not connected)"));
    }
  }
  return absl::StrJoin(missing, ", ");
}

bool Has(const absl::Status& status, std::string_view words) { return MessageOf(status).find(words) != std::string_view::npos; }

}  // namespace

absl::Status Session::Prepare() {
  if (options_.output != "table" && options_.output != "json") {
    return absl::InvalidArgumentError(StrCat("-o ", options_.output, ": formats are table and json"));
  }
  out_.Configure(options_.output == "json" ? Format::kJson : Format::kTable, !options_.no_color);
  if (!absl::ParseDuration(options_.timeout, &timeout_) || timeout_ <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(StrCat("--timeout ", options_.timeout, ": give a duration such as 30s or 5m"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Context> Session::ResolveContext() const {
  // Everything given: no context is needed, and a broken or absent one is no obstacle.
  if (!options_.server.empty() && !options_.ca_file.empty() && !options_.token_file.empty()) {
    return Context{options_.server, options_.ca_file, options_.token_file};
  }
  ASSIGN_OR_RETURN(ContextFile file, LoadContexts(ContextPath()));
  const std::string name = FirstOf(options_.context, "FIREBREAK_CONTEXT", file.current);
  Context context;
  if (!name.empty()) {
    const auto found = file.contexts.find(name);
    if (found == file.contexts.end()) {
      std::vector<std::string> known;
      for (const auto& entry : file.contexts) known.push_back(entry.first);
      const std::string near = NearestName(name, known);
      return absl::NotFoundError(StrCat("context ", name, " does not exist (next: ",
                                        near.empty() ? "firebreak context list" : StrCat("did you mean ", near, "?"), ")"));
    }
    context = found->second;
  }
  context.server = FirstOf(options_.server, "FIREBREAK_SERVER", context.server);
  context.ca_file = FirstOf(options_.ca_file, "FIREBREAK_CA", context.ca_file);
  context.token_file = FirstOf(options_.token_file, "FIREBREAK_TOKEN_FILE", context.token_file);
  if (context.server.empty() || context.ca_file.empty() || context.token_file.empty()) {
    return absl::FailedPreconditionError(
        "not logged in (next: firebreak login --server HOST:PORT --ca ca.pem --token-file FILE)");
  }
  return context;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Session::Channel() {
  if (channel_) return channel_;
  ASSIGN_OR_RETURN(context_, ResolveContext());
  RETURN_IF_ERROR(CheckAddress(context_.server));
  ChannelOptions channel;
  channel.address = context_.server;
  ASSIGN_OR_RETURN(channel.ca_pem, ReadAuthority(context_.ca_file));
  ASSIGN_OR_RETURN(channel.token, ReadToken(context_.token_file));
  ASSIGN_OR_RETURN(channel_, MakeChannel(channel));
  return channel_;
}

absl::Status Session::ExplainUnreachable(const absl::Status& status) const {
  const std::string server = StrCat("service at ", context_.server);
  if (Has(status, "certificate verify failed")) {
    return absl::UnauthenticatedError(StrCat("the ", server, " shows a certificate that ", context_.ca_file,
                                             " did not issue (next: copy ca.pem from that service's data folder)"));
  }
  if (Has(status, "is not in peer certificate") || Has(status, "Hostname Verification")) {
    return absl::UnauthenticatedError(
        StrCat("the ", server, " has a certificate for other names (next: use one given to firebreakd init --host)"));
  }
  if (Has(status, "ALPN")) {
    return absl::UnavailableError(
        StrCat("the ", server, " does not speak gRPC (next: give the address of listen_grpc, not of listen_http)"));
  }
  if (Has(status, "DNS resolution failed")) {
    return absl::UnavailableError(StrCat("the ", server, " cannot be reached: its name is not known (next: check --server)"));
  }
  if (absl::IsDeadlineExceeded(status) && Has(status, "Deadline Exceeded")) {
    return absl::DeadlineExceededError(StrCat("no answer of the ", server, " within ", absl::FormatDuration(timeout_),
                                              "; whether it happened is not known (next: look, or try again with a longer --timeout)"));
  }
  if (!absl::IsUnavailable(status)) return status;
  return absl::UnavailableError(StrCat("the ", server, " cannot be reached: ",
                                       Has(status, "Connection refused") ? "connection refused" : MessageOf(status),
                                       " (next: is firebreakd running, and is --server right?)"));
}

absl::Status Session::Attempt(const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  absl::Status status;
  const absl::Time end = clock_.Now() + timeout_;
  for (int attempt = 1; attempt <= kAttemptsMax; ++attempt) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(end));
    status = FromGrpcStatus(call(&context));
    if (!absl::IsUnavailable(status) || attempt == kAttemptsMax || clock_.Now() >= end) break;
    if (!absl::IsUnavailable(ExplainUnreachable(status))) break;   // waiting does not change a certificate
    channel_->WaitForConnected(absl::ToChronoTime(std::min(end, clock_.Now() + kReconnectWait)));
    if (clock_.Now() >= end) break;
  }
  return ExplainUnreachable(status);
}

absl::Status Session::CheckReachable() {
  return Call<v1::Access>(&v1::Access::Stub::WhoAmI, v1::WhoAmIRequest()).status();
}

absl::Status Session::AwaitStreamAgain(const absl::Status& ended, std::string_view meanwhile) {
  if (!ended.ok() && !absl::IsUnavailable(ended) && !absl::IsResourceExhausted(ended)) return ended;
  Pause(kStreamPause);
  if (channel_->WaitForConnected(absl::ToChronoTime(clock_.Now() + timeout_))) return absl::OkStatus();
  return absl::UnavailableError(StrCat("the service at ", context_.server, " cannot be reached; ", meanwhile));
}

std::string Session::NewRequestId() { return ToHex(random_.Bytes(16)); }

void Session::Pause(absl::Duration duration) const {
  absl::Mutex mutex;
  bool never = false;
  absl::MutexLock lock(&mutex);
  clock_.AwaitUntil(mutex, absl::Condition(&never), clock_.Now() + duration);
}

absl::Status Session::AwaitProof(const std::string& deployment, uint64_t epoch) {
  const absl::Time end = clock_.Now() + timeout_;
  v1::GetDeploymentRequest request;
  request.set_name(deployment);
  std::string missing;
  while (true) {
    const auto answer = Call<v1::Fleet>(&v1::Fleet::Stub::GetDeployment, request);
    if (!answer.ok() && !absl::IsUnavailable(answer.status()) && !absl::IsDeadlineExceeded(answer.status())) return answer.status();
    if (answer.ok()) {
      if (answer->deployment().agents().empty()) {
        return absl::UnavailableError(StrCat(
            "epoch ", epoch, " of ", deployment,
            " is decided, but no agent is enrolled to prove it (next: firebreak agent join-token AGENT --deployment ",
            deployment, " --out FILE)"));
      }
      missing = NotProven(answer->deployment(), epoch);
      if (missing.empty()) return absl::OkStatus();
    }
    if (clock_.Now() >= end) break;
    Pause(absl::Milliseconds(200));
  }
  return absl::DeadlineExceededError(StrCat("epoch ", epoch, " of ", deployment, " is decided but not proved by: ",
                                            missing.empty() ? "unknown, the service cannot be reached" : missing,
                                            " (next: firebreak deployment show ", deployment, ")"));
}

}  // namespace firebreak::cli
