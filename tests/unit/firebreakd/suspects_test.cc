// Which deployment an alert without a deployment label means: containing the wrong one is worse than asking a person.
#include "firebreak/access/caller.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/fleet.h"
#include "firebreak/storage/keys/incidents.h"
#include "firebreak/storage_memory/memory_chunk_store.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "gtest/gtest.h"
#include "services/firebreakd/house/house.h"

namespace firebreak {
namespace {

class SuspectsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HouseKeys keys{CertificateAuthority::Create("test", clock.Now() - absl::Hours(1), absl::Hours(100)).value(),
                   EcPrivateKey::Generate(EcCurve::kP256).value(), Ed25519Key::Generate().value(), std::string(32, 'k')};
    auto opened = House::Open({meta, chunks, clock, random, *log, metrics, crash_points}, std::move(keys), {});
    ASSERT_TRUE(opened.ok()) << opened.status();
    house = *std::move(opened);
  }

  void Serve(const std::string& name, const std::string& environment, const std::string& model = "model/fraud@1") {
    v1::Deployment deployment;
    deployment.set_name(name);
    deployment.set_environment(environment);
    deployment.set_epoch(1);
    deployment.mutable_wanted()->set_model_name(model);
    const auto stored = house->ledger().Transact([&](Draft& draft) -> absl::Status {
      draft.Put(DeploymentKey(DeploymentName(name)), deployment);
      v1::AuditEntry entry;
      entry.set_actor("test");
      entry.set_action("deployment.created");
      draft.Record(std::move(entry));
      return absl::OkStatus();
    });
    ASSERT_TRUE(stored.ok()) << stored.status();
  }

  // The deployment of the incident that an alert about model fraud in prod opens; `more`: further labels, each `,"name":"value"`.
  std::string DeploymentMeant(const std::string& more = "") {
    const HttpReply reply = house->intake().post_alerts_v2(
        ServiceCaller(), "application/json",
        StrCat(R"([{"labels":{"alertname":"a","model_name":"fraud","env":"prod","kind":"other")", more, "}}]"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    const auto incident = FindRecord(house->ledger().store(), keys::Incident(1));
    if (!incident.ok() || !incident->has_value()) return "no incident";
    return (*incident)->deployment();
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

TEST_F(SuspectsTest, AnAlertMeansTheDeploymentOfItsOwnEnvironment) {
  Serve("a-staging", "staging");
  Serve("fraud-prod", "prod");
  EXPECT_EQ(DeploymentMeant(), "fraud-prod");
}

TEST_F(SuspectsTest, AnAlertThatCouldMeanSeveralMeansNone) {
  Serve("fraud-prod", "prod");
  Serve("fraud-prod2", "prod");
  EXPECT_EQ(DeploymentMeant(), "");
}

TEST_F(SuspectsTest, AnAlertThatNamesTheVersionMeansTheOneThatServesIt) {
  Serve("fraud-prod", "prod");
  Serve("fraud-canary", "prod", "model/fraud@2");
  EXPECT_EQ(DeploymentMeant(R"(,"model_version":"2")"), "fraud-canary");
}

TEST_F(SuspectsTest, AnAlertThatNamesAVersionTwoServeMeansNone) {
  Serve("fraud-prod", "prod");
  Serve("fraud-prod2", "prod");
  EXPECT_EQ(DeploymentMeant(R"(,"model_version":"1")"), "");
}

}  // namespace
}  // namespace firebreak
