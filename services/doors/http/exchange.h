// One HTTP request and the way to answer it, as the routes see them: no socket, no Beast.
#ifndef FIREBREAK_SERVICES_DOORS_HTTP_EXCHANGE_H_
#define FIREBREAK_SERVICES_DOORS_HTTP_EXCHANGE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "firebreak/doors/http_door.h"

namespace firebreak {

// Header values are empty when the header did not come.
struct HttpCall {
  std::string verb;  // POST
  std::string path;  // without the query
  std::string content_type;
  std::string content_encoding;
  std::string authorization;
  std::string connect_version;   // Connect-Protocol-Version
  std::string connect_timeout;   // Connect-Timeout-Ms
  std::string connect_encoding;  // Connect-Content-Encoding
  std::string idempotency_key;   // Idempotency-Key
  std::string prefer;            // Prefer (RFC 7240)
  std::string body;
  std::string peer;
};

// Thread-safe. Either Reply once, or Begin once and then Write and End. What comes too late is dropped.
class HttpResponder {
 public:
  static constexpr size_t kPiecesMax = 256;

  virtual ~HttpResponder() = default;

  virtual void Reply(HttpReply reply) = 0;
  // Replies `reply` unless something else was replied within `timeout`. Call before handing the responder on.
  virtual void ReplyAfter(absl::Duration timeout, HttpReply reply) = 0;

  // Status 200, chunked. `gone` runs once, on an IO thread, when the client has left or the end was written.
  virtual void Begin(std::string content_type, std::function<void()> gone) = 0;
  enum class Written { kYes, kFull, kOver };
  // kFull: kPiecesMax pieces are waiting; nothing was queued.
  virtual Written Write(std::string piece) = 0;
  // Waiting pieces go first if `flush`, or are dropped.
  enum class Waiting { kFlush, kDrop };
  virtual void End(std::string last_piece, Waiting waiting) = 0;
};

// What the server asks of the routes. All are called on an IO thread and must not block.
class HttpRoutes {
 public:
  virtual ~HttpRoutes() = default;
  // Largest body accepted for this path; asked before the body is read.
  virtual size_t BodyBytesMax(const std::string& path) const = 0;
  // Asked before a body of more than kSmallBodyBytes is read: the answer to give instead, or nothing. The head has no body
  // yet. What strangers may make us hold is small times the number of connections.
  static constexpr size_t kSmallBodyBytes = size_t{64} << 10;
  virtual std::optional<HttpReply> RefuseBody(const HttpCall& head) const = 0;
  virtual void Serve(HttpCall call, std::shared_ptr<HttpResponder> responder) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_HTTP_EXCHANGE_H_
