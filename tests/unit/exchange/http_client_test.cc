#include "firebreak/exchange/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/exchange/canned_server.h"

namespace firebreak {
namespace {

using ::firebreak::testing::CannedServer;
using ::testing::HasSubstr;
using ::testing::Not;

HttpRequest Get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  request.timeout = absl::Seconds(20);
  return request;
}

struct UrlCase {
  std::string url;
  bool goes;
};

TEST(CheckOutgoingUrl, LetsOutHttpsAndLoopbackOnly) {
  const std::vector<UrlCase> cases = {
      {"https://exchange.example/api1/collections/1/", true},
      {"https://exchange.example:8443", true},
      {"http://127.0.0.1:5000/", true},
      {"http://localhost/x", true},
      {"http://[::1]:80/x", true},
      {"http://exchange.example/", false},
      {"http://localhost.evil.example/", false},
      {"http://127.0.0.1.evil.example/", false},
      {"http://[::1].evil.example/", false},
      {"http://[::1", false},
      {"http://127.0.0.1:80@evil.example/", false},
      {"https://user:secret@exchange.example/", false},
      {"http://127.0.0.1\\.evil.example/", false},
      {"https://exchange.example/\r\nHost: evil", false},
      {"https://exchange.example/a b", false},
      {"https://exchänge.example/", false},
      {"ftp://exchange.example/", false},
      {"file:///etc/passwd", false},
      {"//exchange.example/", false},
      {"https://", false},
      {"http:///x", false},
      {"", false},
  };
  for (const UrlCase& c : cases) {
    const absl::Status status = CheckOutgoingUrl(c.url);
    EXPECT_EQ(status.code(), c.goes ? absl::StatusCode::kOk : absl::StatusCode::kInvalidArgument) << c.url << ": " << status;
  }
}

TEST(HttpClient, PostsWithALengthAndBasicCredentials) {
  CannedServer server("HTTP/1.1 202 Accepted\r\nX-Thing: one\r\nContent-Length: 2\r\n\r\nok");
  HttpRequest request = Get(server.url("/objects/"));
  request.method = HttpMethod::kPost;
  request.headers = {{"Content-Type", "application/taxii+json;version=2.1"}};
  request.body = std::string(300'000, 'x');
  request.user_and_password = "alice:secret";
  const auto response = MakeHttpClient()->Send(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->body, "ok");
  EXPECT_EQ(response->headers.at("x-thing"), "one");
  ASSERT_EQ(server.requests().size(), 1u);
  const std::string sent = server.requests()[0];
  EXPECT_THAT(sent, HasSubstr("POST /objects/ HTTP/1.1"));
  EXPECT_THAT(sent, HasSubstr("Content-Length: 300000\r\n"));
  EXPECT_THAT(sent, HasSubstr("Authorization: Basic YWxpY2U6c2VjcmV0\r\n"));
  EXPECT_THAT(sent, HasSubstr("Content-Type: application/taxii+json;version=2.1\r\n"));
  EXPECT_THAT(sent, Not(HasSubstr("chunked")));
  EXPECT_THAT(sent, Not(HasSubstr("Expect:")));
}

TEST(HttpClient, FollowsNoRedirect) {
  CannedServer target("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  CannedServer server(StrCat("HTTP/1.1 302 Found\r\nLocation: ", target.url(), "\r\nContent-Length: 0\r\n\r\n"));
  HttpRequest request = Get(server.url());
  request.user_and_password = "alice:secret";
  const auto response = MakeHttpClient()->Send(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 302);
  EXPECT_TRUE(target.requests().empty());
}

TEST(HttpClient, TakesAnAnswerOfFourMebibytesAndNoByteMore) {
  const size_t most = size_t{4} << 20;
  CannedServer full(StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", most, "\r\n\r\n", std::string(most, 'x')));
  const auto response = MakeHttpClient()->Send(Get(full.url()));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body.size(), most);
  CannedServer over(StrCat("HTTP/1.1 200 OK\r\n\r\n", std::string(most + 1, 'x')));
  EXPECT_EQ(MakeHttpClient()->Send(Get(over.url())).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(HttpClient, AnAnswerThatIsCutIsAnUnknownOutcome) {
  CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_EQ(MakeHttpClient()->Send(Get(server.url())).status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpClient, NobodyListeningIsUnavailable) {
  std::string url;
  {
    CannedServer gone("");
    url = gone.url();
  }
  EXPECT_EQ(MakeHttpClient()->Send(Get(url)).status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpClient, PlainTextWhereTlsIsExpectedDeliversNothing) {
  CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  HttpRequest request = Get("https" + server.url("/secret").substr(4));
  request.user_and_password = "alice:secret";
  EXPECT_FALSE(MakeHttpClient()->Send(request).ok());
  for (const std::string& sent : server.requests()) EXPECT_THAT(sent, Not(HasSubstr("Basic")));
}

TEST(HttpClient, RefusesAnAddressItMayNotSendToBeforeSending) {
  EXPECT_EQ(MakeHttpClient()->Send(Get("http://exchange.example/")).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace firebreak
