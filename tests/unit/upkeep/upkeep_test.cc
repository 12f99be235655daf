#include <thread>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/fleet.h"
#include "firebreak/storage/keys/incidents.h"
#include "firebreak/upkeep/scrubber.h"
#include "firebreak/upkeep/store_check.h"
#include "tests/support/upkeep_fixture.h"

namespace firebreak::testing {
namespace {

std::string Text(const absl::Status& status) { return std::string(MessageOf(status)); }

void Write(UpkeepFixture& house, const std::function<void(Draft&)>& write) {
  auto build = [&](Draft& draft) -> absl::Status {
    write(draft);
    draft.Record(TestEntry());
    return absl::OkStatus();
  };
  ASSERT_TRUE(house.base.ledger->Transact(build).ok());
}

void OpenIncident(UpkeepFixture& house, uint64_t number, const v1::Snapshot& suspect) {
  v1::Incident incident;
  incident.set_id(NumberedId("INC", number));
  incident.set_title("accuracy fell");
  incident.set_snapshot(SnapshotName(suspect));
  incident.set_snapshot_digest(suspect.digest());
  Write(house, [&](Draft& draft) { draft.Put(keys::Incident(number), incident); });
}

std::vector<v1::StoreFinding> CheckAll(UpkeepFixture& house, bool record) {
  StoreCheck check({*house.base.ledger, house.now->keeper, house.now->vault, house.now->damage, record});
  std::vector<v1::StoreFinding> findings;
  for (int step = 0; step < 10'000; ++step) {
    auto event = check.Step();
    EXPECT_TRUE(event.ok()) << event.status();
    if (!event.ok()) return findings;
    findings.insert(findings.end(), event->findings().begin(), event->findings().end());
    if (event->phase() == "done") return findings;
  }
  ADD_FAILURE() << "the check does not end";
  return findings;
}

Digest ChunkOf(const std::string& content) { return Sha256(content); }

v1::GateResult IntactGate(UpkeepFixture& house, const v1::Snapshot& snapshot) {
  auto gates = house.now->vault.CheckGates(DigestOf(snapshot));
  for (const v1::GateResult& gate : *gates) {
    if (gate.gate() == "intact") return gate;
  }
  return {};
}

TEST(Deletion, TakesTheNameAwayAndKeepsTheContentUntilGarbageIsCollected) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  house.Push("fraud", {{"w", "two"}});
  ASSERT_TRUE(house.Delete("model/fraud@2").ok());
  EXPECT_EQ(house.now->vault.Resolve("model/fraud")->version(), 1u);
  EXPECT_NE(Text(house.now->vault.Resolve("model/fraud@2").status()).find("was deleted by alice"), std::string::npos);
  EXPECT_TRUE(house.disk.Get(ChunkOf("two")).ok());
  v1::UndeleteSnapshotRequest undelete;
  undelete.set_snapshot("model/fraud@2");
  undelete.set_reason("a mistake");
  ASSERT_TRUE(house.now->deletions.UndeleteSnapshot(house.caller, undelete).ok());
  EXPECT_EQ(house.now->vault.Resolve("model/fraud")->version(), 2u);
  EXPECT_EQ(house.Collect()->chunks_deleted(), 0u);
  ASSERT_TRUE(house.Delete("model/fraud@2").ok());
  EXPECT_EQ(house.Collect()->snapshots_collected(), 1u);
  EXPECT_FALSE(house.disk.Get(ChunkOf("two")).ok());
  EXPECT_TRUE(house.disk.Get(ChunkOf("one")).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(house.now->deletions.UndeleteSnapshot(house.caller, undelete).status()));
}

TEST(Deletion, NeverGivesAVersionNumberOutAgainAndTakesTheSameContentBack) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  house.Push("fraud", {{"w", "two"}});
  ASSERT_TRUE(house.Delete("model/fraud@2").ok());
  ASSERT_TRUE(house.Collect().ok());
  EXPECT_EQ(house.Push("fraud", {{"w", "two"}}).version(), 3u);
  EXPECT_TRUE(house.Lost().empty());
  EXPECT_EQ(house.Collect()->chunks_deleted(), 0u);
  EXPECT_TRUE(house.now->vault.Resolve("model/fraud@3").ok());
}

TEST(Deletion, TheSamePushBringsADeletedSnapshotBack) {
  UpkeepFixture house;
  const PushOptions options = house.Options({{"w", "one"}}, "fraud");
  ASSERT_TRUE(house.PushOnly(options).ok());
  ASSERT_TRUE(house.Delete("model/fraud@1").ok());
  auto again = house.PushOnly(options);   // the same request id: its answer of before no longer holds
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->snapshot.version(), 2u);
  ASSERT_TRUE(house.Collect().ok());
  EXPECT_TRUE(house.disk.Get(ChunkOf("one")).ok());
}

