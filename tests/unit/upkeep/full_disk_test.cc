// A disk that fills up at every write of a garbage collection, one after the other: a clean refusal, nothing needed is gone, and
// the next run finishes.
#include <gtest/gtest.h>

#include "firebreak/storage_wrap/faults.h"
#include "tests/support/upkeep_fixture.h"

namespace firebreak {
namespace {

using testing::DigestOf;
using testing::UpkeepFixture;
using testing::UpkeepProcess;

constexpr uint64_t kWritesMax = 50;   // far more than a collection of one snapshot needs

// A service with one snapshot to keep and a deleted one, on stores that may fail.
struct FullDisk {
  FullDisk() {
    kept = house.Push("kept", {{"a", "shared"}, {"b", "kept"}});
    gone = house.Push("gone", {{"a", "shared"}, {"b", "to be collected"}});
    EXPECT_TRUE(house.Delete("model/gone@1").ok());
    house.now.reset();
    house.base.ledger.reset();
    house.base.ledger = house.base.Open(meta);
    house.now = std::make_unique<UpkeepProcess>(*house.base.ledger, chunks, house.base.clock, *house.base.log);
  }
  ~FullDisk() {
    house.now.reset();
    house.base.ledger.reset();
  }
  void ExpectKeptWhole(uint64_t n) {
    EXPECT_TRUE(house.Lost().empty()) << n;
    const auto verified = house.now->vault.Verify(DigestOf(kept), house.caller.identity);
    ASSERT_TRUE(verified.ok()) << n << verified.status();
    EXPECT_TRUE(verified->intact()) << n;
  }
  bool Collected() const { return !house.disk.Get(Sha256("to be collected")).ok(); }

  UpkeepFixture house;
  FaultyMetaStore meta{house.base.store};
  FaultyChunkStore chunks{house.disk};
  v1::Snapshot kept, gone;
};

// Fails the n-th write of one store; answers whether the collection got that far.
bool FillsUpAt(uint64_t n, FaultPlan& (*plan_of)(FullDisk&)) {
  FullDisk world;
  FaultPlan& plan = plan_of(world);
  plan.FailAt(plan.count() + n, Fault::kDiskFull);
  const auto refused = world.house.Collect();
  if (refused.ok()) {
    EXPECT_TRUE(world.Collected());
    return false;
  }
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted) << n << refused.status();
  plan.Heal();
  world.ExpectKeptWhole(n);
  const auto finished = world.house.Collect();
  EXPECT_TRUE(finished.ok()) << n << finished.status();
  world.ExpectKeptWhole(n);
  EXPECT_TRUE(world.Collected()) << n;
  return true;
}

TEST(GarbageOnAFullDisk, IsRefusedAtEveryCommitAndFinishedLater) {
  uint64_t n = 1;
  while (n < kWritesMax && FillsUpAt(n, [](FullDisk& world) -> FaultPlan& { return world.meta.plan(); })) ++n;
  EXPECT_GT(n, 2u) << "a collection commits more than once";
  EXPECT_LT(n, kWritesMax);
}

TEST(GarbageOnAFullDisk, IsRefusedAtEveryDeletionAndFinishedLater) {
  uint64_t n = 1;
  while (n < kWritesMax && FillsUpAt(n, [](FullDisk& world) -> FaultPlan& { return world.chunks.writes(); })) ++n;
  EXPECT_GT(n, 1u);
  EXPECT_LT(n, kWritesMax);
}

}  // namespace
}  // namespace firebreak
