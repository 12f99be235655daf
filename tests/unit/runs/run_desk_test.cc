#include "firebreak/runs/run_desk.h"

#include <gtest/gtest.h>

#include "tests/unit/runs/desk_fixture.h"

namespace firebreak::testing {
namespace {

using RunDeskTest = DeskFixture;

TEST_F(RunDeskTest, RunsAPlaybookStartedByHand) {
  Put("note", "wait", kNoteSteps);
  const auto started = Start("note");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->run().id(), "RUN-1");
  EXPECT_EQ(started->run().fence(), 1u);
  EXPECT_EQ(started->run().started_by(), "carol");
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(Run("RUN-1").sequence(), 2u);
  EXPECT_EQ(world_.notes.count("hello"), 1u);
}

TEST_F(RunDeskTest, SaysWhichInputIsMissingUnknownOrWrong) {
  Put("note", "wait", kNoteSteps);
  v1::StartRunRequest request;
  request.set_playbook("note");
  EXPECT_EQ(desk_->StartRun(Person("c"), request).status().code(), absl::StatusCode::kInvalidArgument);
  (*request.mutable_inputs()->mutable_fields())["deploymnt"].set_string_value("x");
  EXPECT_NE(MessageOf(desk_->StartRun(Person("c"), request).status()).find("did you mean deployment"),
            std::string_view::npos);
  request.mutable_inputs()->clear_fields();
  (*request.mutable_inputs()->mutable_fields())["deployment"].set_number_value(3);
  EXPECT_EQ(desk_->StartRun(Person("c"), request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_playbook("nte");
  EXPECT_EQ(desk_->StartRun(Person("c"), request).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RunDeskTest, ShowsTheStepsWithoutStartingWhenOnlyAsked) {
  Put("ask", "wait", kAskSteps);
  v1::StartRunRequest request;
  request.set_playbook("ask");
  request.set_validate_only(true);
  (*request.mutable_inputs()->mutable_fields())["deployment"].set_string_value("fraud-prod");
  const auto shown = desk_->StartRun(Person("carol"), request);
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(shown->run().steps_size(), 4);
  EXPECT_EQ(Run("RUN-1").id(), "");
}

TEST_F(RunDeskTest, GivesTheSameAnswerToTheSameRequest) {
  Put("note", "wait", kNoteSteps);
  EXPECT_EQ(Start("note", "r1")->run().id(), "RUN-1");
  EXPECT_EQ(Start("note", "r1")->run().id(), "RUN-1");
  EXPECT_EQ(Start("note", "r1", "other").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Start("note", "r2", "other")->run().id(), "RUN-2");
}

TEST_F(RunDeskTest, AttachesToTheRunThatHoldsTheLock) {
  Put("ask", "attach", kAskSteps);
  ASSERT_TRUE(Start("ask").ok());
  const auto second = Start("ask");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->attached());
  EXPECT_EQ(second->run().id(), "RUN-1");
  EXPECT_FALSE(Start("ask", "", "other")->attached());
}

TEST_F(RunDeskTest, RefusesWhenLockedAndToldToFail) {
  Put("ask", "fail", kAskSteps);
  ASSERT_TRUE(Start("ask").ok());
  const auto second = Start("ask");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(MessageOf(second.status()).find("RUN-1"), std::string_view::npos);
}

TEST_F(RunDeskTest, WaitsInLineForTheLockAndGetsANewFence) {
  Put("ask", "wait", kAskSteps);
  Put("note", "wait", kNoteSteps);
  ASSERT_TRUE(Start("ask").ok());
  ASSERT_TRUE(Start("note").ok());
  ASSERT_TRUE(Start("note").ok());
  EXPECT_EQ(Run("RUN-2").state(), v1::RUN_STATE_WAITING_FOR_LOCK);
  EXPECT_FALSE(Drive("RUN-2").ended);
  EXPECT_EQ(world_.notes.size(), 0u);
  v1::CancelRunRequest cancel;
  cancel.set_run("RUN-1");
  cancel.set_reason("enough");
  ASSERT_TRUE(desk_->CancelRun(Person("bob"), cancel).ok());
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_FALSE(Drive("RUN-3").ended) << "RUN-2 came first";
  EXPECT_TRUE(Drive("RUN-2").ended);
  EXPECT_EQ(Run("RUN-2").fence(), 2u);
  EXPECT_TRUE(Drive("RUN-3").ended);
  EXPECT_EQ(Run("RUN-3").fence(), 3u);
}

TEST_F(RunDeskTest, LeavesTheLineWhenCancelledWhileWaiting) {
  Put("ask", "wait", kAskSteps);
  ASSERT_TRUE(Start("ask").ok());
  ASSERT_TRUE(Start("ask").ok());
  v1::CancelRunRequest cancel;
  cancel.set_run("RUN-2");
  cancel.set_reason("not needed");
  ASSERT_TRUE(desk_->CancelRun(Person("bob"), cancel).ok());
  EXPECT_TRUE(Drive("RUN-2").ended);
  EXPECT_EQ(Run("RUN-2").state(), v1::RUN_STATE_CANCELLED);
  const auto lock = FindRecord(fixture_.store, keys::RunLock("deployment/fraud-prod"));
  EXPECT_EQ((*lock)->waiting_size(), 0);
  EXPECT_EQ((*lock)->run(), "RUN-1");
}

TEST_F(RunDeskTest, TakesAnswersOnlyFromWhoMayGiveThem) {
  Put("ask", "wait", kAskSteps);
  ASSERT_TRUE(Start("ask").ok());
  Drive("RUN-1");
  EXPECT_EQ(Answer(Person("eve", {v1::ROLE_VIEWER})).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Answer(Person("eve", {v1::ROLE_ADMIN})).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Answer(Person("carol")).code(), absl::StatusCode::kPermissionDenied) << "the trigger";
  EXPECT_EQ(Answer(Person("alice")).code(), absl::StatusCode::kPermissionDenied) << "the author";
  EXPECT_EQ(Answer(Person("bob"), true, "sha256:" + std::string(64, 'b')).code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(Answer(Person("bob")).ok());
  EXPECT_TRUE(Answer(Person("bob")).ok()) << "the same answer again is no second vote";
  EXPECT_EQ(Answer(Person("bob"), false).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(Drive("RUN-1").ended) << "two are needed";
  EXPECT_TRUE(Answer(Person("dave", {v1::ROLE_SECURITY_LEAD})).ok());
  EXPECT_EQ(Run("RUN-1").steps(1).votes_size(), 2);
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_EQ(world_.notes.count("go"), 1u);
  EXPECT_EQ(Answer(Person("frank")).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RunDeskTest, TakesNoAnswerAfterTheDeadline) {
  Put("ask", "wait", kAskSteps);
  ASSERT_TRUE(Start("ask").ok());
  EXPECT_EQ(Drive("RUN-1").wake_at, fixture_.clock.Now() + absl::Minutes(10));
  EXPECT_EQ(desk_->ListApprovals(Person("bob"), {})->approvals_size(), 1);
  fixture_.clock.Advance(absl::Minutes(10));
  EXPECT_EQ(Answer(Person("bob")).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_EQ(world_.notes.size(), 0u);
  EXPECT_EQ(desk_->ListApprovals(Person("bob"), {})->approvals_size(), 0);
}

v1::Incident Opened(const std::string& deployment) {
  v1::Incident incident;
  incident.set_id("INC-7");
  incident.set_severity(2);
  incident.set_kind("drift");
  incident.set_deployment(deployment);
  incident.set_opened_by("prometheus");
  return incident;
}

TEST_F(RunDeskTest, StartsTheMostSeverePlaybookThatMatches) {
  Put("mild", "attach", StrCat("severity: 10\ntrigger: {event: incident.opened}\n", kNoteSteps));
  Put("strong", "attach",
      StrCat("severity: 80\ntrigger: {event: incident.opened, when: incident.kind == \"drift\"}\n", kNoteSteps));
  Put("other", "attach",
      StrCat("severity: 99\ntrigger: {event: incident.opened, when: incident.kind == \"x\"}\n", kNoteSteps));
  EXPECT_EQ(**desk_->PreviewTriggered(Opened("fraud-prod")), "strong");
  std::optional<v1::PlaybookRun> run;
  const auto receipt = ledger().Transact([&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(run, desk_->StartTriggered(draft, Opened("fraud-prod")));
    EXPECT_LE(draft.writes().size(), 20u);
    EXPECT_LE(draft.entries().size(), 4u);
    v1::Incident incident = Opened("fraud-prod");
    incident.add_runs(run->id());
    EXPECT_TRUE(*desk_->HasActiveRun(draft, incident));
    return absl::OkStatus();
  });
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(run->playbook(), "strong");
  EXPECT_EQ(run->incident(), "INC-7");
  EXPECT_EQ(run->started_by(), "prometheus");
  EXPECT_TRUE(Drive(run->id()).ended);
  EXPECT_GE(ended_incidents_.size(), 1u);
  v1::ListRunsRequest list;
  list.set_incident("INC-7");
  EXPECT_EQ(desk_->ListRuns(Person("x"), list)->runs_size(), 1);
}

TEST_F(RunDeskTest, NeverFailsTheIncidentBecauseOfAPlaybook) {
  Put("strong", "fail", StrCat("trigger: {event: incident.opened}\n", kAskSteps));
  ASSERT_TRUE(Start("strong").ok());
  for (const std::string deployment : {"fraud-prod", ""}) {  // locked; input without a value
    std::optional<v1::PlaybookRun> run;
    const auto receipt = ledger().Transact([&](Draft& draft) -> absl::Status {
      ASSIGN_OR_RETURN(run, desk_->StartTriggered(draft, Opened(deployment)));
      EXPECT_EQ(draft.entries().size(), 1u);
      EXPECT_EQ(draft.entries()[0].action(), "run.not_started");
      return absl::OkStatus();
    });
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    EXPECT_FALSE(run.has_value());
  }
}

TEST_F(RunDeskTest, ListsTheNewestFirstPageByPage) {
  Put("note", "wait", kNoteSteps);
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(Start("note", "", StrCat("d", i)).ok());
  Drive("RUN-2");
  v1::ListRunsRequest list;
  list.set_page_size(2);
  std::vector<std::string> seen;
  do {
    const auto page = desk_->ListRuns(Person("x"), list);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::PlaybookRun& run : page->runs()) seen.push_back(run.id());
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"RUN-5", "RUN-4", "RUN-3", "RUN-2", "RUN-1"}));
  list.set_only_active(true);
  list.set_page_size(0);
  EXPECT_EQ(desk_->ListRuns(Person("x"), list)->runs_size(), 4);
}

TEST_F(RunDeskTest, SettlesAStepInDoubtOnTheRecord) {
  Put("page", "wait",
      "steps:\n- plan: {do: rollback.plan, with: {deployment: $deployment}}\n- page: {do: test.page, with: {text: "
      "x}}\n");
  ASSERT_TRUE(Start("page").ok());
  CrashPoints stop("run-after-intent", CrashPoints::Mode::kStop);
  RunPump dying(ledger(), fixture_.clock, *fixture_.log, catalogue_, {}, &stop);
  EXPECT_FALSE(dying.Drive(RunId("RUN-1")).ok());
  Drive("RUN-1");
  EXPECT_EQ(FindState(Run("RUN-1"), "page")->phase(), v1::STEP_PHASE_IN_DOUBT);
  v1::ResolveStepRequest resolve;
  resolve.set_run("RUN-1");
  resolve.set_step("page");
  EXPECT_EQ(desk_->ResolveStep(Person("bob"), resolve).status().code(), absl::StatusCode::kInvalidArgument)
      << "a reason is needed";
  resolve.set_reason("the pager log shows it");
  resolve.set_happened(true);
  ASSERT_TRUE(desk_->ResolveStep(Person("bob"), resolve).ok());
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_EQ(Run("RUN-1").state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(world_.changes.count("test.page"), 0u);
  EXPECT_EQ(desk_->ResolveStep(Person("bob"), resolve).status().code(), absl::StatusCode::kFailedPrecondition);
}

class Collected final : public Sink<v1::WatchRunEvent> {
 public:
  bool Send(v1::WatchRunEvent event) override {
    absl::MutexLock lock(&mutex);
    sequences.push_back(event.run().sequence());
    return true;
  }
  void Close(absl::Status status) override {
    absl::MutexLock lock(&mutex);
    closed = status.ok();
  }
  absl::Mutex mutex;
  std::vector<uint64_t> sequences;
  bool closed = false;
};

TEST_F(RunDeskTest, ShowsARunLiveUntilItsEnd) {
  Put("note", "wait", kNoteSteps);
  ASSERT_TRUE(Start("note").ok());
  v1::WatchRunRequest request;
  request.set_run("RUN-1");
  auto sink = std::make_shared<Collected>();
  auto watch = desk_->WatchRun(Person("x"), request, sink);
  ASSERT_TRUE(watch.ok()) << watch.status();
  Drive("RUN-1");
  absl::MutexLock lock(&sink->mutex);
  sink->mutex.Await(absl::Condition(&sink->closed));
  EXPECT_EQ(sink->sequences, (std::vector<uint64_t>{1, 2}));
}

}  // namespace
}  // namespace firebreak::testing
