#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "absl/strings/cord.h"
#include "absl/synchronization/notification.h"
#include "firebreak/base/check.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/log.h"
#include "firebreak/base/random.h"
#include "firebreak/base/status.h"

namespace firebreak {
namespace {

TEST(Check, StopsTheProcessOnABrokenPromiseOnly) {
  FIREBREAK_CHECK(1 + 1 == 2);
  EXPECT_DEATH(FIREBREAK_CHECK(1 + 1 == 3), "broken promise: 1 \\+ 1 == 3");
}

TEST(Status, AnnotatesOutermostFirstAndKeepsCodeAndPayload) {
  absl::Status inner = absl::NotFoundError("chunk 3f9a");
  inner.SetPayload("firebreak/test", absl::Cord("x"));
  const absl::Status outer = Annotate(inner, "restore model/fraud@7");
  EXPECT_EQ(outer.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(outer), "restore model/fraud@7: chunk 3f9a");
  EXPECT_EQ(outer.GetPayload("firebreak/test"), absl::Cord("x"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
}

TEST(Status, NamesTheNextStepForAPerson) {
  EXPECT_EQ(MessageOf(WithNextStep(absl::NotFoundError("no such model"), "list them")), "no such model (next: list them)");
  EXPECT_TRUE(WithNextStep(absl::OkStatus(), "x").ok());
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError(StrCat(number, " is odd"));
  return number / 2;
}

absl::StatusOr<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  RETURN_IF_ERROR([&]() -> absl::Status {
    RETURN_IF_ERROR(Half(half).status());
    return absl::OkStatus();
  }());
  return Half(half);
}

TEST(Status, PassesTheFirstErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(MessageOf(Quarter(7).status()), "7 is odd");
  EXPECT_EQ(MessageOf(Quarter(6).status()), "3 is odd");
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(absl::FromUnixSeconds(1000));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1000));
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(1005));
  clock.Set(absl::FromUnixSeconds(3));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(3));
}

TEST(ManualClock, WakesAWaiterWhenTimeIsAdvancedPastItsDeadline) {
  ManualClock clock(absl::FromUnixSeconds(0));
  absl::Mutex mutex;
  bool never = false;
  absl::Notification waiting;
  std::thread waiter([&] {
    absl::MutexLock lock(&mutex);
    waiting.Notify();
    EXPECT_FALSE(clock.AwaitUntil(mutex, absl::Condition(&never), absl::FromUnixSeconds(60)));
  });
  waiting.WaitForNotification();
  clock.Advance(absl::Seconds(60));
  waiter.join();
}

TEST(ManualClock, WakesAWaiterWhenItsConditionBecomesTrue) {
  ManualClock clock(absl::FromUnixSeconds(0));
  absl::Mutex mutex;
  bool is_ready = false;
  std::thread waiter([&] {
    absl::MutexLock lock(&mutex);
    EXPECT_TRUE(clock.AwaitUntil(mutex, absl::Condition(&is_ready), absl::InfiniteFuture()));
  });
  {
    absl::MutexLock lock(&mutex);
    is_ready = true;
  }
  waiter.join();
}

TEST(SystemClock, GivesUpAtADeadlineThatHasPassed) {
  const SystemClock clock;
  absl::Mutex mutex;
  bool never = false;
  absl::MutexLock lock(&mutex);
  EXPECT_FALSE(clock.AwaitUntil(mutex, absl::Condition(&never), clock.Now() - absl::Seconds(1)));
}

TEST(Time, SurvivesTheWireToTheNanosecond) {
  for (const absl::Time time : {absl::FromUnixNanos(1), absl::FromUnixNanos(1795168800123456789), absl::FromUnixNanos(-1),
                                absl::FromUnixSeconds(-5), absl::InfinitePast(), absl::InfiniteFuture()}) {
    EXPECT_EQ(FromProto(ToProto(time)), time);
    EXPECT_GE(ToProto(time).nanos(), 0);
  }
  EXPECT_EQ(FromProto(google::protobuf::Timestamp()), absl::InfinitePast());
}

TEST(Duration, SurvivesTheWireToTheNanosecond) {
  for (const absl::Duration duration : {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Nanoseconds(-1),
                                        absl::Hours(5) + absl::Nanoseconds(7), absl::Milliseconds(-1500),
                                        absl::InfiniteDuration(), -absl::InfiniteDuration()}) {
    EXPECT_EQ(FromProto(ToProto(duration)), duration);
  }
}

