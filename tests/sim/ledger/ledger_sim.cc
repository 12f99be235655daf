// Many writers over a store that loses replies, loses commits and fills up: whatever was acknowledged is there exactly once,
// whatever was definitely refused is not, and the log stays a log.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/note.h"
#include "firebreak/storage/keys/ledger.h"
#include "firebreak/storage_wrap/faults.h"
#include "tests/support/ledger_fixture.h"
#include "tests/unit/ledger/reference_tree.h"

namespace firebreak {
namespace {

using testing::TestEntry;

constexpr int kWriters = 12;
constexpr int kDraftsEach = 60;

enum class Fate { kAcknowledged, kRefused, kUnknown };

Key<store::v1::Sequence> CellKey(int cell) { return std::move(KeyBuilder("cell").Number(static_cast<uint64_t>(cell))).Build<store::v1::Sequence>(); }
Key<store::v1::Sequence> MarkKey(const std::string& id) { return std::move(KeyBuilder("mark").Text(id)).Build<store::v1::Sequence>(); }

// One draft: count up one of a few contended cells, leave a mark of its own, and say so.
absl::Status Build(Draft& draft, const std::string& id, int cell, bool numbered) {
  ASSIGN_OR_RETURN(std::optional<store::v1::Sequence> found, draft.Find(CellKey(cell)));
  store::v1::Sequence next;
  next.set_last((found ? found->last() : 0) + 1);
  draft.Put(CellKey(cell), next);
  draft.Put(MarkKey(id), next);
  v1::AuditEntry entry = TestEntry("sim.counted", {"draft/" + id, StrCat("cell/", cell)});
  (*entry.mutable_facts())["value"] = StrCat(next.last());
  if (numbered) {
    ASSIGN_OR_RETURN(uint64_t number, draft.NextNumber("sim"));
    (*entry.mutable_facts())["number"] = StrCat(number);
  }
  draft.Record(entry);
  return absl::OkStatus();
}

struct Outcomes {
  absl::Mutex mutex;
  std::map<std::string, Fate> fates;
};

void Write(Ledger& ledger, int writer, uint64_t seed, Outcomes& outcomes) {
  std::mt19937_64 random(seed * 1000 + static_cast<uint64_t>(writer));
  for (int i = 0; i < kDraftsEach; ++i) {
    const std::string id = StrCat(writer, "-", i);
    const int cell = static_cast<int>(random() % 3);
    const bool numbered = random() % 2 == 0;
    const absl::Status status = ledger.Transact([&](Draft& draft) { return Build(draft, id, cell, numbered); }).status();
    const Fate fate = status.ok() ? Fate::kAcknowledged : absl::IsUnavailable(status) ? Fate::kUnknown : Fate::kRefused;
    if (random() % 20 == 0) ledger.SignCheckpoint().status().IgnoreError();
    absl::MutexLock lock(&outcomes.mutex);
    outcomes.fates[id] = fate;
  }
}

void CheckLog(const MemoryMetaStore& store, const Outcomes& outcomes) {
  const uint64_t size = LogSize(store).value();
  testing::ReferenceTree tree;
  std::map<std::string, int> logged;
  std::map<std::string, std::set<std::string>> values_by_cell;
  std::set<std::string> numbers;
  absl::Time last = absl::InfinitePast();
  for (uint64_t i = 0; i < size; ++i) {
    const std::string leaf = LoadLeaf(store, i).value();
    tree.Append(leaf);
    const v1::AuditEntry entry = ParseLeaf(leaf, i).value();
    EXPECT_GE(FromProto(entry.time()), last);
    last = FromProto(entry.time());
    ++logged[entry.subjects(0).substr(6)];
    EXPECT_TRUE(values_by_cell[entry.subjects(1)].insert(entry.facts().at("value")).second) << "a lost update";
    if (entry.facts().contains("number")) {
      EXPECT_TRUE(numbers.insert(entry.facts().at("number")).second) << "a number twice";
    }
  }
  EXPECT_EQ(LoadLeaf(store, size).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadRecord(store, LogHeadKey(), "head")->root(), tree.Root());
  for (const auto& [cell, values] : values_by_cell) EXPECT_TRUE(values.contains(StrCat(values.size()))) << cell << " has gaps";
  EXPECT_TRUE(numbers.empty() || numbers.contains(StrCat(numbers.size()))) << "the sequence has gaps";
  for (const auto& [id, fate] : outcomes.fates) {
    const int times = logged.contains(id) ? logged.at(id) : 0;
    EXPECT_EQ(FindRecord(store, MarkKey(id))->has_value(), times == 1) << id << ": state and log disagree";
    EXPECT_LE(times, 1) << id;
    if (fate != Fate::kUnknown) {
      EXPECT_EQ(times, fate == Fate::kAcknowledged ? 1 : 0) << id << (times == 0 ? " was acknowledged" : " was refused");
    }
    EXPECT_EQ(ListEntriesBySubject(store, "draft/" + id, 0, 2)->entries.size(), static_cast<size_t>(times)) << id;
  }
}

void RunSeed(uint64_t seed) {
  SCOPED_TRACE(StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  testing::LedgerFixture fixture;
  FaultyMetaStore faulty(fixture.store);
  Outcomes outcomes;
  for (int life = 0; life < 3; ++life) {
    auto ledger = fixture.Open(faulty);
    faulty.plan().FailRandomly(seed + static_cast<uint64_t>(life), {.lost = 0.1, .done_but_unavailable = 0.15, .disk_full = 0.05});
    // The process dies somewhere on the way, before or after a commit.
    if (life < 2) faulty.plan().FailAt(faulty.plan().count() + 5 + random() % 60, random() % 2 == 0 ? Fault::kStopBefore : Fault::kStopAfter);
    std::vector<std::thread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&, writer] { Write(*ledger, life * kWriters + writer, seed, outcomes); });
    }
    fixture.clock.Advance(absl::Milliseconds(5));
    for (std::thread& writer : writers) writer.join();
    fixture.clock.Set(fixture.clock.Now() - absl::Seconds(1));
    ledger.reset();
    faulty.plan().Heal();
    faulty.Restart();
    CheckLog(fixture.store, outcomes);
  }
  fixture.Restart();   // and the last one opens cleanly and signs
  EXPECT_TRUE(fixture.ledger->SignCheckpoint().ok());
  size_t acknowledged = 0;
  for (const auto& [id, fate] : outcomes.fates) acknowledged += fate == Fate::kAcknowledged ? 1 : 0;
  EXPECT_GT(acknowledged, 100u) << "the faults left nothing to test";
}

TEST(LedgerSimulation, AcknowledgedDraftsAreThereExactlyOnceWhateverTheStoreDoes) {
  if (const char* set = std::getenv("FIREBREAK_SEED")) {
    RunSeed(std::strtoull(set, nullptr, 10));
    return;
  }
  for (uint64_t seed = 1; seed <= 6; ++seed) RunSeed(seed);
}

}  // namespace
}  // namespace firebreak
