// The Connect protocol (connectrpc.com/docs/protocol), version 1: unary calls as plain JSON or binary messages, server
// streams as enveloped ones. No compression.
#ifndef FIREBREAK_SERVICES_DOORS_HTTP_CONNECT_H_
#define FIREBREAK_SERVICES_DOORS_HTTP_CONNECT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "firebreak/doors/front_desk.h"
#include "services/doors/http/exchange.h"

namespace firebreak {

enum class ConnectCodec { kJson, kProto };

// Error body and status of the protocol.
HttpReply ConnectError(const absl::Status& status);
std::string ConnectErrorJson(const absl::Status& status);

// Flag byte, length, payload. flags 2 = end of stream.
std::string Envelope(char flags, std::string_view payload);
// The payload of a body that is exactly one envelope.
absl::StatusOr<std::string> OpenEnvelope(std::string_view body);

// ASCII digits, at most ten; "" = no limit.
absl::StatusOr<absl::Duration> ParseConnectTimeout(std::string_view text);

// Serves one call of `method`. Does not block.
void ServeConnect(FrontDesk& desk, const Method& method, HttpCall call, std::shared_ptr<HttpResponder> responder);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_DOORS_HTTP_CONNECT_H_
