#include <gmock/gmock.h>

#include "firebreak/fleet/proof.h"
#include "tests/unit/fleet/fleet_fixture.h"

namespace firebreak {
namespace {

using firebreak::testing::CollectingSink;
using firebreak::testing::FleetTest;
using firebreak::testing::Must;
using firebreak::testing::NewKey;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const DeploymentName kProd("fraud-prod");

class Agents : public FleetTest {
 protected:
  void SetUp() override {
    Create();
    web1_ = Enrol("web-1", key1_);
  }
  std::unique_ptr<Subscription> Follow(const Caller& caller, std::shared_ptr<CollectingSink> sink, uint64_t epoch = 0) {
    v1::FollowRequest request;
    request.set_deployment("fraud-prod");
    request.set_epoch(epoch);
    return Must(desk_->Follow(caller, request, sink));
  }
  EcPrivateKey key1_ = NewKey(), key2_ = NewKey();
  Caller web1_;
};

TEST_F(Agents, AJoinTokenWorksOnceAndForAnHour) {
  v1::CreateJoinTokenRequest invite;
  invite.set_agent("web-2");
  invite.set_deployment("fraud-prod");
  v1::EnrolAgentRequest enrol;
  enrol.set_join_token(Must(desk_->CreateJoinToken(lead_, invite)).join_token());
  enrol.set_certificate_request_pem(Must(MakeCertificateRequest(key2_, "x")));
  ASSERT_TRUE(desk_->EnrolAgent(Caller(), enrol).ok());
  EXPECT_TRUE(desk_->EnrolAgent(Caller(), enrol).ok()) << "the same key may ask again: its answer was lost";
  enrol.set_certificate_request_pem(Must(MakeCertificateRequest(NewKey(), "x")));
  EXPECT_TRUE(absl::IsPermissionDenied(desk_->EnrolAgent(Caller(), enrol).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(desk_->CreateJoinToken(lead_, invite).status()));

  invite.set_agent("web-3");
  enrol.set_join_token(Must(desk_->CreateJoinToken(lead_, invite)).join_token());
  base_.clock.Advance(absl::Minutes(61));
  EXPECT_TRUE(absl::IsPermissionDenied(desk_->EnrolAgent(Caller(), enrol).status()));
  enrol.set_join_token("fbj_guessed");
  EXPECT_TRUE(absl::IsPermissionDenied(desk_->EnrolAgent(Caller(), enrol).status()));
}

TEST_F(Agents, TakesProofsOfTheEnrolledKeyOnly) {
  const v1::IssuedDecision issued = Deploy(1);
  EXPECT_TRUE(absl::IsDataLoss(Report(web1_, key2_, ProofOf("web-1", issued))));
  EXPECT_TRUE(absl::IsPermissionDenied(Report(lead_, key1_, ProofOf("web-1", issued))));
  EXPECT_TRUE(absl::IsPermissionDenied(Report(web1_, key1_, ProofOf("web-9", issued))));
  v1::ServingProof future = ProofOf("web-1", issued);
  future.set_epoch(9);
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(web1_, key1_, future)));
  v1::ServingProof other = ProofOf("web-1", issued);
  other.set_decision_digest(Sha256("another").text());
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(web1_, key1_, other)));
  EXPECT_TRUE(Report(web1_, key1_, ProofOf("web-1", issued)).ok());
  EXPECT_TRUE(Load().history(0).proven());
}

TEST_F(Agents, AProofThatSaysTheSameCostsNoCommit) {
  const v1::IssuedDecision issued = Deploy(1);
  ASSERT_TRUE(Report(web1_, key1_, ProofOf("web-1", issued)).ok());
  const uint64_t size = base_.ledger->size();
  base_.clock.Advance(absl::Minutes(5));
  v1::ServingProof again = ProofOf("web-1", issued);
  again.set_probe("42 ms");
  ASSERT_TRUE(Report(web1_, key1_, again).ok());
  EXPECT_EQ(base_.ledger->size(), size);
  EXPECT_EQ(FromProto(Load().agents(0).last_seen()), base_.clock.Now());
}

TEST_F(Agents, ProgressTellsProvenPendingDivergedAndAbsentApart) {
  const Caller web2 = Enrol("web-2", key2_);
  const EcPrivateKey key3 = NewKey();
  const Caller web3 = Enrol("web-3", key3);
  Enrol("web-4", NewKey());
  const v1::IssuedDecision issued = Deploy(1);
  base_.clock.Advance(absl::Minutes(1));
  auto sink = std::make_shared<CollectingSink>();
  const auto seat = Follow(web2, sink);
  ASSERT_TRUE(Report(web1_, key1_, ProofOf("web-1", issued)).ok());
  v1::ServingProof wrong = ProofOf("web-3", issued);
  wrong.set_snapshot_digest(DigestOf(3));
  ASSERT_TRUE(Report(web3, key3, wrong).ok());
  const ProofProgress progress = Must(desk_->Progress(kProd, Epoch{1}));
  EXPECT_THAT(progress.proven, ElementsAre("web-1"));
  EXPECT_THAT(progress.pending, ElementsAre("web-2"));
  EXPECT_THAT(progress.diverged, ElementsAre("web-3"));
  EXPECT_THAT(progress.absent, ElementsAre("web-4"));
  EXPECT_EQ(progress.snapshot, DigestOf(1));
  EXPECT_EQ(EntriesOf("agent.diverged"), 1u);
}

TEST_F(Agents, ARestartedControlPlaneDoesNotBelieveThatNobodyIsThere) {
  Deploy(1);
  EXPECT_THAT(Must(desk_->Progress(kProd, Epoch{1})).pending, ElementsAre("web-1"));
  base_.clock.Advance(absl::Seconds(16));
  EXPECT_THAT(Must(desk_->Progress(kProd, Epoch{1})).pending, IsEmpty());
}

