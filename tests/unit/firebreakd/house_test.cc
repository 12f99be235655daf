#include "services/firebreakd/house/house.h"

#include "absl/synchronization/notification.h"
#include "firebreak/base/text.h"
#include "firebreak/storage/keys/snapshots.h"
#include "firebreak/storage_memory/memory_chunk_store.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/watched_store.h"

namespace firebreak {
namespace {

class HouseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::Time from = clock.Now() - absl::Hours(1);
    HouseKeys keys{CertificateAuthority::Create("test", from, absl::Hours(100)).value(),
                   EcPrivateKey::Generate(EcCurve::kP256).value(), Ed25519Key::Generate().value(),
                   std::string(32, 'k')};
    auto opened = House::Open({meta, chunks, clock, random, *log, metrics, crash_points}, std::move(keys), {});
    ASSERT_TRUE(opened.ok()) << opened.status();
    house = *std::move(opened);
  }

  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<Log> log = Log::Silent();
  Metrics metrics;
  CrashPoints crash_points;
  MemoryMetaStore memory;
  testing::WatchedStore meta{memory};
  MemoryChunkStore chunks;
  std::unique_ptr<House> house;
};

TEST_F(HouseTest, EveryRpcOfEveryServiceIsRegistered) {
  MethodTable table;
  house->RegisterMethods(table);
  EXPECT_THAT(table.Missing(), ::testing::IsEmpty());
}

// However many snapshots are read again and reports are built, these find a worker.
TEST_F(HouseTest, WhatMustNotWaitIsQuickAndWhatTakesLongIsSlow) {
  MethodTable table;
  house->RegisterMethods(table);
  for (const char* quick : {"Fleet/Contain", "Fleet/Freeze", "Fleet/RollBack", "Fleet/ReportProof", "Alerts/RaiseAlerts",
                            "Snapshots/QuarantineSnapshot", "Runs/AnswerApproval"}) {
    EXPECT_EQ(table.Find(StrCat("/firebreak.v1.", quick))->limits.pace, Pace::kQuick) << quick;
  }
  for (const char* slow : {"Snapshots/CommitPush", "Snapshots/VerifySnapshot", "Reports/BuildReport", "Reports/ExportReport"}) {
    EXPECT_EQ(table.Find(StrCat("/firebreak.v1.", slow))->limits.pace, Pace::kSlow) << slow;
  }
}

TEST_F(HouseTest, ADecisionForAnIncidentNobodyOpenedIsRefused) {
  MethodTable table;
  house->RegisterMethods(table);
  Caller admin;
  admin.identity = Identity("admin");
  admin.roles = {v1::ROLE_ADMIN};
  const auto call = [&](const std::string& method, const google::protobuf::Message& request) {
    return table.Find("/firebreak.v1." + method)->unary(admin, request).status();
  };
  v1::CreateDeploymentRequest deployment;
  deployment.set_name("prod");
  ASSERT_TRUE(call("Fleet/CreateDeployment", deployment).ok());
  v1::ContainRequest contain;
  contain.set_deployment("prod");
  contain.set_reason("it answers nonsense");
  contain.set_incident("INC-7");
  absl::Status refused = call("Fleet/Contain", contain);
  EXPECT_TRUE(absl::IsNotFound(refused)) << refused;
  v1::OpenIncidentRequest open;
  open.set_title("odd answers");
  open.set_kind("drift");
  open.set_deployment("prod");
  ASSERT_TRUE(call("Incidents/OpenIncident", open).ok());
  refused = call("Fleet/Contain", contain);
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("did you mean INC-1?")) << refused;
  contain.set_incident("7");
  EXPECT_TRUE(absl::IsInvalidArgument(call("Fleet/Contain", contain)));
  contain.set_incident("INC-1");
  EXPECT_FALSE(absl::IsNotFound(call("Fleet/Contain", contain)));   // it serves nothing yet; that is another matter
}

