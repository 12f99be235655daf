#include "firebreak/ledger/ledger.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <thread>

#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/note.h"
#include "firebreak/storage/keys/ledger.h"
#include "firebreak/storage_wrap/faults.h"
#include "gated_store.h"
#include "reference_tree.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak {
namespace {

using testing::GatedStore;
using testing::LedgerFixture;
using testing::TestEntry;

Key<store::v1::Sequence> RecordKey(std::string_view name) { return std::move(KeyBuilder("test").Text(name)).Build<store::v1::Sequence>(); }

store::v1::Sequence Value(uint64_t value) {
  store::v1::Sequence record;
  record.set_last(value);
  return record;
}

absl::Status PutOne(Draft& draft, std::string_view name, uint64_t value) {
  draft.Put(RecordKey(name), Value(value));
  draft.Record(TestEntry("test.put", {StrCat("test/", name)}));
  return absl::OkStatus();
}

TEST(Ledger, StateAndEntryAreOneCommit) {
  LedgerFixture fixture;
  const auto receipt = fixture.ledger->Transact([](Draft& draft) { return PutOne(draft, "a", 7); });
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->first_index, 0u);
  EXPECT_EQ(fixture.ledger->size(), 1u);
  EXPECT_EQ(LoadRecord(fixture.store, RecordKey("a"), "a")->last(), 7u);
  EXPECT_EQ(fixture.store.Get(RecordKey("a").bytes).value()->revision, receipt->revision);
  const auto entry = LoadEntry(fixture.store, 0);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->index(), 0u);
  EXPECT_EQ(entry->actor(), "tester");
  EXPECT_EQ(entry->action(), "test.put");
  EXPECT_EQ(FromProto(entry->time()), fixture.clock.Now());
}

TEST(Ledger, AnErrorOfTheBuilderIsReturnedAndNothingIsWritten) {
  LedgerFixture fixture;
  const auto receipt = fixture.ledger->Transact([](Draft& draft) {
    EXPECT_TRUE(PutOne(draft, "a", 1).ok());
    return absl::FailedPreconditionError("no");
  });
  EXPECT_EQ(receipt.status(), absl::FailedPreconditionError("no"));
  EXPECT_EQ(fixture.ledger->size(), 0u);
  EXPECT_FALSE(FindRecord(fixture.store, RecordKey("a"))->has_value());
}

TEST(Ledger, ADraftWithNothingToDoIsNoCommit) {
  LedgerFixture fixture;
  const auto receipt = fixture.ledger->Transact([](Draft& draft) { return draft.Find(RecordKey("a")).status(); });
  ASSERT_TRUE(receipt.ok());
  EXPECT_EQ(receipt->revision, 0u);
  EXPECT_EQ(fixture.ledger->size(), 0u);
}

TEST(Ledger, RefusesDraftsPastTheirLimits) {
  LedgerFixture fixture;
  const struct {
    const char* what;
    std::function<void(Draft&)> fill;
  } cases[] = {
      {"no audit entry", [](Draft& draft) { draft.Put(RecordKey("a"), Value(1)); }},
      {"no actor", [](Draft& draft) { v1::AuditEntry entry; entry.set_action("x.y"); draft.Record(entry); }},
      {"no action", [](Draft& draft) { v1::AuditEntry entry; entry.set_actor("x"); draft.Record(entry); }},
      {"17 audit entries", [](Draft& draft) { for (int i = 0; i < 17; ++i) draft.Record(TestEntry()); }},
      {"101 writes", [](Draft& draft) {
         draft.Record(TestEntry());
         for (int i = 0; i < 101; ++i) draft.Put(RecordKey(StrCat(i)), Value(1));
       }},
      {"of JSON", [](Draft& draft) {
         v1::AuditEntry entry = TestEntry();
         (*entry.mutable_facts())["big"] = std::string(4000, 'x');
         draft.Record(entry);
       }},
      {"bytes", [](Draft& draft) {
         draft.Record(TestEntry());
         store::v1::LogLeaf big;
         big.set_json(std::string(kDraftBytesMax, 'x'));
         draft.Put(KeyBuilder("big").Build<store::v1::LogLeaf>(), big);
       }},
      {"16 subjects", [](Draft& draft) { draft.Record(TestEntry("x.y", std::vector<std::string>(17, "a/b"))); }},
      {"a subject", [](Draft& draft) { draft.Record(TestEntry("x.y", {std::string("a\0b", 3)})); }},
      {"summary", [](Draft& draft) {
         v1::AuditEntry entry = TestEntry();
         entry.set_summary(std::string(513, 'x'));
         draft.Record(entry);
       }},
      {"own tables", [](Draft& draft) {
         draft.Record(TestEntry());
         draft.Delete(LogLeafKey(0));
       }},
  };
  for (const auto& test : cases) {
    Draft draft(fixture.store);
    test.fill(draft);
    const absl::Status status = fixture.ledger->Commit(draft).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << test.what;
    EXPECT_NE(MessageOf(status).find(test.what), std::string_view::npos) << status;
  }
  EXPECT_EQ(fixture.ledger->size(), 0u);
}

