// Router: which path means what.
#ifndef FIREBREAK_SERVICES_DOORS_HTTP_ROUTER_H_
#define FIREBREAK_SERVICES_DOORS_HTTP_ROUTER_H_

#include <memory>
#include <string>

#include "firebreak/doors/http_door.h"
#include "services/doors/http/exchange.h"

namespace firebreak {

// Thread-safe.
//
//   POST /firebreak.v1.<Service>/<Method>     every method, Connect protocol
//   POST <any prefix>/api/v2/alerts           Alertmanager API v2; Prometheus' path_prefix is free to choose
//   GET  <any prefix>/api/v2/status, alerts   as far as amtool and Grafana need them
//   POST /ingest/alertmanager-webhook         Alertmanager webhook, version 4
//   GET  /metrics, /-/healthy, /-/ready
class Router final : public HttpRoutes {
 public:
  Router(HttpDoorParts parts, const HttpDoorOptions& options);

  size_t BodyBytesMax(const std::string& path) const override;
  std::optional<HttpReply> RefuseBody(const HttpCall& head) const override;
  void Serve(HttpCall call, std::shared_ptr<HttpResponder> responder) override;

 private:
  struct Route;
  const Route* FindRoute(const std::string& path) const;
  void ServePost(const Route& route, const IntakePort::Post& post, HttpCall call,
                 std::shared_ptr<HttpResponder> responder);
  void ServeGet(const Route& route, Permission permission, std::function<HttpReply()> get, HttpCall call,
                std::shared_ptr<HttpResponder> responder);
  void ServeHealth(const Route& route, const HttpCall& call, HttpResponder& responder);
  // Counts and replies.
  void Finish(const Route& route, const Credentials& credentials, HttpReply reply, HttpResponder& responder);

  const HttpDoorParts parts_;
  const size_t intake_bytes_max_;
  Family<Counter>& requests_;
  Histogram& intake_seconds_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_HTTP_ROUTER_H_
