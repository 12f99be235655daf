// Delivery: recorded before it leaves, retried, finished, and never lost.
#include <filesystem>

#include "firebreak/storage/keys/sharing.h"
#include "tests/unit/sharing/share_fixture.h"

namespace firebreak {
namespace {

using ::firebreak::testing::FakeReceiver;
using ::firebreak::testing::ShareTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ShareTest, RecordsTheAttemptBeforeTheBytesLeave) {
  Approved();
  receiver_.answer = [&](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
    EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERING);
    EXPECT_EQ(Get().attempts(), 1u);
    EXPECT_EQ(ActionsOf().back(), "share.attempted");
    return FakeReceiver::Complete();
  };
  Deliver();
  EXPECT_THAT(ActionsOf(), ElementsAre("share.proposed", "share.approved", "share.attempted", "share.answered"));
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED);
  EXPECT_EQ(Get().objects_accepted(), 8u);
  EXPECT_TRUE(Get().has_delivered_at());
}

TEST_F(ShareTest, SendsNothingWhenTheAttemptCannotBeRecorded) {
  Approved();
  faulty_.plan().FailAt(faulty_.commits() + 1, Fault::kDiskFull);
  Deliver();
  EXPECT_EQ(receiver_.posts, 0);
  Deliver();
  EXPECT_EQ(receiver_.posts, 1);
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED);
}

TEST_F(ShareTest, ADeliveredShareIsNotTouchedAgain) {
  Approved();
  Deliver();
  const uint64_t commits = faulty_.commits();
  base_.clock.Advance(absl::Hours(200));
  Deliver();
  EXPECT_EQ(receiver_.posts, 1);
  EXPECT_EQ(faulty_.commits(), commits);
}

TEST_F(ShareTest, WaitsLongerAfterEachFailureAndGivesUpInTheEnd) {
  Approved();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return HttpResponse{503, "", {}}; };
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 100 && Get().state() != v1::SHARE_STATE_FAILED; ++i) {
    Deliver();
    const v1::Share share = Get();
    if (!share.has_next_attempt_at()) break;
    waits.push_back(FromProto(share.next_attempt_at()) - base_.clock.Now());
    const int posts = receiver_.posts;
    Deliver();
    ASSERT_EQ(receiver_.posts, posts) << "sent before its time";
    base_.clock.Set(FromProto(share.next_attempt_at()));
  }
  EXPECT_EQ(receiver_.posts, 60);
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_FAILED);
  EXPECT_THAT(Get().last_error(), HasSubstr("503"));
  ASSERT_EQ(waits.size(), 59u);
  EXPECT_GE(waits[0], absl::Milliseconds(1500));
  EXPECT_LE(waits[0], absl::Milliseconds(2500));
  EXPECT_GE(waits[5], absl::Seconds(48));
  EXPECT_LE(waits[58], absl::Minutes(75));
  EXPECT_GE(waits[58], absl::Minutes(45));
}

struct RefusalCase {
  int http;
  bool again;
  std::string says;
};

TEST_F(ShareTest, TriesAgainOnlyAfterWhatPasses) {
  const std::vector<RefusalCase> cases = {{503, true, "503"},           {500, true, "500"},         {429, true, "429"},
                                          {408, true, "408"},           {401, false, "credential"}, {403, false, "cannot be written"},
                                          {404, false, "no such"},      {406, false, "406"},        {413, false, "too large"},
                                          {415, false, "415"},          {422, false, "422"},        {302, false, "302"}};
  int number = 0;
  for (const RefusalCase& c : cases) {
    Approved();
    receiver_.answer = [&](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
      return HttpResponse{c.http, "{\"title\":\"no \x1b[31m\\u00e9 entry\"}", {}};
    };
    Deliver();
    const v1::Share share = Get(StrCat("SHR-", ++number));
    EXPECT_EQ(share.state(), c.again ? v1::SHARE_STATE_DELIVERING : v1::SHARE_STATE_FAILED) << c.http;
    EXPECT_THAT(share.last_error(), HasSubstr(c.says)) << c.http;
    EXPECT_EQ(share.last_error().find('\x1b'), std::string::npos);
  }
}

