// Plans, pauses, going on from a step, locks that are fought over, playbooks that cannot be read.
#include "firebreak/runs/run_control_desk.h"

#include <gtest/gtest.h>

#include "firebreak/runs/run_guard.h"
#include "firebreak/storage/keys/playbooks.h"
#include "tests/unit/runs/desk_fixture.h"

namespace firebreak::testing {
namespace {

constexpr char kRollSteps[] = R"(steps:
- contain: {do: fleet.contain, with: {deployment: $deployment}}
- plan: {do: rollback.plan, with: {deployment: $deployment}}
- gate:
    ask: Back to {$plan.target}?
    who: {roles: [responder], need: 1, not: [trigger, author]}
    about: $plan.digest
    timeout: 10m
- go:
    if: $gate.approved
    then:
    - change: {do: test.change, with: {text: x}}
    - note: {do: incident.note, with: {text: done}}
- report: {do: report.build, always: true}
)";

class RunControlTest : public DeskFixture {
 protected:
  absl::StatusOr<v1::RunPlan> Plan(const std::string& playbook) {
    v1::PlanRunRequest request;
    request.set_playbook(playbook);
    (*request.mutable_inputs()->mutable_fields())["deployment"].set_string_value("fraud-prod");
    ASSIGN_OR_RETURN(v1::PlanRunResponse response, control_->PlanRun(Person("carol"), request));
    return response.plan();
  }
  absl::StatusOr<v1::StartPlanResponse> StartPlan(const std::string& digest, const std::string& request_id = "") {
    v1::StartPlanRequest request;
    request.set_plan_digest(digest);
    request.set_request_id(request_id);
    request.set_reason("as planned");
    return control_->StartPlan(Person("carol"), request);
  }
  static v1::PlannedOutcome OutcomeOf(const v1::RunPlan& plan, const std::string& path) {
    for (const v1::PlannedStep& step : plan.steps()) {
      if (step.path() == path) return step.outcome();
    }
    return v1::PLANNED_OUTCOME_UNSPECIFIED;
  }
  absl::StatusOr<v1::ResumeRunResponse> Resume(const std::string& run, const std::string& step) {
    v1::ResumeRunRequest request;
    request.set_run(run);
    request.set_step(step);
    request.set_reason("the cause is gone");
    return control_->ResumeRun(Person("carol"), request);
  }
  // Until the run is over or waits for people.
  void DriveOn(const std::string& run) {
    for (int i = 0; i < 50; ++i) {
      const DriveResult driven = Drive(run);
      if (driven.ended || Run(run).state() == v1::RUN_STATE_WAITING_FOR_APPROVAL) return;
      fixture_.clock.Set(std::max(driven.wake_at, fixture_.clock.Now()));
    }
    ADD_FAILURE() << "does not get on: " << Run(run).DebugString();
  }
};

TEST_F(RunControlTest, APlanShowsWhatWouldHappenAndDoesNothing) {
  Put("roll", "wait", kRollSteps);
  const auto plan = Plan("roll");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(OutcomeOf(*plan, "contain"), v1::PLANNED_OUTCOME_CHANGES);
  EXPECT_EQ(plan->steps(0).now(), "serves model/fraud@2");
  EXPECT_EQ(plan->steps(0).then(), "contained");
  EXPECT_EQ(plan->steps(0).action_class(), "converge");
  EXPECT_EQ(plan->steps(0).blast_radius(), "deployment fraud-prod");
  EXPECT_EQ(OutcomeOf(*plan, "plan"), v1::PLANNED_OUTCOME_READS);
  EXPECT_EQ(OutcomeOf(*plan, "gate"), v1::PLANNED_OUTCOME_ASKS);
  EXPECT_EQ(OutcomeOf(*plan, "go/then/change"), v1::PLANNED_OUTCOME_CHANGES);
  EXPECT_EQ(OutcomeOf(*plan, "report"), v1::PLANNED_OUTCOME_CHANGES);
  EXPECT_EQ(plan->approvals(), 1u);
  EXPECT_FALSE(world_.contained);
  EXPECT_EQ(world_.changes.count("fleet.contain"), 0u);
  EXPECT_EQ(Run("RUN-1").id(), "");
}

TEST_F(RunControlTest, APlanIsStartedExactlyOrRefusedNamingWhatChanged) {
  Put("roll", "wait", kRollSteps);
  const auto plan = Plan("roll");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(Plan("roll")->digest(), plan->digest()) << "the same world gives the same plan";
  world_.serving = "model/fraud@9";
  const auto refused = StartPlan(plan->digest());
  EXPECT_TRUE(absl::IsAborted(refused.status())) << refused.status();
  EXPECT_NE(MessageOf(refused.status()).find("step contain: the present state was serves model/fraud@2, is serves model/fraud@9"),
            std::string_view::npos)
      << refused.status();
  EXPECT_EQ(Run("RUN-1").id(), "");
  world_.serving = "model/fraud@2";
  const auto started = StartPlan(plan->digest(), "r1");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->run().plan_digest(), plan->digest());
  world_.serving = "model/fraud@9";
  EXPECT_EQ(StartPlan(plan->digest(), "r1")->run().id(), started->run().id()) << "the same request again";
}

