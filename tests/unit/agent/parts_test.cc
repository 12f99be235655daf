#include <gmock/gmock.h>

#include <sys/stat.h>

#include "clients/agent/config.h"
#include "clients/agent/converge.h"
#include "clients/agent/enrol.h"
#include "clients/agent/hooks.h"
#include "firebreak/crypto/ca.h"
#include "tests/unit/agent/agent_fixture.h"

namespace firebreak {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

store::v1::AgentState StateFor(const std::string& target, const std::string& carried_out) {
  store::v1::AgentState state;
  state.mutable_decision()->set_epoch(1);
  if (target != kContainedTarget) state.mutable_decision()->mutable_release()->set_digest(target);
  state.set_carried_out(carried_out);
  return state;
}

TEST(PlanSteps, DoesWhatIsLeftAndNothingElse) {
  using enum AgentStep;
  EXPECT_THAT(PlanSteps(store::v1::AgentState(), {}), IsEmpty());
  EXPECT_THAT(PlanSteps(StateFor("r", ""), {"", false}), ElementsAre(kStage, kSwitch, kReload, kProbe));
  EXPECT_THAT(PlanSteps(StateFor("r", ""), {"q", true}), ElementsAre(kCheckStaged, kSwitch, kReload, kProbe));
  EXPECT_THAT(PlanSteps(StateFor("r", ""), {"r", true}), ElementsAre(kReload, kProbe));
  EXPECT_THAT(PlanSteps(StateFor("r", "r"), {"r", true}), ElementsAre(kProbe));
  EXPECT_THAT(PlanSteps(StateFor("contained", ""), {"q", false}), ElementsAre(kSwitch, kMarkContained, kReload, kProbe));
  EXPECT_THAT(PlanSteps(StateFor("contained", ""), {"contained", false}), ElementsAre(kMarkContained, kReload, kProbe));
  EXPECT_THAT(PlanSteps(StateFor("contained", "contained"), {"contained", false}), ElementsAre(kProbe));
}

class Hooks : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Run(const std::string& command, absl::Duration timeout = absl::Seconds(30)) {
    ProcessHookRunner runner({"PATH=/usr/bin:/bin"});
    HookCall call;
    call.command = command;
    call.folder = "/tmp";
    call.timeout = timeout;
    call.variables = {{"FIREBREAK_STATE", "serving"}};
    return runner.Run(call);
  }
};

TEST_F(Hooks, AnswerWhatTheyPrinted) {
  EXPECT_EQ(*Run("echo $FIREBREAK_STATE; pwd"), "serving\n/tmp");
  EXPECT_EQ(Run("head -c 5000 /dev/zero | tr '\\0' x")->size(), 1024u);
}

TEST_F(Hooks, FailWithTheirAnswer) {
  const absl::Status status = Run("echo broken >&2; exit 3").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("answered 3: broken"));
}

TEST_F(Hooks, AreKilledWhenTheyTakeTooLong) {
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run("sleep 600", absl::Milliseconds(50)).status()));
}

// It is silent, so nothing but the end itself can wake the agent before the tick or the timeout.
TEST_F(Hooks, EndIsNoticedAtOnceNotAtTheNextTick) {
  ProcessHookRunner runner({"PATH=/usr/bin:/bin"}, absl::Hours(1));
  HookCall call;
  call.command = "exec >&- 2>&-; sleep 0.05";
  call.folder = "/tmp";
  call.timeout = absl::Seconds(60);
  const absl::Time start = SystemClock().Now();
  EXPECT_TRUE(runner.Run(call).ok());
  EXPECT_LT(SystemClock().Now() - start, call.timeout / 2);
}

TEST_F(Hooks, MayLeaveAServerBehind) { EXPECT_EQ(*Run("sleep 2 & echo started"), "started"); }

