#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/agent/agent_fixture.h"

namespace firebreak {
namespace {

using firebreak::testing::AgentTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

TEST_F(AgentTest, ServesAndProvesWhatWasDecided) {
  const v1::IssuedDecision issued = Decide(v1::DECISION_KIND_DEPLOY, "v1");
  ASSERT_TRUE(Turn(issued).ok());
  EXPECT_EQ(Served(), "v1");
  EXPECT_THAT(hooks_.calls, ElementsAre("reload serving", "probe serving"));
  EXPECT_EQ(JudgeProof(issued.decision(), LastProof()), ProofVerdict::kProven);
  EXPECT_EQ(LastProof().probe(), "ok");
}

TEST_F(AgentTest, ProvesAgainWithoutReloadingWhenNothingChanged) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  ASSERT_TRUE(TurnAgain().ok());
  Start();
  ASSERT_TRUE(TurnAgain().ok());
  EXPECT_EQ(CountHooks("reload serving"), 1);
  EXPECT_EQ(control_.proofs.size(), 3u);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(AgentTest, ContainsWithoutAnyDownload) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  fetch_failure_ = absl::UnavailableError("the network is gone");
  const v1::IssuedDecision contain = Decide(v1::DECISION_KIND_CONTAIN);
  ASSERT_TRUE(Turn(contain).ok());
  EXPECT_EQ(Served(), "contained");
  EXPECT_EQ(JudgeProof(contain.decision(), LastProof()), ProofVerdict::kProven);
  EXPECT_EQ(CountHooks("reload contained"), 1);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(AgentTest, ARollbackIsASwitchAndNotADownload) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v2")).ok());
  EXPECT_EQ(LastProof().staged_release_digest(), ReleaseOf("v1").digest());
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_CONTAIN)).ok());
  fetch_failure_ = absl::UnavailableError("the network is gone");
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_ROLLBACK, "v1")).ok());
  EXPECT_EQ(Served(), "v1");
}

TEST_F(AgentTest, KeepsTheServedAndTheLastGoodReleaseAndPrunesTheRest) {
  for (const char* model : {"v1", "v2", "v3"}) ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, model)).ok());
  std::vector<std::string> staged;
  for (const auto& entry : fs::directory_iterator(fs::path(folder_.path()) / "releases")) {
    staged.push_back("sha256:" + entry.path().filename().string());
  }
  EXPECT_THAT(staged, ::testing::UnorderedElementsAre(ReleaseOf("v2").digest(), ReleaseOf("v3").digest()));
}

TEST_F(AgentTest, KeepsServingTheOldReleaseWhileTheNewOneCannotBeFetched) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  fetch_failure_ = absl::UnavailableError("the network is gone");
  const v1::IssuedDecision second = Decide(v1::DECISION_KIND_DEPLOY, "v2");
  EXPECT_FALSE(Turn(second).ok());
  EXPECT_EQ(Served(), "v1");
  EXPECT_EQ(LastProof().state(), v1::SERVING_STATE_DIVERGED);
  EXPECT_THAT(LastProof().error(), HasSubstr("the network is gone"));
  EXPECT_EQ(LastProof().release_digest(), ReleaseOf("v1").digest());
  fetch_failure_ = absl::OkStatus();
  EXPECT_TRUE(TurnAgain().ok());
  EXPECT_EQ(Served(), "v2");
}

TEST_F(AgentTest, NeverServesWhatIsNotWhatWasAskedFor) {
  const v1::IssuedDecision issued = Decide(v1::DECISION_KIND_DEPLOY, "v1");
  contents_[issued.decision().release().model_digest()] = "poison";
  EXPECT_FALSE(Turn(issued).ok());
  EXPECT_EQ(Served(), "nothing");
  EXPECT_THAT(LastProof().error(), HasSubstr("what arrived is"));
}

TEST_F(AgentTest, SaysSoWhenSomebodyChangedWhatIsServedAndRepairsIt) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  std::ofstream(fs::path(folder_.path()) / "current" / "model" / "weights") << "tampered";
  EXPECT_FALSE(TurnAgain().ok());
  EXPECT_EQ(LastProof().state(), v1::SERVING_STATE_DIVERGED);
  EXPECT_TRUE(TurnAgain().ok());
  EXPECT_EQ(Served(), "v1");
  EXPECT_EQ(CountHooks("reload serving"), 2);
}

TEST_F(AgentTest, RepairsACurrentLinkThatSomebodyMoved) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_CONTAIN)).ok());
  const fs::path current = fs::path(folder_.path()) / "current";
  fs::remove(current);
  fs::create_directory_symlink("/etc", current);
  ASSERT_TRUE(TurnAgain().ok());
  EXPECT_EQ(Served(), "contained");
}

