// What every ChunkStore promises, asked of every engine.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/storage/engines.h"

namespace firebreak::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Stores do not hash, so any 32 bytes name a chunk here.
Digest Named(char c) { return Digest::FromRaw(std::string(32, c)); }

class ChunkStoreContract : public ::testing::TestWithParam<EngineMaker> {
 protected:
  ChunkStore& store() { return engine_->chunks(); }
  std::string MustGet(const Digest& digest) {
    auto bytes = store().Get(digest);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or("");
  }
  std::vector<Digest> MustMiss(const std::vector<Digest>& digests) {
    auto missing = store().Missing(digests);
    EXPECT_TRUE(missing.ok()) << missing.status();
    return missing.value_or(std::vector<Digest>());
  }

  const std::string big_ = std::string(1 << 20, 'b') + '\0' + "end";
  std::unique_ptr<Engine> engine_ = GetParam().make();
};

TEST_P(ChunkStoreContract, ShowsAChunkAtOnceAndAfterSync) {
  ASSERT_TRUE(store().Put({{Named('a'), "small"}, {Named('b'), big_}, {Named('e'), ""}}).ok());
  EXPECT_EQ(MustGet(Named('a')), "small");
  ASSERT_TRUE(store().Sync().ok());
  EXPECT_EQ(MustGet(Named('a')), "small");
  EXPECT_EQ(MustGet(Named('b')), big_);
  EXPECT_EQ(MustGet(Named('e')), "") << "an empty chunk is a chunk";
}

TEST_P(ChunkStoreContract, NamesTheDigestOfAChunkThatIsNotThere) {
  const auto missing = store().Get(Named('z'));
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(missing.status().ToString(), HasSubstr(Named('z').text()));
}

TEST_P(ChunkStoreContract, AnswersWhatIsMissingInTheOrderAsked) {
  ASSERT_TRUE(store().Put({{Named('b'), "x"}, {Named('e'), ""}}).ok());
  EXPECT_THAT(MustMiss({Named('c'), Named('b'), Named('e'), Named('a')}), ElementsAre(Named('c'), Named('a')));
  ASSERT_TRUE(store().Sync().ok());
  EXPECT_THAT(MustMiss({Named('b')}), IsEmpty());
  EXPECT_THAT(MustMiss({}), IsEmpty());
}

TEST_P(ChunkStoreContract, TakesTheSameChunkTwiceInOneCallAndAgainLater) {
  ASSERT_TRUE(store().Put({{Named('a'), "same"}, {Named('a'), "same"}}).ok());
  ASSERT_TRUE(store().Put({{Named('a'), "same"}}).ok());
  ASSERT_TRUE(store().Sync().ok());
  ASSERT_TRUE(store().Put({{Named('a'), "same"}}).ok());
  EXPECT_EQ(MustGet(Named('a')), "same");
}

TEST_P(ChunkStoreContract, KeepsTheFirstBytesUnderADigest) {
  ASSERT_TRUE(store().Put({{Named('a'), "first"}}).ok());
  ASSERT_TRUE(store().Put({{Named('a'), "other"}}).ok());
  EXPECT_EQ(MustGet(Named('a')), "first");
}

TEST_P(ChunkStoreContract, ReadsSeveralAtOnce) {
  ASSERT_TRUE(store().Put({{Named('a'), "small"}, {Named('b'), big_}}).ok());
  ASSERT_TRUE(store().Sync().ok());
  const auto both = store().GetMany({Named('b'), Named('a')}, 2 * big_.size());
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_THAT(*both, ElementsAre(big_, "small"));
  EXPECT_EQ(store().GetMany({Named('b')}, 1000).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(store().GetMany({Named('z')}, 1000).status().code(), absl::StatusCode::kNotFound);
}

TEST_P(ChunkStoreContract, ReadsHundredsAtOnceAndNamesTheOneThatIsNotThere) {
  std::vector<Digest> digests;
  std::vector<std::string> wanted;
  for (int i = 0; i < 700; ++i) {
    std::string raw(32, 'h');
    raw[0] = static_cast<char>(i / 100);
    raw[31] = static_cast<char>(i % 100);
    digests.push_back(Digest::FromRaw(raw));
    wanted.push_back(std::string(static_cast<size_t>(i), 'x') + std::to_string(i));
  }
  const Digest absent = digests[555];
  for (size_t i = 0; i < digests.size(); ++i) {
    if (i == 555) continue;
    ASSERT_TRUE(store().Put({{digests[i], wanted[i]}}).ok());
  }
  ASSERT_TRUE(store().Sync().ok());
  EXPECT_THAT(MustMiss(digests), ElementsAre(absent));
  const auto refused = store().GetMany(digests, size_t{1} << 20);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(refused.status().ToString(), HasSubstr(absent.text()));
  ASSERT_TRUE(store().Put({{absent, wanted[555]}}).ok());
  EXPECT_THAT(MustMiss(digests), IsEmpty());
  const auto all = store().GetMany(digests, size_t{1} << 20);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(*all, wanted);
  EXPECT_EQ(store().GetMany(digests, 100'000).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_P(ChunkStoreContract, DeletesAndTakesTheChunkAgain) {
  ASSERT_TRUE(store().Put({{Named('a'), big_}, {Named('b'), "stays"}}).ok());
  ASSERT_TRUE(store().Sync().ok());
  ASSERT_TRUE(store().Delete({Named('a'), Named('z')}).ok());
  EXPECT_FALSE(store().Get(Named('a')).ok());
  EXPECT_THAT(MustMiss({Named('a'), Named('b')}), ElementsAre(Named('a')));
  ASSERT_TRUE(store().Put({{Named('a'), big_}}).ok());
  EXPECT_EQ(MustGet(Named('a')), big_);
}

TEST_P(ChunkStoreContract, AcceptsEmptyCalls) {
  EXPECT_TRUE(store().Put({}).ok());
  EXPECT_TRUE(store().Delete({}).ok());
  EXPECT_TRUE(store().Sync().ok());
}

TEST_P(ChunkStoreContract, TakesChunksFromManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 20; ++i) {  // half of them shared with the neighbour
        const std::string bytes(5000, static_cast<char>('A' + (t / 2) * 20 + i % 26));
        EXPECT_TRUE(store().Put({{Named(static_cast<char>(1 + (t / 2) * 20 + i)), bytes}}).ok());
        if (i % 7 == 0) {
          EXPECT_TRUE(store().Sync().ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int name = 1; name <= 60; ++name) EXPECT_EQ(MustGet(Named(static_cast<char>(name))).size(), 5000u) << name;
}

TEST_P(ChunkStoreContract, KeepsSyncedChunksOverAReopen) {
  ASSERT_TRUE(store().Put({{Named('a'), "small"}, {Named('b'), big_}}).ok());
  ASSERT_TRUE(store().Sync().ok());
  if (!engine_->Reopen()) GTEST_SKIP() << GetParam().name << " keeps nothing over a reopen";
  EXPECT_EQ(MustGet(Named('a')), "small");
  EXPECT_EQ(MustGet(Named('b')), big_);
  EXPECT_THAT(MustMiss({Named('a'), Named('b'), Named('c')}), ElementsAre(Named('c')));
}

INSTANTIATE_TEST_SUITE_P(Engines, ChunkStoreContract, ::testing::ValuesIn(AllEngines()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace firebreak::testing