TEST_F(RunControlTest, APlanIsForgottenAfterAnHour) {
  Put("roll", "wait", kRollSteps);
  const auto plan = Plan("roll");
  EXPECT_TRUE(absl::IsNotFound(StartPlan("sha256:" + std::string(64, '0')).status()));
  fixture_.clock.Advance(absl::Minutes(61));
  EXPECT_TRUE(absl::IsFailedPrecondition(StartPlan(plan->digest()).status()));
}

TEST_F(RunControlTest, APlanSaysWhichStepWouldFail) {
  Put("roll", "wait", kRollSteps);
  world_.fails = {"rollback.plan"};
  const auto plan = Plan("roll");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(OutcomeOf(*plan, "plan"), v1::PLANNED_OUTCOME_KNOWN_THEN) << "it is read again after the containment";
  EXPECT_NE(OutcomeOf(*plan, "go"), v1::PLANNED_OUTCOME_UNSPECIFIED);
}

TEST_F(RunControlTest, APausedRunWaitsUntilItMayGoOn) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  v1::PauseRunRequest pause;
  pause.set_run("RUN-1");
  EXPECT_TRUE(absl::IsInvalidArgument(control_->PauseRun(Person("bob"), pause).status())) << "a reason is needed";
  pause.set_reason("look first");
  ASSERT_TRUE(control_->PauseRun(Person("bob"), pause).ok());
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_PAUSED);
  Drive("RUN-1");
  fixture_.clock.Advance(absl::Seconds(2));
  Drive("RUN-1");
  EXPECT_EQ(FindState(Run("RUN-1"), "contain")->phase(), v1::STEP_PHASE_DONE) << "what is under way is settled";
  const v1::PlaybookRun paused = Run("RUN-1");
  EXPECT_EQ(FindState(paused, "plan"), nullptr);
  v1::ContinueRunRequest on;
  on.set_run("RUN-1");
  on.set_reason("looked");
  ASSERT_TRUE(control_->ContinueRun(Person("bob"), on).ok());
  DriveOn("RUN-1");
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_WAITING_FOR_APPROVAL);
}

TEST_F(RunControlTest, ShowsWhatAnEffectUnderWayWaitsFor) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  Drive("RUN-1");
  EXPECT_EQ(Run("RUN-1").steps(0).waiting_for(), "proof from agent web-1");
  const auto stored = FindRecord(fixture_.store, keys::Run(RunId("RUN-1")));
  EXPECT_EQ((*stored)->steps(0).waiting_for(), "") << "a hint is never stored";
  fixture_.clock.Advance(absl::Seconds(2));
  Drive("RUN-1");
  EXPECT_EQ(Run("RUN-1").steps(0).waiting_for(), "");
}

TEST_F(RunControlTest, AFailedRunIsGoneOnWithFromAStepWithoutDoingAgainWhatWasDone) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  DriveOn("RUN-1");
  EXPECT_TRUE(absl::IsFailedPrecondition(Resume("RUN-1", "plan").status())) << "it has not ended";
  world_.fails = {"incident.note"};
  ASSERT_TRUE(Answer(Person("bob")).ok());
  DriveOn("RUN-1");
  ASSERT_EQ(Run("RUN-1").state(), v1::RUN_STATE_FAILED);
  world_.fails.clear();
  EXPECT_TRUE(absl::IsNotFound(Resume("RUN-1", "nowhere").status()));
  const auto refused = Resume("RUN-1", "report");
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << "go failed before it";
  EXPECT_NE(MessageOf(refused.status()).find("comes before report"), std::string_view::npos) << refused.status();

  const auto resumed = Resume("RUN-1", "go/then/note");
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->run().resumed_from(), "RUN-1");
  DriveOn(resumed->run().id());
  const v1::PlaybookRun run = Run(resumed->run().id());
  EXPECT_EQ(run.state(), v1::RUN_STATE_SUCCEEDED) << run.DebugString();
  EXPECT_EQ(world_.changes["fleet.contain"], 2) << "containing is the one thing asked for again";
  EXPECT_EQ(world_.changes["test.change"], 1);
  EXPECT_EQ(world_.changes["incident.note"], 1);
  EXPECT_TRUE(FindState(run, "gate")->adopted());
}

