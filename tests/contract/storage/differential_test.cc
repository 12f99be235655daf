// The memory model is exact: random commits, reads and reopens give the same answers on RocksDB. FIREBREAK_SEED repeats
// a run.
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "firebreak/storage_memory/memory_meta_store.h"
#include "gtest/gtest.h"
#include "tests/contract/storage/engines.h"

namespace firebreak::testing {
namespace {

uint64_t Seed() {
  const char* given = std::getenv("FIREBREAK_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

class Pair {
 public:
  Pair(MemoryMetaStore& model, Engine& engine, uint64_t seed) : model_(model), engine_(engine), dice_(seed) {}

  void Step() {
    const int kind = Roll(100);
    if (kind < 60) {
      CompareCommit();
    } else if (kind < 75) {
      CompareGet();
    } else if (kind < 98) {
      CompareList(RandomKey().substr(0, static_cast<size_t>(Roll(4))), Roll(3) == 0 ? RandomKey() : "",
                  static_cast<size_t>(Roll(12)));
    } else {
      ASSERT_TRUE(engine_.Reopen());
    }
  }
  void CompareAll() { CompareList("", "", 100000); }

 private:
  int Roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(dice_); }

  std::string RandomKey() {  // few and alike, so that they collide and share prefixes
    static constexpr char kBytes[] = {'\0', 'a', 'b', '\xff'};
    std::string key;
    for (int length = 1 + Roll(4); length > 0; --length) key.push_back(kBytes[Roll(4)]);
    return key;
  }

  uint64_t RevisionOf(const std::string& key) {
    auto found = model_.Get(key);
    return found.ok() && found->has_value() ? (*found)->revision : 0;
  }

  void CompareCommit() {
    Change change;
    for (int i = Roll(3); i > 0; --i) {
      const std::string key = RandomKey();
      change.expects.push_back({key, Roll(8) == 0 ? static_cast<uint64_t>(Roll(50)) : RevisionOf(key)});
    }
    for (int i = Roll(4); i > 0; --i) {
      change.puts.emplace_back(RandomKey(), std::string(static_cast<size_t>(Roll(2) * Roll(200)), 'v'));
    }
    for (int i = Roll(3); i > 0; --i) change.deletes.push_back(RandomKey());
    auto expected = model_.Commit(change);
    auto actual = engine_.meta().Commit(change);
    ASSERT_EQ(actual.status(), expected.status());
    if (expected.ok()) {
      ASSERT_EQ(*actual, *expected);
    }
  }

  void CompareGet() {
    const std::string key = RandomKey();
    auto expected = model_.Get(key);
    auto actual = engine_.meta().Get(key);
    ASSERT_TRUE(expected.ok() && actual.ok()) << actual.status();
    ASSERT_EQ(actual->has_value(), expected->has_value());
    if (!expected->has_value()) return;
    ASSERT_EQ((*actual)->value, (*expected)->value);
    ASSERT_EQ((*actual)->revision, (*expected)->revision);
  }

  void CompareList(const std::string& prefix, const std::string& after, size_t limit) {
    auto expected = model_.List(prefix, after, limit);
    auto actual = engine_.meta().List(prefix, after, limit);
    ASSERT_TRUE(expected.ok() && actual.ok()) << actual.status();
    ASSERT_EQ(actual->size(), expected->size());
    for (size_t i = 0; i < expected->size(); ++i) {
      ASSERT_EQ((*actual)[i].key, (*expected)[i].key);
      ASSERT_EQ((*actual)[i].value, (*expected)[i].value);
      ASSERT_EQ((*actual)[i].revision, (*expected)[i].revision);
    }
  }

  MemoryMetaStore& model_;
  Engine& engine_;
  std::mt19937_64 dice_;
};

TEST(Differential, RocksAnswersAsTheModelDoes) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("FIREBREAK_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  for (const EngineMaker& maker : AllEngines()) {
    if (maker.name != "Rocks") continue;
    MemoryMetaStore model;
    std::unique_ptr<Engine> engine = maker.make();
    Pair pair(model, *engine, seed);
    for (int step = 0; step < 1500; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      pair.Step();
      if (HasFatalFailure()) return;
    }
    pair.CompareAll();
  }
}

}  // namespace
}  // namespace firebreak::testing
