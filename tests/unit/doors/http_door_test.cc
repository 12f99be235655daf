#include "firebreak/doors/http_door.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/doors/door_house.h"
#include "tests/unit/doors/http_client.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;
using testing::HttpClient;
using testing::HttpResult;
using testing::RawConnection;
using ::testing::StartsWith;

const char kJson[] = "Content-Type: application/json";
const char kStreamJson[] = "Content-Type: application/connect+json";
const char kViewer[] = "Authorization: Bearer viewer";
const char kMonitor[] = "Authorization: Bearer monitor";
const char kAdmin[] = "Authorization: Bearer admin";

class HttpDoorTest : public ::testing::Test {
 protected:
  void Open(HttpDoorOptions options) {
    options.certificate_pem = house.server.cert_pem;
    options.key_pem = house.server.key_pem;
    IntakePort intake;
    post_alerts = [](const Caller& caller, std::string_view, std::string_view body) {
      if (body == "busy") return HttpReply{429, "application/json", "\"busy\""};
      return HttpReply{200, "application/json", StrCat("pool ", caller.identity.text(), " ", body)};
    };
    intake.post_alerts_v2 = post_alerts;
    intake.post_webhook = post_alerts;
    intake.begin_alerts_v2 = [this](const Caller& caller, std::string_view type,
                                    std::string body) -> IntakePort::BegunPost {
      if (body == "beat") return {HttpReply{200, "application/json", "inline"}, nullptr};
      return {std::nullopt, [this, caller, type = std::string(type), body](IntakePort::Answered answered) {
                if (body == "later") {
                  absl::MutexLock lock(&later_mutex);
                  later = std::move(answered);
                  return;
                }
                answered(post_alerts(caller, type, body));
              }, body == "brief"};
    };
    intake.get_status = [] { return HttpReply{200, "application/json", "{}"}; };
    intake.get_alerts = [] { return HttpReply{200, "application/json", "[]"}; };
    auto started = HttpDoor::Start(
        {house.table, house.desk, intake_pool, house.metrics, intake, [this] { return ready; }}, std::move(options));
    ASSERT_TRUE(started.ok()) << started.status();
    door = *std::move(started);
  }
  void OpenPlain(HttpDoorOptions options = {}) {
    options.tls = false;
    Open(std::move(options));
    client = std::make_unique<HttpClient>(StrCat("http://127.0.0.1:", door->port()));
  }
  void TearDown() override {
    client.reset();
    if (!house.fake.release.HasBeenNotified()) house.fake.release.Notify();
    if (door) door->Stop(absl::Seconds(1));
    house.pool.Stop();
    intake_pool.Stop();
    house.fake.held.reset();   // a sink must not outlive its door
    door.reset();
  }
  HttpResult Post(const std::string& path, std::vector<std::string> headers, const std::string& body) {
    return client->Do("POST", path, headers, body);
  }

  testing::DoorHouse house;
  WorkerPool intake_pool{{.threads = 4, .queue_max = 64}};
  bool ready = true;
  IntakePort::Post post_alerts;
  absl::Mutex later_mutex;
  IntakePort::Answered later;   // of the post whose body is "later"
  std::unique_ptr<HttpDoor> door;
  std::unique_ptr<HttpClient> client;
};

TEST_F(HttpDoorTest, AnswersAUnaryCallOverTlsAndKeepsTheConnection) {
  Open({});
  HttpClient tls(StrCat("https://localhost:", door->port()), house.ca->cert_pem());
  for (int i = 0; i < 2; ++i) {
    HttpResult result = tls.Do("POST", "/firebreak.v1.Access/WhoAmI", {kJson, kViewer}, "{}");
    ASSERT_EQ(result.status, 200) << result.error;
    EXPECT_EQ(result.body, "{\"identity\":\"viewer\"}");
    EXPECT_EQ(tls.connections(), i == 0 ? 1 : 0);
  }
}

TEST_F(HttpDoorTest, RefusesTlsOffAwayFromLoopback) {
  HttpDoorOptions options;
  options.tls = false;
  options.listen = "0.0.0.0:0";
  auto started =
      HttpDoor::Start({house.table, house.desk, intake_pool, house.metrics, {}, [] { return true; }}, options);
  EXPECT_TRUE(absl::IsInvalidArgument(started.status())) << started.status();
}

