// HttpServer: sockets, TLS, parsing, keep-alive and time limits, on a few threads; what the requests mean is the
// routes'. All of Boost.Beast is behind this header, in server.cc.
#ifndef FIREBREAK_SERVICES_DOORS_HTTP_SERVER_H_
#define FIREBREAK_SERVICES_DOORS_HTTP_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/doors/http_door.h"
#include "services/doors/http/exchange.h"

namespace firebreak {

// Thread-safe. `routes` outlives it. Responders may be used after Stop, not after the destructor.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpRoutes& routes, const HttpDoorOptions& options,
                                                           const Clock& clock, Gauge& connections);
  virtual int port() const = 0;
  virtual void Stop(absl::Duration grace) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_HTTP_SERVER_H_