TEST_F(Agents, MayOnlyFollowTheirOwnDeployment) {
  v1::CreateDeploymentRequest other;
  other.set_name("claims-prod");
  ASSERT_TRUE(desk_->CreateDeployment(lead_, other).ok());
  v1::FollowRequest request;
  request.set_deployment("claims-prod");
  EXPECT_TRUE(absl::IsPermissionDenied(desk_->Follow(web1_, request, std::make_shared<CollectingSink>()).status()));
  v1::GetDecisionChainRequest chain;
  chain.set_deployment("claims-prod");
  EXPECT_TRUE(absl::IsPermissionDenied(desk_->GetDecisionChain(web1_, chain).status()));
}

TEST_F(Agents, ARemovedAgentIsCutOffAtOnce) {
  const v1::IssuedDecision issued = Deploy(1);
  auto sink = std::make_shared<CollectingSink>();
  const auto seat = Follow(web1_, sink);
  v1::RemoveAgentRequest request;
  request.set_agent("web-1");
  request.set_reason("host was taken over");
  ASSERT_TRUE(desk_->RemoveAgent(lead_, request).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(sink->why()));
  EXPECT_TRUE(absl::IsPermissionDenied(Report(web1_, key1_, ProofOf("web-1", issued))));
  EXPECT_EQ(Load().agents_size(), 0);
  web1_ = Enrol("web-1", key2_);
  EXPECT_TRUE(Report(web1_, key2_, ProofOf("web-1", issued)).ok());
}

TEST_F(Agents, GetTheNewestDecisionAtOnceAndEachNewerOne) {
  Deploy(1);
  Deploy(2);
  auto sink = std::make_shared<CollectingSink>();
  const auto seat = Follow(web1_, sink);
  ASSERT_EQ(sink->events().size(), 1u);
  EXPECT_EQ(sink->events()[0].decision().decision().epoch(), 2u);
  EXPECT_TRUE(hub_->Connected(AgentName("web-1")));
  Contain();
  EXPECT_TRUE(sink->AwaitEpoch(3));
}

TEST_F(Agents, AreToldWhenThereIsNothingNewAndHearHeartbeats) {
  Deploy(1);
  auto sink = std::make_shared<CollectingSink>();
  const auto seat = Follow(web1_, sink, 1);
  ASSERT_EQ(sink->events().size(), 1u);
  EXPECT_FALSE(sink->events()[0].has_decision());
  base_.clock.Advance(absl::Seconds(5));
  EXPECT_TRUE(sink->AwaitEvents(2));
}

TEST_F(Agents, HearNothingAfterTheirSubscriptionEnded) {
  Deploy(1);
  auto sink = std::make_shared<CollectingSink>();
  auto other = std::make_shared<CollectingSink>();
  auto seat = Follow(web1_, sink);
  const auto other_seat = Follow(lead_, other);
  seat.reset();
  Contain();
  ASSERT_TRUE(other->AwaitEpoch(2));
  EXPECT_EQ(sink->events().size(), 1u);
  EXPECT_FALSE(hub_->Connected(AgentName("web-1")));
}

TEST_F(Agents, ManyHundredsFollowOneDecisionEach) {
  Deploy(1);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  std::vector<std::unique_ptr<Subscription>> seats;
  for (int i = 0; i < 300; ++i) {
    sinks.push_back(std::make_shared<CollectingSink>());
    seats.push_back(Follow(lead_, sinks.back()));
  }
  Contain();
  for (const auto& sink : sinks) EXPECT_TRUE(sink->AwaitEpoch(2));
}

TEST_F(Agents, FindASeatHoweverManyOnlyWatch) {
  AgentHubOptions options;
  options.followers_max = 4;
  options.watchers_max = 2;
  AgentHub hub(*base_.ledger, base_.clock, *base_.log, options);
  const auto follow = [&](const std::string& agent) {
    return hub.Follow(DeploymentName("fraud-prod"), AgentName(agent), Epoch{0}, std::make_shared<CollectingSink>());
  };
  auto first = Must(follow(""));
  const auto second = Must(follow(""));
  EXPECT_TRUE(absl::IsResourceExhausted(follow("").status()));
  const auto agent = Must(follow("web-1"));
  first.reset();
  EXPECT_TRUE(follow("").ok());
}

TEST(JudgeProof, BelievesOnlyWhatWasDecided) {
  v1::Decision serve;
  serve.mutable_release()->set_digest("sha256:r");
  serve.mutable_release()->set_model_digest("sha256:m");
  v1::ServingProof proof;
  proof.set_state(v1::SERVING_STATE_SERVING);
  proof.set_release_digest("sha256:r");
  proof.set_snapshot_digest("sha256:m");
  EXPECT_EQ(JudgeProof(serve, proof), ProofVerdict::kProven);
  EXPECT_EQ(JudgeProof(v1::Decision(), proof), ProofVerdict::kDiverged);
  proof.set_snapshot_digest("sha256:other");
  EXPECT_EQ(JudgeProof(serve, proof), ProofVerdict::kDiverged);
  proof.set_state(v1::SERVING_STATE_CONTAINED);
  EXPECT_EQ(JudgeProof(serve, proof), ProofVerdict::kDiverged);
  EXPECT_EQ(JudgeProof(v1::Decision(), proof), ProofVerdict::kProven);
  proof.set_error("no");
  EXPECT_EQ(JudgeProof(v1::Decision(), proof), ProofVerdict::kDiverged);
}

}  // namespace
}  // namespace firebreak
