#include "serve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "firebreak/base/check.h"

namespace firebreak::bench {
namespace {

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kLength = "Content-Length: ";

// Bytes of the request at the start of `text`; 0 while it is not whole.
size_t RequestBytes(const std::string& text) {
  const size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  size_t body = 0;
  if (const size_t at = text.find(kLength); at < head) body = std::strtoul(text.c_str() + at + kLength.size(), nullptr, 10);
  return head + 4 + body <= text.size() ? head + 4 + body : 0;
}

void ServeOne(int connection, const std::function<void()>& work) {
  std::string text;
  char piece[16384];
  for (;;) {
    while (const size_t bytes = RequestBytes(text)) {
      text.erase(0, bytes);
      work();
      if (send(connection, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) < 0) break;
    }
    const ssize_t got = recv(connection, piece, sizeof(piece), 0);
    if (got <= 0) break;
    text.append(piece, static_cast<size_t>(got));
  }
  close(connection);
}

}  // namespace

void ServeConnections(const std::function<void()>& work) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  FIREBREAK_CHECK(bind(listener, any, length) == 0 && listen(listener, 128) == 0 && getsockname(listener, any, &length) == 0);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  std::vector<std::thread> threads;
  for (;;) {
    pollfd waiting[] = {{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    poll(waiting, 2, -1);
    if (waiting[1].revents != 0) break;
    const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    const int yes = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    threads.emplace_back([connection, &work] { ServeOne(connection, work); });
  }
  close(listener);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace firebreak::bench
