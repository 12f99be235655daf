// GrpcDoor: serves the method table over gRPC with TLS, health (grpc.health.v1) and server reflection. One generic
// implementation for all methods: a message type is known only to the table.
#ifndef FIREBREAK_DOORS_GRPC_DOOR_H_
#define FIREBREAK_DOORS_GRPC_DOOR_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/doors/front_desk.h"
#include "firebreak/doors/method_table.h"

namespace firebreak {

struct GrpcDoorOptions {
  std::string listen = "127.0.0.1:0";  // port 0: one that is free
  std::string certificate_pem;         // leaf first
  std::string key_pem;
  // Client certificates are asked for, not required; one that is presented must verify against this.
  std::string client_ca_pem;
  int streams_per_connection = 1000;
};

// Thread-safe. The table and the desk outlive it.
class GrpcDoor {
 public:
  // kUnavailable when the address cannot be bound; kInvalidArgument for TLS material that does not load.
  static absl::StatusOr<std::unique_ptr<GrpcDoor>> Start(const MethodTable& table, FrontDesk& desk,
                                                         GrpcDoorOptions options);
  ~GrpcDoor();  // Stop without grace

  int port() const;

  // Health answers NOT_SERVING, streams end with kUnavailable, running calls get `grace` to finish, then are cancelled.
  void Stop(absl::Duration grace);

 private:
  class Service;
  explicit GrpcDoor(std::unique_ptr<Service> service);
  std::unique_ptr<Service> service_;
};

}  // namespace firebreak

#endif  // FIREBREAK_DOORS_GRPC_DOOR_H_
