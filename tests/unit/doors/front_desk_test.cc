#include "firebreak/doors/front_desk.h"

#include <atomic>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/doors/door_house.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;

absl::Status Call(testing::DoorHouse& house, std::string_view path, std::string authorization,
                  absl::Time deadline = absl::InfiniteFuture()) {
  absl::Notification answered;
  absl::Status status;
  house.desk.CallUnary(
      *house.table.Find(path), "test", {std::move(authorization), AgentName(), "1.2.3.4:5"}, deadline,
      [](google::protobuf::Message&) { return absl::OkStatus(); },
      [&](absl::StatusOr<MessagePtr> answer) {
        status = answer.status();
        answered.Notify();
      });
  answered.WaitForNotification();
  return status;
}

TEST(FrontDesk, ADeniedCallNamesTheRoleItNeeds) {
  testing::DoorHouse house;
  absl::Status status = Call(house, "/firebreak.v1.Access/CreateToken", "Bearer viewer");
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_EQ(status.message(), "CreateToken: viewer may not (manage-tokens): needs role admin, has viewer");
}

TEST(FrontDesk, WithoutIdentityNothingButEnrolmentIsServed) {
  testing::DoorHouse house;
  for (const Method* method : house.table.All()) {
    if (method->stream) continue;
    absl::Status status = Call(house, method->path, "");
    EXPECT_EQ(status.code(),
              method->permission == Permission::kOpen ? absl::StatusCode::kOk : absl::StatusCode::kUnauthenticated)
        << method->path;
  }
}

