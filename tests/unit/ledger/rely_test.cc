// What spares the committer a look into the store, and callers the wait: recently written keys, sightings, TransactThen.
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/storage/keys/ledger.h"
#include "firebreak/storage_wrap/faults.h"
#include "gated_store.h"
#include "services/ledger/leaf.h"
#include "services/ledger/recent_writes.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak {
namespace {

using testing::GatedStore;
using testing::LedgerFixture;
using testing::TestEntry;

Key<store::v1::Sequence> RecordKey(std::string_view name) {
  return std::move(KeyBuilder("test").Text(name)).Build<store::v1::Sequence>();
}

absl::Status PutOne(Draft& draft, std::string_view name, uint64_t value) {
  store::v1::Sequence record;
  record.set_last(value);
  draft.Put(RecordKey(name), record);
  draft.Record(TestEntry("test.put", {StrCat("test/", name)}));
  return absl::OkStatus();
}

class CountingStore final : public MetaStore {
 public:
  explicit CountingStore(MetaStore& inner) : inner_(inner) {}
  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override {
    if (key.starts_with("test")) ++gets_;
    return inner_.Get(key);
  }
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after, size_t limit) const override {
    return inner_.List(prefix, after, limit);
  }
  absl::StatusOr<uint64_t> Commit(const Change& change) override { return inner_.Commit(change); }
  Limits limits() const override { return inner_.limits(); }
  int gets() const { return gets_; }

 private:
  MetaStore& inner_;
  mutable std::atomic<int> gets_{0};
};

TEST(Leaf, SaysWhatTheEntrySays) {
  const std::string texts[] = {"plain", "\"quoted\" \\ back", "line\nbreak\ttab\r\x01\x1f\x7f", "<b>&amp;</b>", "/slash/",
                               "h\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x94\xa5", "{\"a\":[1]}"};
  for (const std::string& text : texts) {
    v1::AuditEntry entry;
    entry.set_actor(text);
    entry.set_action(text);
    entry.add_subjects(text);
    entry.add_subjects("b");
    entry.set_summary(text);
    (*entry.mutable_facts())[text] = text;
    (*entry.mutable_facts())["a"] = "";
    entry.set_payload_digest(text);
    for (int left_out = 0; left_out < 4; ++left_out) {
      if (left_out == 1) entry.clear_payload_digest();
      if (left_out == 2) entry.clear_facts();
      if (left_out == 3) entry.clear_subjects(), entry.clear_summary();
      const auto body = LeafBody(entry);
      ASSERT_TRUE(body.ok()) << body.status();
      const auto read = ParseLeaf(MakeLeaf(7, "2026-11-20T10:00:00.000001Z", *body), 7);
      ASSERT_TRUE(read.ok()) << read.status() << *body;
      v1::AuditEntry expected = entry;
      expected.set_index(7);
      *expected.mutable_time() = read->time();
      EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*read, expected)) << *body;
    }
  }
}

TEST(Leaf, EqualEntriesAreEqualBytes) {
  v1::AuditEntry one = TestEntry();
  v1::AuditEntry two = TestEntry();
  for (int i = 0; i < 32; ++i) {
    (*one.mutable_facts())[StrCat("fact", i)] = "x";
    (*two.mutable_facts())[StrCat("fact", 31 - i)] = "x";
  }
  EXPECT_EQ(LeafBody(one).value(), LeafBody(two).value());
}

