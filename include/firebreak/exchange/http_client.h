// HttpClient: the one way out of the house. HTTPS (plain HTTP to loopback only), no redirects, bounded answers, one attempt
// per call: whoever calls keeps an outbox and decides when to try again.
#ifndef FIREBREAK_EXCHANGE_HTTP_CLIENT_H_
#define FIREBREAK_EXCHANGE_HTTP_CLIENT_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace firebreak {

enum class HttpMethod { kGet, kPost, kPut, kPatch, kDelete };

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;                  // sent with Content-Length, never chunked
  std::string user_and_password;     // "user:password" for basic authentication; empty = none
  std::string ca_file;               // extra trust root; empty = the system's
  absl::Duration timeout = absl::Seconds(30);
};

struct HttpResponse {
  int status = 0;
  std::string body;                                // at most 4 MiB; more is an error
  std::map<std::string, std::string> headers;      // names in lower case; the last of a name counts
};

// Thread-safe.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any HTTP status is an answer. kUnavailable: no answer came, so the outcome is unknown. kInvalidArgument: the URL is not
  // one we send to. kFailedPrecondition: the peer's certificate is not trusted.
  virtual absl::StatusOr<HttpResponse> Send(const HttpRequest& request) = 0;
};

// libcurl.
std::unique_ptr<HttpClient> MakeHttpClient();

// kInvalidArgument unless the URL is https, or http to a loopback host, without credentials in it.
absl::Status CheckOutgoingUrl(std::string_view url);

}  // namespace firebreak

#endif  // FIREBREAK_EXCHANGE_HTTP_CLIENT_H_
