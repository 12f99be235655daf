// What a ledger finds when it opens: its own log, or one that was tampered with.
#include <gtest/gtest.h>

#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/ledger/note.h"
#include "firebreak/storage/keys/ledger.h"
#include "reference_tree.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak {
namespace {

using testing::LedgerFixture;
using testing::TestEntry;

void AddEntries(Ledger& ledger, int count) {
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(ledger.Transact([&](Draft& draft) {
      draft.Record(TestEntry(StrCat("test.entry_", i)));
      return absl::OkStatus();
    }).ok());
  }
}

testing::ReferenceTree Reference(const MetaStore& store, uint64_t size) {
  testing::ReferenceTree tree;
  for (uint64_t i = 0; i < size; ++i) tree.Append(LoadLeaf(store, i).value());
  return tree;
}

absl::Status OpenStatus(LedgerFixture& fixture, MetaStore& store) {
  return Ledger::Open(store, fixture.clock, *fixture.log, fixture.signer, {.origin = "firebreak.test/audit"}).status();
}

TEST(OpenLedger, GoesOnWhereItStoppedAtEverySize) {
  LedgerFixture fixture;
  for (int size = 0; size < 20; ++size) {
    EXPECT_EQ(fixture.ledger->size(), static_cast<uint64_t>(size));
    AddEntries(*fixture.ledger, 1);
    fixture.Restart();
  }
  AddEntries(*fixture.ledger, 600);
  fixture.Restart();
  AddEntries(*fixture.ledger, 1);
  const auto checkpoint = OpenCheckpoint(fixture.ledger->SignCheckpoint().value(), fixture.ledger->verifier_key());
  EXPECT_EQ(checkpoint->size, 621u);
  EXPECT_EQ(checkpoint->root, Reference(fixture.store, 621).Root());
}

