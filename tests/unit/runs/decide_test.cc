#include "firebreak/runs/decide.h"

#include <gtest/gtest.h>

#include "tests/unit/runs/line.h"

namespace firebreak::testing {
namespace {

TEST(Decide, SendsTheSameEffectAfterACrash) {
  Line line(Steps({StrCat("a: ", kNote)}));
  EXPECT_EQ(line.Performing(), "a");
  const std::string effect = FindState(line.run(), "a")->effect_id();
  EXPECT_EQ(effect.size(), 32u);
  line.Crash();
  EXPECT_EQ(line.Performing(), "a");
  EXPECT_EQ(FindState(line.run(), "a")->effect_id(), effect);
  EXPECT_EQ(FindState(line.run(), "a")->attempt(), 1u);
}

TEST(Decide, LeavesAOnceEffectInDoubtAfterACrashUntilAPersonSays) {
  for (const bool happened : {true, false}) {
    Line line(Steps({"page: {do: test.page, with: {text: x}}"}));
    EXPECT_EQ(line.Performing(), "page");
    line.Crash();
    EXPECT_EQ(line.Performing(), "");
    EXPECT_EQ(line.PhaseOf("page"), v1::STEP_PHASE_IN_DOUBT);
    RunEvent event;
    *event.mutable_time() = ToProto(kStart);
    event.mutable_step_resolved()->set_path("page");
    event.mutable_step_resolved()->set_happened(happened);
    line.Take(event);
    EXPECT_EQ(line.Performing(), happened ? "" : "page");
    EXPECT_EQ(FindState(line.run(), "page")->attempt(), happened ? 1u : 2u);
  }
}

TEST(Decide, LeavesAOnceEffectInDoubtWhenTheReplyWasLost) {
  Line line(Steps({"page: {do: test.page, with: {text: x}}"}));
  line.Answer(absl::UnavailableError("lost"));
  EXPECT_EQ(line.PhaseOf("page"), v1::STEP_PHASE_IN_DOUBT);
}

TEST(Decide, TriesAgainWithinItsPolicyAndThenFails) {
  Line line(Steps({"a: {do: incident.note, with: {text: x}, retry: {times: 2, backoff: 10s..20s}}"}));
  for (int attempt = 1; attempt <= 3; ++attempt) {
    EXPECT_EQ(line.Performing(), "a") << attempt;
    line.Answer(absl::UnavailableError("down"));
    if (attempt == 3) break;
    EXPECT_EQ(line.PhaseOf("a"), v1::STEP_PHASE_BACKING_OFF);
    EXPECT_EQ(line.Performing(), "") << "waits";
    line.Pass(absl::Seconds(21));
  }
  EXPECT_EQ(line.PhaseOf("a"), v1::STEP_PHASE_FAILED);
  line.Settle();
  EXPECT_EQ(line.run().state(), v1::RUN_STATE_FAILED);
  EXPECT_NE(line.run().error().message().find("down"), std::string::npos);
}

TEST(Decide, DoesNotTryAgainWhatCannotSucceed) {
  Line line(Steps({StrCat("a: ", kNote)}));
  line.Answer(absl::InvalidArgumentError("no"));
  EXPECT_EQ(line.PhaseOf("a"), v1::STEP_PHASE_FAILED);
}

TEST(Decide, AsksOnceMoreAfterTheDeadlineBeforeItGivesUp) {
  Line line(Steps({"a: {do: fleet.contain, with: {deployment: $deployment}, timeout: 1m}"}));
  line.Answer(ActionResult(ActionPending{absl::Seconds(1), "proof"}));
  line.Pass(absl::Minutes(10));
  line.Crash();
  EXPECT_EQ(line.Performing(), "a");
  Line late = line;
  late.Done();
  EXPECT_EQ(late.PhaseOf("a"), v1::STEP_PHASE_DONE);
  line.Answer(ActionResult(ActionPending{absl::Seconds(1), "proof"}));
  EXPECT_EQ(line.PhaseOf("a"), v1::STEP_PHASE_FAILED);
}

TEST(Decide, TakesTheBranchTheConditionNames) {
  for (const bool eligible : {true, false}) {
    Line line(Steps({"plan: {do: rollback.plan, with: {deployment: $deployment}}",
                     StrCat("fork: {if: $plan.eligible, then: [{yes_: ", kNote, "}], else: [{no_: ", kNote, "}]}")}));
    google::protobuf::Value value;
    value.set_bool_value(eligible);
    line.Done({{"eligible", value}});
    EXPECT_EQ(line.Performing(), eligible ? "fork/then/yes_" : "fork/else/no_");
    line.Done();
    line.Settle();
    EXPECT_EQ(line.run().state(), v1::RUN_STATE_SUCCEEDED);
    EXPECT_EQ(line.PhaseOf(eligible ? "fork/else/no_" : "fork/then/yes_"), v1::STEP_PHASE_SKIPPED);
  }
}

std::string AskSteps() {
  return Steps(
      {"ask_: {ask: \"Sure about {$deployment}?\", who: {roles: [responder], need: 2, not: [author, trigger]}, about: "
       "$deployment, timeout: 5m}",
       StrCat("go: {if: $ask_.approved, then: [{yes_: ", kNote, "}], else: [{no_: ", kNote, "}]}")});
}

TEST(Decide, NeedsDistinctPeopleToApprove) {
  Line line(AskSteps());
  EXPECT_EQ(line.Performing(), "");
  EXPECT_EQ(line.run().state(), v1::RUN_STATE_WAITING_FOR_APPROVAL);
  const v1::StepState asked = *FindState(line.run(), "ask_");
  EXPECT_EQ(asked.question(), "Sure about fraud-prod?");
  EXPECT_EQ(asked.not_identities(0), "alice");
  EXPECT_EQ(asked.not_identities(1), "prometheus");
  line.Vote("ask_", "bob", true);
  line.Vote("ask_", "bob", true);
  EXPECT_EQ(line.Performing(), "") << "one person is not two";
  line.Vote("ask_", "dave", true);
  EXPECT_EQ(line.Performing(), "go/then/yes_");
}

TEST(Decide, DeniesOnOneDenialAndOnExpiry) {
  Line denied(AskSteps());
  denied.Settle();
  denied.Vote("ask_", "bob", true);
  denied.Vote("ask_", "dave", false);
  EXPECT_EQ(denied.Performing(), "go/else/no_");
  Line expired(AskSteps());
  expired.Settle();
  expired.Vote("ask_", "bob", true);
  expired.Pass(absl::Minutes(5));
  EXPECT_EQ(expired.Performing(), "go/else/no_");
}

TEST(Decide, UndoesTheRollBackLastFirstAndNeverContainment) {
  Line line(Steps({"contain: {do: fleet.contain, with: {deployment: $deployment}, undo: {do: test.change, with: "
                   "{text: x}}}",
                   "one: {do: test.change, with: {text: a}, undo: {do: incident.note, "
                   "with: {text: u1}}}",
                   "two: {do: test.change, with: {text: b}, undo: {do: incident.note, "
                   "with: {text: u2}}}",
                   StrCat("bad: ", kNote), "last: {do: report.build, always: true}", StrCat("never: ", kNote)}) +
            "on_failure:\n- tell: {do: incident.note, with: {text: failed}}\n");
  for (int i = 0; i < 3; ++i) line.Done();
  line.Answer(absl::InternalError("boom"));
  std::vector<std::string> order;
  while (true) {
    const std::string path = line.Performing();
    if (path.empty()) break;
    order.push_back(path);
    line.Done();
  }
  EXPECT_EQ(order, (std::vector<std::string>{"two/undo", "one/undo", "on_failure/tell", "last"}));
  EXPECT_EQ(line.run().state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(line.PhaseOf("contain"), v1::STEP_PHASE_DONE);
  EXPECT_EQ(line.PhaseOf("two"), v1::STEP_PHASE_UNDONE);
  EXPECT_EQ(line.PhaseOf("never"), v1::STEP_PHASE_SKIPPED);
}

TEST(Decide, StopsUndoingWhenAnUndoFails) {
  Line line(
      Steps({"one: {do: test.change, with: {text: a}, undo: {do: incident.note, with: "
             "{text: u1}}}",
             "two: {do: test.change, with: {text: b}, undo: {do: incident.note, with: "
             "{text: u2}}}",
             StrCat("bad: ", kNote)}));
  line.Done();
  line.Done();
  line.Answer(absl::InternalError("boom"));
  line.Answer(absl::FailedPreconditionError("not what we set"));
  EXPECT_EQ(line.Performing(), "");
  EXPECT_EQ(line.PhaseOf("one"), v1::STEP_PHASE_DONE);
  EXPECT_EQ(line.run().state(), v1::RUN_STATE_FAILED);
}

TEST(Decide, StartsNothingNewAfterACancelButRunsWhatIsAlways) {
  Line line(
      Steps({"one: {do: test.change, with: {text: a}, undo: {do: incident.note, with: "
             "{text: u}}}",
             StrCat("two: ", kNote), "last: {do: report.build, always: true}"}));
  EXPECT_EQ(line.Performing(), "one");
  line.Cancel();
  line.Done();  // what was under way is settled first
  EXPECT_EQ(line.Performing(), "last");
  line.Done();
  line.Settle();
  EXPECT_EQ(line.run().state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(line.PhaseOf("one"), v1::STEP_PHASE_DONE) << "a cancel undoes nothing";
}

TEST(Decide, EndsAnAskWhenTheRunIsCancelledOrOutOfTime) {
  Line cancelled(AskSteps());
  cancelled.Settle();
  cancelled.Cancel();
  cancelled.Settle();
  EXPECT_EQ(cancelled.run().state(), v1::RUN_STATE_CANCELLED);
  Line late(AskSteps());
  *late.run().mutable_deadline_at() = ToProto(kStart + absl::Minutes(1));
  late.Settle();
  late.Pass(absl::Minutes(1));
  late.Settle();
  EXPECT_EQ(late.run().state(), v1::RUN_STATE_FAILED);
}

TEST(Decide, FailsAStepWhoseActionBreaksItsPromise) {
  Line line(Steps({"a: {do: rollback.plan, with: {deployment: $deployment}}"}));
  line.Answer(ActionResult(ActionDone{}));
  EXPECT_EQ(line.PhaseOf("a"), v1::STEP_PHASE_FAILED);
  EXPECT_NE(FindState(line.run(), "a")->error().message().find("digest"), std::string::npos);
}

TEST(Decide, RefusesOutputsThatNoRunCanHold) {
  Line line(Steps({"a: {do: report.build}"}));
  google::protobuf::Value huge;
  huge.set_string_value(std::string(kOutputsBytesMax + 1, 'x'));
  line.Done({{"report", huge}});
  EXPECT_EQ(line.PhaseOf("a"), v1::STEP_PHASE_FAILED);
}

TEST(Apply, IgnoresEventsThatDoNotFit) {
  Line line(Steps({StrCat("a: ", kNote)}));
  line.Settle();
  const v1::PlaybookRun before = line.run();
  RunEvent event;
  event.mutable_step_done()->set_path("nowhere");
  EXPECT_TRUE(MessageDifferencer::Equals(Apply(before, event), before));
  event.mutable_voted()->set_path("a");
  EXPECT_TRUE(MessageDifferencer::Equals(Apply(before, event), before));
  event.mutable_step_resolved()->set_path("a");
  EXPECT_TRUE(MessageDifferencer::Equals(Apply(before, event), before));
  EXPECT_TRUE(MessageDifferencer::Equals(Apply(before, RunEvent()), before));
  event.mutable_run_started()->mutable_run()->set_id("RUN-9");
  EXPECT_EQ(Apply(before, event).id(), "RUN-1");
}

TEST(EffectId, ChangesWithEveryPartOfIt) {
  google::protobuf::Struct inputs;
  const std::string base = EffectIdOf("RUN-1", "a", 0, "x.y", inputs).text();
  EXPECT_NE(EffectIdOf("RUN-2", "a", 0, "x.y", inputs).text(), base);
  EXPECT_NE(EffectIdOf("RUN-1", "b", 0, "x.y", inputs).text(), base);
  EXPECT_NE(EffectIdOf("RUN-1", "a", 1, "x.y", inputs).text(), base);
  EXPECT_NE(EffectIdOf("RUN-1", "a", 0, "x.z", inputs).text(), base);
  (*inputs.mutable_fields())["k"].set_bool_value(true);
  EXPECT_NE(EffectIdOf("RUN-1", "a", 0, "x.y", inputs).text(), base);
  EXPECT_EQ(EffectIdOf("RUN-1", "a", 0, "x.y", {}).text(), base);
}

}  // namespace
}  // namespace firebreak::testing