TEST(Time, IsShownInUtcWithMilliseconds) {
  EXPECT_EQ(FormatRfc3339(absl::FromUnixMillis(1763633061123)), "2025-11-20T10:04:21.123Z");
  EXPECT_EQ(FormatRfc3339(absl::FromUnixSeconds(0)), "1970-01-01T00:00:00.000Z");
}

TEST(Random, RepeatsItselfFromASeed) {
  SeededRandom a(7);
  SeededRandom b(7);
  SeededRandom c(8);
  const std::string bytes = a.Bytes(33);
  EXPECT_EQ(bytes.size(), 33u);
  EXPECT_EQ(bytes, b.Bytes(33));
  EXPECT_NE(bytes, c.Bytes(33));
}

TEST(Random, DrawsNumbersInRange) {
  SeededRandom random(20261120);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double number = random.Uniform();
    ASSERT_GE(number, 0.0);
    ASSERT_LT(number, 1.0);
    sum += number;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
}

TEST(Random, OfTheSystemDoesNotRepeat) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(random.Bytes(16)).second);
  EXPECT_EQ(random.Bytes(0), "");
  EXPECT_EQ(random.Bytes(1000).size(), 1000u);
}

TEST(Digest, ReadsExactlyItsOwnText) {
  const std::string text = "sha256:" + std::string(62, '0') + "ff";
  const auto digest = Digest::Parse(text);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(digest->text(), text);
  EXPECT_EQ(digest->raw().size(), 32u);
  EXPECT_EQ(*digest, Digest::FromRaw(digest->raw()));
  EXPECT_TRUE(Digest().empty());
  EXPECT_EQ(Digest().text(), "");
  for (const std::string& bad : {std::string(), std::string("sha256:"), std::string(64, '0'), "sha256:" + std::string(63, '0'),
                                 "sha256:" + std::string(65, '0'), "SHA256:" + std::string(64, '0'),
                                 "sha256:" + std::string(64, 'F'), text + "\n"}) {
    EXPECT_EQ(Digest::Parse(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(Names, AreAcceptedOrRefusedWithTheFirstBadCharacter) {
  for (const char* good : {"a", "fraud-prod", "model.v2", "0day", "a_b"}) EXPECT_TRUE(CheckName("model", good).ok()) << good;
  EXPECT_TRUE(CheckName("model", std::string(63, 'a')).ok());
  for (const std::string& bad : {std::string(), std::string(64, 'a'), std::string("-a"), std::string(".a"), std::string("Fraud"),
                                 std::string("a/b"), std::string("a b"), std::string("a\nb"), std::string("\xc3\xa4")}) {
    EXPECT_EQ(CheckName("model", bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(MessageOf(CheckName("model name", "frAud")),
            "model name \"frAud\": 'A' at offset 2 is not allowed; use a-z, 0-9, '.', '_' and '-'");
}

TEST(Ids, AreNumberedAndCompareAsText) {
  EXPECT_EQ(NumberedId("INC", 42), "INC-42");
  EXPECT_EQ(IncidentId("INC-1"), IncidentId("INC-1"));
  EXPECT_LT(Epoch{1}, Epoch{2});
}

TEST(Log, WritesOneJsonLineWhateverTheValuesHold) {
  testing::internal::CaptureStderr();
  const auto log = Log::ToStderr(LogFormat::kJsonLines, LogLevel::kInfo);
  log->Debug("hidden");
  log->Info("alert.accepted", {{"name", "a\"b\nc"}, {"id", "1 %v {}"}});
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_NE(out.find(R"("level":"info","event":"alert.accepted","name":"a\"b\nc","id":"1 %v {}"})"), std::string::npos) << out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << out;
}

TEST(Log, QuotesValuesThatCouldForgeALine) {
  testing::internal::CaptureStderr();
  const auto log = Log::ToStderr(LogFormat::kHuman, LogLevel::kDebug);
  log->Warning("door.refused", {{"peer", "10.0.0.1"}, {"why", "x\nerror forged=1"}, {"empty", ""}});
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_NE(out.find("warning door.refused peer=10.0.0.1 why=\"x\\nerror forged=1\" empty=\"\""), std::string::npos) << out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << out;
}

}  // namespace
}  // namespace firebreak
