// HttpDoor: the method table over HTTP/1.1 as the Connect protocol (connectrpc.com/docs/protocol), the routes monitors
// post alerts to, metrics and health. For curl, browsers, Prometheus and load balancers.
#ifndef FIREBREAK_DOORS_HTTP_DOOR_H_
#define FIREBREAK_DOORS_HTTP_DOOR_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/doors/front_desk.h"
#include "firebreak/doors/method_table.h"
#include "firebreak/doors/worker_pool.h"
#include "firebreak/metrics/metrics.h"

namespace firebreak {

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// Where alerts go. The posts block until what they accepted is durable. All may be called on any thread.
struct IntakePort {
  using Post = std::function<HttpReply(const Caller&, std::string_view content_type, std::string_view body)>;
  Post post_alerts_v2;
  Post post_webhook;
  // post_alerts_v2 in two halves; may be empty. The first never blocks and runs on the IO thread: it replies when no commit
  // is needed. Else `rest` is set and runs on the pool; it does not wait for the commit, and `answered` is called exactly
  // once, on any thread.
  using Answered = std::function<void(HttpReply)>;
  struct BegunPost {
    std::optional<HttpReply> reply;
    std::function<void(Answered answered)> rest;
    bool brief = false;   // the rest may run where the first half did
  };
  std::function<BegunPost(const Caller&, std::string_view content_type, std::string body)> begin_alerts_v2;
  std::function<HttpReply()> get_status;
  std::function<HttpReply()> get_alerts;
};

struct HttpDoorOptions {
  std::string listen = "127.0.0.1:0";  // address:port, [address]:port; port 0: one that is free
  bool tls = true;                     // false only on a loopback address, for measurements
  std::string certificate_pem = {};
  std::string key_pem = {};
  int threads = 0;                     // that read and write connections; 0: half the processors, at most 4
  size_t connections_max = 4096;  // more are closed at once
  size_t header_bytes_max = size_t{16} << 10;
  size_t intake_bytes_max = size_t{4} << 20;
  absl::Duration handshake_timeout = absl::Seconds(10);
  absl::Duration header_timeout = absl::Seconds(10);  // from the first byte of a request to its last header
  absl::Duration body_timeout = absl::Seconds(60);
  absl::Duration idle_timeout = absl::Seconds(120);  // between requests of one connection
  absl::Duration write_timeout = absl::Seconds(30);  // for one piece of an answer
};

struct HttpDoorParts {
  const MethodTable& table;
  FrontDesk& desk;
  WorkerPool& intake_pool;  // posts wait for commits here, so that a storm of alerts cannot starve the calls
  Metrics& metrics;
  IntakePort intake;
  std::function<bool()> ready;  // for /-/ready
};

// Thread-safe. What the parts refer to outlives it, but both pools are stopped before it is destroyed; that waits for the
// posts that are on their way to the disk.
class HttpDoor {
 public:
  // kUnavailable when the address cannot be bound; kInvalidArgument for TLS material that does not load or an address
  // that is no address.
  static absl::StatusOr<std::unique_ptr<HttpDoor>> Start(HttpDoorParts parts, HttpDoorOptions options);
  ~HttpDoor();

  int port() const;

  // No new connections; answers being written get `grace`, then everything is closed.
  void Stop(absl::Duration grace);

 private:
  class Building;
  explicit HttpDoor(std::unique_ptr<Building> building);
  std::unique_ptr<Building> building_;
};

}  // namespace firebreak

#endif  // FIREBREAK_DOORS_HTTP_DOOR_H_