TEST(AgentConfig, RefusesUnknownKeysWithTheirLine) {
  const auto config = ParseAgentConfig("server: h:1\nhook:\n  reload: x\n", "/a/agent.yaml");
  EXPECT_TRUE(absl::IsInvalidArgument(config.status()));
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("/a/agent.yaml:2: unknown key hook"));
  EXPECT_FALSE(ParseAgentConfig("server: [", "/a/agent.yaml").ok());
  EXPECT_FALSE(ParseAgentConfig("server: h:1\nagent: ../x\ndeployment: d\n", "/a/agent.yaml").ok());
  EXPECT_FALSE(ParseAgentConfig("server: h:1\nagent: x\ndeployment: d\nprove_every: soon\n", "/a/agent.yaml").ok());
}

TEST(AgentConfig, ReadsWhatEnrolmentWrites) {
  AgentConfig config;
  config.server = "firebreak:7443";
  config.deployment = "fraud-prod";
  config.agent = "web-1";
  config.folder = "/var/lib/agent";
  config.reload = "kill -HUP \"$(cat /run/model.pid)\"";
  const auto read = ParseAgentConfig(PrintAgentConfig(config), "/a/agent.yaml");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->reload, config.reload);
  EXPECT_EQ(read->folder, config.folder);
  EXPECT_EQ(read->hook_timeout, absl::Seconds(30));
}

// Signs whatever request comes.
class EnrollingControl final : public ControlPort {
 public:
  absl::Status Follow(const v1::FollowRequest&, absl::Duration,
                      const std::function<absl::Status(const v1::FollowEvent&)>&) override {
    return absl::UnimplementedError("");
  }
  void Cancel() override {}
  absl::StatusOr<v1::GetDecisionChainResponse> GetDecisionChain(const v1::GetDecisionChainRequest&) override {
    return absl::UnimplementedError("");
  }
  absl::Status ReportProof(const v1::ReportProofRequest&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<v1::EnrolAgentResponse> EnrolAgent(const v1::EnrolAgentRequest& request) override {
    if (lose_next_answer) {
      lose_next_answer = false;
      return absl::UnavailableError("cut off");
    }
    v1::EnrolAgentResponse response;
    ASSIGN_OR_RETURN(*response.mutable_certificate_pem(),
                     authority.SignAgentRequest(request.certificate_request_pem(), "web-1", start, absl::Hours(1)));
    response.set_ca_pem(authority.cert_pem());
    response.set_decision_key_pem(EcPrivateKey::Generate(EcCurve::kP256)->public_key().pem());
    response.set_agent("web-1");
    response.set_deployment("fraud-prod");
    return response;
  }
  absl::Time start = absl::FromUnixSeconds(1767225600);
  CertificateAuthority authority = *CertificateAuthority::Create("test", start, absl::Hours(1000));
  bool lose_next_answer = false;
};

TEST(Enrol, WritesAnIdentityThatCanRunAndKeepsItsKeyOverACut) {
  testing::ScratchFolder scratch;
  EnrollingControl control;
  control.lose_next_answer = true;
  AgentConfig config;
  config.server = "firebreak:7443";
  config.folder = scratch.path() + "/agent";
  EXPECT_TRUE(absl::IsUnavailable(Enrol(control, "fbj_x", config).status()));
  const std::string key = *ReadWholeFile(config.folder + "/agent.key");
  EXPECT_TRUE(absl::IsNotFound(LoadIdentity(config.folder).status()));
  const auto enrolled = Enrol(control, "fbj_x", config);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  EXPECT_EQ(enrolled->deployment, "fraud-prod");
  EXPECT_EQ(LoadIdentity(config.folder)->key_pem, key);
  struct stat facts = {};
  ASSERT_EQ(::stat((config.folder + "/agent.key").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  EXPECT_TRUE(ParseAgentConfig(*ReadWholeFile(config.folder + "/agent.yaml"), config.folder + "/agent.yaml").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Enrol(control, "fbj_x", config).status()));
}

}  // namespace
}  // namespace firebreak