TEST(FrontDesk, TheAuthorizationSchemeIsBearerInAnyCase) {
  testing::DoorHouse house;
  EXPECT_TRUE(Call(house, "/firebreak.v1.Access/WhoAmI", "bearer viewer").ok());
  EXPECT_TRUE(absl::IsUnauthenticated(Call(house, "/firebreak.v1.Access/WhoAmI", "Basic viewer")));
  EXPECT_TRUE(absl::IsUnauthenticated(Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer ")));
}

TEST(FrontDesk, ACallThatComesTooOftenIsRefused) {
  testing::DoorHouse house({.calls_per_second = 0.001, .calls_burst = 2});
  EXPECT_TRUE(Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer viewer").ok());
  EXPECT_TRUE(Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer viewer").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer viewer")));
  EXPECT_TRUE(Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer admin").ok()) << "the limit is per identity";
}

TEST(FrontDesk, ACallWhoseDeadlinePassedIsNotRun) {
  testing::DoorHouse house;
  absl::Status status =
      Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer viewer", house.clock.Now() - absl::Seconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
}

TEST(FrontDesk, AFullPoolAnswersAtOnce) {
  testing::DoorHouse house({}, {.threads = 1, .queue_max = 1});
  absl::Notification blocked;
  ASSERT_TRUE(house.pool.TryPost([&] {
    blocked.Notify();
    house.fake.release.WaitForNotification();
  }));
  blocked.WaitForNotification();
  ASSERT_TRUE(house.pool.TryPost([] {}));
  EXPECT_TRUE(absl::IsResourceExhausted(Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer viewer")));
}

TEST(FrontDesk, OneIdentityHasSoManyStreamsAndGetsAnotherWhenOneEnds) {
  FrontDeskOptions options;
  options.streams_per_identity = 2;
  testing::DoorHouse house(options);
  struct Nowhere final : MessageSink {
    bool Send(const google::protobuf::Message&) override { return true; }
    void Close(absl::Status) override {}
  };
  const auto open = [&](const std::string& who, const std::string& run) {
    absl::Notification done;
    absl::StatusOr<std::unique_ptr<Subscription>> result = absl::UnknownError("");
    house.desk.OpenStream(
        *house.table.Find("/firebreak.v1.Runs/WatchRun"), "test", {"Bearer " + who, AgentName(), "peer:1"},
        [&](google::protobuf::Message& message) {
          static_cast<v1::WatchRunRequest&>(message).set_run(run);
          return absl::OkStatus();
        },
        std::make_shared<Nowhere>(), [&](absl::StatusOr<std::unique_ptr<Subscription>> opened) {
          result = std::move(opened);
          done.Notify();
        });
    done.WaitForNotification();
    return result;
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(absl::IsNotFound(open("viewer", "unknown").status()));  // takes no place
  auto first = open("viewer", "open");
  auto second = open("viewer", "open");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(absl::IsResourceExhausted(open("viewer", "open").status()));
  EXPECT_TRUE(open("admin", "open").ok());
  first->reset();
  EXPECT_TRUE(open("viewer", "open").ok());
}

TEST(FrontDesk, SlowMethodsLeaveWorkersForTheOthers) {
  testing::DoorHouse house({}, {.threads = 4, .queue_max = 64});
  Method slow = *house.table.Find("/firebreak.v1.Access/CreateToken");
  slow.limits.pace = Pace::kSlow;
  std::atomic<int> answered{0};
  const auto call = [&](const std::string& identity) {
    house.desk.CallUnary(
        slow, "test", {"Bearer admin", AgentName(), "1.2.3.4:5"}, absl::InfiniteFuture(),
        [identity](google::protobuf::Message& message) {
          static_cast<v1::CreateTokenRequest&>(message).set_identity(identity);
          return absl::OkStatus();
        },
        [&](const absl::StatusOr<MessagePtr>&) { ++answered; });
  };
  call("block");
  house.fake.entered.WaitForNotification();
  for (int i = 0; i < 10; ++i) call("another");
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer viewer").ok());
  EXPECT_EQ(answered, 0) << "a quarter of four is one";
  house.fake.release.Notify();
  house.pool.Stop();
  EXPECT_EQ(answered, 11);
}

TEST(FrontDesk, AStreamEndsWhenItsTokenIsRevokedAlsoWhileNothingIsSent) {
  testing::DoorHouse house;
  std::atomic<bool> revoked{false};
  const auto authenticate = [&](std::string_view token) -> absl::StatusOr<Caller> {
    if (revoked) return absl::UnauthenticatedError("token t1 was revoked");
    return testing::DoorHouse::Authenticate(token);
  };
  FrontDesk desk({authenticate, &testing::DoorHouse::CheckAgent}, house.pool, house.clock, *house.log, house.metrics);
  struct Ends final : MessageSink {
    bool Send(const google::protobuf::Message&) override { return true; }
    void Close(absl::Status status) override { ends.push_back(std::move(status)); }
    std::vector<absl::Status> ends;
  };
  const auto sink = std::make_shared<Ends>();
  absl::Notification done;
  absl::StatusOr<std::unique_ptr<Subscription>> stream = absl::UnknownError("");
  desk.OpenStream(
      *house.table.Find("/firebreak.v1.Runs/WatchRun"), "test", {"Bearer viewer", AgentName(), "peer:1"},
      [](google::protobuf::Message& message) {
        static_cast<v1::WatchRunRequest&>(message).set_run("open");
        return absl::OkStatus();
      },
      sink, [&](absl::StatusOr<std::unique_ptr<Subscription>> opened) {
        stream = std::move(opened);
        done.Notify();
      });
  done.WaitForNotification();
  ASSERT_TRUE(stream.ok()) << stream.status();
  desk.RecheckStreams();
  EXPECT_TRUE(sink->ends.empty());
  EXPECT_TRUE(house.fake.held->Send(v1::WatchRunEvent()));
  revoked = true;
  desk.RecheckStreams();
  desk.RecheckStreams();
  ASSERT_EQ(sink->ends.size(), 1u);
  EXPECT_TRUE(absl::IsUnauthenticated(sink->ends[0]));
  EXPECT_FALSE(house.fake.held->Send(v1::WatchRunEvent()));
  house.fake.held.reset();
  stream->reset();
  house.pool.Stop();
}

TEST(FrontDesk, CountsCallsUnderTheUsualNames) {
  testing::DoorHouse house;
  ASSERT_TRUE(Call(house, "/firebreak.v1.Access/WhoAmI", "Bearer viewer").ok());
  Call(house, "/firebreak.v1.Access/CreateToken", "Bearer viewer").IgnoreError();
  std::string text = house.metrics.Text();
  EXPECT_THAT(text, HasSubstr("grpc_server_handled_total{grpc_type=\"unary\",grpc_service=\"firebreak.v1.Access\","
                              "grpc_method=\"WhoAmI\",grpc_code=\"OK\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("grpc_method=\"CreateToken\",grpc_code=\"PermissionDenied\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("grpc_server_handling_seconds_count{grpc_type=\"unary\",grpc_service=\"firebreak.v1.Access\","
                        "grpc_method=\"WhoAmI\"} 1\n"));
}

}  // namespace
}  // namespace firebreak