TEST(Deletion, KeepsContentThatAnotherNameHolds) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  house.Push("copy", {{"w", "one"}});
  ASSERT_TRUE(house.Delete("model/fraud@1").ok());
  EXPECT_EQ(house.Collect()->snapshots_collected(), 0u);
  EXPECT_TRUE(house.disk.Get(ChunkOf("one")).ok());
  EXPECT_TRUE(house.now->vault.Resolve("model/copy@1").ok());
}

TEST(Deletion, IsRefusedWhileADeploymentNeedsIt) {
  UpkeepFixture house;
  const v1::Snapshot old = house.Push("fraud", {{"w", "one"}});
  const v1::Snapshot served = house.Push("fraud", {{"w", "two"}});
  v1::Deployment deployment;
  deployment.set_name("fraud-prod");
  deployment.mutable_wanted()->set_digest("sha256:r2");
  deployment.mutable_wanted()->set_model_digest(served.digest());
  v1::ReleaseRecord* record = deployment.add_history();
  record->mutable_release()->set_digest("sha256:r1");
  record->mutable_release()->set_model_digest(old.digest());
  record->set_proven(true);
  Write(house, [&](Draft& draft) { draft.Put(DeploymentKey(DeploymentName("fraud-prod")), deployment); });
  EXPECT_NE(Text(house.Delete("model/fraud@2")).find("deployment fraud-prod serves it"), std::string::npos);
  EXPECT_NE(Text(house.Delete("model/fraud@1")).find("may be rolled back to it"), std::string::npos);
  record->set_removed_for_cause(true);   // nobody rolls back to that
  Write(house, [&](Draft& draft) { draft.Put(DeploymentKey(DeploymentName("fraud-prod")), deployment); });
  EXPECT_TRUE(house.Delete("model/fraud@1").ok());
}

TEST(Holds, AnIncidentHoldsItsSuspectAndWhatItWasMadeFromUntilItIsLifted) {
  UpkeepFixture house;
  house.Push("claims", {{"d", "rows"}}, {}, v1::SNAPSHOT_KIND_DATASET);
  const v1::Snapshot suspect = house.Push("fraud", {{"w", "poisoned"}}, {"dataset/claims@1"});
  house.Push("other", {{"w", "clean"}});
  OpenIncident(house, 4, suspect);
  for (const char* name : {"model/fraud@1", "dataset/claims@1"}) {
    EXPECT_NE(Text(house.Delete(name)).find("INC-4 holds it"), std::string::npos) << name << ": " << house.Delete(name);
  }
  EXPECT_TRUE(house.Delete("model/other@1").ok());
  v1::LiftHoldRequest lift;
  lift.set_hold("INC-4");
  lift.set_reason("the authority has what it asked for");
  auto lifted = house.now->holds.LiftHold(house.caller, lift);
  ASSERT_TRUE(lifted.ok()) << lifted.status();
  EXPECT_EQ(lifted->hold().subjects_size(), 3);   // the incident, the suspect, its dataset
  EXPECT_TRUE(house.Recorded("hold.lifted"));
  EXPECT_TRUE(house.Delete("model/fraud@1").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(house.now->holds.LiftHold(house.caller, lift).status()));
}

TEST(Holds, AnIncidentThatOnlyNamesItsSuspectHoldsItToo) {
  UpkeepFixture house;
  v1::Snapshot suspect = house.Push("fraud", {{"w", "poisoned"}});
  suspect.clear_digest();   // opened by a person, resolved by nobody
  OpenIncident(house, 5, suspect);
  EXPECT_NE(Text(house.Delete("model/fraud@1")).find("INC-5 holds it"), std::string::npos);
}

TEST(Holds, AHoldPlacedAfterADeletionStillKeepsTheContent) {
  UpkeepFixture house;
  const v1::Snapshot suspect = house.Push("fraud", {{"w", "poisoned"}});
  ASSERT_TRUE(house.Delete("model/fraud@1").ok());
  v1::PlaceHoldRequest place;
  place.add_snapshots(suspect.digest());
  place.set_reason("asked for by legal");
  auto placed = house.now->holds.PlaceHold(house.caller, place);
  ASSERT_TRUE(placed.ok()) << placed.status();
  auto report = house.Collect();
  EXPECT_EQ(report->snapshots_held(), 1u);
  EXPECT_EQ(report->snapshots_collected(), 0u);
  EXPECT_TRUE(house.disk.Get(ChunkOf("poisoned")).ok());
  v1::LiftHoldRequest lift;
  lift.set_hold(placed->hold().id());
  lift.set_reason("done");
  ASSERT_TRUE(house.now->holds.LiftHold(house.caller, lift).ok());
  EXPECT_EQ(house.Collect()->snapshots_collected(), 1u);
  EXPECT_FALSE(house.disk.Get(ChunkOf("poisoned")).ok());
}

