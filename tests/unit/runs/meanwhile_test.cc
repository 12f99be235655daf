// What others do to a run while the drive that holds it in memory is busy with an effect.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "firebreak/runs/apply.h"
#include "google/protobuf/util/message_differencer.h"
#include "tests/unit/runs/desk_fixture.h"

namespace firebreak::testing {
namespace {

constexpr char kAskBeside[] = R"(steps:
- both:
    parallel:
    - gate: {ask: May it go on, who: {roles: [responder], need: 1}, timeout: 10m}
    - note: {do: incident.note, with: {text: hello}}
- go: {if: $gate.approved, then: [{after: {do: incident.note, with: {text: after}}}]}
)";
constexpr char kTwoNotes[] = R"(steps:
- first: {do: incident.note, with: {text: one}}
- second: {do: incident.note, with: {text: two}}
)";

// Takes nothing while it is full.
class Disk final : public MetaStore {
 public:
  explicit Disk(MetaStore& under) : under_(under) {}
  absl::StatusOr<std::optional<Stored>> Get(std::string_view key) const override { return under_.Get(key); }
  absl::StatusOr<std::vector<KeyValue>> List(std::string_view prefix, std::string_view after, size_t limit) const override {
    return under_.List(prefix, after, limit);
  }
  absl::StatusOr<uint64_t> Commit(const Change& change) override {
    if (full) return absl::ResourceExhaustedError("the disk is full");
    return under_.Commit(change);
  }
  Limits limits() const override { return under_.limits(); }
  bool full = false;

 private:
  MetaStore& under_;
};

class MeanwhileTest : public DeskFixture {
 protected:
  // Done once, while the effect of the step at `path` is under way.
  void While(const std::string& path, std::function<void()> what) {
    world_.meanwhile = [this, path, what = std::move(what)](const std::string& now) {
      if (now == path && !std::exchange(happened_, true)) what();
    };
  }
  absl::Status Cancel() {
    v1::CancelRunRequest request;
    request.set_run("RUN-1");
    request.set_reason("enough");
    return desk_->CancelRun(Person("carol"), request).status();
  }
  // The journal has no gap and gives the stored state: nobody wrote over anybody.
  void CheckJournal() {
    v1::PlaybookRun replayed;
    uint64_t sequence = 0;
    const auto page = ListRecords(ledger().store(), keys::RunRecords(RunId("RUN-1")), "", 1000);
    ASSERT_TRUE(page.ok());
    for (const auto& [key, record] : page->records) {
      EXPECT_EQ(record.sequence(), ++sequence);
      replayed = ApplyRecord(std::move(replayed), record);
    }
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(replayed, Run("RUN-1"))) << Run("RUN-1").DebugString();
  }

  bool happened_ = false;
};

TEST_F(MeanwhileTest, AVoteThatCameWhileAnEffectWasUnderWayCounts) {
  Put("beside", "wait", kAskBeside);
  ASSERT_TRUE(Start("beside").ok());
  absl::Status voted = absl::UnknownError("not asked");
  While("both/note", [&] {
    v1::AnswerApprovalRequest request;
    request.set_run("RUN-1");
    request.set_step("both/gate");
    request.set_approve(true);
    const v1::PlaybookRun now = Run("RUN-1");
    request.set_subject_digest(FindState(now, "both/gate")->subject_digest());
    voted = desk_->AnswerApproval(Person("bob"), request).status();
  });
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_TRUE(voted.ok()) << voted;
  const v1::PlaybookRun run = Run("RUN-1");
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(FindState(run, "both/gate")->votes_size(), 1);
  EXPECT_EQ(world_.changed_paths["both/note"], 1) << "the outcome was recorded, not made again";
  EXPECT_EQ(world_.notes, (std::set<std::string>{"hello", "after"}));
  CheckJournal();
}

TEST_F(MeanwhileTest, ACancelThatCameWhileAnEffectWasUnderWayBeginsNothingMore) {
  Put("two", "wait", kTwoNotes);
  ASSERT_TRUE(Start("two").ok());
  absl::Status cancelled = absl::UnknownError("not asked");
  While("first", [&] { cancelled = Cancel(); });
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_TRUE(cancelled.ok()) << cancelled;
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(world_.notes, (std::set<std::string>{"one"}));
  CheckJournal();
}

TEST_F(MeanwhileTest, AnEffectIsNotMadeWhileTheDiskDoesNotTakeItsIntent) {
  Put("two", "wait", kTwoNotes);
  ASSERT_TRUE(Start("two").ok());
  Disk disk(fixture_.store);
  const std::unique_ptr<Ledger> ledger = fixture_.Open(disk);
  RunPump pump(*ledger, fixture_.clock, *fixture_.log, catalogue_);
  While("first", [&] { disk.full = true; });
  EXPECT_TRUE(absl::IsResourceExhausted(pump.Drive(RunId("RUN-1")).status()));
  EXPECT_EQ(world_.calls, 1) << "the intent of the first was durable";
  disk.full = false;
  const auto driven = pump.Drive(RunId("RUN-1"));
  ASSERT_TRUE(driven.ok()) << driven.status();
  EXPECT_TRUE(driven->ended);
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_TRUE(world_.violations.empty()) << world_.violations.front();
  EXPECT_EQ(world_.changed_paths["first"], 1);
  CheckJournal();
}

// Nothing is recorded about an effect that is on its way, so no commit tells that the run has moved.
TEST_F(MeanwhileTest, ACancelIsSeenAlthoughTheEffectUnderWaySaidNothing) {
  Put("contain", "wait", "steps:\n- contain: {do: fleet.contain, with: {deployment: $deployment}}\n- note: {do: incident.note, with: {text: x}}\n");
  ASSERT_TRUE(Start("contain").ok());
  While("contain", [&] { EXPECT_TRUE(Cancel().ok()); });
  EXPECT_TRUE(Drive("RUN-1").ended) << "the proof is still to come, and nobody waits for it";
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_CANCELLED);
  EXPECT_TRUE(world_.contained);
  CheckJournal();
}

}  // namespace
}  // namespace firebreak::testing
