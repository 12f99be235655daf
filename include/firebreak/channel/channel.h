// The client's end of the control plane's gRPC door: how the agent and the CLI reach it, and what its answers mean. gRPC's own
// headers stay in clients/.
#ifndef FIREBREAK_CHANNEL_CHANNEL_H_
#define FIREBREAK_CHANNEL_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace grpc {
class Channel;
class Status;
}  // namespace grpc

namespace firebreak {

struct ChannelOptions {
  std::string address;            // host:port
  std::string ca_pem;             // the control plane's own CA; always TLS
  std::string token;              // bearer token sent with every call; empty = none
  std::string client_cert_pem;    // an agent's identity; both or neither
  std::string client_key_pem;
};

// Connects lazily. Messages up to 16 MiB, keepalive every 30 s with 10 s patience. kInvalidArgument: no address, no CA, or
// a certificate without its key.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const ChannelOptions& options);

// The same code and message.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace firebreak

#endif  // FIREBREAK_CHANNEL_CHANNEL_H_
