#include "services/doors/http/router.h"

#include <array>
#include <utility>

#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/doors/code_names.h"
#include "services/doors/http/action_route.h"
#include "services/doors/http/connect.h"

namespace firebreak {
namespace {

constexpr std::string_view kRetryAfterSeconds = "5";
constexpr std::string_view kAlertsPath = "/api/v2/alerts";

// As Alertmanager words its errors: a JSON string.
HttpReply PlainError(const absl::Status& status) {
  HttpReply reply;
  reply.status = HttpStatusOf(status.code());
  reply.body = QuoteJson(MessageOf(status));
  if (absl::IsUnauthenticated(status)) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

HttpReply Busy() {
  HttpReply reply;
  reply.status = 503;
  reply.body = "\"too many alerts are waiting\"";
  return reply;
}

HttpReply VerbNotAllowed(std::string_view allowed) {
  HttpReply reply;
  reply.status = 405;
  reply.headers.emplace_back("Allow", std::string(allowed));
  return reply;
}

}  // namespace

struct Router::Route {
  enum class Kind { kHealthy, kReady, kMetrics, kAlertsV2, kStatusV2, kWebhook };
  Kind kind;
  std::string_view path;
  bool any_prefix;
};

const Router::Route* Router::FindRoute(const std::string& path) const {
  using Kind = Route::Kind;
  static constexpr std::array<Route, 6> kRoutes = {{
      {Kind::kAlertsV2, kAlertsPath, true},
      {Kind::kStatusV2, "/api/v2/status", true},
      {Kind::kWebhook, "/ingest/alertmanager-webhook", false},
      {Kind::kMetrics, "/metrics", false},
      {Kind::kHealthy, "/-/healthy", false},
      {Kind::kReady, "/-/ready", false},
  }};
  for (const Route& route : kRoutes) {
    if (path == route.path || (route.any_prefix && path.ends_with(route.path))) return &route;
  }
  return nullptr;
}

Router::Router(HttpDoorParts parts, const HttpDoorOptions& options)
    : parts_(std::move(parts)),
      intake_bytes_max_(options.intake_bytes_max),
      requests_(parts_.metrics.Counters("firebreak_http_requests_total", "HTTP requests outside the method table.",
                                        {"route", "status"})),
      intake_seconds_(
          parts_.metrics
              .Histograms("firebreak_ingest_seconds", "Seconds from a post of alerts to its durable answer.", {})
              .With({})),
      alerts_taken_(requests_.With({std::string(kAlertsPath), "200"})) {}

size_t Router::BodyBytesMax(const std::string& path) const {
  if (IsActionPath(path)) return kActionBodyBytesMax;
  if (const Method* method = parts_.table.Find(path)) return method->limits.request_bytes_max;
  return intake_bytes_max_;
}

std::optional<HttpReply> Router::RefuseBody(const HttpCall& head) const {
  const Method* method = IsActionPath(head.path) ? FindActionMethod(parts_.table) : parts_.table.Find(head.path);
  const Permission permission = method != nullptr ? method->permission : Permission::kRaiseAlerts;
  if (permission == Permission::kOpen) return std::nullopt;  // its own limit is small
  const Credentials credentials{head.authorization, AgentName(), head.peer};
  const absl::Status admitted =
      parts_.desk.Admit(credentials, permission, method != nullptr ? method->name : head.path).status();
  if (admitted.ok()) return std::nullopt;
  if (method == nullptr) {
    parts_.desk.log().Info("http.refused", {{"path", head.path.substr(0, 256)},
                                            {"error", std::string(MessageOf(admitted))},
                                            {"peer", head.peer}});
    return PlainError(admitted);
  }
  parts_.desk.CountRefused(*method, "http", credentials, admitted);
  return ConnectError(admitted);
}

void Router::Serve(HttpCall call, std::shared_ptr<HttpResponder> responder) {
  if (const Route* route = FindRoute(call.path)) {
    switch (route->kind) {
      case Route::Kind::kHealthy:
      case Route::Kind::kReady:
        return ServeHealth(*route, call, *responder);
      case Route::Kind::kMetrics:
        return ServeGet(
            *route, Permission::kRead,
            [this] {
              return HttpReply{200, "text/plain; version=0.0.4; charset=utf-8", parts_.metrics.Text()};
            },
            std::move(call), std::move(responder));
      case Route::Kind::kStatusV2:
        return ServeGet(*route, Permission::kAuthenticated, parts_.intake.get_status, std::move(call),
                        std::move(responder));
      case Route::Kind::kWebhook:
        return ServePost(*route, parts_.intake.post_webhook, std::move(call), std::move(responder));
      case Route::Kind::kAlertsV2:
        if (call.verb != "POST") {
          return ServeGet(*route, Permission::kRead, parts_.intake.get_alerts, std::move(call), std::move(responder));
        }
        return ServePost(*route, parts_.intake.post_alerts_v2, std::move(call), std::move(responder));
    }
  }
  if (IsActionPath(call.path)) {
    if (const Method* method = FindActionMethod(parts_.table)) return ServeAction(parts_.desk, *method, std::move(call), std::move(responder));
  }
  if (const Method* method = parts_.table.Find(call.path)) {
    return ServeConnect(parts_.desk, *method, std::move(call), std::move(responder));
  }
  HttpReply reply = ConnectError(absl::UnimplementedError(StrCat(call.path, " is not a path of this server")));
  reply.status = 404;
  responder->Reply(std::move(reply));
}

void Router::ServeHealth(const Route& route, const HttpCall& call, HttpResponder& responder) {
  if (call.verb != "GET" && call.verb != "HEAD") return responder.Reply(VerbNotAllowed("GET, HEAD"));
  bool well = route.kind == Route::Kind::kHealthy || parts_.ready();
  responder.Reply({well ? 200 : 503, "text/plain; charset=utf-8", well ? "OK\n" : "not ready\n"});
}

void Router::ServeGet(const Route& route, Permission permission, std::function<HttpReply()> get, HttpCall call,
                      std::shared_ptr<HttpResponder> responder) {
  if (call.verb != "GET" && call.verb != "HEAD") {
    return responder->Reply(VerbNotAllowed(route.kind == Route::Kind::kAlertsV2 ? "GET, HEAD, POST" : "GET, HEAD"));
  }
  Credentials credentials{std::move(call.authorization), AgentName(), std::move(call.peer)};
  auto job = [this, &route, permission, get = std::move(get), credentials, responder] {
    absl::StatusOr<Caller> caller = parts_.desk.Admit(credentials, permission, route.path);
    Finish(route, credentials, caller.ok() ? get() : PlainError(caller.status()), *responder);
  };
  if (!parts_.intake_pool.TryPost(std::move(job))) Finish(route, credentials, Busy(), *responder);
}

void Router::ServePost(const Route& route, const IntakePort::Post& post, HttpCall call,
                       std::shared_ptr<HttpResponder> responder) {
  if (call.verb != "POST") return responder->Reply(VerbNotAllowed("POST"));
  absl::Time began = parts_.desk.clock().Now();
  Credentials credentials{std::move(call.authorization), AgentName(), std::move(call.peer)};
  // Most posts are heartbeats of known alerts by a token seen a moment ago: no disk is needed, so no hop to another
  // thread.
  if (route.kind == Route::Kind::kAlertsV2 && parts_.intake.begin_alerts_v2) {
    absl::StatusOr<Caller> caller = parts_.desk.Admit(credentials, Permission::kRaiseAlerts, route.path);
    if (!caller.ok()) return Finish(route, credentials, PlainError(caller.status()), *responder);
    IntakePort::BegunPost begun = parts_.intake.begin_alerts_v2(*caller, call.content_type, std::move(call.body));
    if (!begun.reply) return FinishPost(route, std::move(begun), began, std::move(credentials), std::move(responder));
    intake_seconds_.Observe(absl::ToDoubleSeconds(parts_.desk.clock().Now() - began));
    return Finish(route, credentials, *std::move(begun.reply), *responder);
  }
  auto job = [this, &route, &post, began, credentials, type = std::move(call.content_type), body = std::move(call.body),
              responder] {
    absl::StatusOr<Caller> caller = parts_.desk.Admit(credentials, Permission::kRaiseAlerts, route.path);
    HttpReply reply = caller.ok() ? post(*caller, type, body) : PlainError(caller.status());
    intake_seconds_.Observe(absl::ToDoubleSeconds(parts_.desk.clock().Now() - began));
    Finish(route, credentials, std::move(reply), *responder);
  };
  if (!parts_.intake_pool.TryPost(std::move(job))) Finish(route, credentials, Busy(), *responder);
}

void Router::FinishPost(const Route& route, IntakePort::BegunPost begun, absl::Time began,
                        Credentials credentials, std::shared_ptr<HttpResponder> responder) {
  // One allocation for what outlives this call; a longer rest goes to the pool, and from there all to the ledger's thread.
  struct Post {
    Router& router;
    const Route& route;
    const absl::Time began;
    const Credentials credentials;
    std::shared_ptr<HttpResponder> responder;
    std::function<void(IntakePort::Answered)> rest;

    // Lets go of the connection: whoever still holds this afterwards must not keep it beyond its door.
    void Answer(HttpReply reply) {
      const std::shared_ptr<HttpResponder> to = std::move(responder);
      router.intake_seconds_.Observe(absl::ToDoubleSeconds(router.parts_.desk.clock().Now() - began));
      router.Finish(route, credentials, std::move(reply), *to);
    }
  };
  const auto post = std::make_shared<Post>(
      Post{*this, route, began, std::move(credentials), std::move(responder), std::move(begun.rest)});
  const auto job = [post] {
    {
      absl::MutexLock lock(&post->router.posts_mutex_);
      ++post->router.posts_open_;
    }
    const auto half = std::move(post->rest);
    half([post](HttpReply reply) {
      post->Answer(std::move(reply));
      absl::MutexLock lock(&post->router.posts_mutex_);
      --post->router.posts_open_;
    });
  };
  if (begun.brief) return job();
  if (!parts_.intake_pool.TryPost(job)) Finish(route, post->credentials, Busy(), *post->responder);
}

void Router::AwaitPosts() {
  const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(posts_mutex_) { return posts_open_ == 0; };
  absl::MutexLock lock(&posts_mutex_, absl::Condition(&none));
}

void Router::Finish(const Route& route, const Credentials& credentials, HttpReply reply, HttpResponder& responder) {
  // Monitors drop a batch on 429 but send it again on 503.
  if (reply.status == 429) reply.status = 503;
  if (reply.status == 503) reply.headers.emplace_back("Retry-After", std::string(kRetryAfterSeconds));
  if (reply.status == 200 && route.kind == Route::Kind::kAlertsV2) {
    alerts_taken_.Add();
  } else {
    requests_.With({std::string(route.path), StrCat(reply.status)}).Add();
  }
  if (reply.status >= 400) {
    parts_.desk.log().Write(reply.status >= 500 ? LogLevel::kWarning : LogLevel::kInfo, "http.refused",
                            {{"path", std::string(route.path)},
                             {"status", StrCat(reply.status)},
                             {"error", reply.body.substr(0, 512)},
                             {"peer", credentials.peer}});
  }
  responder.Reply(std::move(reply));
}

}  // namespace firebreak