TEST_F(HouseTest, OnlyEnrolmentIsOpen) {
  MethodTable table;
  house->RegisterMethods(table);
  for (const Method* method : table.All()) {
    EXPECT_EQ(method->permission == Permission::kOpen, method->path == "/firebreak.v1.Fleet/EnrolAgent")
        << method->path;
  }
}

TEST_F(HouseTest, StartsAndStopsOnAnEmptyStore) {
  ASSERT_TRUE(house->Start().ok());
  house->Stop();
}

// A blast radius is asked for in the middle of the night, right after a restart.
TEST_F(HouseTest, ReadsTheLineageWithoutBeingAskedAndTheStartDoesNotWaitForIt) {
  absl::Notification begun, go_on;
  meta.before_list = [&](std::string_view prefix) {
    if (prefix != keys::SnapshotsByDigest().bytes || begun.HasBeenNotified()) return;
    begun.Notify();
    go_on.WaitForNotification();
  };
  ASSERT_TRUE(house->Start().ok());   // while somebody else still reads
  begun.WaitForNotification();
  go_on.Notify();
  house->Stop();
}

TEST_F(HouseTest, AnAgentNobodyEnrolledIsNotKnown) {
  Identities identities = house->identities();
  EXPECT_TRUE(absl::IsUnauthenticated(identities.check_agent(AgentName("web-1"), "")));
  EXPECT_TRUE(absl::IsUnauthenticated(identities.check_agent(AgentName("../../etc"), "")));
  EXPECT_TRUE(absl::IsUnauthenticated(identities.authenticate("fbt_x_y").status()));
}

TEST_F(HouseTest, ARemovedAgentsCertificateStaysWorthlessWhenItsNameIsEnrolledAgain) {
  MethodTable table;
  house->RegisterMethods(table);
  Caller admin;
  admin.identity = Identity("admin");
  admin.roles = {v1::ROLE_ADMIN};
  const auto call = [&](const std::string& method, const google::protobuf::Message& request) {
    auto answer = table.Find("/firebreak.v1.Fleet/" + method)->unary(admin, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return *std::move(answer);
  };
  v1::CreateDeploymentRequest deployment;
  deployment.set_name("prod");
  call("CreateDeployment", deployment);
  const auto enrol = [&] {
    v1::CreateJoinTokenRequest join;
    join.set_agent("web-1");
    join.set_deployment("prod");
    v1::EnrolAgentRequest request;
    request.set_join_token(static_cast<v1::CreateJoinTokenResponse&>(*call("CreateJoinToken", join)).join_token());
    EcPrivateKey key = EcPrivateKey::Generate(EcCurve::kP256).value();
    request.set_certificate_request_pem(MakeCertificateRequest(key, "web-1").value());
    return static_cast<v1::EnrolAgentResponse&>(*call("EnrolAgent", request)).certificate_pem();
  };
  Identities identities = house->identities();
  const std::string stolen = enrol();
  EXPECT_TRUE(identities.check_agent(AgentName("web-1"), stolen).ok());
  v1::RemoveAgentRequest remove;
  remove.set_agent("web-1");
  remove.set_reason("its key was stolen");
  call("RemoveAgent", remove);
  EXPECT_TRUE(absl::IsPermissionDenied(identities.check_agent(AgentName("web-1"), stolen)));
  const std::string fresh = enrol();
  EXPECT_TRUE(identities.check_agent(AgentName("web-1"), fresh).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(identities.check_agent(AgentName("web-1"), stolen)));
}

TEST_F(HouseTest, AMonitorsFirstAlertOpensAnIncidentThroughTheIntake) {
  IntakePort intake = house->intake();
  Caller monitor;
  monitor.identity = Identity("prometheus");
  monitor.roles = {v1::ROLE_MONITOR};
  HttpReply reply = intake.post_alerts_v2(
      monitor, "application/json", R"([{"labels":{"alertname":"AccuracyLow","model":"fraud","kind":"performance"}}])");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(metrics.Text(), ::testing::HasSubstr("\nfirebreak_alerts_firing 1\n"));
}

}  // namespace
}  // namespace firebreak