TEST(OpenLedger, ProofsFromStoredTilesVerifyAgainstTheReference) {
  LedgerFixture fixture;
  AddEntries(*fixture.ledger, 530);
  const testing::ReferenceTree tree = Reference(fixture.store, 530);
  for (uint64_t size : {1, 2, 255, 256, 257, 511, 512, 513, 530}) {
    for (uint64_t index = 0; index < size; index += size / 9 + 1) {
      const auto proof = fixture.ledger->ProveInclusion(index, size);
      ASSERT_TRUE(proof.ok()) << proof.status();
      EXPECT_TRUE(VerifyInclusion(index, size, tree.hashes()[index], *proof, tree.Root(size)).ok());
    }
    const auto proof = fixture.ledger->ProveConsistency(size, 530);
    ASSERT_TRUE(proof.ok()) << proof.status();
    EXPECT_TRUE(VerifyConsistency(size, 530, tree.Root(size), tree.Root(), *proof).ok());
    const auto checkpoint = OpenCheckpoint(fixture.ledger->SignCheckpointAt(size).value(), fixture.ledger->verifier_key());
    EXPECT_EQ(checkpoint->root, tree.Root(size));
  }
  EXPECT_EQ(fixture.ledger->ProveInclusion(0, 531).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(fixture.ledger->SignCheckpointAt(531).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(OpenLedger, TheCheckpointOfAnEmptyLogIsSigned) {
  LedgerFixture fixture;
  const auto checkpoint = OpenCheckpoint(fixture.ledger->SignCheckpoint().value(), fixture.ledger->verifier_key());
  EXPECT_EQ(checkpoint->size, 0u);
  EXPECT_EQ(checkpoint->root, EmptyTreeRoot());
  fixture.Restart();
  AddEntries(*fixture.ledger, 1);
}

TEST(OpenLedger, ACheckpointIsSignedOncePerSize) {
  LedgerFixture fixture;
  AddEntries(*fixture.ledger, 3);
  const std::string note = fixture.ledger->SignCheckpoint().value();
  const uint64_t revision = fixture.store.Get(LogHeadKey().bytes).value()->revision;
  EXPECT_EQ(fixture.ledger->SignCheckpoint().value(), note);
  fixture.Restart();
  EXPECT_EQ(fixture.ledger->SignCheckpoint().value(), note);
  EXPECT_EQ(fixture.store.Get(LogHeadKey().bytes).value()->revision, revision);
}

TEST(OpenLedger, RefusesAStoreRolledBackBehindItsCheckpoint) {
  LedgerFixture fixture;
  AddEntries(*fixture.ledger, 5);
  MemoryMetaStore backup;
  backup.CopyFrom(fixture.store);
  AddEntries(*fixture.ledger, 4);
  ASSERT_TRUE(fixture.ledger->SignCheckpoint().ok());
  // The log goes back, the checkpoint stays.
  const Stored checkpoint = *fixture.store.Get(LogCheckpointKey().bytes).value();
  ASSERT_TRUE(backup.Commit({.expects = {}, .puts = {{LogCheckpointKey().bytes, checkpoint.value}}, .deletes = {}}).ok());
  const absl::Status status = OpenStatus(fixture, backup);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(status).find("holds 5 entries"), std::string_view::npos) << status;
  EXPECT_NE(MessageOf(status).find("signed over 9"), std::string_view::npos) << status;
}

TEST(OpenLedger, RefusesALogThatForkedFromItsCheckpoint) {
  LedgerFixture fixture;
  AddEntries(*fixture.ledger, 5);
  MemoryMetaStore fork;
  fork.CopyFrom(fixture.store);
  AddEntries(*fixture.ledger, 2);
  ASSERT_TRUE(fixture.ledger->SignCheckpoint().ok());
  const Stored checkpoint = *fixture.store.Get(LogCheckpointKey().bytes).value();
  fixture.clock.Advance(absl::Seconds(1));
  AddEntries(*fixture.Open(fork), 4);
  ASSERT_TRUE(fork.Commit({.expects = {}, .puts = {{LogCheckpointKey().bytes, checkpoint.value}}, .deletes = {}}).ok());
  const absl::Status status = OpenStatus(fixture, fork);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(status).find("9 entries"), std::string_view::npos) << status;
  EXPECT_NE(MessageOf(status).find("at 7 entries"), std::string_view::npos) << status;
}

TEST(OpenLedger, RefusesAltered) {
  LedgerFixture fixture;
  AddEntries(*fixture.ledger, 300);
  ASSERT_TRUE(fixture.ledger->SignCheckpoint().ok());
  const struct {
    const char* what;
    std::string key;
    bool remove;
  } cases[] = {
      {"an entry of the newest tile is altered", LogLeafKey(280).bytes, false},
      {"an entry of the newest tile is missing", LogLeafKey(280).bytes, true},
      {"a full tile is altered", LogTileKey(0, 0).bytes, false},
      {"a full tile is missing", LogTileKey(0, 0).bytes, true},
      {"the head is missing", LogHeadKey().bytes, true},
      {"the head is altered", LogHeadKey().bytes, false},
      {"the checkpoint is altered", LogCheckpointKey().bytes, false},
  };
  for (const auto& test : cases) {
    MemoryMetaStore altered;
    altered.CopyFrom(fixture.store);
    Change change;
    std::string bytes = altered.Get(test.key).value()->value;
    bytes[10] = static_cast<char>(bytes[10] ^ 1);
    if (test.remove) {
      change.deletes.push_back(test.key);
    } else {
      change.puts.emplace_back(test.key, bytes);
    }
    ASSERT_TRUE(altered.Commit(change).ok());
    EXPECT_EQ(OpenStatus(fixture, altered).code(), absl::StatusCode::kDataLoss) << test.what;
  }
}

TEST(OpenLedger, RefusesANameThatCannotBeSigned) {
  LedgerFixture fixture;
  const auto opened = Ledger::Open(fixture.store, fixture.clock, *fixture.log, fixture.signer, {.origin = "two words"});
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace firebreak
