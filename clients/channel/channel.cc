#include "firebreak/channel/channel.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr int kMessageBytesMax = 16 << 20;
constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const ChannelOptions& options) {
  if (options.address.empty()) return absl::InvalidArgumentError("channel: no server address, expected host:port");
  if (options.ca_pem.empty()) return absl::InvalidArgumentError("channel: no certificate authority to check the server with");
  if (options.client_cert_pem.empty() != options.client_key_pem.empty()) {
    return absl::InvalidArgumentError("channel: a client certificate needs its key, and the other way round");
  }
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = options.ca_pem;
  tls.pem_cert_chain = options.client_cert_pem;
  tls.pem_private_key = options.client_key_pem;
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::SslCredentials(tls);
  if (!options.token.empty()) {
    // Sent with every call. Not a MetadataCredentialsPlugin: one of those has an event engine of its own, whose end waits for threads
    // that look up once a second, so that one command in three ended that much later.
    credentials = grpc::CompositeChannelCredentials(credentials, grpc::AccessTokenCredentials(options.token));
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  // A control plane that was down must be found again soon: the callers' own backoff decides how often to try. The minimum
  // is also how long one attempt to connect may take, so it must cover a handshake with a busy peer.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  return grpc::CreateCustomChannel(options.address, credentials, arguments);
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  // The numbers of both enums are the same by definition (google.rpc.Code).
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace firebreak
