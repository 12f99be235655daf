// What a real Alertmanager 0.25 and a real Prometheus 2.42 said and sent.
#include <algorithm>

#include "firebreak/alerts/fingerprint.h"
#include "firebreak/alerts/incoming.h"
#include "firebreak/base/json.h"
#include "services/alerts/intake/decode.h"
#include "tests/support/vectors.h"
#include "tests/unit/alerts/alert_fixture.h"

namespace firebreak {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Fingerprint, EqualsAlertmanagersOnEveryRecordedLabelSet) {
  REQUIRE_VECTORS(folder, "alerts/oracle");
  auto json = ParseJson(firebreak::testing::ReadFile(folder / "fingerprints.json"));
  ASSERT_TRUE(json.ok()) << json.status();
  const auto& cases = json->struct_value().fields().at("cases").list_value().values();
  ASSERT_GT(cases.size(), 20);
  for (const auto& row : cases) {
    IncomingAlert alert;
    for (const auto& [name, value] : row.struct_value().fields().at("labels").struct_value().fields()) {
      alert.labels.emplace_back(name, value.string_value());
    }
    ASSERT_TRUE(Normalise(alert, absl::UnixEpoch(), absl::Minutes(5)).ok());
    EXPECT_EQ(FingerprintText(alert.fingerprint), row.struct_value().fields().at("fingerprint").string_value());
  }
}

TEST_F(AlertDeskTest, AnswersEveryMeasuredPostAsAlertmanagerDid) {
  REQUIRE_VECTORS(folder, "alerts/oracle");
  auto json = ParseJson(firebreak::testing::ReadFile(folder / "post_alerts_errors.json"));
  ASSERT_TRUE(json.ok()) << json.status();
  const auto& cases = json->struct_value().fields().at("cases").list_value().values();
  ASSERT_GT(cases.size(), 15);
  fixture_.clock.Set(absl::FromUnixSeconds(1795000000));   // after every time in the cases
  for (const auto& row : cases) {
    const auto& fields = row.struct_value().fields();
    SCOPED_TRACE(fields.at("case").string_value());
    const HttpAnswer answer = desk_->PostAlertmanagerV2(caller_, fields.at("content_type").string_value(),
                                                        fields.at("body").string_value());
    EXPECT_EQ(answer.status, static_cast<int>(fields.at("status").number_value())) << answer.body;
    const std::string& measured = fields.at("response").string_value();
    if (measured.empty()) {
      EXPECT_EQ(answer.body, "");
    } else if (measured[0] == '{') {
      auto ours = ParseJson(answer.body);
      auto theirs = ParseJson(measured);
      ASSERT_TRUE(ours.ok() && theirs.ok()) << answer.body;
      EXPECT_EQ(ours->struct_value().fields().at("code").number_value(),
                theirs->struct_value().fields().at("code").number_value());
      EXPECT_FALSE(ours->struct_value().fields().at("message").string_value().empty());
    } else {
      EXPECT_EQ(answer.body, measured);
    }
  }
  std::vector<std::string> names;
  for (const v1::Alert& alert : List(v1::ALERT_STATE_FIRING)) names.push_back(alert.labels().at("alertname"));
  std::sort(names.begin(), names.end());
  EXPECT_THAT(names, ::testing::ElementsAre("d2", "good1", "x1", "x2", "x5", "x6", "x7"));
}

TEST_F(AlertDeskTest, TakesWhatPrometheusReallySendsAndCountsTheResendAsAHeartbeat) {
  REQUIRE_VECTORS(folder, "alerts/captured");
  const auto read = [&](const char* name) { return firebreak::testing::ReadFile(folder / name); };
  const std::string firing = read("prometheus-2.42-v2-alerts-1-firing.json");
  auto start = ParseAlertTime("2026-11-20T09:08:01Z");
  fixture_.clock.Set(*start);
  ASSERT_EQ(Post(firing).status, 200);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_FIRING);
  EXPECT_EQ(Only().incident(), "INC-1");
  const uint64_t size = entries();
  EXPECT_EQ(Post(read("prometheus-2.42-v2-alerts-2-resend.json")).status, 200);
  EXPECT_EQ(entries(), size) << "a heartbeat costs no commit";
  fixture_.clock.Set(*start + absl::Hours(1));
  EXPECT_EQ(Post(read("prometheus-2.42-v2-alerts-3-resolved.json")).status, 200);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_RESOLVED);
  EXPECT_EQ(entries(), size + 1);
  EXPECT_EQ(Post(read("prometheus-2.42-v2-alerts-4-resolved-resend.json")).status, 200);
  EXPECT_EQ(entries(), size + 1) << "a repeated end costs no commit";
}

