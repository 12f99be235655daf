#include "firebreak/fleet/fleet_desk.h"

#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/fleet/fleet_fixture.h"

namespace firebreak {
namespace {

using firebreak::testing::FleetTest;
using firebreak::testing::Must;
using firebreak::testing::NewKey;
using ::testing::HasSubstr;

const DeploymentName kProd("fraud-prod");

TEST_F(FleetTest, IssuesAChainThatAFollowerAccepts) {
  Create();
  Deploy(1);
  Deploy(2);
  Contain();
  ChainHead head = {kProd, Epoch{0}, ""};
  v1::GetDecisionChainRequest request;
  request.set_deployment("fraud-prod");
  const auto chain = Must(desk_->GetDecisionChain(lead_, request));
  ASSERT_EQ(chain.envelopes_size(), 3);
  for (const v1::Envelope& envelope : chain.envelopes()) {
    head = HeadAfter(Must(CheckSuccessor(head, envelope, desk_->decision_key())), envelope);
  }
  EXPECT_EQ(head.epoch.value, 3u);
  EXPECT_EQ(EntriesOf("decision.issued"), 3u);
}

TEST_F(FleetTest, NamesTheNearestDeployment) {
  Create();
  v1::GetDeploymentRequest request;
  request.set_name("fraud-prd");
  const absl::Status status = desk_->GetDeployment(lead_, request).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("fraud-prod"));
}

TEST_F(FleetTest, RefusesToDeployWhatAGateFailsOn) {
  Create();
  for (const std::string gate : {"signature", "intact", "quarantine", "lineage"}) {
    for (const v1::GateVerdict verdict : {v1::GATE_VERDICT_FAIL, v1::GATE_VERDICT_UNKNOWN}) {
      failing_ = {{{DigestOf(1), gate}, verdict}};
      const absl::Status status = desk_->Deploy(lead_, DeployOf(1)).status();
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(StrCat(gate, " says no")));
    }
  }
  EXPECT_EQ(Load().epoch(), 0u);
}

TEST_F(FleetTest, ChecksGatesOnTheCallersThreadAlsoAfterALostRace) {
  Create();
  const std::thread::id here = std::this_thread::get_id();
  int checks = 0;
  while_gates_are_checked_ = [&] {
    EXPECT_EQ(std::this_thread::get_id(), here) << "nobody can commit while gates are checked on the committer's thread";
    if (++checks == 1) Deploy(2);   // wins the race
  };
  Deploy(1);
  EXPECT_EQ(Load().epoch(), 2u);
  EXPECT_EQ(checks, 3) << "twice for the loser";
}

TEST_F(FleetTest, ADryRunSignsAndWritesNothing) {
  Create();
  Deploy(1);
  v1::ContainRequest request;
  request.set_deployment("fraud-prod");
  request.set_reason("only looking");
  request.set_validate_only(true);
  const auto response = Must(desk_->Contain(lead_, request));
  EXPECT_EQ(response.decision().decision().epoch(), 2u);
  EXPECT_FALSE(response.decision().has_envelope());
  EXPECT_TRUE(response.deployment().contained());
  EXPECT_EQ(Load().epoch(), 1u);
}

TEST_F(FleetTest, TheSameRequestIdAnswersTheSameDecision) {
  Create();
  v1::DeployRequest request = DeployOf(1);
  request.set_request_id("r-1");
  const auto first = Must(desk_->Deploy(lead_, request));
  const auto again = Must(desk_->Deploy(lead_, request));
  EXPECT_EQ(first.decision().digest(), again.decision().digest());
  EXPECT_EQ(Load().epoch(), 1u);
  request.set_reason("another reason");
  EXPECT_TRUE(absl::IsAlreadyExists(desk_->Deploy(lead_, request).status()));
  Caller bob;
  bob.identity = Identity("bob");
  EXPECT_EQ(Must(desk_->Deploy(bob, request)).decision().decision().epoch(), 2u);
}

TEST_F(FleetTest, TheSameEffectIdNeverIssuesTwice) {
  Create();
  Deploy(1);
  DecisionWish wish;
  wish.deployment = kProd;
  wish.kind = v1::DECISION_KIND_CONTAIN;
  wish.reason = "run";
  wish.effect_id = EffectId("0123456789abcdef0123456789abcdef");
  wish.decided_by = Identity("firebreak");
  v1::IssuedDecision first, again;
  const auto issue = [&](v1::IssuedDecision& into) {
    return base_.ledger->Transact([&](Draft& draft) -> absl::Status {
      ASSIGN_OR_RETURN(into, desk_->AddDecision(draft, wish));
      if (draft.entries().empty()) draft.Record(firebreak::testing::TestEntry());
      return absl::OkStatus();
    });
  };
  ASSERT_TRUE(issue(first).ok());
  ASSERT_TRUE(issue(again).ok());
  EXPECT_EQ(first.digest(), again.digest());
  EXPECT_EQ(Load().epoch(), 2u);
  EXPECT_EQ(EntriesOf("decision.issued"), 2u);
  wish.kind = v1::DECISION_KIND_FREEZE;
  EXPECT_TRUE(absl::IsAlreadyExists(issue(again).status()));
}

TEST_F(FleetTest, RefusesToDeployWhileContainedOrFrozen) {
  Create();
  Deploy(1);
  Contain();
  EXPECT_TRUE(absl::IsFailedPrecondition(desk_->Deploy(lead_, DeployOf(2)).status()));
}

