// Records that were put back to an older state, and an agent that holds a later decision.
#include "tests/unit/fleet/fleet_fixture.h"

namespace firebreak::testing {
namespace {

class AdoptTest : public FleetTest {
 protected:
  // The folder as it was, put back.
  void PutBack(const MemoryMetaStore& copy) {
    desk_.reset();
    hub_.reset();
    base_.ledger.reset();
    base_.store.CopyFrom(copy);
    base_.ledger = base_.Open(base_.store);
    hub_ = std::make_unique<AgentHub>(*base_.ledger, base_.clock, *base_.log, AgentHubOptions());
    desk_ = std::make_unique<FleetDesk>(*base_.ledger, *hub_, base_.clock, random_, *base_.log, authority_, decision_key_, View());
  }
  absl::Status Adopt(const v1::Envelope& head) { return desk_->AdoptHead(AgentName("a1"), DeploymentName("fraud-prod"), head); }
};

TEST_F(AdoptTest, TheNextDecisionContinuesTheChainTheAgentsHold) {
  Create();
  Deploy(1);
  MemoryMetaStore copy;
  copy.CopyFrom(base_.store);
  Deploy(2);
  const v1::IssuedDecision lost = Contain();
  ASSERT_EQ(lost.decision().epoch(), 3u);
  PutBack(copy);
  ASSERT_EQ(Load().epoch(), 1u);
  ASSERT_TRUE(Adopt(lost.envelope()).ok());
  EXPECT_EQ(Load().epoch(), 3u);
  EXPECT_TRUE(Load().contained());
  EXPECT_EQ(EntriesOf("decision.adopted"), 1u);
  ASSERT_TRUE(Adopt(lost.envelope()).ok());
  EXPECT_EQ(EntriesOf("decision.adopted"), 1u) << "told again, it is known";
  v1::ReleaseContainmentRequest lift;
  lift.set_deployment("fraud-prod");
  lift.set_reason("a false alarm");
  const v1::IssuedDecision next = Must(desk_->ReleaseContainment(lead_, lift)).decision();
  const ChainHead held = HeadAfter(lost.decision(), lost.envelope());
  EXPECT_TRUE(CheckSuccessor(held, next.envelope(), desk_->decision_key()).ok());
}

TEST_F(AdoptTest, ALostDecisionNeverLiftsAContainmentAndNeverForksTheChain) {
  Create();
  Deploy(1);
  MemoryMetaStore copy;
  copy.CopyFrom(base_.store);
  const v1::IssuedDecision second = Deploy(2);
  const v1::IssuedDecision third = Deploy(1);
  PutBack(copy);
  Contain();
  EXPECT_TRUE(absl::IsFailedPrecondition(Adopt(third.envelope())));
  EXPECT_TRUE(Load().contained());
  EXPECT_EQ(Load().epoch(), 2u);
  PutBack(copy);
  base_.clock.Advance(absl::Minutes(1));
  Deploy(2);
  EXPECT_NE(Load().last_decision_digest(), second.digest()) << "the same number, another decision";
  EXPECT_TRUE(absl::IsFailedPrecondition(Adopt(third.envelope())));
  EXPECT_EQ(EntriesOf("decision.adopted"), 0u);
}

TEST_F(AdoptTest, OnlyWhatThisFleetSignedForThisDeploymentIsTaken) {
  Create();
  const v1::IssuedDecision first = Deploy(1);
  v1::Decision forged = first.decision();
  forged.set_epoch(9);
  EXPECT_FALSE(Adopt(Must(SignDecision(NewKey(), forged)).envelope()).ok());
  forged.set_deployment("other");
  EXPECT_FALSE(Adopt(Must(SignDecision(decision_key_, forged)).envelope()).ok());
  EXPECT_TRUE(Adopt(v1::Envelope()).ok());   // nothing was ever decided there
  EXPECT_TRUE(Adopt(first.envelope()).ok());
  EXPECT_EQ(Load().epoch(), 1u);
}

}  // namespace
}  // namespace firebreak::testing
