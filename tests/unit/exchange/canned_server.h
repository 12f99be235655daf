// A server on a loopback port that gives every connection the same prepared answer and keeps what it was sent.
#ifndef FIREBREAK_TESTS_UNIT_EXCHANGE_CANNED_SERVER_H_
#define FIREBREAK_TESTS_UNIT_EXCHANGE_CANNED_SERVER_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "firebreak/base/check.h"
#include "firebreak/base/text.h"

namespace firebreak::testing {

class CannedServer {
 public:
  explicit CannedServer(std::string answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    FIREBREAK_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    FIREBREAK_CHECK(::listen(listener_, 8) == 0);
    FIREBREAK_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~CannedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  std::string url(std::string_view path = "/") const { return StrCat("http://127.0.0.1:", port_, path); }
  std::vector<std::string> requests() {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  void Serve() {
    while (true) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      std::string request = ReadRequest(connection);
      {
        absl::MutexLock lock(&mutex_);
        requests_.push_back(std::move(request));
      }
      size_t sent = 0;
      while (sent < answer_.size()) {
        const ssize_t count = ::send(connection, answer_.data() + sent, answer_.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<size_t>(count);
      }
      ::close(connection);
    }
  }

  // Head and as much body as Content-Length announces.
  static std::string ReadRequest(int connection) {
    std::string request;
    size_t wanted = std::string::npos;
    while (request.size() < wanted) {
      char bytes[4096];
      const ssize_t count = ::recv(connection, bytes, sizeof bytes, 0);
      if (count <= 0) break;
      request.append(bytes, static_cast<size_t>(count));
      if (request.front() == '\x16') break;   // a TLS handshake: no request to wait for
      const size_t head = request.find("\r\n\r\n");
      if (head == std::string::npos || wanted != std::string::npos) continue;
      const size_t length = request.find("Content-Length: ");
      wanted = head + 4 + (length < head ? std::stoul(request.substr(length + 16)) : 0);
    }
    return request;
  }

  const std::string answer_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
  absl::Mutex mutex_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_EXCHANGE_CANNED_SERVER_H_