TEST_F(RunControlTest, AnApprovalThatAllowedNothingYetIsAskedAgain) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  DriveOn("RUN-1");
  world_.fails = {"test.change"};
  ASSERT_TRUE(Answer(Person("bob")).ok());
  DriveOn("RUN-1");
  world_.fails.clear();
  const auto resumed = Resume("RUN-1", "go");
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  DriveOn(resumed->run().id());
  EXPECT_EQ(Run(resumed->run().id()).state(), v1::RUN_STATE_WAITING_FOR_APPROVAL);
}

TEST_F(RunControlTest, AQuestionAskedAgainAndDeniedStopsWhatItsOldAnswerHadLetIn) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  DriveOn("RUN-1");
  world_.fails = {"test.change"};
  ASSERT_TRUE(Answer(Person("bob")).ok());
  DriveOn("RUN-1");
  world_.fails.clear();
  const auto resumed = Resume("RUN-1", "go/then/change");
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  const std::string id = resumed->run().id();
  DriveOn(id);
  ASSERT_EQ(Run(id).state(), v1::RUN_STATE_WAITING_FOR_APPROVAL);
  ASSERT_TRUE(Answer(Person("bob"), false, "", id).ok());
  DriveOn(id);
  EXPECT_EQ(world_.changes["test.change"], 0);
  const v1::PlaybookRun run = Run(id);
  EXPECT_EQ(FindState(run, "go/then/change")->phase(), v1::STEP_PHASE_SKIPPED);
}

TEST_F(RunControlTest, WhoApprovedDoesNotGoOnWithTheRunAlone) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  DriveOn("RUN-1");
  world_.fails = {"incident.note"};
  ASSERT_TRUE(Answer(Person("bob")).ok());
  DriveOn("RUN-1");
  v1::ResumeRunRequest request;
  request.set_run("RUN-1");
  request.set_step("go/then/note");
  request.set_reason("on we go");
  EXPECT_TRUE(absl::IsPermissionDenied(control_->ResumeRun(Person("bob"), request).status()));
  EXPECT_TRUE(control_->ResumeRun(Person("carol"), request).ok());
}

TEST_F(RunControlTest, GoingOnContainsAgainWhatAPersonMayHaveLifted) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  DriveOn("RUN-1");
  world_.fails = {"test.change"};
  ASSERT_TRUE(Answer(Person("bob")).ok());
  DriveOn("RUN-1");
  world_.fails.clear();
  world_.contained = false;
  const auto resumed = Resume("RUN-1", "go");
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  DriveOn(resumed->run().id());
  EXPECT_TRUE(world_.contained);
}