TEST(Ledger, TheLargestDraftIsAccepted) {
  LedgerFixture fixture;
  Draft draft(fixture.store);
  for (size_t i = 0; i < kDraftWritesMax; ++i) draft.Put(RecordKey(StrCat(i)), Value(i));
  for (size_t i = 0; i < kDraftEntriesMax; ++i) {
    std::vector<std::string> subjects;
    for (int s = 0; s < 16; ++s) subjects.push_back(StrCat("test/", s));
    draft.Record(TestEntry("test.large", subjects));
  }
  const auto receipt = fixture.ledger->Commit(draft);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(fixture.ledger->size(), 16u);
  EXPECT_EQ(ListEntriesBySubject(fixture.store, "test/15", 0, 100)->entries.size(), 16u);
}

TEST(Ledger, ACommitThatReadWhatHasChangedIsAborted) {
  LedgerFixture fixture;
  Draft draft(fixture.store);
  ASSERT_TRUE(draft.Find(RecordKey("a")).ok());
  ASSERT_TRUE(PutOne(draft, "b", 1).ok());
  ASSERT_TRUE(fixture.ledger->Transact([](Draft& other) { return PutOne(other, "a", 1); }).ok());
  EXPECT_EQ(fixture.ledger->Commit(draft).status().code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(FindRecord(fixture.store, RecordKey("b"))->has_value());
  EXPECT_EQ(fixture.ledger->size(), 1u);
}

TEST(Ledger, AnExpectationFromOutsideIsKept) {
  LedgerFixture fixture;
  const auto first = fixture.ledger->Transact([](Draft& draft) { return PutOne(draft, "a", 1); });
  Draft stale(fixture.store);
  stale.Expect(RecordKey("a").bytes, first->revision + 5);
  ASSERT_TRUE(PutOne(stale, "b", 1).ok());
  EXPECT_EQ(fixture.ledger->Commit(stale).status().code(), absl::StatusCode::kAborted);
  Draft current(fixture.store);
  current.Expect(RecordKey("a").bytes, first->revision);
  ASSERT_TRUE(PutOne(current, "b", 1).ok());
  EXPECT_TRUE(fixture.ledger->Commit(current).ok());
}

TEST(Ledger, InOneGroupAReaderOfAChangedKeyIsAbortedAndBlindWritesGoThrough) {
  LedgerFixture fixture;
  GatedStore gated(fixture.store);
  auto ledger = fixture.Open(gated);
  std::thread opener([&] { EXPECT_TRUE(ledger->Transact([](Draft& d) { return PutOne(d, "opener", 1); }).ok()); });
  gated.AwaitCommit();   // the committer is held in the store: what comes now is one group
  absl::StatusOr<Receipt> writer;
  absl::StatusOr<Receipt> reader;
  absl::StatusOr<Receipt> blind;
  Draft writes(gated);
  ASSERT_TRUE(PutOne(writes, "a", 1).ok());
  Draft reads(gated);
  ASSERT_TRUE(reads.Find(RecordKey("a")).ok());
  ASSERT_TRUE(PutOne(reads, "b", 1).ok());
  Draft blindly(gated);
  ASSERT_TRUE(PutOne(blindly, "a", 2).ok());
  std::thread first([&] { writer = ledger->Commit(writes); });
  std::thread second([&] { reader = ledger->Commit(reads); });
  std::thread third([&] { blind = ledger->Commit(blindly); });
  gated.Open();
  for (std::thread* thread : {&opener, &first, &second, &third}) thread->join();
  EXPECT_TRUE(writer.ok());
  EXPECT_TRUE(blind.ok());
  // Whatever the order of arrival, the reader either came first or was aborted.
  const bool b_written = FindRecord(fixture.store, RecordKey("b"))->has_value();
  EXPECT_EQ(reader.ok(), b_written);
  EXPECT_TRUE(reader.ok() || absl::IsAborted(reader.status())) << reader.status();
}

TEST(Ledger, ManyWritersShareFewCommits) {
  LedgerFixture fixture;
  GatedStore gated(fixture.store);
  auto ledger = fixture.Open(gated);
  std::vector<std::thread> threads;
  threads.emplace_back([&] { EXPECT_TRUE(ledger->Transact([](Draft& d) { return PutOne(d, "first", 1); }).ok()); });
  gated.AwaitCommit();
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] { EXPECT_TRUE(ledger->Transact([&](Draft& d) { gated.Arrive(); return PutOne(d, StrCat(i), 1); }).ok()); });
  }
  gated.AwaitArrivals(64);
  gated.Open();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ledger->size(), 65u);
  EXPECT_LE(gated.commits(), 20u);
}

