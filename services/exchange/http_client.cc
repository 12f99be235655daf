#include "firebreak/exchange/http_client.h"

#include <curl/curl.h>

#include <mutex>

#include "absl/strings/ascii.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr size_t kAnswerBytesMax = size_t{4} << 20;

struct EasyHandle {
  EasyHandle() : curl(curl_easy_init()) {}
  ~EasyHandle() {
    curl_slist_free_all(headers);
    if (curl != nullptr) curl_easy_cleanup(curl);
  }
  EasyHandle(const EasyHandle&) = delete;
  EasyHandle& operator=(const EasyHandle&) = delete;

  CURL* curl;
  curl_slist* headers = nullptr;
};

size_t TakeBody(char* data, size_t size, size_t count, void* target) {
  auto& response = *static_cast<HttpResponse*>(target);
  const size_t bytes = size * count;
  if (response.body.size() + bytes > kAnswerBytesMax) return 0;
  response.body.append(data, bytes);
  return bytes;
}

size_t TakeHeader(char* data, size_t size, size_t count, void* target) {
  auto& response = *static_cast<HttpResponse*>(target);
  const std::string_view line(data, size * count);
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos && response.headers.size() < 100) {
    const std::string name = absl::AsciiStrToLower(ToAbsl(line.substr(0, colon)));
    response.headers[name] = std::string(absl::StripAsciiWhitespace(ToAbsl(line.substr(colon + 1))));
  }
  return size * count;
}

class CurlClient final : public HttpClient {
 public:
  CurlClient() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    if (absl::Status status = CheckOutgoingUrl(request.url); !status.ok()) return status;
    EasyHandle handle;
    if (handle.curl == nullptr) return absl::ResourceExhaustedError("no HTTP handle could be made");
    HttpResponse response;
    SetUp(request, handle, response);
    const CURLcode code = curl_easy_perform(handle.curl);
    if (code == CURLE_WRITE_ERROR) return absl::ResourceExhaustedError(StrCat(request.url, ": answer larger than 4 MiB"));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
      return absl::FailedPreconditionError(StrCat(request.url, ": ", curl_easy_strerror(code), " (next: set the destination's CA file)"));
    }
    if (code == CURLE_URL_MALFORMAT) return absl::InvalidArgumentError(StrCat("url ", request.url, ": ", curl_easy_strerror(code)));
    if (code != CURLE_OK) return absl::UnavailableError(StrCat(request.url, ": ", curl_easy_strerror(code)));
    long status = 0;
    curl_easy_getinfo(handle.curl, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    return response;
  }

 private:
  static void SetUp(const HttpRequest& request, EasyHandle& handle, HttpResponse& response) {
    CURL* const curl = handle.curl;
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    // An empty proxy also switches off the one a process inherits from its environment: nobody else sees what is sent.
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(request.timeout)));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, TakeBody);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, TakeHeader);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &response);
    if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
    if (!request.user_and_password.empty()) {
      curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
      curl_easy_setopt(curl, CURLOPT_USERPWD, request.user_and_password.c_str());
    }
    for (const auto& [name, value] : request.headers) {
      handle.headers = curl_slist_append(handle.headers, StrCat(name, ": ", value).c_str());
    }
    if (request.method != HttpMethod::kGet) {
      // Without this curl waits a second for "100 Continue" that many servers never send.
      handle.headers = curl_slist_append(handle.headers, "Expect:");
      curl_easy_setopt(curl, CURLOPT_POST, 1L);
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
      if (request.method == HttpMethod::kPut) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
      if (request.method == HttpMethod::kPatch) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PATCH");
      if (request.method == HttpMethod::kDelete) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, handle.headers);
  }
};

}  // namespace

absl::Status CheckOutgoingUrl(std::string_view url) {
  const auto refuse = [&](std::string_view why) { return absl::InvalidArgumentError(StrCat("url ", url, ": ", why)); };
  for (const char c : url) {
    // curl and we must see the same host: nothing that a parser might skip, cut at, or read as a separator.
    if (c <= ' ' || c > '~' || c == '\\') return absl::InvalidArgumentError("the url holds a blank, a backslash or a character that is not ASCII");
  }
  const bool https = url.substr(0, 8) == "https://";
  if (!https && url.substr(0, 7) != "http://") return refuse("give an https:// address");
  std::string_view authority = url.substr(https ? 8 : 7);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) return refuse("credentials do not belong in an address; name a credential file");
  if (authority.empty()) return refuse("it has no host");
  if (https) return absl::OkStatus();
  const size_t host_end = authority.front() == '[' ? authority.find(']') + 1 : authority.find(':');
  const std::string_view host = authority.substr(0, host_end);
  const std::string_view rest = authority.substr(host.size());
  if (!rest.empty() && rest.front() != ':') return refuse("it has no host");
  if (host == "127.0.0.1" || host == "localhost" || host == "[::1]") return absl::OkStatus();
  return refuse("plain http is for loopback only; use https");
}

std::unique_ptr<HttpClient> MakeHttpClient() { return std::make_unique<CurlClient>(); }

}  // namespace firebreak
