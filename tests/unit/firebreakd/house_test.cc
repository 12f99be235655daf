#include "services/firebreakd/house/house.h"

#include "firebreak/base/text.h"
#include "firebreak/storage_memory/memory_chunk_store.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

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
  MemoryMetaStore meta;
  MemoryChunkStore chunks;
  std::unique_ptr<House> house;
};

TEST_F(HouseTest, EveryRpcOfEveryServiceIsRegistered) {
  MethodTable table;
  house->RegisterMethods(table);
  EXPECT_THAT(table.Missing(), ::testing::IsEmpty());
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

TEST_F(HouseTest, AnAgentNobodyEnrolledIsNotKnown) {
  Identities identities = house->identities();
  EXPECT_TRUE(absl::IsUnauthenticated(identities.check_agent(AgentName("web-1"))));
  EXPECT_TRUE(absl::IsUnauthenticated(identities.check_agent(AgentName("../../etc"))));
  EXPECT_TRUE(absl::IsUnauthenticated(identities.authenticate("fbt_x_y").status()));
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