TEST(Ledger, WritersOfOneCounterAllGetThroughInFewCommits) {
  LedgerFixture fixture;
  GatedStore gated(fixture.store);
  auto ledger = fixture.Open(gated);
  std::vector<std::thread> threads;
  threads.emplace_back([&] { EXPECT_TRUE(ledger->Transact([](Draft& d) { return PutOne(d, "first", 1); }).ok()); });
  gated.AwaitCommit();
  absl::Mutex mutex;
  std::set<uint64_t> numbers;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      uint64_t number = 0;
      const auto receipt = ledger->Transact([&](Draft& draft) -> absl::Status {
        gated.Arrive();
        ASSIGN_OR_RETURN(number, draft.NextNumber("incident"));
        draft.Record(TestEntry("test.numbered", {StrCat("test/", number)}));
        return absl::OkStatus();
      });
      EXPECT_TRUE(receipt.ok()) << receipt.status();
      absl::MutexLock lock(&mutex);
      numbers.insert(number);
    });
  }
  gated.AwaitArrivals(64);
  gated.Open();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(numbers.size(), 64u);
  EXPECT_EQ(*numbers.begin(), 1u);
  EXPECT_EQ(*numbers.rbegin(), 64u);
  EXPECT_LE(gated.commits(), 20u);
}

TEST(Ledger, TimeInTheLogDoesNotStepBackWithTheClock) {
  LedgerFixture fixture;
  const absl::Time start = fixture.clock.Now();
  const auto add = [&] { ASSERT_TRUE(fixture.ledger->Transact([](Draft& d) { return PutOne(d, "a", 1); }).ok()); };
  add();
  fixture.clock.Set(start - absl::Hours(1));
  add();
  fixture.Restart();
  add();
  fixture.clock.Set(start + absl::Seconds(1));
  add();
  const EntryPage page = ListEntries(fixture.store, 0, 10).value();
  ASSERT_EQ(page.entries.size(), 4u);
  EXPECT_EQ(FromProto(page.entries[1].time()), start);
  EXPECT_EQ(FromProto(page.entries[2].time()), start);
  EXPECT_EQ(FromProto(page.entries[3].time()), start + absl::Seconds(1));
}

TEST(Ledger, IndexesTheLogBySubjectInPages) {
  LedgerFixture fixture;
  for (int i = 0; i < 25; ++i) {
    ASSERT_TRUE(fixture.ledger->Transact([&](Draft& draft) {
      draft.Record(TestEntry("test.even", {"incident/INC-1", StrCat("parity/", i % 2), "incident/INC-1"}));
      return absl::OkStatus();
    }).ok());
  }
  std::vector<uint64_t> seen;
  EntryPage page;
  do {
    page = ListEntriesBySubject(fixture.store, "parity/1", page.next_index, 5).value();
    for (const v1::AuditEntry& entry : page.entries) seen.push_back(entry.index());
  } while (page.more);
  EXPECT_EQ(seen, (std::vector<uint64_t>{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23}));
  EXPECT_TRUE(ListEntriesBySubject(fixture.store, "parity", 0, 5)->entries.empty());
  EXPECT_TRUE(ListEntriesBySubject(fixture.store, "incident/INC-10", 0, 5)->entries.empty());
  EXPECT_EQ(ListEntriesBySubject(fixture.store, "incident/INC-1", 20, 100)->entries.size(), 5u);
}

TEST(Ledger, ALostReplyOfAWrittenGroupIsAnsweredOk) {
  LedgerFixture fixture;
  FaultyMetaStore faulty(fixture.store);
  auto ledger = fixture.Open(faulty);
  faulty.plan().FailAt(1, Fault::kDoneButUnavailable);
  const auto receipt = ledger->Transact([](Draft& d) { return PutOne(d, "a", 1); });
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(fixture.store.Get(RecordKey("a").bytes).value()->revision, receipt->revision);
  EXPECT_TRUE(ledger->Transact([](Draft& d) { return PutOne(d, "b", 1); }).ok());
  EXPECT_EQ(ledger->size(), 2u);
}

