#include "services/doors/http/server.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "firebreak/base/status.h"
#include "services/doors/http/session.h"

namespace firebreak {
namespace {

using http_internal::AnySession;
using http_internal::ErrorCode;
using http_internal::Executor;
using http_internal::PlainStream;
using http_internal::Session;
using http_internal::SessionShared;
using http_internal::TcpSocket;
using http_internal::TlsStream;
namespace net = boost::asio;
using tcp = net::ip::tcp;

absl::StatusOr<tcp::endpoint> ParseListen(std::string_view listen) {
  size_t colon = listen.rfind(':');
  uint32_t port = 0;
  if (colon == std::string_view::npos || !absl::SimpleAtoi(ToAbsl(listen.substr(colon + 1)), &port) || port > 65535) {
    return absl::InvalidArgumentError(StrCat("http: ", listen, " is not address:port"));
  }
  std::string host(listen.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  if (host.empty()) host = "0.0.0.0";
  ErrorCode error;
  auto address = net::ip::make_address(host, error);
  if (error) return absl::InvalidArgumentError(StrCat("http: ", host, " is not an address"));
  return tcp::endpoint(address, static_cast<unsigned short>(port));
}

class BeastServer final : public HttpServer {
 public:
  BeastServer(HttpRoutes& routes, const HttpDoorOptions& options, const Clock& clock, Gauge& connections)
      : options_(options),
        clock_(clock),
        connections_(connections),
        shared_{routes, options_, [this] { OnSessionEnd(); }},
        loops_(MakeLoops(options.threads)),
        tls_(net::ssl::context::tls_server),
        acceptor_(loops_.front()->io),
        pause_(loops_.front()->io.get_executor()) {}
  ~BeastServer() override;

  absl::Status Start();
  int port() const override { return port_; }
  void Stop(absl::Duration grace) override;

 private:
  absl::Status LoadTls();
  void Accept();
  void Seat(TcpSocket socket);
  void OnSessionEnd();
  std::vector<std::shared_ptr<AnySession>> Sessions();

  const HttpDoorOptions options_;
  const Clock& clock_;
  Gauge& connections_;
  absl::Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::weak_ptr<AnySession>> sessions_ ABSL_GUARDED_BY(mutex_);
  size_t sweep_at_ ABSL_GUARDED_BY(mutex_) = 64;
  SessionShared shared_;
  // Connections are dealt out to the threads in turn and stay: they share nothing, and so never wait for one another.
  struct Loop {
    net::io_context io{1};
    net::executor_work_guard<Executor> open{io.get_executor()};
  };
  static std::vector<std::unique_ptr<Loop>> MakeLoops(int count) {
    std::vector<std::unique_ptr<Loop>> loops;
    const int half = static_cast<int>(std::thread::hardware_concurrency()) / 2;
    if (count == 0) count = std::clamp(half, 1, 4);   // the rest is for the ledger's thread and the pool
    for (int i = 0; i < count; ++i) loops.push_back(std::make_unique<Loop>());
    return loops;
  }
  std::vector<std::unique_ptr<Loop>> loops_;  // destroyed before what their handlers hold refers to
  net::ssl::context tls_;
  net::basic_socket_acceptor<tcp, Executor> acceptor_;
  http_internal::Timer pause_;   // the acceptor's own, as is the next
  size_t next_loop_ = 0;
  int port_ = 0;
  std::vector<std::thread> threads_;
};

absl::Status BeastServer::LoadTls() {
  ErrorCode error;
  SSL_CTX_set_min_proto_version(tls_.native_handle(), TLS1_2_VERSION);
  tls_.set_options(net::ssl::context::default_workarounds | net::ssl::context::single_dh_use, error);
  tls_.use_certificate_chain(net::buffer(options_.certificate_pem), error);
  if (error) return absl::InvalidArgumentError(StrCat("http: server certificate does not load: ", error.message()));
  tls_.use_private_key(net::buffer(options_.key_pem), net::ssl::context::pem, error);
  if (error) return absl::InvalidArgumentError(StrCat("http: server key does not load: ", error.message()));
  if (SSL_CTX_check_private_key(tls_.native_handle()) != 1) {
    return absl::InvalidArgumentError("http: server certificate and key are not a pair");
  }
  return absl::OkStatus();
}

absl::Status BeastServer::Start() {
  ASSIGN_OR_RETURN(tcp::endpoint endpoint, ParseListen(options_.listen));
  if (options_.tls) {
    RETURN_IF_ERROR(LoadTls());
  } else if (!endpoint.address().is_loopback()) {
    return absl::InvalidArgumentError(
        StrCat("http: tls may be off on a loopback address only, not on ", options_.listen));
  }
  ErrorCode error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(net::socket_base::reuse_address(true), error);  // past TIME_WAIT; not a shared port
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(1024, error);
  if (error) {
    return absl::UnavailableError(StrCat("http: cannot serve on ", options_.listen, ": ", error.message()));
  }
  port_ = acceptor_.local_endpoint().port();
  Accept();
  for (const auto& loop : loops_) threads_.emplace_back([&io = loop->io] { io.run(); });
  return absl::OkStatus();
}

void BeastServer::Accept() {
  Loop& loop = *loops_[next_loop_++ % loops_.size()];
  acceptor_.async_accept(loop.io.get_executor(), [this](ErrorCode error, TcpSocket socket) {
    if (error == net::error::operation_aborted || !acceptor_.is_open()) return;
    if (!error) {
      Seat(std::move(socket));
      return Accept();
    }
    // Such as too many open files: some will close, but not because we ask again and again.
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([this](ErrorCode stopped) {
      if (!stopped) Accept();
    });
  });
}

void BeastServer::Seat(TcpSocket socket) {
  ErrorCode error;
  auto remote = socket.remote_endpoint(error);
  if (error) return;
  {
    absl::MutexLock lock(&mutex_);
    if (open_ >= options_.connections_max) return;  // closes the socket
    ++open_;
  }
  connections_.Add(1);
  socket.set_option(tcp::no_delay(true), error);
  std::string peer = StrCat(remote.address().to_string(), ":", remote.port());
  std::shared_ptr<AnySession> session;
  if (options_.tls) {
    session = std::make_shared<Session<TlsStream>>(TlsStream(std::move(socket), tls_), std::move(peer), shared_);
  } else {
    session = std::make_shared<Session<PlainStream>>(PlainStream(std::move(socket)), std::move(peer), shared_);
  }
  {
    absl::MutexLock lock(&mutex_);
    if (sessions_.size() >= sweep_at_) {
      std::erase_if(sessions_, [](const std::weak_ptr<AnySession>& weak) { return weak.expired(); });
      sweep_at_ = 64 + 2 * sessions_.size();
    }
    sessions_.push_back(session);
  }
  session->Run();
}

void BeastServer::OnSessionEnd() {
  connections_.Add(-1);
  absl::MutexLock lock(&mutex_);
  --open_;
}

std::vector<std::shared_ptr<AnySession>> BeastServer::Sessions() {
  std::vector<std::shared_ptr<AnySession>> sessions;
  absl::MutexLock lock(&mutex_);
  for (const std::weak_ptr<AnySession>& weak : sessions_) {
    if (auto session = weak.lock()) sessions.push_back(std::move(session));
  }
  return sessions;
}

void BeastServer::Stop(absl::Duration grace) {
  if (threads_.empty()) return;
  net::post(acceptor_.get_executor(), [this] {
    ErrorCode ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  });
  for (const auto& session : Sessions()) session->Leave();
  {
    absl::MutexLock lock(&mutex_);
    auto empty = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_ == 0; };
    clock_.AwaitUntil(mutex_, absl::Condition(&empty), clock_.Now() + grace);
  }
  for (const auto& loop : loops_) loop->io.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (const auto& session : Sessions()) session->Gone();
}

BeastServer::~BeastServer() {
  Stop(absl::ZeroDuration());
  // A pool may have answered since; its answers wait in the loops and go with them.
  for (const auto& session : Sessions()) session->Gone();
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpRoutes& routes, const HttpDoorOptions& options,
                                                              const Clock& clock, Gauge& connections) {
  auto server = std::make_unique<BeastServer>(routes, options, clock, connections);
  RETURN_IF_ERROR(server->Start());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace firebreak
