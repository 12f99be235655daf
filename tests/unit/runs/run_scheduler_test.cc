#include "firebreak/runs/run_scheduler.h"

#include <gtest/gtest.h>

#include "tests/unit/runs/desk_fixture.h"

namespace firebreak::testing {
namespace {

class RunSchedulerTest : public DeskFixture {
 protected:
  std::unique_ptr<RunScheduler> NewScheduler() {
    auto scheduler = std::make_unique<RunScheduler>(ledger(), fixture_.clock, *fixture_.log, *pump_,
                                                    RunSchedulerOptions{.workers = 2});
    EXPECT_TRUE(scheduler->Start().ok());
    return scheduler;
  }

  // Blocks until a commit leaves the run in `state`; woken by commits, not by time.
  void Await(const std::string& id, v1::RunState state) {
    struct Seen {
      absl::Mutex mutex;
      bool changed = true;
    } seen;
    auto watch = ledger().AddWatcher([&seen](const std::vector<v1::AuditEntry>&) {
      absl::MutexLock lock(&seen.mutex);
      seen.changed = true;
    });
    for (;;) {
      {
        absl::MutexLock lock(&seen.mutex);
        ASSERT_TRUE(seen.mutex.AwaitWithTimeout(absl::Condition(&seen.changed), absl::Seconds(60)))
            << "nothing happens any more: " << Run(id).DebugString();
        seen.changed = false;
      }
      if (Run(id).state() == state) return;
    }
  }
};

TEST_F(RunSchedulerTest, DrivesARunFromItsStartThroughAnApprovalToItsEnd) {
  Put("ask", "wait", kAskSteps);
  const auto scheduler = NewScheduler();
  ASSERT_TRUE(Start("ask").ok());
  Await("RUN-1", v1::RUN_STATE_WAITING_FOR_APPROVAL);
  ASSERT_TRUE(Answer(Person("bob")).ok());
  ASSERT_TRUE(Answer(Person("dave")).ok());
  Await("RUN-1", v1::RUN_STATE_SUCCEEDED);
}

TEST_F(RunSchedulerTest, FiresTimersOfRunsItFoundInTheStore) {
  Put("ask", "wait", kAskSteps);
  ASSERT_TRUE(Start("ask").ok());
  Drive("RUN-1");
  fixture_.clock.Advance(absl::Minutes(11));  // the approval expires while nobody is there
  const auto scheduler = NewScheduler();
  Await("RUN-1", v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(FindState(Run("RUN-1"), "gate")->outputs().fields().at("decision").string_value(), "deny");
}

TEST_F(RunSchedulerTest, WakesByTheClock) {
  Put("contain", "wait",
      "steps:\n- contain: {do: fleet.contain, with: {deployment: $deployment}}\n- gate:\n    ask: Sure?\n    who: "
      "{roles: [responder]}\n"
      "    timeout: 5m\n- go: {if: $gate.approved, then: [{note: {do: incident.note, with: {text: x}}}]}\n");
  const auto scheduler = NewScheduler();
  ASSERT_TRUE(Start("contain").ok());
  while (Run("RUN-1").state() != v1::RUN_STATE_WAITING_FOR_APPROVAL)
    fixture_.clock.Advance(absl::Milliseconds(50));  // the proof comes later
  fixture_.clock.Advance(absl::Minutes(5));
  Await("RUN-1", v1::RUN_STATE_SUCCEEDED);
  EXPECT_TRUE(world_.contained);
}

TEST_F(RunSchedulerTest, HandsTheLockToTheNextRunInLine) {
  Put("ask", "wait", kAskSteps);
  Put("note", "wait", kNoteSteps);
  const auto scheduler = NewScheduler();
  ASSERT_TRUE(Start("ask").ok());
  ASSERT_TRUE(Start("note").ok());
  Await("RUN-1", v1::RUN_STATE_WAITING_FOR_APPROVAL);
  ASSERT_TRUE(Answer(Person("bob"), false).ok());
  Await("RUN-2", v1::RUN_STATE_SUCCEEDED);
}

TEST_F(RunSchedulerTest, StopsCleanlyAndANewOneGoesOn) {
  Put("ask", "wait", kAskSteps);
  auto scheduler = NewScheduler();
  ASSERT_TRUE(Start("ask").ok());
  Await("RUN-1", v1::RUN_STATE_WAITING_FOR_APPROVAL);
  scheduler->Stop();
  ASSERT_TRUE(Answer(Person("bob")).ok());
  ASSERT_TRUE(Answer(Person("dave")).ok());
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_WAITING_FOR_APPROVAL);
  scheduler = NewScheduler();
  Await("RUN-1", v1::RUN_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace firebreak::testing
