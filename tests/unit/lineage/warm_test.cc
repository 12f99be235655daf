// Reading every snapshot before anybody asks.
#include <gtest/gtest.h>

#include "firebreak/snapshots/lineage_index.h"
#include "firebreak/storage/keys/snapshots.h"
#include "tests/support/watched_store.h"
#include "tests/unit/lineage/lineage_fixture.h"

namespace firebreak {
namespace {

using testing::DeskFixture;
using testing::DigestOf;

TEST(Warm, LeavesNothingToReadForTheFirstQuestion) {
  DeskFixture fixture;
  const v1::Snapshot data = fixture.Add(v1::SNAPSHOT_KIND_DATASET, "claims");
  testing::WatchedStore watched(fixture.base.store);
  int lists = 0;
  watched.before_list = [&](std::string_view) { ++lists; };
  const std::unique_ptr<Ledger> ledger = fixture.base.Open(watched);
  LineageIndex index(*ledger);
  const auto question = [&] {
    return index.Read([&](const LineageGraph& graph) {
      return graph.Find(DigestOf(data)) ? absl::OkStatus() : absl::NotFoundError("not in the graph");
    });
  };
  std::atomic<bool> give_up{true};
  EXPECT_EQ(index.Warm(give_up).code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(question().ok()) << "given up is not forgotten for ever";

  LineageIndex warm(*ledger);
  give_up = false;
  ASSERT_TRUE(warm.Warm(give_up).ok());
  EXPECT_GT(lists, 0);
  lists = 0;
  ASSERT_TRUE(warm.Read([](const LineageGraph&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ(lists, 0);
}

}  // namespace
}  // namespace firebreak