TEST(Garbage, ADryRunTellsWhatARunThenDoes) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  ASSERT_TRUE(house.Delete("model/fraud@1").ok());
  const size_t before = house.disk.size();
  auto told = house.Collect(/*dry_run=*/true);
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(house.disk.size(), before);
  EXPECT_FALSE(house.Recorded("store.garbage_collected"));
  auto done = house.Collect();
  EXPECT_EQ(told->chunks_deleted(), done->chunks_deleted());
  EXPECT_EQ(told->bytes_deleted(), done->bytes_deleted());
  EXPECT_EQ(done->chunks_deleted(), 3u);   // content, page, bundle
  EXPECT_EQ(house.disk.size(), 0u);
}

TEST(Garbage, RefusesWhileAPushOfAnEarlierProcessIsOpen) {
  UpkeepFixture house;
  v1::BeginPushRequest begin;
  begin.set_kind(v1::SNAPSHOT_KIND_MODEL);
  begin.set_name("fraud");
  begin.set_request_id("r1");
  ASSERT_TRUE(house.now->vault.BeginPush(house.caller, begin).ok());
  EXPECT_TRUE(house.Collect().ok());
  house.Restart();
  auto refused = house.Collect();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
  EXPECT_NE(Text(refused.status()).find("push of fraud by alice"), std::string::npos);
  EXPECT_TRUE(house.now->collector.Collect({.actor = Identity("alice"), .reason = "r", .abandon_pushes = true}).ok());
  EXPECT_TRUE(house.Collect().ok());
}

TEST(Garbage, RefusesWhenItCannotTellWhatAManifestNames) {
  UpkeepFixture house;
  const v1::Snapshot snapshot = house.Push("fraud", {{"w", "one"}});
  auto manifest = FindRecord(house.base.store, keys::SnapshotManifest(snapshot.digest()));
  ASSERT_TRUE(house.disk.Corrupt(Digest::FromRaw((*manifest)->pages(0).digest())));
  const size_t before = house.disk.size();
  EXPECT_TRUE(absl::IsDataLoss(house.Collect().status()));
  EXPECT_EQ(house.disk.size(), before);
}

// A store whose look for chunks lasts until a sweep had every chance to run.
class SlowLook final : public ChunkStore {
 public:
  explicit SlowLook(ChunkStore& inner) : inner_(inner) {}
  std::function<void()> after_look;
  absl::Status Put(absl::Span<const ChunkView> chunks) override { return inner_.Put(chunks); }
  absl::Status Replace(absl::Span<const ChunkView> chunks) override { return inner_.Replace(chunks); }
  absl::Status Sync() override { return inner_.Sync(); }
  absl::StatusOr<std::string> Get(const Digest& digest) const override { return inner_.Get(digest); }
  absl::StatusOr<std::vector<Digest>> Missing(absl::Span<const Digest> digests) const override {
    auto answer = inner_.Missing(digests);
    if (after_look) after_look();
    return answer;
  }
  absl::StatusOr<std::vector<StoredChunk>> List(const Digest& after, size_t limit) const override { return inner_.List(after, limit); }
  absl::Status Delete(absl::Span<const Digest> digests) override { return inner_.Delete(digests); }

 private:
  ChunkStore& inner_;
};

TEST(ChunkKeeper, ASweepNeverComesBetweenTheLookAndThePin) {
  ManualClock clock(absl::FromUnixSeconds(1767225600));
  MemoryChunkStore disk;
  SlowLook slow(disk);
  ChunkKeeper keeper(slow, clock);
  const Digest digest = Sha256("x");
  const ChunkView view{digest, "x"};
  ASSERT_TRUE(disk.Put({&view, 1}).ok());
  absl::Notification swept;
  std::thread sweeper;
  slow.after_look = [&] {
    sweeper = std::thread([&] {
      EXPECT_TRUE(keeper.Sweep({&digest, 1}).ok());
      swept.Notify();
    });
    swept.WaitForNotificationWithTimeout(absl::Milliseconds(100));   // without the gate it is through by then
  };
  auto missing = keeper.Missing({&digest, 1});
  sweeper.join();
  EXPECT_TRUE(missing->empty());
  EXPECT_TRUE(disk.Get(digest).ok()) << "told that it is stored, and deleted";
}