TEST_F(ShareTest, AnUntrustedCertificateOrASilentReceiverIsTriedAgain) {
  Approved();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return absl::FailedPreconditionError("certificate"); };
  Deliver();
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERING);
  base_.clock.Advance(absl::Minutes(1));
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return absl::UnavailableError("no answer"); };
  Deliver();
  EXPECT_EQ(Get().attempts(), 2u);
  base_.clock.Advance(absl::Minutes(1));
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return HttpResponse{200, "<html>", {}}; };
  Deliver();
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERING);
  base_.clock.Advance(absl::Minutes(1));
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return FakeReceiver::Complete(); };
  Deliver();
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED);
  EXPECT_TRUE(Get().last_error().empty());
}

TEST_F(ShareTest, AsksAfterAPendingPostWithoutACommitPerLook) {
  Approved();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return FakeReceiver::Pending(); };
  Deliver();
  EXPECT_EQ(Get().remote_status_url(), "https://exchange.example/api1/status/s-1/");
  receiver_.answer = [](const HttpRequest& request) -> absl::StatusOr<HttpResponse> {
    EXPECT_EQ(request.method, HttpMethod::kGet);
    EXPECT_EQ(request.url, "https://exchange.example/api1/status/s-1/");
    HttpResponse pending = FakeReceiver::Pending();
    pending.status = 200;
    return pending;
  };
  const uint64_t commits = faulty_.commits();
  for (int i = 0; i < 600; ++i) {
    Deliver();
    base_.clock.Advance(absl::Seconds(2));
  }
  EXPECT_EQ(faulty_.commits(), commits);
  const size_t looks = receiver_.requests.size() - 1;
  EXPECT_GE(looks, 6u);
  EXPECT_LE(looks, 12u);

  StopAll();
  Start();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
    HttpResponse done = FakeReceiver::Complete();
    done.status = 200;
    return done;
  };
  Deliver();
  EXPECT_EQ(receiver_.posts, 1) << "asked after, not posted again";
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED);
  EXPECT_TRUE(Get().remote_status_url().empty());
}

TEST_F(ShareTest, PostsAgainWhenTheReceiverForgotTheStatus) {
  Approved();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return FakeReceiver::Pending(); };
  Deliver();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return HttpResponse{404, "", {}}; };
  Deliver();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return FakeReceiver::Complete(); };
  Deliver();
  EXPECT_EQ(receiver_.posts, 2);
  EXPECT_EQ(receiver_.requests.front().body, receiver_.requests.back().body);
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED);
}

TEST_F(ShareTest, GivesUpOnAReceiverThatNeverFinishes) {
  Approved();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return FakeReceiver::Pending(); };
  Deliver();
  base_.clock.Advance(absl::Hours(73));
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> { return absl::UnavailableError("down"); };
  Deliver();
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_FAILED);
  EXPECT_THAT(Get().last_error(), HasSubstr("72 hours"));
}

TEST_F(ShareTest, AStatusIdIsNeverAPathOfTheReceiversChoice) {
  Approved();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
    return HttpResponse{202, R"({"id":"../../steal?x=","status":"pending"})", {}};
  };
  Deliver();
  EXPECT_TRUE(Get().remote_status_url().empty());
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERING);
}

TEST_F(ShareTest, ObjectsTheReceiverRefusedAreCountedAndSaid) {
  Approved();
  receiver_.answer = [](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
    return HttpResponse{202, R"({"id":"s","status":"complete","success_count":5,"failure_count":3,"failures":[{"id":"task--1","message":"no tasks"}]})", {}};
  };
  Deliver();
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_FAILED);
  EXPECT_EQ(Get().objects_accepted(), 5u);
  EXPECT_EQ(Get().objects_refused(), 3u);
  EXPECT_THAT(Get().last_error(), HasSubstr("no tasks"));
}

