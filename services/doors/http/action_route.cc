#include "services/doors/http/action_route.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/v1/action.pb.h"
#include "services/doors/http/connect.h"

namespace firebreak {
namespace {

constexpr std::string_view kPrefix = "/v1/actions/";
constexpr std::string_view kSuffix = ":run";
constexpr JsonLimits kLimits{.size_bytes_max = kActionBodyBytesMax, .depth_max = 16, .values_max = 10'000};

std::string NameIn(std::string_view path) {
  return std::string(path.substr(kPrefix.size(), path.size() - kPrefix.size() - kSuffix.size()));
}

// RFC 7240: `wait=10`, perhaps among other preferences. What we do not know is ignored, as the RFC wants it.
std::optional<int64_t> WaitIn(std::string_view prefer) {
  while (!prefer.empty()) {
    const size_t end = std::min(prefer.find_first_of(",;"), prefer.size());
    std::string_view token = prefer.substr(0, end);
    prefer.remove_prefix(std::min(end + 1, prefer.size()));
    while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
    if (!token.starts_with("wait=")) continue;
    int64_t seconds = 0;
    const auto [last, error] = std::from_chars(token.data() + 5, token.data() + token.size(), seconds);
    if (error == std::errc() && last != token.data() + 5 && seconds >= 0) return seconds;
  }
  return std::nullopt;
}

absl::Status ReadCall(const HttpCall& call, google::protobuf::Message& message) {
  auto& request = static_cast<v1::RunActionRequest&>(message);
  request.set_action(NameIn(call.path));
  request.set_idempotency_key(call.idempotency_key);
  if (call.idempotency_key.empty()) {
    return WithNextStep(absl::InvalidArgumentError("header Idempotency-Key is missing"),
                        "send a name for this effect that stays the same over retries");
  }
  const absl::StatusOr<google::protobuf::Value> body = ParseJson(call.body.empty() ? "{}" : call.body, kLimits);
  if (!body.ok()) return Annotate(body.status(), "body");
  if (!body->has_struct_value()) return absl::InvalidArgumentError("body: must be a JSON object with the action's inputs");
  *request.mutable_inputs() = body->struct_value();
  if (const std::optional<int64_t> seconds = WaitIn(call.prefer)) {
    *request.mutable_wait() = ToProto(absl::Seconds(std::min<int64_t>(*seconds, 3600)));
  }
  return absl::OkStatus();
}

HttpReply ToReply(const v1::RunActionResponse& answer, const std::string& path) {
  HttpReply reply;
  reply.headers.emplace_back("Idempotent-Effect", answer.effect_id());
  if (answer.done()) {
    reply.body = PrintJson(answer.outputs());
    return reply;
  }
  reply.status = 202;
  reply.body = StrCat("{\"waiting_for\":", QuoteJson(answer.waiting_for()), "}");
  reply.headers.emplace_back("Location", path);
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(FromProto(answer.retry_after()), absl::Seconds(1)));
  reply.headers.emplace_back("Retry-After", StrCat(std::max<int64_t>(seconds, 1)));
  return reply;
}

}  // namespace

bool IsActionPath(std::string_view path) {
  return path.starts_with(kPrefix) && path.ends_with(kSuffix) && path.size() > kPrefix.size() + kSuffix.size();
}

const Method* FindActionMethod(const MethodTable& table) { return table.Find("/firebreak.v1.Actions/RunAction"); }

void ServeAction(FrontDesk& desk, const Method& method, HttpCall call, std::shared_ptr<HttpResponder> responder) {
  if (call.verb != "POST") {
    HttpReply reply;
    reply.status = 405;
    reply.headers.emplace_back("Allow", "POST");
    return responder->Reply(std::move(reply));
  }
  const std::string type = call.content_type.substr(0, call.content_type.find(';'));
  if (!type.empty() && type != "application/json") {
    HttpReply reply;
    reply.status = 415;
    reply.headers.emplace_back("Accept-Post", "application/json");
    return responder->Reply(std::move(reply));
  }
  Credentials credentials{call.authorization, AgentName(), call.peer};
  const std::string path = call.path;
  auto shared = std::make_shared<HttpCall>(std::move(call));
  desk.CallUnary(
      method, "http", std::move(credentials), absl::InfiniteFuture(),
      [shared](google::protobuf::Message& request) { return ReadCall(*shared, request); },
      [responder, path](absl::StatusOr<MessagePtr> answer) {
        if (!answer.ok()) return responder->Reply(ConnectError(answer.status()));
        responder->Reply(ToReply(static_cast<const v1::RunActionResponse&>(**answer), path));
      });
}

}  // namespace firebreak
