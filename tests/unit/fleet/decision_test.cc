#include "firebreak/fleet/decision.h"

#include <gtest/gtest.h>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"

namespace firebreak {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1767225600);

EcPrivateKey NewKey() { return *EcPrivateKey::Generate(EcCurve::kP256); }

v1::Release ReleaseOf(const std::string& model) {
  v1::Release release;
  release.set_model_digest(Sha256(model).text());
  release.set_model_name(model);
  release.set_digest(ReleaseDigest(release).text());
  return release;
}

DecisionWish WishFor(v1::DecisionKind kind, const std::string& model = "") {
  DecisionWish wish;
  wish.deployment = DeploymentName("fraud-prod");
  wish.kind = kind;
  wish.reason = "because";
  if (!model.empty()) wish.release = ReleaseOf(model);
  return wish;
}

struct State {
  const char* name;
  bool deployed;
  bool contained;
  bool frozen;
};

v1::Deployment DeploymentIn(const State& state) {
  v1::Deployment deployment;
  deployment.set_name("fraud-prod");
  if (state.deployed) {
    deployment.set_epoch(4);
    *deployment.mutable_wanted() = ReleaseOf("model/fraud@2");
  }
  deployment.set_contained(state.contained);
  deployment.set_frozen(state.frozen);
  return deployment;
}

TEST(NextDecision, AllowsExactlyTheLegalTransitions) {
  const State empty = {"empty", false, false, false};
  const State serving = {"serving", true, false, false};
  const State contained = {"contained", true, true, false};
  const State frozen = {"frozen", true, false, true};
  const State both = {"contained and frozen", true, true, true};
  struct Row {
    State state;
    v1::DecisionKind kind;
    bool legal;
  };
  const Row rows[] = {
      {empty, v1::DECISION_KIND_DEPLOY, true},       {empty, v1::DECISION_KIND_CONTAIN, false},
      {empty, v1::DECISION_KIND_RELEASE, false},     {empty, v1::DECISION_KIND_ROLLBACK, false},
      {empty, v1::DECISION_KIND_FREEZE, false},      {serving, v1::DECISION_KIND_DEPLOY, true},
      {serving, v1::DECISION_KIND_CONTAIN, true},    {serving, v1::DECISION_KIND_RELEASE, false},
      {serving, v1::DECISION_KIND_ROLLBACK, true},   {serving, v1::DECISION_KIND_FREEZE, true},
      {contained, v1::DECISION_KIND_DEPLOY, false},  {contained, v1::DECISION_KIND_CONTAIN, true},
      {contained, v1::DECISION_KIND_RELEASE, true},  {contained, v1::DECISION_KIND_ROLLBACK, true},
      {contained, v1::DECISION_KIND_FREEZE, true},   {frozen, v1::DECISION_KIND_DEPLOY, false},
      {frozen, v1::DECISION_KIND_CONTAIN, true},     {frozen, v1::DECISION_KIND_RELEASE, true},
      {frozen, v1::DECISION_KIND_ROLLBACK, true},    {frozen, v1::DECISION_KIND_FREEZE, true},
      {both, v1::DECISION_KIND_DEPLOY, false},       {both, v1::DECISION_KIND_RELEASE, true},
      {both, v1::DECISION_KIND_ROLLBACK, true},      {both, v1::DECISION_KIND_UNSPECIFIED, false},
  };
  for (const Row& row : rows) {
    const bool names_release = row.kind == v1::DECISION_KIND_DEPLOY || row.kind == v1::DECISION_KIND_ROLLBACK;
    const absl::StatusOr<v1::Decision> decision =
        NextDecision(DeploymentIn(row.state), WishFor(row.kind, names_release ? "model/fraud@1" : ""), kNow);
    EXPECT_EQ(decision.ok(), row.legal) << row.state.name << " " << v1::DecisionKind_Name(row.kind) << decision.status();
    if (row.kind != v1::DECISION_KIND_UNSPECIFIED && !row.legal) {
      EXPECT_TRUE(absl::IsFailedPrecondition(decision.status()));
      EXPECT_NE(decision.status().message().find("next:"), absl::string_view::npos) << decision.status();
    }
  }
}

TEST(NextDecision, RefusesARollbackToTheReleaseThatIsServed) {
  const auto decision = NextDecision(DeploymentIn({"", true, true, false}),
                                     WishFor(v1::DECISION_KIND_ROLLBACK, "model/fraud@2"), kNow);
  EXPECT_TRUE(absl::IsFailedPrecondition(decision.status()));
}

TEST(NextDecision, WantsAReasonAndARelease) {
  DecisionWish silent = WishFor(v1::DECISION_KIND_CONTAIN);
  silent.reason.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(NextDecision(DeploymentIn({"", true, false, false}), silent, kNow).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      NextDecision(DeploymentIn({"", true, false, false}), WishFor(v1::DECISION_KIND_DEPLOY), kNow).status()));
  DecisionWish mixed = WishFor(v1::DECISION_KIND_DEPLOY, "model/fraud@1");
  mixed.release->set_config_digest(Sha256("another config").text());
  EXPECT_TRUE(absl::IsInvalidArgument(NextDecision(DeploymentIn({"", true, false, false}), mixed, kNow).status()));
}

TEST(NextDecision, KeepsTheModelOutWhenAContainedDeploymentIsFrozen) {
  const auto decision = NextDecision(DeploymentIn({"", true, true, false}), WishFor(v1::DECISION_KIND_FREEZE), kNow);
  ASSERT_TRUE(decision.ok());
  EXPECT_FALSE(decision->has_release());
  EXPECT_TRUE(decision->frozen());
}