TEST_F(AgentTest, ChecksAStagedReleaseBeforeItIsServedAgain) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v2")).ok());
  const std::string hex = ReleaseOf("v1").digest().substr(7);
  std::ofstream(fs::path(folder_.path()) / "releases" / hex / "model" / "weights") << "rotten";
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_ROLLBACK, "v1")).ok());
  EXPECT_EQ(Served(), "v1");
  EXPECT_EQ(fetches_, 3);
}

TEST_F(AgentTest, AFailingProbeIsReportedAndTheReleaseNotRememberedAsGood) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  hooks_.failures["probe"] = absl::FailedPreconditionError("hook \"probe\" answered 1");
  EXPECT_FALSE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v2")).ok());
  EXPECT_EQ(LastProof().state(), v1::SERVING_STATE_DIVERGED);
  EXPECT_EQ(slot_->state().good_release().model_name(), "v1");
}

TEST_F(AgentTest, RefusesReplayedSkippedAndForgedDecisionsAndReportsThem) {
  const v1::IssuedDecision first = Decide(v1::DECISION_KIND_DEPLOY, "v1");
  const v1::IssuedDecision second = Decide(v1::DECISION_KIND_DEPLOY, "v2");
  ASSERT_TRUE(Turn(first).ok());
  ASSERT_TRUE(Turn(second).ok());
  struct Row {
    v1::Envelope envelope;
    const char* fault;
  };
  v1::Decision next = second.decision();
  next.set_epoch(3);
  next.set_previous_digest(second.digest());
  v1::Decision later = next;
  later.set_epoch(9);
  v1::Decision elsewhere = next;
  elsewhere.set_deployment("claims-prod");
  v1::Decision fork = next;
  fork.set_previous_digest(first.digest());
  const EcPrivateKey stranger = *EcPrivateKey::Generate(EcCurve::kP256);
  const Row rows[] = {{first.envelope(), "replayed"},
                      {SignDecision(stranger, next)->envelope(), "forged"},
                      {SignDecision(decision_key_, later)->envelope(), "skipped"},
                      {SignDecision(decision_key_, elsewhere)->envelope(), "misdirected"},
                      {SignDecision(decision_key_, fork)->envelope(), "unchained"}};
  for (const Row& row : rows) {
    v1::IssuedDecision pushed;
    *pushed.mutable_envelope() = row.envelope;
    const absl::Status status = Turn(pushed);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.fault));
    EXPECT_THAT(LastProof().error(), HasSubstr(row.fault));
    EXPECT_EQ(Served(), "v2");
    EXPECT_EQ(slot_->head().epoch.value, 2u);
    EXPECT_TRUE(TurnAgain().ok());
    EXPECT_EQ(LastProof().error(), "");
  }
}

TEST_F(AgentTest, WalksTheChainOfWhatItMissed) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  Decide(v1::DECISION_KIND_DEPLOY, "v2");
  Decide(v1::DECISION_KIND_CONTAIN);
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_ROLLBACK, "v1")).ok());
  EXPECT_EQ(slot_->head().epoch.value, 4u);
  EXPECT_EQ(Served(), "v1");
  EXPECT_EQ(fetches_, 1) << "v2 was over before it was seen";
}

TEST_F(AgentTest, KeepsServingWithoutContactAndReportsLater) {
  control_.reachable = false;
  EXPECT_TRUE(absl::IsUnavailable(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1"))));
  EXPECT_EQ(Served(), "v1");
  EXPECT_THAT(control_.proofs, IsEmpty());
  control_.reachable = true;
  EXPECT_TRUE(TurnAgain().ok());
  EXPECT_EQ(control_.proofs.size(), 1u);
}

TEST_F(AgentTest, BelievesItsDiskOnlyForWhatIsSigned) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_CONTAIN)).ok());
  store::v1::AgentState state = *slot_->folder().LoadState();
  state.mutable_head()->mutable_payload()->append(" ");
  ASSERT_TRUE(slot_->folder().SaveState(state).ok());
  EXPECT_TRUE(absl::IsDataLoss(TryOpen().status()));
  EXPECT_EQ(Served(), "contained");
}

TEST_F(AgentTest, AnUnsafeDigestNeverBecomesAPath) {
  v1::Decision decision;
  decision.set_deployment("fraud-prod");
  decision.set_epoch(1);
  decision.set_kind(v1::DECISION_KIND_DEPLOY);
  decision.mutable_release()->set_model_digest("../../escape");
  decision.mutable_release()->set_digest(ReleaseDigest(decision.release()).text());
  v1::IssuedDecision issued = *SignDecision(decision_key_, decision);
  EXPECT_FALSE(Turn(issued).ok());
  EXPECT_EQ(Served(), "nothing");
  EXPECT_EQ(fetches_, 0);
}

