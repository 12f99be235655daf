#include "firebreak/doors/grpc_door.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "firebreak/base/status.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "services/doors/grpc/reflection_call.h"
#include "services/doors/grpc/stream_call.h"
#include "services/doors/grpc/unary_call.h"
#include "services/doors/grpc/wire.h"

namespace firebreak {
namespace {

constexpr int kMetadataBytesMax = 16 << 10;
constexpr int kKeepaliveMs = 20'000;  // a vanished agent is noticed within half a minute
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kPingIntervalMinMs = 5'000;  // of clients that keep idle streams open
constexpr size_t kBuffersBytesMax = size_t{512} << 20;  // what all connections together may make the transport hold
constexpr int kMessageMargin = 64 << 10;   // so that our own limit answers before the transport's

class UnknownMethod final : public grpc::ServerGenericBidiReactor {
 public:
  explicit UnknownMethod(const std::string& path) {
    Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, StrCat(path, " is not a method of this server")));
  }
  void OnDone() override { delete this; }
};

}  // namespace

class GrpcDoor::Service final : public grpc::CallbackGenericService {
 public:
  Service(const MethodTable& table, FrontDesk& desk) : table_(table), desk_(desk) {}
  ~Service() override { Stop(absl::ZeroDuration()); }

  absl::Status Start(const GrpcDoorOptions& options);
  void Stop(absl::Duration grace);
  int port() const { return port_; }

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  void Remember(const std::shared_ptr<StreamQueue>& queue);

  const MethodTable& table_;
  FrontDesk& desk_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<StreamQueue>> streams_ ABSL_GUARDED_BY(mutex_);
  size_t sweep_at_ ABSL_GUARDED_BY(mutex_) = 64;
};

absl::Status GrpcDoor::Service::Start(const GrpcDoorOptions& options) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::SslServerCredentialsOptions tls(options.client_ca_pem.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                                      : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = options.client_ca_pem;
  tls.pem_key_cert_pairs.push_back({options.key_pem, options.certificate_pem});

  size_t request_bytes_max = 0;
  for (const Method* method : table_.All()) {
    request_bytes_max = std::max(request_bytes_max, method->limits.request_bytes_max);
  }
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::SslServerCredentials(tls), &port_);
  builder.RegisterCallbackGenericService(this);
  builder.SetMaxReceiveMessageSize(static_cast<int>(request_bytes_max) + kMessageMargin);
  grpc::ResourceQuota quota("doors");
  builder.SetResourceQuota(quota.Resize(kBuffersBytesMax));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers must never share a port unnoticed
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.streams_per_connection);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMinMs);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) {
    return absl::UnavailableError(StrCat("grpc: cannot serve on ", options.listen,
                                         " (next: is the port free, and are certificate and key a pair?)"));
  }
  if (grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService()) {
    for (const std::string& name : table_.Services()) health->SetServingStatus(name, true);
  }
  return absl::OkStatus();
}

grpc::ServerGenericBidiReactor* GrpcDoor::Service::CreateReactor(grpc::GenericCallbackServerContext* context) {
  const Method* method = table_.Find(context->method());
  if (method == nullptr) {
    if (IsReflectionPath(context->method())) return new ReflectionCall(table_);
    return new UnknownMethod(context->method());
  }
  if (method->unary) return new UnaryCall(desk_, *method, *context);
  auto* call = new StreamCall(desk_, *method, *context);
  Remember(call->queue());
  return call;
}

void GrpcDoor::Service::Remember(const std::shared_ptr<StreamQueue>& queue) {
  {
    absl::MutexLock lock(&mutex_);
    if (!stopping_) {
      if (streams_.size() >= sweep_at_) {
        std::erase_if(streams_, [](const std::weak_ptr<StreamQueue>& stream) { return stream.expired(); });
        sweep_at_ = 64 + 2 * streams_.size();
      }
      streams_.push_back(queue);
      return;
    }
  }
  queue->Close(absl::UnavailableError("server is stopping"));
}

void GrpcDoor::Service::Stop(absl::Duration grace) {
  if (server_ == nullptr) return;
  if (grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService()) health->SetServingStatus(false);
  std::vector<std::weak_ptr<StreamQueue>> streams;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    streams = std::move(streams_);
  }
  for (const std::weak_ptr<StreamQueue>& weak : streams) {
    if (std::shared_ptr<StreamQueue> stream = weak.lock()) stream->Close(absl::UnavailableError("server is stopping"));
  }
  server_->Shutdown(absl::ToChronoTime(desk_.clock().Now() + grace));
  server_->Wait();
  server_.reset();
}

absl::StatusOr<std::unique_ptr<GrpcDoor>> GrpcDoor::Start(const MethodTable& table, FrontDesk& desk,
                                                          GrpcDoorOptions options) {
  auto service = std::make_unique<Service>(table, desk);
  RETURN_IF_ERROR(service->Start(options));
  return std::unique_ptr<GrpcDoor>(new GrpcDoor(std::move(service)));
}

GrpcDoor::GrpcDoor(std::unique_ptr<Service> service) : service_(std::move(service)) {}
GrpcDoor::~GrpcDoor() = default;
int GrpcDoor::port() const { return service_->port(); }
void GrpcDoor::Stop(absl::Duration grace) { service_->Stop(grace); }

}  // namespace firebreak