TEST_F(HttpDoorTest, ServesABriefPostWhereItCameInAndALongerOneOnThePool) {
  OpenPlain();
  intake_pool.Stop();   // takes nothing any more
  HttpResult brief = Post("/api/v2/alerts", {kJson, kMonitor}, "brief");
  EXPECT_EQ(brief.status, 200) << brief.body;
  EXPECT_EQ(Post("/api/v2/alerts", {kJson, kMonitor}, "longer").status, 503);
}

TEST_F(HttpDoorTest, SpeaksBinaryMessagesToo) {
  OpenPlain();
  HttpResult result = Post("/firebreak.v1.Access/WhoAmI", {"Content-Type: application/proto", kViewer}, "");
  v1::WhoAmIResponse response;
  ASSERT_EQ(result.status, 200);
  ASSERT_TRUE(response.ParseFromString(result.body));
  EXPECT_EQ(response.identity(), "viewer");
}

TEST_F(HttpDoorTest, MapsErrorsAsTheProtocolSays) {
  OpenPlain();
  struct {
    std::string path, token, body;
    int status;
    std::string code;
  } cases[] = {
      {"/firebreak.v1.Access/CreateToken", kAdmin, "{\"identity\":\"missing\"}", 404, "not_found"},
      {"/firebreak.v1.Access/CreateToken", kViewer, "{}", 403, "permission_denied"},
      {"/firebreak.v1.Access/WhoAmI", "X-None: 1", "{}", 401, "unauthenticated"},
      {"/firebreak.v1.Access/WhoAmI", "Authorization: Bearer who", "{}", 401, "unauthenticated"},
      {"/firebreak.v1.Access/CreateToken", kAdmin, "{\"idendity\":\"x\"}", 400, "invalid_argument"},
      {"/firebreak.v1.Access/CreateToken", kAdmin, "{\"identity\":", 400, "invalid_argument"},
      {"/firebreak.v1.Access/CreateToken", kAdmin, "", 400, "invalid_argument"},
      {"/firebreak.v1.Access/Nothing", kAdmin, "{}", 404, "unimplemented"},
      {"/", kAdmin, "{}", 404, "unimplemented"},
  };
  for (const auto& c : cases) {
    HttpResult result = Post(c.path, {kJson, c.token}, c.body);
    EXPECT_EQ(result.status, c.status) << c.path << " " << c.body;
    EXPECT_THAT(result.body, StartsWith(StrCat("{\"code\":\"", c.code, "\",\"message\":\"")))
        << c.path << " " << c.body;
  }
  EXPECT_THAT(Post("/firebreak.v1.Access/CreateToken", {kJson, kAdmin}, "{\"identity\":\"missing\"}").body,
              HasSubstr("\\\"quoted\\\" ö"));
}

TEST_F(HttpDoorTest, RefusesOtherVerbsTypesVersionsAndEncodings) {
  OpenPlain();
  HttpResult get = client->Do("GET", "/firebreak.v1.Access/WhoAmI", {kViewer}, "");
  EXPECT_EQ(get.status, 405);
  EXPECT_THAT(get.headers, HasSubstr("Allow: POST"));
  EXPECT_EQ(Post("/firebreak.v1.Access/WhoAmI", {"Content-Type: text/plain", kViewer}, "{}").status, 415);
  EXPECT_EQ(Post("/firebreak.v1.Access/WhoAmI", {kStreamJson, kViewer}, "{}").status, 415);
  EXPECT_EQ(Post("/firebreak.v1.Runs/WatchRun", {kJson, kViewer}, "{}").status, 415);
  EXPECT_EQ(
      Post("/firebreak.v1.Access/WhoAmI", {"Content-Type: application/json; charset=utf-8", kViewer}, "{}").status,
      200);
  EXPECT_EQ(Post("/firebreak.v1.Access/WhoAmI", {kJson, kViewer, "Connect-Protocol-Version: 2"}, "{}").status, 400);
  EXPECT_EQ(Post("/firebreak.v1.Access/WhoAmI", {kJson, kViewer, "Content-Encoding: gzip"}, "{}").status, 501);
  EXPECT_EQ(Post("/firebreak.v1.Access/WhoAmI", {kJson, kViewer, "Connect-Timeout-Ms: 12345678901"}, "{}").status, 400);
}

