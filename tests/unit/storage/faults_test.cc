#include "firebreak/storage_wrap/faults.h"

#include <string>
#include <vector>

#include "firebreak/storage_memory/memory_chunk_store.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "gtest/gtest.h"

namespace firebreak {
namespace {

class FaultyMeta : public ::testing::Test {
 protected:
  absl::StatusCode Put(const std::string& key) { return store_.Commit({.puts = {{key, "1"}}}).status().code(); }
  bool Has(const std::string& key) { return inner_.Get(key)->has_value(); }

  MemoryMetaStore inner_;
  FaultyMetaStore store_{inner_};
};

TEST_F(FaultyMeta, FailsExactlyThePlannedCommits) {
  store_.plan().FailAt(2, Fault::kLost);
  store_.plan().FailAt(3, Fault::kDoneButUnavailable);
  store_.plan().FailAt(4, Fault::kDiskFull);
  EXPECT_EQ(Put("a"), absl::StatusCode::kOk);
  EXPECT_EQ(Put("b"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Put("c"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Put("d"), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Put("e"), absl::StatusCode::kOk);
  EXPECT_TRUE(Has("a"));
  EXPECT_FALSE(Has("b"));
  EXPECT_TRUE(Has("c")) << "committed, but reported unavailable";
  EXPECT_FALSE(Has("d"));
  EXPECT_EQ(store_.commits(), 5u);
  EXPECT_EQ(store_.committed(), 3u);
}

TEST_F(FaultyMeta, DiesBeforeOrAfterACommitAndStaysDeadUntilRestarted) {
  store_.plan().FailAt(1, Fault::kStopBefore);
  store_.plan().FailAt(2, Fault::kStopAfter);
  EXPECT_EQ(Put("before"), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(store_.stopped());
  EXPECT_EQ(Put("dead"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_.Get("x").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_.List("", "", 9).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_.commits(), 1u) << "a dead process makes no commits";
  store_.Restart();
  EXPECT_EQ(Put("after"), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(store_.stopped());
  store_.Restart();
  EXPECT_FALSE(Has("before"));
  EXPECT_FALSE(Has("dead"));
  EXPECT_TRUE(Has("after"));
}

TEST_F(FaultyMeta, TellsTheHookEachCommitBeforeItsFateIsDecided) {
  std::vector<uint64_t> heard;
  store_.OnCommit([&](uint64_t n, const Change& change) {
    heard.push_back(n);
    if (change.puts[0].first == "poison") store_.plan().FailAt(n, Fault::kStopBefore);
  });
  EXPECT_EQ(Put("a"), absl::StatusCode::kOk);
  EXPECT_EQ(Put("poison"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(heard, (std::vector<uint64_t>{1, 2}));
  EXPECT_FALSE(Has("poison"));
}

TEST_F(FaultyMeta, MeetsTheSameRandomFaultsForTheSameSeed) {
  auto fates = [](uint64_t seed) {
    MemoryMetaStore inner;
    FaultyMetaStore store(inner);
    store.plan().FailRandomly(seed, {.lost = 0.2, .done_but_unavailable = 0.2, .disk_full = 0.1});
    std::string letters;
    for (int i = 0; i < 200; ++i) {
      const uint64_t before = store.committed();
      const auto code = store.Commit({.puts = {{"k" + std::to_string(i), ""}}}).status().code();
      const bool written = store.committed() > before;
      if (code == absl::StatusCode::kOk) letters += '.';
      if (code == absl::StatusCode::kResourceExhausted) letters += 'F';
      if (code == absl::StatusCode::kUnavailable) letters += written ? 'D' : 'L';
    }
    return letters;
  };
  const std::string first = fates(7);
  EXPECT_EQ(first, fates(7));
  EXPECT_NE(first, fates(8));
  for (char kind : std::string(".FDL")) EXPECT_NE(first.find(kind), std::string::npos) << kind;
}

TEST_F(FaultyMeta, DoesNotHideARefusalOfTheRealStore) {
  store_.plan().FailAt(1, Fault::kDoneButUnavailable);
  EXPECT_EQ(store_.Commit({.expects = {{"a", 9}}, .puts = {{"a", "1"}}}).status().code(), absl::StatusCode::kAborted);
}

TEST(FaultyChunks, FailsPlannedWritesAndSyncsAndDamagesChunks) {
  const Digest a = Digest::FromRaw(std::string(32, 'a'));
  MemoryChunkStore inner;
  FaultyChunkStore store(inner);
  store.writes().FailAt(1, Fault::kDiskFull);
  store.syncs().FailAt(1, Fault::kLost);
  EXPECT_EQ(store.Put({{a, "x"}}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(store.Missing({a})->size(), 1u);
  EXPECT_TRUE(store.Put({{a, "x"}}).ok());
  EXPECT_EQ(store.Sync().code(), absl::StatusCode::kUnavailable);
  store.Damage(a);
  EXPECT_EQ(store.Get(a).status().code(), absl::StatusCode::kDataLoss);
  inner.ForgetUnsynced();
  EXPECT_EQ(inner.Get(a).status().code(), absl::StatusCode::kNotFound)
      << "the sync was lost, so the power cut takes it";
}

}  // namespace
}  // namespace firebreak