TEST(Check, FindsNothingInASoundStore) {
  UpkeepFixture house;
  house.Push("claims", {{"d", "rows"}}, {}, v1::SNAPSHOT_KIND_DATASET);
  house.Push("fraud", {{"w", "one"}, {"x/y", "two"}}, {"dataset/claims@1"});
  ASSERT_TRUE(house.Delete("model/fraud@1").ok());
  ASSERT_TRUE(house.Collect().ok());
  for (const v1::StoreFinding& finding : CheckAll(house, true)) ADD_FAILURE() << finding.ShortDebugString();
}

TEST(Check, NamesADamagedChunkWithEverythingItTouchesAndAPushHealsIt) {
  UpkeepFixture house;
  const PushOptions options = house.Options({{"w", "one"}, {"shared", "both"}}, "fraud");
  const v1::Snapshot fraud = house.PushOnly(options)->snapshot;
  const v1::Snapshot other = house.Push("other", {{"shared", "both"}});
  ASSERT_TRUE(house.disk.Corrupt(ChunkOf("both")));
  const auto findings = CheckAll(house, true);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].kind(), "chunk");
  EXPECT_EQ(findings[0].snapshots_size(), 2);
  EXPECT_EQ(findings[0].files_size(), 2);
  EXPECT_EQ(findings.size(), 1u) << findings.back().ShortDebugString();
  EXPECT_TRUE(house.Recorded("store.chunk_damaged"));
  for (const v1::Snapshot& touched : {fraud, other}) {
    EXPECT_EQ(IntactGate(house, touched).verdict(), v1::GATE_VERDICT_FAIL);
    EXPECT_NE(IntactGate(house, touched).evidence().find("shared"), std::string::npos);
  }
  house.Restart();   // what is damaged is known again
  EXPECT_EQ(house.now->keeper.damaged(), 1u);
  ASSERT_TRUE(house.PushOnly(options).ok());   // the very same push
  ASSERT_TRUE(house.now->damage.Settle().ok());
  EXPECT_EQ(house.now->keeper.damaged(), 0u);
  EXPECT_TRUE(house.Recorded("store.chunk_healed"));
  for (const v1::Snapshot& touched : {fraud, other}) EXPECT_EQ(IntactGate(house, touched).verdict(), v1::GATE_VERDICT_PASS);
  EXPECT_TRUE(CheckAll(house, true).empty());
}

TEST(Damage, APushOfItsOwnHealsAndIsCommittedAtOnce) {
  UpkeepFixture house;
  const v1::Snapshot fraud = house.Push("fraud", {{"w", "one"}});
  ASSERT_TRUE(house.disk.Corrupt(ChunkOf("one")));
  ASSERT_FALSE(CheckAll(house, true).empty());
  // Another folder, another request, nothing settled in between.
  const auto again = house.PushOnly(house.Options({{"w", "one"}}, "fraud"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->bytes_sent, 3u);
  EXPECT_EQ(house.now->keeper.damaged(), 1u);   // on record until it is durable and read back
  ASSERT_TRUE(house.now->damage.Settle().ok());
  EXPECT_EQ(house.now->keeper.damaged(), 0u);
  EXPECT_EQ(IntactGate(house, fraud).verdict(), v1::GATE_VERDICT_PASS);
}

TEST(Check, OfAStoppedFolderWritesNothing) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  ASSERT_TRUE(house.disk.Corrupt(ChunkOf("one")));
  const uint64_t before = house.base.ledger->size();
  EXPECT_FALSE(CheckAll(house, false).empty());
  EXPECT_EQ(house.base.ledger->size(), before);
}

TEST(Check, FindsARecordWhoseContentIsGone) {
  UpkeepFixture house;
  const v1::Snapshot snapshot = house.Push("fraud", {{"w", "one"}});
  const Digest chunk = ChunkOf("one");
  ASSERT_TRUE(house.disk.Delete({&chunk, 1}).ok());
  auto findings = CheckAll(house, true);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].kind(), "manifest");
  Write(house, [&](Draft& draft) { draft.Delete(keys::SnapshotManifest(snapshot.digest())); });
  findings = CheckAll(house, true);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind(), "record");
}

TEST(Check, FindsASignatureThatNoLongerCounts) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  v1::RevokeSignerRequest revoke;
  revoke.set_key_id(house.key.public_key().key_id());
  revoke.set_reason("stolen");
  ASSERT_TRUE(house.now->vault.RevokeSigner(house.caller, revoke).ok());
  const auto findings = CheckAll(house, true);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].kind(), "signature");
}