// Containing once more would take out of service what people approved and what the run had already put there.
TEST_F(RunControlTest, GoingOnDoesNotContainWhatWasPutIntoProductionSince) {
  Put("apply", "wait", R"(steps:
- contain: {do: fleet.contain, with: {deployment: $deployment}}
- plan: {do: rollback.plan, with: {deployment: $deployment}}
- gate:
    ask: Back to {$plan.target}?
    who: {roles: [responder], need: 1, not: [trigger, author]}
    about: $plan.digest
    timeout: 10m
- go:
    if: $gate.approved
    then:
    - apply:
        do: rollback.apply
        with: {deployment: $deployment, plan: $plan.digest}
        undo: {do: fleet.contain, with: {deployment: $deployment}}
    - note: {do: incident.note, with: {text: done}, delay: 10m}
)");
  ASSERT_TRUE(Start("apply").ok());
  DriveOn("RUN-1");
  ASSERT_TRUE(Answer(Person("bob")).ok());
  Drive("RUN-1");
  ASSERT_EQ(world_.serving, "model/fraud@1");
  v1::CancelRunRequest cancel;   // which undoes nothing
  cancel.set_run("RUN-1");
  cancel.set_reason("the rest by hand");
  ASSERT_TRUE(desk_->CancelRun(Person("carol"), cancel).ok());
  DriveOn("RUN-1");
  ASSERT_EQ(Run("RUN-1").state(), v1::RUN_STATE_CANCELLED);
  const auto resumed = Resume("RUN-1", "go/then/note");
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  DriveOn(resumed->run().id());
  EXPECT_EQ(Run(resumed->run().id()).state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(world_.changes["fleet.contain"], 1);
  EXPECT_EQ(world_.serving, "model/fraud@1");
  EXPECT_FALSE(world_.contained);
}

TEST_F(RunControlTest, AMoreSevereRunPreemptsAndContainmentStays) {
  Put("mild", "wait", StrCat("severity: 10\n", kRollSteps));
  Put("bad", "preempt", StrCat("severity: 90\n", kRollSteps));
  Put("worse", "preempt", StrCat("severity: 95\n", kRollSteps));
  Put("mild2", "preempt", StrCat("severity: 20\n", kRollSteps));
  ASSERT_TRUE(Start("mild").ok());
  DriveOn("RUN-1");
  ASSERT_TRUE(Start("mild").ok()) << "waits in line as RUN-2";
  ASSERT_TRUE(Start("bad").ok());
  EXPECT_EQ(Run("RUN-1").preempted_by(), "RUN-3");
  EXPECT_EQ(Run("RUN-3").state(), v1::RUN_STATE_WAITING_FOR_LOCK);
  ASSERT_TRUE(Start("mild2").ok()) << "RUN-4, not severe enough";
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(world_.changes["report.build"], 1) << "what is always done was done";
  EXPECT_TRUE(world_.contained);
  EXPECT_FALSE(Drive("RUN-2").ended);
  EXPECT_EQ(Run("RUN-2").state(), v1::RUN_STATE_WAITING_FOR_LOCK) << "RUN-3 goes first";
  DriveOn("RUN-3");
  EXPECT_EQ(Run("RUN-3").fence(), 2u);
  EXPECT_FALSE(Run("RUN-3").cancel_requested());
  Put("mild3", "preempt", StrCat("severity: 20\n", kRollSteps));
  ASSERT_TRUE(Start("mild3").ok());
  EXPECT_FALSE(Run("RUN-3").cancel_requested()) << "only a higher severity preempts";
}

TEST_F(RunControlTest, ARunWhosePlaybookCannotBeReadFailsLoudlyAndKeepsContainment) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  DriveOn("RUN-1");
  ASSERT_TRUE(ledger()
                  .Transact([&](Draft& draft) -> absl::Status {
                    draft.Delete(keys::Playbook(Run("RUN-1").playbook_digest()));
                    draft.Record(TestEntry());
                    return absl::OkStatus();
                  })
                  .ok());
  RunPump fresh(ledger(), fixture_.clock, *fixture_.log, catalogue_, Hooks());
  const auto driven = fresh.Drive(RunId("RUN-1"));
  ASSERT_TRUE(driven.ok()) << driven.status();
  EXPECT_TRUE(driven->ended);
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_FAILED);
  EXPECT_NE(Run("RUN-1").error().message().find("cannot be read"), std::string::npos);
  EXPECT_TRUE(world_.contained);
  const auto lock = FindRecord(fixture_.store, keys::RunLock("deployment/fraud-prod"));
  EXPECT_EQ((*lock)->run(), "") << "the deployment is free for the next";
}

absl::Status Check(Ledger& ledger, const LockWish& wish, std::vector<std::string>* actions = nullptr) {
  Draft draft(ledger.store());
  const absl::Status status = CheckDeploymentLock(draft, wish);
  for (const v1::AuditEntry& entry : draft.entries()) {
    if (actions != nullptr) actions->push_back(entry.action());
  }
  return status;
}