TEST_F(FleetTest, RefusesToLiftAContainmentOfAQuarantinedModel) {
  Create();
  Deploy(1);
  Contain();
  failing_ = {{{DigestOf(1), "quarantine"}, v1::GATE_VERDICT_FAIL}};
  v1::ReleaseContainmentRequest request;
  request.set_deployment("fraud-prod");
  request.set_reason("false alarm");
  EXPECT_TRUE(absl::IsFailedPrecondition(desk_->ReleaseContainment(lead_, request).status()));
  failing_.clear();
  EXPECT_FALSE(Must(desk_->ReleaseContainment(lead_, request)).deployment().contained());
}

class Rollback : public FleetTest {
 protected:
  // v1 served and proven, v2 deployed, then contained.
  void SetUp() override {
    Create();
    agent_ = Enrol("web-1", key_);
    ASSERT_TRUE(Report(agent_, key_, ProofOf("web-1", Deploy(1))).ok());
    Deploy(2);
    Contain();
  }
  v1::RollBackRequest RequestFor(const v1::RollbackPlan& plan) {
    v1::RollBackRequest request;
    request.set_deployment("fraud-prod");
    request.set_plan_digest(plan.digest());
    request.set_reason("restore");
    return request;
  }
  EcPrivateKey key_ = NewKey();
  Caller agent_;
};

TEST_F(Rollback, GoesToTheNewestKnownGoodRelease) {
  const v1::RollbackPlan plan = Must(desk_->MakePlan(kProd, ""));
  EXPECT_EQ(plan.target().model_name(), "model/fraud@1");
  EXPECT_EQ(plan.digest(), Must(desk_->MakePlan(kProd, "")).digest());
  const auto response = Must(desk_->RollBack(lead_, RequestFor(plan)));
  EXPECT_EQ(response.decision().decision().kind(), v1::DECISION_KIND_ROLLBACK);
  EXPECT_EQ(response.decision().decision().epoch(), 4u);
  EXPECT_FALSE(response.deployment().contained());
}

TEST_F(Rollback, RefusesAReleaseNobodyProved) {
  Must(desk_->RollBack(lead_, RequestFor(Must(desk_->MakePlan(kProd, "")))));
  Deploy(3);
  Deploy(1);
  // v3 served in between, unproven; v2 was taken out for cause.
  const v1::RollbackPlan plan = Must(desk_->MakePlan(kProd, ""));
  EXPECT_FALSE(plan.has_target());
  ASSERT_EQ(plan.candidates_size(), 2);
  EXPECT_EQ(plan.candidates(0).release().model_name(), "model/fraud@3");
  for (const v1::RollbackCandidate& candidate : plan.candidates()) EXPECT_FALSE(candidate.eligible());
  EXPECT_TRUE(absl::IsFailedPrecondition(desk_->RollBack(lead_, RequestFor(plan)).status()));
}

TEST_F(Rollback, AnUnknownGateCountsAsFailed) {
  failing_ = {{{DigestOf(1), "lineage"}, v1::GATE_VERDICT_UNKNOWN}};
  EXPECT_FALSE(Must(desk_->MakePlan(kProd, "")).has_target());
}

TEST_F(Rollback, ChecksThatCallersCanUseTheOlderSchema) {
  (*snapshots_["model/fraud@2"].mutable_labels())["schema"] = "v2";
  EXPECT_FALSE(Must(desk_->MakePlan(kProd, "")).has_target());
  (*snapshots_["model/fraud@1"].mutable_labels())["schema"] = "v1";
  EXPECT_FALSE(Must(desk_->MakePlan(kProd, "")).has_target());
  (*snapshots_["model/fraud@1"].mutable_labels())["schema"] = "v2";
  EXPECT_TRUE(Must(desk_->MakePlan(kProd, "")).has_target());
}

TEST_F(Rollback, APlanIsVoidOnceAnythingItWasMadeFromChanged) {
  const v1::RollbackPlan plan = Must(desk_->MakePlan(kProd, ""));
  failing_ = {{{DigestOf(1), "quarantine"}, v1::GATE_VERDICT_FAIL}};
  EXPECT_TRUE(absl::IsAborted(desk_->RollBack(lead_, RequestFor(plan)).status()));
  failing_.clear();
  Contain();   // another epoch
  EXPECT_TRUE(absl::IsAborted(desk_->RollBack(lead_, RequestFor(plan)).status()));
  EXPECT_EQ(Load().epoch(), 4u);
}

TEST_F(Rollback, TheSameEffectAnswersItsDecisionAlthoughThePlanIsSpent) {
  v1::RollBackRequest request = RequestFor(Must(desk_->MakePlan(kProd, "")));
  request.set_request_id("once");
  const auto first = Must(desk_->RollBack(lead_, request));
  const auto again = Must(desk_->RollBack(lead_, request));
  EXPECT_EQ(first.decision().digest(), again.decision().digest());
  EXPECT_EQ(Load().epoch(), 4u);
}

TEST_F(Rollback, NamesWhatCanBeChosen) {
  EXPECT_EQ(Must(desk_->MakePlan(kProd, "model/fraud@1")).target().model_name(), "model/fraud@1");
  const absl::Status status = desk_->MakePlan(kProd, "model/fraud@3").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("model/fraud@1"));
}

TEST_F(Rollback, KnowsWhereASnapshotServes) {
  const auto serving = Must(desk_->DeploymentsServing(Must(Digest::Parse(DigestOf(2)))));
  ASSERT_EQ(serving.size(), 1u);
  EXPECT_EQ(serving[0], kProd);
  EXPECT_TRUE(Must(desk_->DeploymentsServing(Must(Digest::Parse(DigestOf(1))))).empty());
}

}  // namespace
}  // namespace firebreak