TEST(Damage, AReadThatFailsIsLookedInto) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  ASSERT_TRUE(house.disk.Corrupt(ChunkOf("one")));
  EXPECT_FALSE(house.now->keeper.Get(ChunkOf("one")).ok());
  ASSERT_TRUE(house.now->damage.Settle().ok());
  auto listed = house.now->damage.ListDamage(house.caller, {});
  ASSERT_EQ(listed->damage_size(), 1);
  EXPECT_EQ(listed->damage(0).found_by(), "read");
  EXPECT_EQ(listed->damage(0).files(0), "model/fraud@1: w");
}

TEST(Damage, AnAgentMayOfferOnlyWhatIsWantedAndOnlyTheRightBytes) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  ASSERT_TRUE(house.disk.Corrupt(ChunkOf("one")));
  EXPECT_FALSE(house.now->keeper.Get(ChunkOf("one")).ok());
  ASSERT_TRUE(house.now->damage.Settle().ok());
  v1::OfferChunksRequest offer;
  v1::Chunk* chunk = offer.add_chunks();
  chunk->set_digest(ChunkOf("one").raw());
  chunk->set_data("two");
  EXPECT_TRUE(absl::IsDataLoss(house.now->damage.OfferChunks(house.caller, offer).status()));
  chunk->set_digest(ChunkOf("two").raw());
  EXPECT_EQ(house.now->damage.OfferChunks(house.caller, offer)->taken(), 0u);
  EXPECT_FALSE(house.disk.Get(ChunkOf("two")).ok());
  chunk->set_digest(ChunkOf("one").raw());
  chunk->set_data("one");
  EXPECT_EQ(house.now->damage.OfferChunks(house.caller, offer)->taken(), 1u);
  ASSERT_TRUE(house.now->damage.Settle().ok());
  EXPECT_EQ(house.now->keeper.damaged(), 0u);
}

TEST(Damage, OfWhatNothingNamesAnyMoreIsClosed) {
  UpkeepFixture house;
  house.Push("fraud", {{"w", "one"}});
  ASSERT_TRUE(house.disk.Corrupt(ChunkOf("one")));
  ASSERT_FALSE(CheckAll(house, true).empty());
  ASSERT_TRUE(house.Delete("model/fraud@1").ok());
  ASSERT_TRUE(house.Collect().ok());
  ASSERT_TRUE(house.now->damage.Settle().ok());
  EXPECT_EQ(house.now->keeper.damaged(), 0u);
}

TEST(Scrub, KeepsToItsRateAndGoesOnAfterARestart) {
  UpkeepFixture house;
  Files files;
  for (int i = 0; i < 20; ++i) files[absl::StrCat("f", i)] = std::string(1000, 'a') + absl::StrCat(i);
  house.Push("fraud", files);
  ASSERT_TRUE(house.disk.Corrupt(ChunkOf(files["f7"])));
  const ScrubOptions options{.bytes_per_second = 4000, .round_every = absl::Hours(24)};
  auto scrubber = std::make_unique<Scrubber>(*house.base.ledger, house.now->keeper, house.now->damage, house.base.clock, options);
  ASSERT_TRUE(scrubber->Open().ok());
  ASSERT_TRUE(scrubber->Turn().ok());
  EXPECT_GE(scrubber->state().bytes_read(), 3000u);
  EXPECT_LE(scrubber->state().bytes_read(), 7000u);
  ASSERT_TRUE(scrubber->Save().ok());
  const uint64_t read = scrubber->state().chunks_read();
  scrubber = std::make_unique<Scrubber>(*house.base.ledger, house.now->keeper, house.now->damage, house.base.clock, options);
  ASSERT_TRUE(scrubber->Open().ok());
  EXPECT_EQ(scrubber->state().chunks_read(), read);
  for (int turn = 0; turn < 30 && !scrubber->state().has_round_ended_at(); ++turn) {
    house.base.clock.Advance(absl::Seconds(1));
    ASSERT_TRUE(scrubber->Turn().ok());
  }
  EXPECT_TRUE(scrubber->state().has_round_ended_at());
  EXPECT_TRUE(house.Recorded("store.scrubbed"));
  EXPECT_EQ(house.now->keeper.damaged(), 1u);
  EXPECT_EQ(scrubber->age(), absl::ZeroDuration());
  house.base.clock.Advance(absl::Hours(2));
  ASSERT_TRUE(scrubber->Turn().ok());
  EXPECT_FALSE(scrubber->state().has_round_began_at());   // rests until the next round is due
  EXPECT_EQ(scrubber->age(), absl::Hours(2));
}

}  // namespace
}  // namespace firebreak::testing