TEST(ReleaseDigest, CoversEveryPartAndNotTheOrderOfDatasets) {
  v1::Release release = ReleaseOf("model/fraud@1");
  const Digest alone = ReleaseDigest(release);
  release.add_dataset_digests(Sha256("b").text());
  release.add_dataset_digests(Sha256("a").text());
  const Digest two = ReleaseDigest(release);
  EXPECT_NE(alone, two);
  std::swap(*release.mutable_dataset_digests(0), *release.mutable_dataset_digests(1));
  EXPECT_EQ(two, ReleaseDigest(release));
  release.set_config_digest(Sha256("config").text());
  EXPECT_NE(two, ReleaseDigest(release));
}

class Chain : public ::testing::Test {
 protected:
  Chain() {
    deployment_.set_name("fraud-prod");
    first_ = Issue(WishFor(v1::DECISION_KIND_DEPLOY, "model/fraud@1"));
    second_ = Issue(WishFor(v1::DECISION_KIND_DEPLOY, "model/fraud@2"));
    third_ = Issue(WishFor(v1::DECISION_KIND_CONTAIN));
  }
  v1::IssuedDecision Issue(const DecisionWish& wish) {
    const v1::IssuedDecision issued = *SignDecision(key_, *NextDecision(deployment_, wish, kNow));
    ApplyDecision(deployment_, issued);
    return issued;
  }
  ChainHead HeadOf(const v1::IssuedDecision& issued) { return HeadAfter(issued.decision(), issued.envelope()); }
  ChainHead Start() { return {DeploymentName("fraud-prod"), Epoch{0}, ""}; }
  ChainFault Check(const ChainHead& head, const v1::Envelope& envelope) {
    const auto decision = CheckSuccessor(head, envelope, key_.public_key());
    return decision.ok() ? ChainFault::kNone : ChainFaultOf(decision.status());
  }

  EcPrivateKey key_ = NewKey();
  v1::Deployment deployment_;
  v1::IssuedDecision first_, second_, third_;
};

TEST_F(Chain, AcceptsExactlyTheSuccessor) {
  EXPECT_EQ(Check(Start(), first_.envelope()), ChainFault::kNone);
  EXPECT_EQ(Check(HeadOf(first_), second_.envelope()), ChainFault::kNone);
  EXPECT_EQ(Check(HeadOf(second_), third_.envelope()), ChainFault::kNone);
}

TEST_F(Chain, RefusesAReplayedDecision) {
  EXPECT_EQ(Check(HeadOf(third_), first_.envelope()), ChainFault::kReplayed);
  EXPECT_EQ(Check(HeadOf(third_), third_.envelope()), ChainFault::kReplayed);
}

TEST_F(Chain, RefusesASkippedDecision) { EXPECT_EQ(Check(HeadOf(first_), third_.envelope()), ChainFault::kSkipped); }

TEST_F(Chain, RefusesAForgedDecision) {
  const v1::IssuedDecision forged = *SignDecision(NewKey(), second_.decision());
  EXPECT_EQ(Check(HeadOf(first_), forged.envelope()), ChainFault::kForged);
  v1::Envelope altered = second_.envelope();
  altered.mutable_payload()->append(" ");
  EXPECT_EQ(Check(HeadOf(first_), altered), ChainFault::kForged);
  v1::Envelope wrong_type = second_.envelope();
  wrong_type.set_payload_type("application/vnd.firebreak.proof.v1+json");
  EXPECT_EQ(Check(HeadOf(first_), wrong_type), ChainFault::kForged);
  v1::Envelope twice = second_.envelope();
  *twice.add_signatures() = twice.signatures(0);
  EXPECT_EQ(Check(HeadOf(first_), twice), ChainFault::kForged);
}

TEST_F(Chain, RefusesADecisionForAnotherDeployment) {
  v1::Decision elsewhere = second_.decision();
  elsewhere.set_deployment("fraud-staging");
  EXPECT_EQ(Check(HeadOf(first_), SignDecision(key_, elsewhere)->envelope()), ChainFault::kWrongDeployment);
}

TEST_F(Chain, RefusesADecisionThatFollowsAnotherOne) {
  v1::Decision fork = second_.decision();
  fork.set_previous_digest(Sha256("another first").text());
  EXPECT_EQ(Check(HeadOf(first_), SignDecision(key_, fork)->envelope()), ChainFault::kBrokenChain);
  v1::Decision twin = second_.decision();
  twin.set_reason("a second decision of the same epoch");
  EXPECT_EQ(Check(HeadOf(second_), SignDecision(key_, twin)->envelope()), ChainFault::kBrokenChain);
}

TEST_F(Chain, KeepsTheHistoryThatRollbacksAreChosenFrom) {
  ASSERT_EQ(deployment_.history_size(), 2);
  EXPECT_FALSE(deployment_.history(0).removed_for_cause());
  EXPECT_TRUE(deployment_.history(1).removed_for_cause());
  EXPECT_TRUE(deployment_.contained());
  Issue(WishFor(v1::DECISION_KIND_ROLLBACK, "model/fraud@1"));
  EXPECT_FALSE(deployment_.contained());
  EXPECT_EQ(deployment_.wanted().model_name(), "model/fraud@1");
  ASSERT_EQ(deployment_.history_size(), 3);
  EXPECT_FALSE(deployment_.history(2).has_served_until());
}

TEST_F(Chain, AFalseAlarmNoLongerCountsAgainstTheRelease) {
  Issue(WishFor(v1::DECISION_KIND_RELEASE));
  for (const v1::ReleaseRecord& record : deployment_.history()) EXPECT_FALSE(record.removed_for_cause());
  EXPECT_FALSE(deployment_.contained());
}

}  // namespace
}  // namespace firebreak
