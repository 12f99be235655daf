#include "clients/cli/session.h"

#include <sys/stat.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/fleet.grpc.pb.h"

namespace firebreak::cli {
namespace {

constexpr int kAttemptsMax = 3;

std::string FirstOf(const std::string& flag, const char* variable, const std::string& otherwise) {
  if (!flag.empty()) return flag;
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? std::string(value) : otherwise;
}

absl::Status RefuseReadableToken(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || (facts.st_mode & 0077) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(StrCat("token file ", path, " can be read by others (next: chmod 600 ", path, ")"));
}

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
  ASSIGN_OR_RETURN(ContextFile file, LoadContexts(ContextPath()));
  const std::string name = FirstOf(options_.context, "FIREBREAK_CONTEXT", file.current);
  Context context;
  if (!name.empty()) {
    const auto found = file.contexts.find(name);
    if (found == file.contexts.end()) {
      std::vector<std::string> known;
      for (const auto& entry : file.contexts) known.push_back(entry.first);
      const std::string near = NearestName(name, known);
      return absl::NotFoundError(StrCat("context ", name, " does not exist", near.empty() ? "" : "; did you mean ", near));
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
  ASSIGN_OR_RETURN(Context context, ResolveContext());
  RETURN_IF_ERROR(RefuseReadableToken(context.token_file));
  ChannelOptions channel;
  channel.address = context.server;
  ASSIGN_OR_RETURN(channel.ca_pem, ReadSmallFile(context.ca_file));
  ASSIGN_OR_RETURN(std::string token, ReadSmallFile(context.token_file));
  channel.token = std::string(absl::StripAsciiWhitespace(token));
  ASSIGN_OR_RETURN(channel_, MakeChannel(channel));
  return channel_;
}

absl::Status Session::Attempt(const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  absl::Status status;
  const absl::Time end = clock_.Now() + timeout_;
  for (int attempt = 1; attempt <= kAttemptsMax; ++attempt) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(end));
    status = FromGrpcStatus(call(&context));
    if (!absl::IsUnavailable(status) || attempt == kAttemptsMax) break;
    channel_->WaitForConnected(absl::ToChronoTime(std::min(end, clock_.Now() + absl::Seconds(2))));
  }
  if (absl::IsUnavailable(status)) {
    return WithNextStep(Annotate(status, "the service cannot be reached"), "is firebreakd running, and is --server right?");
  }
  return status;
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
  std::vector<std::string> missing;
  while (true) {
    auto answer = Call<v1::Fleet>(&v1::Fleet::Stub::GetDeployment, request);
    if (!answer.ok() && !absl::IsUnavailable(answer.status())) return answer.status();
    missing.clear();
    bool any = false;
    if (answer.ok()) {
      for (const v1::AgentStatus& agent : answer->deployment().agents()) {
        any = true;
        if (agent.proof().epoch() < epoch || !agent.proof().error().empty()) {
          missing.push_back(agent.proof().error().empty() ? agent.agent() : StrCat(agent.agent(), " (", agent.proof().error(), ")"));
        }
      }
      if (any && missing.empty()) return absl::OkStatus();
    }
    if (clock_.Now() >= end) break;
    Pause(absl::Milliseconds(200));
  }
  return absl::DeadlineExceededError(
      StrCat("epoch ", epoch, " of ", deployment, " is decided but not proved by: ",
             missing.empty() ? std::string("no agent is enrolled or the service cannot be reached") : absl::StrJoin(missing, ", "),
             " (next: firebreak deployment show ", deployment, ")"));
}

}  // namespace firebreak::cli