TEST_F(RunControlTest, ADeploymentInARunsHandsIsOnlyChangedByThatRunOrOnTheRecord) {
  Put("roll", "wait", kRollSteps);
  ASSERT_TRUE(Start("roll").ok());
  LockWish wish{DeploymentName("fraud-prod"), RunId(), 0, false, false, Identity("bob"), "I know"};
  EXPECT_TRUE(absl::IsFailedPrecondition(Check(ledger(), wish)));
  EXPECT_NE(MessageOf(Check(ledger(), wish)).find("RUN-1"), std::string_view::npos);
  wish.makes_safer = true;
  EXPECT_TRUE(Check(ledger(), wish).ok()) << "containing is never refused";
  wish.makes_safer = false;
  wish.override_run = true;
  std::vector<std::string> actions;
  EXPECT_TRUE(Check(ledger(), wish, &actions).ok());
  EXPECT_EQ(actions, std::vector<std::string>{"run.overridden"});
  wish.override_run = false;
  wish.run = RunId("RUN-1");
  wish.fence = 1;
  EXPECT_TRUE(Check(ledger(), wish).ok());
  wish.fence = 7;
  EXPECT_TRUE(absl::IsAborted(Check(ledger(), wish))) << "fenced off";
  wish.run = RunId("RUN-2");
  EXPECT_TRUE(absl::IsFailedPrecondition(Check(ledger(), wish)));
  wish.deployment = DeploymentName("other");
  EXPECT_TRUE(Check(ledger(), wish).ok());
}

TEST_F(RunControlTest, ADriveKnowsItsOwnIntentsAfterOtherOutcomes) {
  Put("pages", "wait",
      "steps:\n- side:\n    parallel:\n    - a: {do: test.page, with: {text: a}}\n    - b: {do: test.page, with: {text: b}}\n");
  ASSERT_TRUE(Start("pages").ok());
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_SUCCEEDED) << Run("RUN-1").DebugString();
}

// One that has ended and whose outcome is not recorded yet, above all.
TEST_F(RunControlTest, NoParallelEffectIsSentTwiceWhileOthersEnd) {
  Put("side", "wait",
      "steps:\n- side:\n    parallel:\n    - a: {do: test.change, with: {text: a}}\n    - b: {do: test.change, with: {text: b}}\n"
      "    - c: {do: test.change, with: {text: c}}\n    - d: {do: test.change, with: {text: d}}\n");
  RunPump pump(ledger(), fixture_.clock, *fixture_.log, catalogue_, Hooks(), nullptr, RunPumpOptions{4, nullptr});
  for (int i = 1; i <= 150; ++i) {
    ASSERT_TRUE(Start("side").ok());
    ASSERT_TRUE(pump.Drive(RunId(StrCat("RUN-", i))).ok());
  }
  EXPECT_EQ(world_.calls, 150 * 4);
}

TEST_F(RunControlTest, NothingStartsPastTheMostRunsInFlight) {
  Put("note", "wait", kNoteSteps);
  size_t active = kActiveRunsMax - 1;
  desk_->CountActiveBy([&active] { return active; });
  EXPECT_TRUE(Start("note").ok());
  ++active;
  EXPECT_TRUE(absl::IsResourceExhausted(Start("note").status()));
}

TEST_F(RunControlTest, EffectsOfParallelBranchesAreUnderWayTogether) {
  Put("side", "wait",
      "steps:\n- side:\n    parallel:\n    - a: {do: test.change, with: {text: a}}\n    - b: {do: test.change, with: {text: b}}\n"
      "    - c: {do: test.change, with: {text: c}}\n");
  ASSERT_TRUE(Start("side").ok());
  // Every effect waits until all three have begun: one after the other would never end.
  absl::Mutex mutex;
  int begun = 0;
  class Meeting final : public Action {
   public:
    Meeting(Action& under, absl::Mutex& mutex_of_all, int& begun_of_all) : under_(under), mutex_(mutex_of_all), begun_(begun_of_all) {}
    const ActionSpec& spec() const override { return under_.spec(); }
    absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
      {
        absl::MutexLock lock(&mutex_);
        ++begun_;
        auto all = [this] { return begun_ >= 3; };
        if (!mutex_.AwaitWithTimeout(absl::Condition(&all), absl::Seconds(60))) return absl::InternalError("alone");
      }
      return under_.Perform(call);
    }

   private:
    Action& under_;
    absl::Mutex& mutex_;
    int& begun_;
  };
  ActionCatalogue meeting;
  for (const ActionSpec& spec : BuiltinSpecs()) {
    if (spec.name == "test.change") meeting.Add(std::make_unique<Meeting>(*catalogue_.Find(spec.name), mutex, begun));
  }
  RunPump pump(ledger(), fixture_.clock, *fixture_.log, meeting, Hooks(), nullptr, RunPumpOptions{4, nullptr});
  const auto driven = pump.Drive(RunId("RUN-1"));
  ASSERT_TRUE(driven.ok()) << driven.status();
  EXPECT_TRUE(driven->ended);
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_SUCCEEDED) << Run("RUN-1").DebugString();
}

}  // namespace
}  // namespace firebreak::testing