TEST(RecentWrites, NeverMissesAWriteItCovers) {
  std::mt19937_64 random(20261120);
  RecentWrites recent(5);
  std::map<std::string, uint64_t> newest;
  std::vector<std::pair<uint64_t, std::string>> written;
  for (uint64_t revision = 6; revision < 2000; ++revision) {
    absl::flat_hash_set<uint64_t> hashes;
    for (uint64_t i = random() % 200; i-- > 0;) {
      std::string key = StrCat("key ", random() % 150'000);
      hashes.insert(RecentWrites::HashOf(key));
      newest[key] = revision;
      written.emplace_back(revision, std::move(key));
    }
    recent.Note(hashes, revision);
    if (written.empty()) continue;
    const auto& [when, key] = written[random() % written.size()];
    if (recent.Covers(when - 1)) {
      EXPECT_TRUE(recent.MayBeWrittenAfter(when - 1, RecentWrites::HashOf(key)));
    }
    if (recent.Covers(newest[key])) {
      EXPECT_FALSE(recent.MayBeWrittenAfter(newest[key], RecentWrites::HashOf(key)));
    }
  }
  EXPECT_FALSE(recent.Covers(5)) << "more keys than it may hold";
  EXPECT_TRUE(recent.Covers(1990));
  recent.Begin(2000);
  EXPECT_TRUE(recent.Covers(2000));
  EXPECT_FALSE(recent.Covers(1999));
}

TEST(Rely, WhatNobodyHasTouchedSinceItWasReadIsNotLookedUpAgain) {
  LedgerFixture fixture;
  CountingStore counting(fixture.store);
  auto ledger = fixture.Open(counting);
  ASSERT_TRUE(ledger->Transact([](Draft& draft) { return PutOne(draft, "first", 1); }).ok());
  const int before = counting.gets();
  ASSERT_TRUE(ledger->Transact([](Draft& draft) -> absl::Status {
    RETURN_IF_ERROR(draft.Find(RecordKey("absent")).status());
    RETURN_IF_ERROR(draft.Find(RecordKey("first")).status());
    return PutOne(draft, "b", 1);
  }).ok());
  EXPECT_EQ(counting.gets() - before, 2);
}

TEST(Rely, AWriteBetweenReadAndCommitIsNoticedHoweverLongAgoTheReadWas) {
  LedgerFixture fixture;
  ASSERT_TRUE(fixture.ledger->Transact([](Draft& draft) { return PutOne(draft, "a", 1); }).ok());
  Sighting seen;
  ASSERT_TRUE(fixture.ledger->Transact([&](Draft& draft) -> absl::Status {
    RETURN_IF_ERROR(draft.Find(RecordKey("a")).status());
    seen = draft.sighting();
    return PutOne(draft, "b", 1);
  }).ok());
  const auto sighting = std::make_shared<const Sighting>(seen);
  const auto rely = [&] {
    Draft draft(fixture.store);
    draft.Rely(sighting);
    EXPECT_TRUE(PutOne(draft, "c", 1).ok());
    return fixture.ledger->Commit(draft).status();
  };
  EXPECT_TRUE(rely().ok());
  ASSERT_TRUE(fixture.ledger->Transact([](Draft& draft) { return PutOne(draft, "a", 2); }).ok());
  EXPECT_TRUE(absl::IsAborted(rely()));
  for (int i = 0; i < 1400; ++i) {   // until the write is no longer among the recent ones
    ASSERT_TRUE(fixture.ledger->Transact([&](Draft& draft) {
      for (int key = 0; key < 99; ++key) draft.Put(RecordKey(StrCat(i, "/", key)), store::v1::Sequence());
      draft.Record(TestEntry());
      return absl::OkStatus();
    }).ok());
  }
  EXPECT_TRUE(absl::IsAborted(rely()));
}

TEST(Rely, ADraftThatLostARaceIsBuiltAgainWithoutWhatItReliedOn) {
  LedgerFixture fixture;
  ASSERT_TRUE(fixture.ledger->Transact([](Draft& draft) { return PutOne(draft, "a", 1); }).ok());
  const auto stale = std::make_shared<const Sighting>(Sighting{1, {{RecordKey("a").bytes, 99}}});
  ASSERT_TRUE(fixture.ledger->Transact([](Draft& draft) { return PutOne(draft, "a", 2); }).ok());
  std::vector<bool> could_rely;
  const auto receipt = fixture.ledger->Transact([&](Draft& draft) -> absl::Status {
    could_rely.push_back(draft.may_rely());
    if (draft.may_rely()) draft.Rely(stale);
    return PutOne(draft, "b", 1);
  });
  EXPECT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(could_rely, (std::vector<bool>{true, false}));
}

TEST(Rely, AnExpectationThatNeverHeldIsRefusedAlsoWhenTheKeyWasNeverWritten) {
  LedgerFixture fixture;
  for (int i = 0; i < 2; ++i) {
    Draft draft(fixture.store);
    draft.Expect(RecordKey("never").bytes, 7);
    ASSERT_TRUE(PutOne(draft, "b", 1).ok());
    EXPECT_TRUE(absl::IsAborted(fixture.ledger->Commit(draft).status()));
    ASSERT_TRUE(fixture.ledger->Transact([](Draft& other) { return PutOne(other, "a", 1); }).ok());
  }
}

TEST(Rely, WhatAnotherWriterChangedIsNoticed) {
  LedgerFixture fixture;
  ASSERT_TRUE(fixture.ledger->Transact([](Draft& draft) { return PutOne(draft, "a", 1); }).ok());
  Sighting seen;
  ASSERT_TRUE(fixture.ledger->Transact([&](Draft& draft) -> absl::Status {
    RETURN_IF_ERROR(draft.Find(RecordKey("a")).status());
    seen = draft.sighting();
    return PutOne(draft, "b", 1);
  }).ok());
  auto other = fixture.Open(fixture.store);
  ASSERT_TRUE(other->Transact([](Draft& draft) { return PutOne(draft, "a", 2); }).ok());
  for (const char* why : {"the log has moved", "and so has the record"}) {
    Draft draft(fixture.store);
    draft.Rely(std::make_shared<const Sighting>(seen));
    ASSERT_TRUE(PutOne(draft, "c", 1).ok());
    EXPECT_TRUE(absl::IsAborted(fixture.ledger->Commit(draft).status())) << why;
  }
  EXPECT_TRUE(fixture.ledger->Transact([](Draft& fresh) { return PutOne(fresh, "c", 1); }).ok());
}

TEST(TransactThen, AnswersEachOnceWhenItIsDurableAlsoThoseThatLostARace) {
  LedgerFixture fixture;
  // There is a revision to go by: what the store holds alone would not show that others of the group took the number.
  ASSERT_TRUE(fixture.ledger->Transact([](Draft& draft) { return PutOne(draft, "first", 1); }).ok());
  fixture.ledger.reset();
  GatedStore gated(fixture.store);
  auto ledger = fixture.Open(gated);
  constexpr int kWriters = 64;
  std::vector<int> answers(kWriters, 0);
  std::vector<uint64_t> numbers(kWriters, 0);
  for (int i = 0; i < kWriters; ++i) {
    ledger->TransactThen(
        [&numbers, i](Draft& draft) -> absl::Status {
          ASSIGN_OR_RETURN(numbers[i], draft.NextNumber("incident"));
          draft.Record(TestEntry("test.numbered", {StrCat("test/", numbers[i])}));
          return absl::OkStatus();
        },
        [&answers, i](const absl::StatusOr<Receipt>& receipt) {
          EXPECT_TRUE(receipt.ok()) << receipt.status();
          EXPECT_GT(receipt->revision, 0u);
          ++answers[i];
        });
  }
  EXPECT_EQ(std::count(answers.begin(), answers.end(), 0), kWriters) << "answered before it was durable";
  gated.Open();
  ledger.reset();   // answers what is queued first
  EXPECT_EQ(std::count(answers.begin(), answers.end(), 1), kWriters);
  EXPECT_EQ(std::set<uint64_t>(numbers.begin(), numbers.end()).size(), size_t{kWriters});
  EXPECT_EQ(*std::max_element(numbers.begin(), numbers.end()), uint64_t{kWriters});
}

TEST(TransactThen, AnswersAtOnceWhatIsNotQueued) {
  LedgerFixture fixture;
  auto full = Ledger::Open(fixture.store, fixture.clock, *fixture.log, fixture.signer, {.origin = "o", .queue_max = 0});
  ASSERT_TRUE(full.ok());
  std::vector<absl::StatusOr<Receipt>> answers;
  const auto keep = [&](absl::StatusOr<Receipt> receipt) { answers.push_back(std::move(receipt)); };
  (*full)->TransactThen([](Draft& draft) { return PutOne(draft, "a", 1); }, keep);
  fixture.ledger->TransactThen([](Draft&) { return absl::FailedPreconditionError("no"); }, keep);
  fixture.ledger->TransactThen([](Draft&) { return absl::OkStatus(); }, keep);
  fixture.ledger->TransactThen([](Draft& draft) { return draft.Put(RecordKey("a"), store::v1::Sequence()), absl::OkStatus(); }, keep);
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_TRUE(absl::IsResourceExhausted(answers[0].status()));
  EXPECT_EQ(answers[1].status(), absl::FailedPreconditionError("no"));
  EXPECT_EQ(answers[2]->revision, 0u);
  EXPECT_TRUE(absl::IsInvalidArgument(answers[3].status())) << "no audit entry";
  EXPECT_EQ(fixture.ledger->size(), 0u);
}

}  // namespace
}  // namespace firebreak