TEST(Ledger, AGroupThatWasLostOrRefusedLeavesNothingAndTheNextOneGoesThrough) {
  for (Fault fault : {Fault::kLost, Fault::kDiskFull}) {
    LedgerFixture fixture;
    FaultyMetaStore faulty(fixture.store);
    auto ledger = fixture.Open(faulty);
    faulty.plan().FailAt(1, fault);
    const auto refused = ledger->Transact([](Draft& d) { return PutOne(d, "a", 1); });
    EXPECT_EQ(refused.status().code(),
              fault == Fault::kLost ? absl::StatusCode::kUnavailable : absl::StatusCode::kResourceExhausted);
    EXPECT_FALSE(FindRecord(fixture.store, RecordKey("a"))->has_value());
    EXPECT_EQ(ledger->size(), 0u);
    EXPECT_EQ(ledger->Transact([](Draft& d) { return PutOne(d, "b", 1); })->first_index, 0u);
    EXPECT_EQ(ledger->size(), 1u);
  }
}

TEST(Ledger, WhileTheStoreIsDeadCommitsAnswerUnavailableAndItFindsOutLater) {
  LedgerFixture fixture;
  FaultyMetaStore faulty(fixture.store);
  auto ledger = fixture.Open(faulty);
  faulty.plan().FailAt(1, Fault::kStopAfter);   // written, and then neither the reply nor a read comes through
  EXPECT_EQ(ledger->Transact([](Draft& d) { return PutOne(d, "a", 1); }).status().code(), absl::StatusCode::kUnavailable);
  for (int i = 0; i < 3; ++i) {
    Draft blind(faulty);
    ASSERT_TRUE(PutOne(blind, "b", 1).ok());
    EXPECT_EQ(ledger->Commit(blind).status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(ledger->size(), 0u);
  faulty.Restart();
  EXPECT_EQ(ledger->Transact([](Draft& d) { return PutOne(d, "b", 1); })->first_index, 1u);
  EXPECT_EQ(ledger->size(), 2u);
  EXPECT_EQ(ledger->ProveInclusion(1, 2).value(), std::vector<std::string>{LeafHash(LoadLeaf(fixture.store, 0).value())});
}

TEST(Ledger, ASecondWriterIsNoticedAndItsEntriesAreKept) {
  LedgerFixture fixture;
  auto other = fixture.Open(fixture.store);
  ASSERT_TRUE(other->Transact([](Draft& d) { return PutOne(d, "other", 1); }).ok());
  const auto receipt = fixture.ledger->Transact([](Draft& d) { return PutOne(d, "a", 1); });
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->first_index, 1u);
  EXPECT_EQ(fixture.ledger->size(), 2u);
}

TEST(Ledger, AFullQueueRefuses) {
  LedgerFixture fixture;
  GatedStore gated(fixture.store);
  auto ledger = Ledger::Open(gated, fixture.clock, *fixture.log, fixture.signer, {.origin = "o", .queue_max = 0});
  ASSERT_TRUE(ledger.ok());
  EXPECT_EQ((*ledger)->Transact([](Draft& d) { return PutOne(d, "a", 1); }).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(Ledger, WatchersSeeEveryEntryOnceAndInOrderUntilTheyGo) {
  LedgerFixture fixture;
  std::vector<uint64_t> seen;
  {
    auto watch = fixture.ledger->AddWatcher([&](const std::vector<v1::AuditEntry>& entries) {
      for (const v1::AuditEntry& entry : entries) {
        EXPECT_TRUE(entry.has_time());
        seen.push_back(entry.index());
      }
    });
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(fixture.ledger->Transact([](Draft& d) { return PutOne(d, "a", 1); }).ok());
    fixture.ledger.reset();   // waits for the committer, and so for the last call
    EXPECT_EQ(seen, (std::vector<uint64_t>{0, 1, 2, 3, 4}));
  }
  fixture.Restart();
  ASSERT_TRUE(fixture.ledger->Transact([](Draft& d) { return PutOne(d, "a", 1); }).ok());
  fixture.ledger.reset();
  EXPECT_EQ(seen.size(), 5u);
}

}  // namespace
}  // namespace firebreak
