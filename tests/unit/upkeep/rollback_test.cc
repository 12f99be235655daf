#include "firebreak/upkeep/rollback_guard.h"

#include <map>

#include "firebreak/ledger/entries.h"
#include "firebreak/upkeep/quota_desk.h"
#include "gtest/gtest.h"
#include "tests/support/upkeep_fixture.h"

namespace firebreak::testing {
namespace {

// Files outside the store, in memory.
struct Outside {
  std::map<std::string, std::string> files;
  Witness Make(const std::string& name) {
    Witness witness;
    witness.name = name;
    witness.read = [this, name]() -> absl::StatusOr<std::string> {
      auto file = files.find(name);
      if (file == files.end()) return absl::NotFoundError(name);
      return file->second;
    };
    witness.write = [this, name](std::string_view note) {
      files[name] = std::string(note);
      return absl::OkStatus();
    };
    return witness;
  }
};

struct RollbackTest : ::testing::Test {
  LedgerFixture base;
  Outside outside;
  MemoryMetaStore copy;
  std::unique_ptr<RollbackGuard> guard = Make();

  std::unique_ptr<RollbackGuard> Make() {
    return std::make_unique<RollbackGuard>(*base.ledger, base.clock, *base.log, std::vector<Witness>{outside.Make("witness")},
                                           outside.Make("presented"));
  }
  absl::Status Record() {
    return base.ledger->Transact([](Draft& draft) {
      draft.Record(TestEntry());
      return absl::OkStatus();
    }).status();
  }
  void Grow(int entries) {
    for (int i = 0; i < entries; ++i) ASSERT_TRUE(Record().ok());
    ASSERT_TRUE(guard->WriteWitnesses().ok());
  }
  void Restart() {
    guard.reset();
    base.Restart();
    guard = Make();
    ASSERT_TRUE(guard->CheckWitnesses().ok());
  }
  // The folder as it was, put back.
  void PutBack() {
    base.ledger.reset();
    base.store.CopyFrom(copy);
  }
};

TEST_F(RollbackTest, ALogThatOnlyGrewIsServed) {
  Grow(3);
  ASSERT_TRUE(Record().ok());   // not witnessed yet
  Restart();
  EXPECT_TRUE(base.ledger->refusal().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(guard->Accept(Identity("bob"), "for fun")));
}

TEST_F(RollbackTest, RecordsPutBackAreRefusedUntilSomebodyDecides) {
  Grow(3);
  copy.CopyFrom(base.store);
  Grow(4);
  PutBack();
  Restart();
  const absl::Status refusal = base.ledger->refusal();
  EXPECT_TRUE(absl::IsFailedPrecondition(refusal));
  EXPECT_NE(refusal.message().find("has 3 entries"), absl::string_view::npos) << refusal;
  EXPECT_NE(refusal.message().find("witness holds a signed checkpoint over 7"), absl::string_view::npos) << refusal;
  EXPECT_EQ(Record(), refusal);
  EXPECT_TRUE(LoadEntry(base.store, 2).ok());          // reads go on
  EXPECT_TRUE(guard->WriteWitnesses().ok());           // and nothing hides the newer checkpoint
  Restart();
  EXPECT_FALSE(base.ledger->refusal().ok());
  EXPECT_FALSE(guard->Accept(Identity("bob"), "").ok());
  ASSERT_TRUE(guard->Accept(Identity("bob"), "the disk is lost, the backup is all there is").ok());
  EXPECT_TRUE(Record().ok());
  EXPECT_EQ(LoadEntry(base.store, 3)->action(), "rollback.accepted");
  EXPECT_EQ(LoadEntry(base.store, 3)->facts().at("lost_size"), "7");
  Grow(1);
  Restart();
  EXPECT_TRUE(base.ledger->refusal().ok());
}

TEST_F(RollbackTest, AForkOfTheSameLengthIsRefusedToo) {
  Grow(3);
  copy.CopyFrom(base.store);
  Grow(2);
  PutBack();
  base.ledger = base.Open(base.store);
  base.clock.Advance(absl::Hours(1));
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(Record().ok());   // as if nobody had looked
  Restart();
  EXPECT_NE(base.ledger->refusal().message().find("are others than"), absl::string_view::npos) << base.ledger->refusal();
}

TEST_F(RollbackTest, AnAgentThatSawMoreIsEnoughAndIsNotForgotten) {
  Grow(3);
  copy.CopyFrom(base.store);
  Grow(4);
  const std::string seen = outside.files["witness"];
  Grow(2);
  const std::string newer = outside.files["witness"];
  outside.files.clear();   // the whole folder was put back
  PutBack();
  Restart();
  EXPECT_TRUE(base.ledger->refusal().ok());
  guard->CheckPresented(AgentName("a1"), "rubbish");
  EXPECT_TRUE(base.ledger->refusal().ok());
  guard->CheckPresented(AgentName("a1"), seen);
  EXPECT_NE(base.ledger->refusal().message().find("agent a1 holds"), absl::string_view::npos) << base.ledger->refusal();
  Restart();
  EXPECT_FALSE(base.ledger->refusal().ok()) << "forgotten by a restart";
  ASSERT_TRUE(guard->Accept(Identity("bob"), "decided").ok());
  guard->CheckPresented(AgentName("a2"), seen);   // known to be lost
  EXPECT_TRUE(base.ledger->refusal().ok());
  guard->CheckPresented(AgentName("a3"), newer);  // more was lost than was decided about
  EXPECT_FALSE(base.ledger->refusal().ok());
}

TEST_F(RollbackTest, ACheckpointOfAnotherKeyStopsNobody) {
  Grow(3);
  LedgerFixture other;
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(other.ledger->Transact([](Draft& draft) {
      draft.Record(TestEntry());
      return absl::OkStatus();
    }).ok());
  }
  guard->CheckPresented(AgentName("a1"), *other.ledger->SignCheckpoint());
  EXPECT_TRUE(base.ledger->refusal().ok());
}

TEST(Quota, RefusesWithTheNumbersAtTheStartAndInTheMiddle) {
  UpkeepFixture house;
  QuotaDesk quotas(*house.base.ledger, house.base.clock);
  house.now->vault.SetPushLimit([&](const PushLoad& load) { return quotas.CheckPush(load); });
  v1::SetQuotaRequest set;
  set.set_pattern("model/fraud*");
  set.set_versions_max(2);
  set.set_bytes_max(100);
  set.set_reason("small disk");
  ASSERT_TRUE(quotas.SetQuota(house.caller, set).ok());
  house.Push("fraud-a", {{"w", std::string(60, 'a')}});
  auto refused = house.PushOnly(house.Options({{"w", std::string(50, 'b')}}, "fraud-b"));
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_NE(refused.status().message().find("allows 100 bytes and holds 60; this push brings 50"), absl::string_view::npos);
  EXPECT_FALSE(house.disk.Get(Sha256(std::string(50, 'b'))).ok());   // refused before it was stored
  house.Push("other", {{"w", std::string(500, 'c')}});
  house.Push("fraud-b", {{"w", "small"}});
  refused = house.PushOnly(house.Options({{"w", "tiny"}}, "fraud-c"));
  EXPECT_NE(refused.status().message().find("allows 2 versions and holds 2"), absl::string_view::npos) << refused.status();
  ASSERT_TRUE(house.Delete("model/fraud-a@1").ok());
  house.Push("fraud-c", {{"w", "tiny"}});
  EXPECT_EQ(quotas.ListQuotas(house.caller, {})->quotas(0).versions_used(), 2u);
  for (const char* bad : {"", "a*b", "**x", "A/*", "model fraud"}) {
    EXPECT_FALSE(CheckQuotaPattern(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace firebreak::testing