TEST_F(HttpDoorTest, RefusesBodiesAndHeadersThatAreTooLarge) {
  OpenPlain();
  EXPECT_EQ(Post("/firebreak.v1.Access/CreateToken", {kJson, kAdmin}, std::string(100'001, ' ')).status, 413);
  EXPECT_EQ(Post("/api/v2/alerts", {kJson, kMonitor}, std::string(5'000'000, ' ')).status, 413);
  EXPECT_EQ(
      Post("/firebreak.v1.Access/CreateToken", {kJson, kAdmin, "Transfer-Encoding: chunked"}, std::string(200'000, ' '))
          .status,
      413);
  EXPECT_EQ(client->Do("GET", "/-/healthy", {StrCat("X-Long: ", std::string(20'000, 'a'))}, "").status, 431);
  RawConnection raw(door->port());
  raw.Say("NONSENSE\r\n\r\n");
  EXPECT_THAT(raw.Hear(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpDoorTest, ReadsNoLargeBodyOfSomebodyWhoMayNotSendIt) {
  OpenPlain();
  for (const std::string path : {"/firebreak.v1.Access/CreateToken", "/api/v2/alerts"}) {
    for (const std::string length : {"Content-Length: 100000", "Transfer-Encoding: chunked"}) {
      for (const std::string who : {"X-Nobody: 1", "Authorization: Bearer who", kViewer}) {
        RawConnection raw(door->port());
        raw.Say(StrCat("POST ", path, " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n", length, "\r\n", who,
                       "\r\n\r\n"));  // and never a body
        EXPECT_THAT(raw.Hear("\r\n"), StartsWith(who == kViewer ? "HTTP/1.1 403 " : "HTTP/1.1 401 ")) << path << " " << length;
      }
    }
  }
  EXPECT_EQ(Post("/firebreak.v1.Access/CreateToken", {kJson, kAdmin},
                 StrCat("{\"identity\":\"", std::string(90'000, 'x'), "\"}")).status, 200);
}

TEST_F(HttpDoorTest, AnswersAtTheClientsDeadlineWhileTheHandlerRuns) {
  OpenPlain();
  HttpResult result =
      Post("/firebreak.v1.Access/CreateToken", {kJson, kAdmin, "Connect-Timeout-Ms: 100"}, "{\"identity\":\"block\"}");
  EXPECT_EQ(result.status, 504);
  EXPECT_THAT(result.body, HasSubstr("deadline_exceeded"));
  house.fake.release.Notify();  // its late answer goes nowhere
  EXPECT_EQ(Post("/firebreak.v1.Access/WhoAmI", {kJson, kViewer}, "{}").body, "{\"identity\":\"viewer\"}");
}

std::string EnvelopeOf(const std::string& json) {
  return std::string("\0\0\0\0", 4) + static_cast<char>(json.size()) + json;
}

TEST_F(HttpDoorTest, StreamsEnvelopesAndEndsThem) {
  OpenPlain();
  HttpResult result = Post("/firebreak.v1.Runs/WatchRun", {kStreamJson, kViewer},
                           EnvelopeOf("{\"run\":\"end\",\"after_sequence\":\"2\"}"));
  EXPECT_EQ(result.status, 200) << result.error;
  EXPECT_THAT(result.headers, HasSubstr("application/connect+json"));
  EXPECT_THAT(result.body, HasSubstr("RUN-1"));
  EXPECT_THAT(result.body, HasSubstr("RUN-2"));
  EXPECT_THAT(result.body, ::testing::EndsWith(std::string("\2\0\0\0\2{}", 7)));
}

TEST_F(HttpDoorTest, StreamErrorsComeInTheEndOfTheStream) {
  OpenPlain();
  struct {
    std::string token, body, code;
  } cases[] = {
      {kViewer, EnvelopeOf("{\"run\":\"unknown\"}"), "not_found"},
      {kViewer, EnvelopeOf("{\"run\":\"break\"}"), "data_loss"},
      {kMonitor, EnvelopeOf("{\"run\":\"end\"}"), "permission_denied"},
      {kViewer, "", "unimplemented"},
      {kViewer, EnvelopeOf("{}") + EnvelopeOf("{}"), "unimplemented"},
      {kViewer, "abc", "invalid_argument"},
  };
  for (const auto& c : cases) {
    HttpResult result = Post("/firebreak.v1.Runs/WatchRun", {kStreamJson, c.token}, c.body);
    EXPECT_EQ(result.status, 200);
    ASSERT_FALSE(result.body.empty()) << c.code << " " << result.error;
    EXPECT_EQ(result.body[0], 2);
    EXPECT_THAT(result.body, HasSubstr(StrCat("{\"error\":{\"code\":\"", c.code)));
  }
}

TEST_F(HttpDoorTest, TheSubscriptionEndsWhenTheClientLeaves) {
  OpenPlain();
  std::string body = EnvelopeOf("{\"run\":\"open\",\"after_sequence\":\"1\"}");
  {
    RawConnection raw(door->port());
    raw.Say(StrCat("POST /firebreak.v1.Runs/WatchRun HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer viewer\r\n",
                   "Content-Type: application/connect+json\r\nContent-Length: ", body.size(), "\r\n\r\n"));
    raw.Say(body);
    EXPECT_THAT(raw.Hear("RUN-1"), HasSubstr("200 OK"));
  }
  house.fake.left.WaitForNotification();
}

TEST_F(HttpDoorTest, AReaderTooFarBehindIsLetGo) {
  OpenPlain();
  RawConnection raw(door->port());
  std::string body = EnvelopeOf("{\"run\":\"open\",\"after_sequence\":\"20000\"}");
  raw.Say(StrCat("POST /firebreak.v1.Runs/WatchRun HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer viewer\r\n",
                 "Content-Type: application/connect+json\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  house.fake.sent.WaitForNotification();  // only now does the reader begin
  EXPECT_NE(raw.Hear().find("resource_exhausted"), std::string::npos);
  EXPECT_GT(house.fake.refused, 255u);
}

TEST_F(HttpDoorTest, TakesAlertsUnderAnyPrefix) {
  OpenPlain();
  EXPECT_EQ(Post("/api/v2/alerts", {kJson, kMonitor}, "[]").body, "pool monitor []");
  EXPECT_EQ(Post("/ingest/alertmanager/api/v2/alerts", {kJson, kMonitor}, "[]").status, 200);
  EXPECT_EQ(Post("/ingest/alertmanager-webhook", {kJson, kMonitor}, "{}").body, "pool monitor {}");
  EXPECT_EQ(Post("/api/v2/alerts", {kJson, kMonitor}, "beat").body, "inline");
  EXPECT_EQ(Post("/api/v2/alerts", {kJson, kViewer}, "beat").status, 403);
  EXPECT_EQ(Post("/api/v2/alerts", {kJson}, "[]").status, 401);
  EXPECT_EQ(client->Do("GET", "/api/v2/status", {kMonitor}, "").body, "{}");
  EXPECT_EQ(client->Do("GET", "/api/v2/alerts", {kViewer}, "").body, "[]");
  EXPECT_EQ(client->Do("GET", "/api/v2/alerts", {kMonitor}, "").status, 403);
}

TEST_F(HttpDoorTest, ABusyIntakeSaysTryAgainAndNever429) {
  OpenPlain();
  HttpResult result = Post("/api/v2/alerts", {kJson, kMonitor}, "busy");
  EXPECT_EQ(result.status, 503);
  EXPECT_THAT(result.headers, HasSubstr("Retry-After: 5"));
}

TEST_F(HttpDoorTest, HealthIsOpenAndMetricsAreNot) {
  OpenPlain();
  EXPECT_EQ(client->Do("GET", "/-/healthy", {}, "").body, "OK\n");
  HttpResult head = client->Do("HEAD", "/-/healthy", {}, "");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  ready = false;
  EXPECT_EQ(client->Do("GET", "/-/ready", {}, "").status, 503);
  EXPECT_EQ(client->Do("GET", "/metrics", {}, "").status, 401);
  HttpResult metrics = client->Do("GET", "/metrics", {kViewer}, "");
  EXPECT_THAT(metrics.body, HasSubstr("\nfirebreak_http_connections 1\n"));
  EXPECT_THAT(metrics.headers, HasSubstr("text/plain; version=0.0.4"));
}

TEST_F(HttpDoorTest, SeventySlowClientsDoNotBlockOthers) {
  OpenPlain();
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 70; ++i) {
    slow.push_back(std::make_unique<RawConnection>(door->port()));
    ASSERT_TRUE(slow.back()->connected());
    slow.back()->Say(i % 2 == 0 ? "POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nX-Slow: "
                                : "POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
  }
  EXPECT_EQ(Post("/firebreak.v1.Access/WhoAmI", {kJson, kViewer}, "{}").status, 200);
  EXPECT_EQ(Post("/api/v2/alerts", {kJson, kMonitor}, "[]").status, 200);
}

TEST_F(HttpDoorTest, ASlowHeaderIsCutOff) {
  OpenPlain({.header_timeout = absl::Milliseconds(100)});
  RawConnection raw(door->port());
  raw.Say("GET /-/healthy HT");
  EXPECT_EQ(raw.Hear(), "");
}

TEST_F(HttpDoorTest, ConnectionsPastTheLimitAreClosed) {
  OpenPlain({.connections_max = 2});
  RawConnection first(door->port());
  first.Say("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.Hear("OK\n"), HasSubstr("200"));
  RawConnection second(door->port());
  second.Say("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(second.Hear("OK\n"), HasSubstr("200"));
  RawConnection third(door->port());
  EXPECT_EQ(third.Hear(), "");
}

TEST_F(HttpDoorTest, WhoIsRefusedWhileStillSendingSeesWhy) {
  OpenPlain({.intake_bytes_max = 1000});
  for (const bool chunked : {false, true}) {
    constexpr size_t kBody = size_t{24} << 20;
    RawConnection raw(door->port());
    raw.Say(StrCat("POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer monitor\r\n",
                   chunked ? std::string("Transfer-Encoding: chunked\r\n\r\n1800000\r\n")
                           : StrCat("Content-Length: ", kBody, "\r\n\r\n")));
    EXPECT_TRUE(raw.SayAll(std::string(kBody, 'x')));   // looks for an answer only when all is sent
    EXPECT_THAT(raw.Hear(), StartsWith("HTTP/1.1 413 ")) << chunked;
  }
}

TEST_F(HttpDoorTest, APostOnItsWayToTheDiskIsWaitedForAtTheEnd) {
  OpenPlain();
  RawConnection raw(door->port());
  raw.Say("POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer monitor\r\nContent-Length: 5\r\n\r\nlater");
  {
    const auto begun = [this] { return later != nullptr; };
    absl::MutexLock lock(&later_mutex, absl::Condition(&begun));
  }
  absl::Notification gone;
  std::thread closer([&] {
    door->Stop(absl::ZeroDuration());
    intake_pool.Stop();
    door.reset();
    gone.Notify();
  });
  EXPECT_FALSE(gone.WaitForNotificationWithTimeout(absl::Milliseconds(500)));
  later({200, "application/json", ""});
  closer.join();
}

TEST_F(HttpDoorTest, APostAnsweredLaterIsAnsweredAndTheConnectionGoesOn) {
  OpenPlain();
  RawConnection raw(door->port());
  raw.Say("POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer monitor\r\nContent-Length: 5\r\n\r\nlater");
  {
    const auto begun = [this] { return later != nullptr; };
    absl::MutexLock lock(&later_mutex, absl::Condition(&begun));
  }
  later({200, "application/json", "durable"});
  EXPECT_THAT(raw.Hear("durable"), StartsWith("HTTP/1.1 200 "));
  raw.Say("POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer monitor\r\nContent-Length: 4\r\n\r\nb");
  raw.Say("eat");
  EXPECT_THAT(raw.Hear("inline"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpDoorTest, ServesPipelinedRequestsAndContinue) {
  OpenPlain();
  RawConnection raw(door->port());
  raw.Say("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string heard = raw.Hear();
  EXPECT_NE(heard.find("200 OK"), heard.rfind("200 OK"));
  RawConnection polite(door->port());
  polite.Say(
      "POST /api/v2/alerts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer monitor\r\nExpect: 100-continue\r\n"
      "Content-Length: 4\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(polite.Hear("\r\n\r\n"), HasSubstr("100 Continue"));
  polite.Say("beat");
  EXPECT_THAT(polite.Hear(), HasSubstr("inline"));
}

TEST_F(HttpDoorTest, StoppingEndsStreams) {
  OpenPlain();
  RawConnection raw(door->port());
  std::string body = EnvelopeOf("{\"run\":\"open\",\"after_sequence\":\"1\"}");
  raw.Say(StrCat("POST /firebreak.v1.Runs/WatchRun HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer viewer\r\n",
                 "Content-Type: application/connect+json\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  raw.Hear("RUN-1");
  door->Stop(absl::Seconds(5));
  raw.Hear();
  house.fake.left.WaitForNotification();
}

}  // namespace
}  // namespace firebreak
