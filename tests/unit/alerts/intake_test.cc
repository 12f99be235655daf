#include "services/alerts/intake/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/alerts/fingerprint.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

int StatusOf(const Decoded& decoded) {
  const auto* error = std::get_if<BodyError>(&decoded);
  return error == nullptr ? 200 : error->status;
}

TEST(ParseAlertTime, ReadsRfc3339) {
  const absl::Time base = absl::FromCivil(absl::CivilSecond(2026, 1, 2, 3, 4, 5), absl::UTCTimeZone());
  EXPECT_EQ(ParseAlertTime("2026-01-02T03:04:05Z"), base);
  EXPECT_EQ(ParseAlertTime("2026-01-02T05:04:05+02:00"), base);
  EXPECT_EQ(ParseAlertTime("2026-01-01T21:34:05-05:30"), base);
  EXPECT_EQ(ParseAlertTime("2026-01-02T03:04:05.5Z"), base + absl::Milliseconds(500));
  EXPECT_EQ(ParseAlertTime("2026-01-02T03:04:05.123456789Z"), base + absl::Nanoseconds(123456789));
  EXPECT_EQ(ParseAlertTime("2024-02-29T00:00:00Z"), absl::FromCivil(absl::CivilSecond(2024, 2, 29), absl::UTCTimeZone()));
  EXPECT_EQ(ParseAlertTime(""), absl::InfinitePast());
  EXPECT_EQ(ParseAlertTime("0001-01-01T00:00:00Z"), absl::InfinitePast());
}

TEST(ParseAlertTime, RefusesWhatIsNoTime) {
  for (const char* text : {"yesterday", "infinite-future", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z",
                           "2026-02-30T03:04:05Z", "2026-01-02T25:04:05Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:05.Z",
                           "2026-01-02T03:04:05+0200", "2026-01-02T03:04:05Zx", " 2026-01-02T03:04:05Z", "-026-01-02T03:04:05Z",
                           "2026-01-02T03:04:05+24:00", "0000-01-02T03:04:05Z", "9999-12-31T23:59:59-01:00"}) {
    EXPECT_EQ(ParseAlertTime(text), std::nullopt) << text;
  }
}

TEST(IsRequestUri, TakesPathsAndSchemesOnly) {
  for (const char* text : {"http://p:9090/graph?x=1", "/graph", "urn:x", "a+b-c.d://x"}) EXPECT_TRUE(IsRequestUri(text)) << text;
  for (const char* text : {"::not a url", "?orgId=1", "relative", "http://a b", "1x://y", "", "http"}) {
    EXPECT_FALSE(IsRequestUri(text)) << text;
  }
}