TEST_F(ShareTest, UsesACredentialOnlyWhenNobodyElseCanReadIt) {
  PutTaxii("closed", "account");
  const v1::Share share = Approved("closed");
  Deliver();
  EXPECT_THAT(Get().last_error(), HasSubstr("cannot be read"));
  WriteCredential("account", "alice:se:cret\n", 0640);
  base_.clock.Advance(absl::Minutes(1));
  Deliver();
  EXPECT_THAT(Get().last_error(), HasSubstr("chmod 600"));
  EXPECT_EQ(receiver_.posts, 0);
  WriteCredential("account", "alice:se:cret\n", 0600);
  base_.clock.Advance(absl::Minutes(1));
  Deliver();
  ASSERT_EQ(receiver_.posts, 1);
  EXPECT_EQ(receiver_.requests[0].user_and_password, "alice:se:cret");
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED);
  for (const std::string& text : {share.DebugString(), Get().DebugString()}) EXPECT_EQ(text.find("se:cret"), std::string::npos);
}

TEST_F(ShareTest, DropsAFileWholeAndTheSameAgain) {
  const std::string folder = scratch_.path() + "/drop";
  ASSERT_TRUE(Put("carrier", v1::DESTINATION_KIND_FILE_DROP, folder).ok());
  const v1::Share share = Approved("carrier");
  Deliver();
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERING) << "the folder is not there yet";
  std::filesystem::create_directory(folder);
  base_.clock.Advance(absl::Minutes(1));
  Deliver();
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  ASSERT_THAT(names, ElementsAre(share.record().record_id() + ".json"));
  std::ifstream in(folder + "/" + names[0]);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), share.bundle());
}

TEST_F(ShareTest, EveryDueShareIsServedHoweverManyWait) {
  PutTaxii("down", "missing-credential");
  const int waiting = 120;
  for (int i = 0; i < waiting; ++i) Approved("down");
  const std::string last = Approved().id();
  Deliver();
  EXPECT_EQ(Get(last).state(), v1::SHARE_STATE_DELIVERED);
  EXPECT_EQ(receiver_.posts, 1);
}

// The process dies before or after any commit of the whole life of a share, and starts again.
TEST_F(ShareTest, IsDeliveredWhereverTheProcessDies) {
  Approved();
  MemoryMetaStore begin;
  begin.CopyFrom(base_.store);
  for (int death = 1; death <= 3; ++death) {
    for (const Fault fault : {Fault::kStopBefore, Fault::kStopAfter, Fault::kLost, Fault::kDoneButUnavailable}) {
      StopAll();
      base_.store.CopyFrom(begin);
      receiver_.requests.clear();
      receiver_.posts = 0;
      faulty_.plan().Heal();
      Start();
      bool pending = true;   // one post, then one look
      receiver_.answer = [&](const HttpRequest& request) -> absl::StatusOr<HttpResponse> {
        // Provenance and write-ahead: exactly the approved bytes, and the ledger knew before.
        if (request.method == HttpMethod::kPost) {
          v1::Share stored;
          EXPECT_TRUE(stored.ParseFromString(base_.store.Get(keys::Share(1).bytes)->value().value));
          EXPECT_GE(stored.attempts(), static_cast<uint32_t>(receiver_.posts));
          EXPECT_EQ(stored.state(), v1::SHARE_STATE_DELIVERING);
          EXPECT_EQ(request.body, receiver_.requests.front().body);
        }
        if (std::exchange(pending, false)) return FakeReceiver::Pending();
        HttpResponse done = FakeReceiver::Complete();
        if (request.method == HttpMethod::kGet) done.status = 200;
        return done;
      };
      faulty_.plan().FailAt(faulty_.commits() + static_cast<uint64_t>(death), fault);
      for (int round = 0; round < 6; ++round) {
        desk_->DeliverDue().IgnoreError();
        if (faulty_.stopped()) {
          StopAll();
          Start();
        }
        base_.clock.Advance(absl::Minutes(10));
      }
      EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED) << "death " << death << " fault " << static_cast<int>(fault);
      EXPECT_LE(receiver_.posts, 2);
      EXPECT_LE(Get().attempts(), 3u);
    }
  }
}

}  // namespace
}  // namespace firebreak
