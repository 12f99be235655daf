// What every MetaStore promises, asked of every engine.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "firebreak/storage/change.h"
#include "firebreak/storage/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/storage/engines.h"

namespace firebreak::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Nul(std::string_view with_bars) {  // "a|b" -> a NUL b
  std::string key(with_bars);
  for (char& c : key) c = c == '|' ? '\0' : c;
  return key;
}

class MetaStoreContract : public ::testing::TestWithParam<EngineMaker> {
 protected:
  MetaStore& store() { return engine_->meta(); }

  uint64_t MustCommit(const Change& change) {
    absl::StatusOr<uint64_t> revision = store().Commit(change);
    EXPECT_TRUE(revision.ok()) << revision.status();
    return revision.value_or(0);
  }
  uint64_t MustPut(const std::string& key, const std::string& value) { return MustCommit({.puts = {{key, value}}}); }

  std::optional<Stored> MustGet(std::string_view key) {
    auto found = store().Get(key);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : std::nullopt;
  }
  std::vector<std::string> ListKeys(std::string_view prefix, std::string_view after = "", size_t limit = 1000) {
    auto rows = store().List(prefix, after, limit);
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::vector<std::string> keys;
    if (rows.ok()) {
      for (const KeyValue& row : *rows) keys.push_back(row.key);
    }
    return keys;
  }

  std::unique_ptr<Engine> engine_ = GetParam().make();
};

TEST_P(MetaStoreContract, AnswersNothingForAKeyNeverWritten) {
  EXPECT_EQ(MustGet("absent"), std::nullopt);
  EXPECT_THAT(ListKeys(""), IsEmpty());
}

TEST_P(MetaStoreContract, GivesBackWhatWasCommittedWithItsRevision) {
  const uint64_t revision = MustPut("a", "one");
  EXPECT_GT(revision, 0u);
  const auto found = MustGet("a");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->value, "one");
  EXPECT_EQ(found->revision, revision);
}

TEST_P(MetaStoreContract, GivesEveryCommitAGreaterRevisionAlsoAfterADelete) {
  const uint64_t first = MustPut("a", "one");
  const uint64_t second = MustPut("b", "two");
  EXPECT_GT(second, first);
  EXPECT_EQ(MustGet("a")->revision, first) << "another key's commit moved it";
  const uint64_t gone = MustCommit({.deletes = {"a"}});
  EXPECT_GT(gone, second);
  EXPECT_GT(MustPut("a", "again"), gone);
}

TEST_P(MetaStoreContract, GivesAllPutsOfOneCommitTheSameRevision) {
  const uint64_t revision = MustCommit({.puts = {{"a", "1"}, {"b", "2"}}});
  EXPECT_EQ(MustGet("a")->revision, revision);
  EXPECT_EQ(MustGet("b")->revision, revision);
}

TEST_P(MetaStoreContract, KeepsEmptyValuesApartFromAbsence) {
  MustPut("empty", "");
  const auto found = MustGet("empty");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->value, "");
}

TEST_P(MetaStoreContract, KeepsNulAndHighBytesInKeysAndValues) {
  const std::string key = Nul("run|") + "\xff\xfe" + Nul("|") + ToBigEndian64(7);
  const std::string value = Nul("|x|") + "\xff";
  MustPut(key, value);
  EXPECT_EQ(MustGet(key)->value, value);
  EXPECT_THAT(ListKeys(Nul("run|")), ElementsAre(key));
  EXPECT_EQ(MustGet(Nul("run|")), std::nullopt);
}

TEST_P(MetaStoreContract, CommitsWhileExpectationsHold) {
  const uint64_t revision = MustPut("a", "one");
  EXPECT_TRUE(store().Commit({.expects = {{"a", revision}, {"b", 0}}, .puts = {{"a", "two"}}}).ok());
  EXPECT_EQ(MustGet("a")->value, "two");
}

TEST_P(MetaStoreContract, RefusesAMovedRevisionAndNamesTheFirstSuchKey) {
  const uint64_t old = MustPut("a", "one");
  MustPut("a", "two");
  const auto refused = store().Commit({.expects = {{"x", 0}, {Nul("a"), old}, {"b", 9}}, .puts = {{"c", "no"}}});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAborted);
  EXPECT_THAT(refused.status().ToString(), HasSubstr("key a was expected"));
  EXPECT_EQ(MustGet("c"), std::nullopt) << "a refused commit left a write behind";
}

