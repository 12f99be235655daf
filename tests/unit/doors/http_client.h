// A small curl wrapper and a raw socket, for tests of the HTTP door.
#ifndef FIREBREAK_TESTS_UNIT_DOORS_HTTP_CLIENT_H_
#define FIREBREAK_TESTS_UNIT_DOORS_HTTP_CLIENT_H_

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace firebreak::testing {

struct HttpResult {
  int status = 0;
  std::string headers;
  std::string body;
  std::string error;  // of the transport
};

// One easy handle: requests reuse its connection.
class HttpClient {
 public:
  explicit HttpClient(std::string base, std::string ca_pem = "")
      : base_(std::move(base)), ca_(std::move(ca_pem)), curl_(curl_easy_init()) {}
  ~HttpClient() { curl_easy_cleanup(curl_); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpResult Do(const std::string& verb, const std::string& path, const std::vector<std::string>& headers,
                const std::string& body) {
    HttpResult result;
    curl_easy_reset(curl_);
    curl_slist* list = nullptr;
    for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
    curl_easy_setopt(curl_, CURLOPT_URL, (base_ + path).c_str());
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, list);
    if (verb == "HEAD") {
      curl_easy_setopt(curl_, CURLOPT_NOBODY, 1L);
    } else if (verb != "GET") {
      curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, verb.c_str());
      curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
      curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.c_str());
    }
    if (!ca_.empty()) {
      curl_blob blob{ca_.data(), ca_.size(), CURL_BLOB_COPY};
      curl_easy_setopt(curl_, CURLOPT_CAINFO_BLOB, &blob);
    }
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &HttpClient::Append);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &result.body);
    curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, &HttpClient::Append);
    curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &result.headers);
    CURLcode code = curl_easy_perform(curl_);
    if (code != CURLE_OK) result.error = curl_easy_strerror(code);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    result.status = static_cast<int>(status);
    curl_slist_free_all(list);
    return result;
  }
  long connections() {
    long made = 0;
    curl_easy_getinfo(curl_, CURLINFO_NUM_CONNECTS, &made);
    return made;
  }

 private:
  static size_t Append(char* data, size_t size, size_t count, void* to) {
    static_cast<std::string*>(to)->append(data, size * count);
    return size * count;
  }
  std::string base_;
  std::string ca_;
  CURL* curl_;
};

// Says exactly these bytes and reads what comes.
class RawConnection {
 public:
  explicit RawConnection(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawConnection() { ::close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  bool connected() const { return connected_; }
  void Say(std::string_view bytes) { static_cast<void>(!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL)); }
  // All of it; false when the other side did not take it to the end.
  bool SayAll(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // Until the other side closes, or `until` was heard.
  std::string Hear(std::string_view until = "") {
    std::string heard;
    char buffer[4096];
    while (until.empty() || heard.find(until) == std::string::npos) {
      ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      heard.append(buffer, static_cast<size_t>(got));
    }
    return heard;
  }

 private:
  int fd_;
  bool connected_ = false;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_DOORS_HTTP_CLIENT_H_
