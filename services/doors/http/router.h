// Router: which path means what.
#ifndef FIREBREAK_SERVICES_DOORS_HTTP_ROUTER_H_
#define FIREBREAK_SERVICES_DOORS_HTTP_ROUTER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firebreak/doors/http_door.h"
#include "services/doors/http/exchange.h"

namespace firebreak {

// Thread-safe.
//
//   POST /firebreak.v1.<Service>/<Method>     every method, Connect protocol
//   POST <any prefix>/api/v2/alerts           Alertmanager API v2; Prometheus' path_prefix is free to choose
//   GET  <any prefix>/api/v2/status, alerts   as far as amtool and Grafana need them
//   POST /v1/actions/{name}:run               one action, as playbooks exported as CACAO call it
//   POST /ingest/alertmanager-webhook         Alertmanager webhook, version 4
//   GET  /metrics, /-/healthy, /-/ready
class Router final : public HttpRoutes {
 public:
  Router(HttpDoorParts parts, const HttpDoorOptions& options);

  size_t BodyBytesMax(const std::string& path) const override;
  std::optional<HttpReply> RefuseBody(const HttpCall& head) const override;
  void Serve(HttpCall call, std::shared_ptr<HttpResponder> responder) override;

  // Waits until every post begun has been answered. When the pool is stopped no more begin.
  void AwaitPosts();

 private:
  struct Route;
  const Route* FindRoute(const std::string& path) const;
  void ServePost(const Route& route, const IntakePort::Post& post, HttpCall call,
                 std::shared_ptr<HttpResponder> responder);
  // The second half of a post: on the pool, or here if it is brief.
  void FinishPost(const Route& route, IntakePort::BegunPost begun, absl::Time began,
                  Credentials credentials, std::shared_ptr<HttpResponder> responder);
  void ServeGet(const Route& route, Permission permission, std::function<HttpReply()> get, HttpCall call,
                std::shared_ptr<HttpResponder> responder);
  void ServeHealth(const Route& route, const HttpCall& call, HttpResponder& responder);
  // Counts and replies.
  void Finish(const Route& route, const Credentials& credentials, HttpReply reply, HttpResponder& responder);

  const HttpDoorParts parts_;
  const size_t intake_bytes_max_;
  Family<Counter>& requests_;
  Histogram& intake_seconds_;
  Counter& alerts_taken_;   // of requests_, for the one answer that is given often
  absl::Mutex posts_mutex_;
  size_t posts_open_ ABSL_GUARDED_BY(posts_mutex_) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_HTTP_ROUTER_H_