TEST_P(MetaStoreContract, RefusesAPresentKeyExpectedAbsentAndAnAbsentOneExpectedPresent) {
  MustPut("a", "one");
  EXPECT_EQ(store().Commit({.expects = {{"a", 0}}, .puts = {{"a", "no"}}}).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(store().Commit({.expects = {{"b", 1}}, .puts = {{"b", "no"}}}).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(MustGet("a")->value, "one");
}

TEST_P(MetaStoreContract, ExpectsADeletedKeyToBeAbsent) {
  const uint64_t revision = MustPut("a", "one");
  MustCommit({.deletes = {"a"}});
  EXPECT_FALSE(store().Commit({.expects = {{"a", revision}}, .puts = {{"a", "two"}}}).ok());
  EXPECT_TRUE(store().Commit({.expects = {{"a", 0}}, .puts = {{"a", "two"}}}).ok());
}

TEST_P(MetaStoreContract, WritesPutsAndDeletesOfOneCommitTogether) {
  MustCommit({.puts = {{"a", "1"}, {"b", "2"}}});
  MustCommit({.puts = {{"c", "3"}}, .deletes = {"a", "never-there"}});
  EXPECT_THAT(ListKeys(""), ElementsAre("b", "c"));
}

TEST_P(MetaStoreContract, RefusesAKeyTwiceAndAnEmptyKey) {
  EXPECT_EQ(store().Commit({.puts = {{"a", "1"}, {"a", "2"}}}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store().Commit({.puts = {{"a", "1"}}, .deletes = {"a"}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store().Commit({.puts = {{"", "1"}}}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(ListKeys(""), IsEmpty());
}

TEST_P(MetaStoreContract, RefusesAChangeOverItsLimitsWithoutWriting) {
  Change change;
  change.puts.emplace_back("big", std::string(store().limits().bytes_max + 1, 'x'));
  EXPECT_EQ(store().Commit(change).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(MustGet("big"), std::nullopt);
  EXPECT_TRUE(store().Commit({.puts = {{"small", "1"}}}).ok());
}

TEST_P(MetaStoreContract, ListsInByteOrderWithinThePrefixOnly) {
  MustCommit({.puts = {{"b", "1"}, {"a\xff", "2"}, {Nul("a|1"), "3"}, {"a", "4"}, {Nul("a|"), "5"}, {"ab", "6"}}});
  EXPECT_THAT(ListKeys("a"), ElementsAre("a", Nul("a|"), Nul("a|1"), "ab", "a\xff"));
  EXPECT_THAT(ListKeys(Nul("a|")), ElementsAre(Nul("a|"), Nul("a|1")));
  EXPECT_THAT(ListKeys("a\xff"), ElementsAre("a\xff"));
  EXPECT_THAT(ListKeys("\xff"), IsEmpty());
}

TEST_P(MetaStoreContract, ListsAPrefixOfHighBytesToItsEnd) {
  MustCommit({.puts = {{"\xff\xff", "1"}, {"\xff\xff\x01", "2"}, {"\xff", "3"}}});
  EXPECT_THAT(ListKeys("\xff\xff"), ElementsAre("\xff\xff", "\xff\xff\x01"));
}

TEST_P(MetaStoreContract, PagesWithAfterAndLimit) {
  MustCommit({.puts = {{"p1", ""}, {"p2", ""}, {"p3", ""}, {"q", ""}}});
  EXPECT_THAT(ListKeys("p", "", 2), ElementsAre("p1", "p2"));
  EXPECT_THAT(ListKeys("p", "p2", 2), ElementsAre("p3"));
  EXPECT_THAT(ListKeys("p", "p3", 2), IsEmpty());
  EXPECT_THAT(ListKeys("p", "p1x", 9), ElementsAre("p2", "p3")) << "`after` need not exist";
  EXPECT_THAT(ListKeys("p", "a", 9), ElementsAre("p1", "p2", "p3")) << "`after` before the prefix means from the first";
  EXPECT_THAT(ListKeys("p", "z", 9), IsEmpty());
  EXPECT_THAT(ListKeys("p", "", 0), IsEmpty());
}

TEST_P(MetaStoreContract, LosesNoIncrementAmongManyThreads) {
  constexpr int kThreads = 8;
  constexpr int kIncrements = 25;
  std::atomic<int> refused = 0;
  auto increment = [&] {
    for (int done = 0; done < kIncrements;) {
      auto found = store().Get("counter");
      ASSERT_TRUE(found.ok());
      const int value = *found ? std::stoi((*found)->value) : 0;
      const uint64_t revision = *found ? (*found)->revision : 0;
      auto written =
          store().Commit({.expects = {{"counter", revision}}, .puts = {{"counter", std::to_string(value + 1)}}});
      if (written.ok()) {
        ++done;
      } else {
        ASSERT_EQ(written.status().code(), absl::StatusCode::kAborted) << written.status();
        ++refused;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(increment);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(MustGet("counter")->value, std::to_string(kThreads * kIncrements)) << refused << " refusals";
}

TEST_P(MetaStoreContract, ShowsReadersWholeCommitsOnly) {
  MustCommit({.puts = {{"pair/a", "0"}, {"pair/b", "0"}}});
  std::atomic<bool> over = false;
  std::atomic<int> torn = 0;
  std::atomic<int> seen = 0;
  std::thread reader([&] {
    do {
      auto rows = store().List("pair/", "", 10);
      if (!rows.ok() || rows->size() != 2 || (*rows)[0].value != (*rows)[1].value) ++torn;
      ++seen;
    } while (!over);
  });
  for (int i = 1; i <= 200; ++i) {
    MustCommit({.puts = {{"pair/a", std::to_string(i)}, {"pair/b", std::to_string(i)}}});
  }
  over = true;
  reader.join();
  EXPECT_EQ(torn, 0) << "of " << seen << " reads";
}

TEST_P(MetaStoreContract, ReadsItsOwnCommitOnAnyThreadAtOnce) {
  MustPut("a", "1");
  std::string value;
  std::thread([&] { value = MustGet("a")->value; }).join();
  EXPECT_EQ(value, "1");
}

TEST_P(MetaStoreContract, KeepsRecordsAndRevisionsOverAReopen) {
  const uint64_t first = MustPut("a", "one");
  const uint64_t gone = MustPut("b", "two");
  const uint64_t last = MustCommit({.deletes = {"b"}});
  if (!engine_->Reopen()) GTEST_SKIP() << GetParam().name << " keeps nothing over a reopen";
  EXPECT_EQ(MustGet("a")->revision, first);
  EXPECT_EQ(MustGet("b"), std::nullopt);
  EXPECT_GT(last, gone);
  EXPECT_GT(MustPut("c", "three"), last) << "a revision was given out twice";
}

INSTANTIATE_TEST_SUITE_P(Engines, MetaStoreContract, ::testing::ValuesIn(AllEngines()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace firebreak::testing