// Runs the whole story with a crash at `point` each time it is passed for the nth time, restarting until it is through.
class CrashAt : public AgentTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(CrashAt, ARestartFinishesTheJobAndNeverLiftsAContainment) {
  bool ever_crashed = false;
  for (int nth = 1; nth <= 4; ++nth) {
    for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove_all(entry.path());
    deployment_.Clear();
    deployment_.set_name("fraud-prod");
    control_.chain.clear();
    control_.proofs.clear();
    hooks_.calls.clear();
    Start(StrCat(GetParam(), ":", nth));
    const std::pair<v1::DecisionKind, std::string> story[] = {{v1::DECISION_KIND_DEPLOY, "v1"},
                                                              {v1::DECISION_KIND_DEPLOY, "v2"},
                                                              {v1::DECISION_KIND_CONTAIN, ""},
                                                              {v1::DECISION_KIND_ROLLBACK, "v1"}};
    for (const auto& [kind, model] : story) {
      const bool was_contained = Served() == "contained";
      const v1::IssuedDecision issued = Decide(kind, model);
      absl::Status turn = Turn(issued);
      if (absl::IsCancelled(turn)) {
        ever_crashed = true;
        // Between the crash and the restart nobody lifts anything, unless the new decision had been switched to already.
        if (was_contained && kind != v1::DECISION_KIND_ROLLBACK) {
          EXPECT_EQ(Served(), "contained");
        }
        Start();
        turn = TurnAgain();
        EXPECT_TRUE(turn.ok()) << turn;
        turn = Turn(issued);
      }
      EXPECT_TRUE(turn.ok()) << GetParam() << ":" << nth << " " << turn;
      EXPECT_EQ(Served(), model.empty() ? "contained" : model);
      EXPECT_EQ(JudgeProof(issued.decision(), LastProof()), ProofVerdict::kProven);
      EXPECT_GE(CountHooks(model.empty() ? "reload contained" : "reload serving"), 1);
    }
  }
  EXPECT_TRUE(ever_crashed);
}

INSTANTIATE_TEST_SUITE_P(EveryPoint, CrashAt,
                         ::testing::Values("after-decision-persisted", "after-staged", "after-switched", "after-reload",
                                           "before-report"));

TEST_F(AgentTest, AContainmentSurvivesARestartWithTheControlPlaneGone) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  Start("after-decision-persisted");
  EXPECT_TRUE(absl::IsCancelled(Turn(Decide(v1::DECISION_KIND_CONTAIN))));
  control_.reachable = false;
  Start();
  EXPECT_FALSE(TurnAgain().ok());
  EXPECT_EQ(Served(), "contained");
}

TEST_F(AgentTest, ReloadsTheOldReleaseWhenASwitchAwayFromItWasCutTwice) {
  ASSERT_TRUE(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v1")).ok());
  Start("after-reload");
  EXPECT_TRUE(absl::IsCancelled(Turn(Decide(v1::DECISION_KIND_DEPLOY, "v2"))));
  Start("after-switched");
  EXPECT_TRUE(absl::IsCancelled(Turn(Decide(v1::DECISION_KIND_ROLLBACK, "v1"))));
  Start();
  const int before = CountHooks("reload serving");
  EXPECT_TRUE(TurnAgain().ok());
  EXPECT_EQ(CountHooks("reload serving"), before + 1) << "the server still has v2 in memory";
}

TEST_F(AgentTest, FollowsConvergesAndProvesByItselfUntilItIsStopped) {
  Decide(v1::DECISION_KIND_DEPLOY, "v1");
  Decide(v1::DECISION_KIND_CONTAIN);
  std::thread follow([&] { loop_->Follow(); });
  std::thread work([&] { EXPECT_TRUE(loop_->Work().ok()); });
  EXPECT_TRUE(control_.proved.WaitForNotificationWithTimeout(absl::Seconds(20)));
  loop_->Stop();
  follow.join();
  work.join();
  EXPECT_EQ(Served(), "contained");
  EXPECT_EQ(slot_->head().epoch.value, 2u);
  EXPECT_TRUE(slot_->folder().LoadStatus().ok());
}

TEST_F(AgentTest, BacksOffWithJitterAndALimit) {
  LoopOptions options;
  for (int failures = 1; failures < 40; ++failures) {
    const absl::Duration wait = BackoffAfter(failures, options, random_);
    EXPECT_GE(wait, options.retry_first / 2);
    EXPECT_LE(wait, options.retry_max);
  }
}

}  // namespace
}  // namespace firebreak
