#include "firebreak/doors/http_door.h"

#include <utility>

#include "firebreak/base/status.h"
#include "services/doors/http/router.h"
#include "services/doors/http/server.h"

namespace firebreak {

class HttpDoor::Building {
 public:
  Building(HttpDoorParts parts, const HttpDoorOptions& options) : router(std::move(parts), options) {}
  Router router;
  std::unique_ptr<HttpServer> server;  // uses the router
};

absl::StatusOr<std::unique_ptr<HttpDoor>> HttpDoor::Start(HttpDoorParts parts, HttpDoorOptions options) {
  const Clock& clock = parts.desk.clock();
  Gauge& connections = parts.metrics.Gauges("firebreak_http_connections", "Open connections.").With({});
  auto building = std::make_unique<Building>(std::move(parts), options);
  ASSIGN_OR_RETURN(building->server, HttpServer::Start(building->router, options, clock, connections));
  return std::unique_ptr<HttpDoor>(new HttpDoor(std::move(building)));
}

HttpDoor::HttpDoor(std::unique_ptr<Building> building) : building_(std::move(building)) {}
HttpDoor::~HttpDoor() { building_->router.AwaitPosts(); }
int HttpDoor::port() const { return building_->server->port(); }
void HttpDoor::Stop(absl::Duration grace) { building_->server->Stop(grace); }

}  // namespace firebreak