TEST(DecodePostAlerts, ReadsAllFieldsAndIgnoresUnknownOnes) {
  const Decoded decoded = DecodePostAlerts(
      R"([{"labels":{"b":"2","a":"1"},"annotations":{"s":"x"},"startsAt":"2026-01-02T03:04:05Z","foo":[{}],"status":7,)"
      R"("generatorURL":"http://p/"}])");
  ASSERT_EQ(StatusOf(decoded), 200);
  const IncomingAlert& alert = std::get<AlertBatch>(decoded).alerts.at(0);
  EXPECT_THAT(alert.labels, ElementsAre(Pair("b", "2"), Pair("a", "1")));
  EXPECT_EQ(alert.generator_url, "http://p/");
  EXPECT_EQ(alert.ends_at, absl::InfinitePast());
}

TEST(DecodePostAlerts, RefusesBytesThatAreNoText) {
  EXPECT_EQ(StatusOf(DecodePostAlerts("[{\"labels\":{\"a\":\"\xff\xfe\"}}]")), 400);
  EXPECT_EQ(StatusOf(DecodePostAlerts("[{\"labels\":{\"a\":\"\xc0\x80\"}}]")), 400);       // overlong
  EXPECT_EQ(StatusOf(DecodePostAlerts("[{\"labels\":{\"a\":\"\xed\xa0\x80\"}}]")), 400);   // surrogate
  EXPECT_EQ(StatusOf(DecodePostAlerts(R"([{"labels":{"a":"\ud800"}}])")), 400);
}

TEST(DecodePostAlerts, RefusesBrokenJson) {
  for (const char* body : {"[", "[{]", "[{\"labels\":{\"a\":\"1\"}}] x", "{}", "\"x\"", "7", "[1]", "[{\"labels\":[]}]",
                           "[{\"labels\":{\"a\":{}}}]", "[{\"labels\":{\"a\":\"1\"},\"startsAt\":5}]",
                           "[{\"labels\":{\"a\":\"1\"},\"generatorURL\":[]}]", "[{\"labels\":{\"a\":1e999}}]"}) {
    EXPECT_EQ(StatusOf(DecodePostAlerts(body)), 400) << body;
  }
  EXPECT_EQ(StatusOf(DecodePostAlerts("[null]")), 422);
  EXPECT_EQ(StatusOf(DecodePostAlerts("null")), 422);
  EXPECT_EQ(StatusOf(DecodePostAlerts(" \n ")), 422);
}

TEST(DecodePostAlerts, RefusesDeepNestingEvenInUnknownMembers) {
  const auto nested = [](int depth) {
    return StrCat(R"([{"labels":{"a":"1"},"foo":)", std::string(static_cast<size_t>(depth), '['),
                  std::string(static_cast<size_t>(depth), ']'), "}]");
  };
  EXPECT_EQ(StatusOf(DecodePostAlerts(nested(8))), 200);
  const Decoded deep = DecodePostAlerts(nested(40));
  ASSERT_EQ(StatusOf(deep), 400);
  EXPECT_THAT(std::get<BodyError>(deep).message, HasSubstr("nested deeper"));
  EXPECT_EQ(StatusOf(DecodePostAlerts(nested(1'000'000))), 400);
}

TEST(DecodePostAlerts, BoundsBytesAndCount) {
  EXPECT_EQ(StatusOf(DecodePostAlerts(std::string(kBodyBytesMax + 1, ' '))), 422);   // blank
  EXPECT_EQ(StatusOf(DecodePostAlerts("[" + std::string(kBodyBytesMax, ' ') + "]")), 413);
  std::string many = "[";
  for (size_t i = 0; i <= kAlertsPerBodyMax; ++i) many += i == 0 ? R"({"labels":{"a":"1"}})" : R"(,{"labels":{"a":"1"}})";
  EXPECT_EQ(StatusOf(DecodePostAlerts(many + "]")), 413);
}

TEST(DecodeWebhook, NamesWhatIsWrong) {
  const auto message = [](std::string_view body) {
    const Decoded decoded = DecodeWebhook(body);
    const auto* error = std::get_if<BodyError>(&decoded);
    return error == nullptr ? std::string("accepted") : StrCat(error->status, " ", error->message);
  };
  EXPECT_THAT(message(""), HasSubstr("400 webhook body is empty"));
  EXPECT_THAT(message("[]"), HasSubstr("array into webhook"));
  EXPECT_THAT(message("{}"), HasSubstr("version is \"\""));
  EXPECT_THAT(message(R"({"version":"1","alerts":[]})"), HasSubstr("version is \"1\""));
  EXPECT_THAT(message(R"({"version":4,"alerts":[]})"), HasSubstr("number into version"));
  EXPECT_THAT(message(R"({"version":"4"})"), HasSubstr("alerts is missing"));
  EXPECT_THAT(message(R"({"version":"4","alerts":{}})"), HasSubstr("object into alerts"));
  EXPECT_THAT(message(R"({"version":"4","alerts":[{"labels":{"a":"1"}}]})"), HasSubstr("alerts.0.status"));
  EXPECT_THAT(message(R"({"version":"4","alerts":[{"status":"firing"}]})"), HasSubstr("alerts.0.labels"));
  EXPECT_THAT(message(R"({"version":"4","alerts":[],"truncatedAlerts":"x"})"), HasSubstr("truncatedAlerts"));
  EXPECT_EQ(message(R"({"version":"4","alerts":[]})"), "accepted");
}

TEST(Normalise, KeepsTheLastOfEqualNamesAndDropsEmptyOnes) {
  IncomingAlert alert;
  alert.labels = {{"b", "1"}, {"a", "x"}, {"b", "2"}, {"c", "1"}, {"c", ""}};
  ASSERT_TRUE(Normalise(alert, absl::UnixEpoch(), absl::Minutes(5)).ok());
  EXPECT_THAT(alert.labels, ElementsAre(Pair("a", "x"), Pair("b", "2")));
  EXPECT_TRUE(alert.ends_at_is_timeout);
  EXPECT_EQ(alert.ends_at, absl::UnixEpoch() + absl::Minutes(5));
}

TEST(Normalise, RefusesWhatIsTooLarge) {
  const auto check = [](auto change) {
    IncomingAlert alert;
    alert.labels = {{"a", "1"}};
    change(alert);
    return Normalise(alert, absl::UnixEpoch(), absl::Minutes(5));
  };
  EXPECT_TRUE(check([](IncomingAlert&) {}).ok());
  EXPECT_FALSE(check([](IncomingAlert& a) { a.labels = {{"a", std::string(kLabelValueBytesMax + 1, 'x')}}; }).ok());
  EXPECT_FALSE(check([](IncomingAlert& a) { a.labels = {{std::string(kLabelNameBytesMax + 1, 'x'), "1"}}; }).ok());
  EXPECT_FALSE(check([](IncomingAlert& a) { a.annotations = {{"s", std::string(kAnnotationValueBytesMax + 1, 'x')}}; }).ok());
  EXPECT_FALSE(check([](IncomingAlert& a) { a.annotations = {{"s", "\xff"}}; }).ok());
  EXPECT_FALSE(check([](IncomingAlert& a) { a.generator_url = std::string(kUrlBytesMax + 1, 'x'); }).ok());
  EXPECT_FALSE(check([](IncomingAlert& a) {
                 for (size_t i = 0; i < kLabelsMax; ++i) a.labels.emplace_back(StrCat("l", i), "1");
               }).ok());
  EXPECT_FALSE(check([](IncomingAlert& a) {
                 for (size_t i = 0; i < 8; ++i) a.annotations.emplace_back(StrCat("l", i), std::string(8000, 'x'));
               }).ok());
}

TEST(Normalise, AnEndedAlertEndsNowWhateverTheSendersClockSays) {
  IncomingAlert alert;
  alert.labels = {{"a", "1"}};
  alert.ended = true;
  alert.starts_at = absl::UnixEpoch() + absl::Hours(1);
  alert.ends_at = absl::UnixEpoch() + absl::Hours(2);
  ASSERT_TRUE(Normalise(alert, absl::UnixEpoch(), absl::Minutes(5)).ok());
  EXPECT_TRUE(IsResolved(alert, absl::UnixEpoch()));
  EXPECT_LE(alert.starts_at, alert.ends_at);
}

}  // namespace
}  // namespace firebreak