TEST_F(AlertDeskTest, TakesEveryCapturedWebhookPerAlert) {
  REQUIRE_VECTORS(folder, "alerts/captured");
  fixture_.clock.Set(*ParseAlertTime("2026-11-20T10:00:00Z"));
  for (const char* name : {"alertmanager-0.25-webhook-1-firing.json", "alertmanager-0.25-webhook-2-partly-resolved.json"}) {
    const HttpAnswer answer = Webhook(firebreak::testing::ReadFile(folder / name));
    EXPECT_EQ(answer.status, 200) << name << answer.body;
  }
  EXPECT_EQ(List(v1::ALERT_STATE_RESOLVED).size(), 1U);
  EXPECT_GE(List(v1::ALERT_STATE_FIRING).size(), 1U);
  EXPECT_EQ(Webhook(firebreak::testing::ReadFile(folder / "alertmanager-0.25-webhook-3-resolved.json")).status, 200);
  EXPECT_EQ(List(v1::ALERT_STATE_FIRING).size(), 0U);
}

TEST_F(AlertDeskTest, FingerprintsOfWebhooksEqualTheSendersOwn) {
  REQUIRE_VECTORS(folder, "alerts/goalert");
  ASSERT_EQ(Webhook(firebreak::testing::ReadFile(folder / "alertmanager_webhook_example.json")).status, 200);
  std::vector<std::string> prints;
  for (const v1::Alert& alert : List()) prints.push_back(alert.fingerprint());
  EXPECT_THAT(prints, ::testing::UnorderedElementsAre("791cec13fcba0368", "8df98227bdd81384"));
}

TEST_F(AlertDeskTest, GrafanasOwnWebhookVersionIsRefusedByName) {
  REQUIRE_VECTORS(folder, "alerts/keep");
  const HttpAnswer answer = Webhook(firebreak::testing::ReadFile(folder / "grafana_12.4.2_webhook.json"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("version"));
}

// Every sample and thousands of damaged copies of it: the decoders answer, whatever comes.
TEST_F(AlertDeskTest, DamagedSamplesAreAnsweredWithoutHarm) {
  REQUIRE_VECTORS(folder, "alerts");
  std::vector<std::string> samples;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".json" && entry.file_size() < 20'000) {
      samples.push_back(firebreak::testing::ReadFile(entry.path()));
    }
  }
  ASSERT_GT(samples.size(), 10U);
  const char* set = std::getenv("FIREBREAK_SEED");
  const uint64_t seed = set != nullptr ? std::strtoull(set, nullptr, 10) : 20261120;
  RecordProperty("seed", std::to_string(seed));
  std::printf("FIREBREAK_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (const std::string& sample : samples) {
    for (int i = 0; i < 40; ++i) {
      std::string damaged = sample;
      for (uint64_t n = random() % 4; n-- > 0 && !damaged.empty();) {
        const size_t at = random() % damaged.size();
        switch (random() % 4) {
          case 0:
            damaged[at] = static_cast<char>(random());
            break;
          case 1:
            damaged.erase(at, random() % 8);
            break;
          case 2:
            damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 16));
            break;
          default:
            damaged.resize(at);
        }
      }
      const HttpAnswer posted = Post(damaged);
      ASSERT_THAT(posted.status, AnyOf(200, 400, 413, 415, 422)) << posted.body;
      const HttpAnswer hooked = Webhook(damaged);
      ASSERT_THAT(hooked.status, AnyOf(200, 400, 413)) << hooked.body;
      if (hooked.status != 200) {
        ASSERT_THAT(hooked.body, AnyOf(StartsWith("{"), StartsWith("\"")));
      }
    }
  }
}

}  // namespace
}  // namespace firebreak
