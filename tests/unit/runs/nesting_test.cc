// Steps made of steps: groups, branches, loops, parallel branches, playbooks within playbooks.
#include "tests/unit/runs/line.h"

namespace firebreak::testing {
namespace {

using google::protobuf::Value;
using Paths = std::vector<std::string>;

Value List(std::initializer_list<const char*> items) {
  Value value;
  value.mutable_list_value();
  for (const char* item : items) value.mutable_list_value()->add_values()->set_string_value(item);
  return value;
}
Value Bool(bool truth) {
  Value value;
  value.set_bool_value(truth);
  return value;
}
Value Text(const char* text) {
  Value value;
  value.set_string_value(text);
  return value;
}
std::string InputOf(Line& line, const std::string& path, const std::string& name) {
  const v1::StepState* state = FindState(line.run(), path);
  return state == nullptr ? "" : state->inputs().fields().at(name).string_value();
}
double Number(Line& line, const std::string& path, const std::string& name) {
  return FindState(line.run(), path)->outputs().fields().at(name).number_value();
}
constexpr char kPair[] = "{do: test.change, with: {text: x}}";

TEST(Group, GoesOnAfterAFailureThatItAllowsAndTellsOfIt) {
  Line line(Steps({StrCat("g: {on_failure: continue, steps: [{a: ", kNote, "}, {b: ", kNote, "}]}"),
                   StrCat("then_: {if: $g.ok, then: [{yes_: ", kNote, "}], else: [{no_: ", kNote, "}]}")}));
  EXPECT_EQ(line.Performing(), "g/a");
  line.Answer(absl::NotFoundError("gone"));
  EXPECT_EQ(line.Performing(), "then_/else/no_");
  EXPECT_EQ(line.PhaseOf("g"), v1::STEP_PHASE_FAILED);
  EXPECT_TRUE(FindState(line.run(), "g")->continued());
  EXPECT_EQ(line.PhaseOf("g/b"), v1::STEP_PHASE_UNSPECIFIED);
  line.Done();
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_SUCCEEDED");
}

TEST(Group, FailsWithTheStepInItAndNamesIt) {
  Line line(Steps({StrCat("g: {steps: [{h: {steps: [{a: ", kNote, "}]}}]}")}));
  line.Answer(absl::NotFoundError("gone"));
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_FAILED");
  EXPECT_EQ(line.run().error().message(), "step g/h/a: gone");
  EXPECT_EQ(line.PhaseOf("g"), v1::STEP_PHASE_FAILED);
}

TEST(Group, DoesWhatItAlwaysDoesBeforeTheRunGoesOn) {
  Line line(Steps({StrCat("g: {on_failure: continue, steps: [{a: ", kNote, "}, {b: {do: report.build, always: true}}]}"),
                   StrCat("c: ", kNote)}));
  line.Answer(absl::NotFoundError("gone"));
  EXPECT_EQ(line.Performing(), "g/b");
  line.Done();
  EXPECT_EQ(line.Performing(), "c");
}

TEST(ForEach, GoesThroughTheListInOrderWithItsOwnValues) {
  Line line(Steps({"look: {do: test.look}",
                   "each: {for_each: $look.names, as: name, type: string, max: 3, steps: [{one: {do: test.change, with: {text: $name}}}, "
                   "{two: {do: incident.note, with: {text: $name}}}]}"}));
  line.Done({{"names", List({"x", "y"})}});
  EXPECT_EQ(line.Performing(), "each[1]/one");
  EXPECT_EQ(InputOf(line, "each[1]/one", "text"), "x");
  line.Done();
  line.Done();
  EXPECT_EQ(line.Performing(), "each[2]/one");
  EXPECT_EQ(InputOf(line, "each[2]/one", "text"), "y");
  line.Done();
  line.Done();
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_SUCCEEDED");
  EXPECT_EQ(Number(line, "each", "count"), 2);
  EXPECT_EQ(Number(line, "each", "failed"), 0);
}

TEST(ForEach, CountsElementsThatFailedAndGoesOn) {
  Line line(Steps({"look: {do: test.look}",
                   "each: {for_each: $look.names, as: name, type: string, max: 3, steps: [{one: {do: test.change, on_failure: continue, "
                   "with: {text: $name}}}]}"}));
  line.Done({{"names", List({"x", "y", "z"})}});
  line.Done();
  line.Answer(absl::NotFoundError("gone"));
  line.Done();
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_SUCCEEDED");
  EXPECT_EQ(Number(line, "each", "failed"), 1);
}

TEST(ForEach, TouchesNothingWhenTheListIsTooLong) {
  Line line(Steps({"look: {do: test.look}",
                   "each: {for_each: $look.names, as: name, type: string, max: 2, steps: [{one: {do: test.change, with: {text: $name}}}]}"}));
  line.Done({{"names", List({"x", "y", "z"})}});
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_FAILED");
  EXPECT_NE(line.run().error().message().find("none was touched"), std::string::npos);
}

TEST(While, GoesOnUntilItsConditionFallsAndTellsItsRounds) {
  Line line(Steps({"again: {while: not $probe.good, max: 3, steps: [{probe: {do: test.look}}]}"}));
  EXPECT_EQ(line.Performing(), "again[1]/probe") << "what is unset before the first round counts as go on";
  line.Done({{"good", Bool(false)}});
  EXPECT_EQ(line.Performing(), "again[2]/probe");
  line.Done({{"good", Bool(true)}});
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_SUCCEEDED");
  EXPECT_EQ(Number(line, "again", "rounds"), 2);
}

TEST(While, FailsPastItsRounds) {
  Line line(Steps({"again: {while: not $probe.good, max: 2, steps: [{probe: {do: test.look}}]}"}));
  line.Done({{"good", Bool(false)}});
  line.Done({{"good", Bool(false)}});
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_FAILED");
  EXPECT_EQ(FindState(line.run(), "again")->round(), 2u);
}

TEST(Switch, TakesTheFirstCaseThatFitsElseTheDefault) {
  for (const auto& [kind, path] : {std::pair{"a", "which/case1/one"}, {"b", "which/case2/two"}, {"c", "which/default/rest"}}) {
    Line line(Steps({"look: {do: test.look}",
                     StrCat("which: {switch: $look.kind, cases: [{is: a, steps: [{one: ", kNote, "}]}, {is: b, steps: [{two: ", kNote,
                            "}]}], default: [{rest: ", kNote, "}]}")}));
    line.Done({{"kind", Text(kind)}});
    EXPECT_EQ(line.Performing(), path);
    line.Done();
    line.Settle();
    EXPECT_EQ(line.State(), "RUN_STATE_SUCCEEDED");
  }
}

std::string Side(const std::string& join) {
  return StrCat("side: {parallel: [{left: {steps: [{l1: ", kPair, "}, {l2: ", kPair, "}]}}, {right: {steps: [{r1: ", kPair,
                "}, {gate: {ask: \"Sure?\", who: {roles: [responder]}, timeout: 5m}}, {heed: {if: $gate.approved, then: [{go: ", kNote,
                "}]}}]}}, {middle: ", kPair, "}]", join, "}");
}

TEST(Parallel, HasSeveralEffectsUnderWayAtOnce) {
  Line line(Steps({Side("")}));
  EXPECT_EQ(line.AllPerforming(), (Paths{"side/left/l1", "side/right/r1", "side/middle"}));
  line.AnswerAt("side/left/l1", ActionResult(ActionDone{}));
  EXPECT_EQ(line.PhaseOf("side/left/l1"), v1::STEP_PHASE_FAILED) << "its output is missing";
}

TEST(Parallel, BeginsNothingNewAfterAFailureAndSettlesWhatIsUnderWay) {
  Line line(Steps({Side("")}));
  line.AllPerforming();
  line.AnswerAt("side/right/r1", ActionResult(ActionDone{[] {
                  google::protobuf::Struct outputs;
                  (*outputs.mutable_fields())["epoch"].set_number_value(3);
                  return outputs;
                }()}));
  line.Settle();
  EXPECT_EQ(line.PhaseOf("side/right/gate"), v1::STEP_PHASE_ASKING);
  EXPECT_EQ(line.State(), "RUN_STATE_WAITING_FOR_APPROVAL");
  line.AnswerAt("side/middle", absl::NotFoundError("gone"));
  EXPECT_EQ(line.AllPerforming(), Paths{"side/left/l1"}) << "what is under way is waited for";
  EXPECT_EQ(line.PhaseOf("side/right/gate"), v1::STEP_PHASE_FAILED) << "an open question closes";
  EXPECT_EQ(FindState(line.run(), "side/right/gate")->error().code(), static_cast<int>(absl::StatusCode::kCancelled));
  EXPECT_EQ(line.PhaseOf("side"), v1::STEP_PHASE_OPEN);
  line.AnswerAt("side/left/l1", absl::NotFoundError("gone too"));
  line.Settle();
  EXPECT_EQ(line.PhaseOf("side/left/l2"), v1::STEP_PHASE_SKIPPED);
  EXPECT_EQ(line.State(), "RUN_STATE_FAILED");
  for (const v1::StepState& state : line.run().steps()) {
    EXPECT_FALSE(IsOpenLeaf(state.phase()) || state.phase() == v1::STEP_PHASE_OPEN) << state.path();
  }
}

TEST(Parallel, IsDoneOnlyWhenAllBranchesAreUnlessItSaysHowMany) {
  Line line(Steps({Side(""), StrCat("after: ", kNote)}));
  line.AllPerforming();
  google::protobuf::Struct outputs;
  (*outputs.mutable_fields())["epoch"].set_number_value(3);
  line.AnswerAt("side/middle", ActionResult(ActionDone{outputs}));
  line.AnswerAt("side/left/l1", ActionResult(ActionDone{outputs}));
  EXPECT_EQ(line.AllPerforming(), (Paths{"side/left/l2", "side/right/r1"}));
  EXPECT_EQ(line.PhaseOf("side"), v1::STEP_PHASE_OPEN);
}

TEST(Parallel, IsDoneWhenEnoughBranchesAre) {
  Line line(Steps({Side(", join: 1"), StrCat("after: ", kNote)}));
  line.AllPerforming();
  line.AnswerAt("side/left/l1", absl::NotFoundError("gone"));
  EXPECT_EQ(line.AllPerforming(), (Paths{"side/right/r1", "side/middle"})) << "one failure is not too many";
  google::protobuf::Struct outputs;
  (*outputs.mutable_fields())["epoch"].set_number_value(3);
  line.AnswerAt("side/middle", ActionResult(ActionDone{outputs}));
  EXPECT_EQ(line.AllPerforming(), Paths{"side/right/r1"});
  line.AnswerAt("side/right/r1", ActionResult(ActionDone{outputs}));
  EXPECT_EQ(line.Performing(), "after");
  EXPECT_EQ(line.PhaseOf("side"), v1::STEP_PHASE_DONE);
  EXPECT_EQ(line.PhaseOf("side/right/gate"), v1::STEP_PHASE_UNSPECIFIED) << "branches left begin nothing new";
  EXPECT_EQ(Number(line, "side", "done"), 1);
}

TEST(Parallel, UndoesInTheOrderOfCompletionBackwards) {
  const std::string undo = "do: test.change, with: {text: x}, undo: {do: test.change, with: {text: u}}";
  Line line(Steps({StrCat("side: {parallel: [{a: {", undo, "}}, {b: {", undo, "}}]}"), StrCat("bad: ", kNote)}));
  line.AllPerforming();
  google::protobuf::Struct outputs;
  (*outputs.mutable_fields())["epoch"].set_number_value(3);
  line.AnswerAt("side/b", ActionResult(ActionDone{outputs}));
  line.AnswerAt("side/a", ActionResult(ActionDone{outputs}));
  EXPECT_EQ(line.Performing(), "bad");
  line.Answer(absl::NotFoundError("gone"));
  EXPECT_EQ(line.Performing(), "side/a/undo") << "a was the last to end";
  line.Done();
  EXPECT_EQ(line.Performing(), "side/b/undo");
}

Program::Children Child(std::string* digest) {
  const std::vector<const ActionSpec*> specs = BuiltinSpecPointers();
  const LintReport report = LintPlaybook("child.yaml",
                                         "playbook: child\ntitle: c\ninputs:\n  what: {type: string}\n  deployment: {type: string, default: d}\n"
                                         "steps:\n- inner: {do: incident.note, with: {text: $what}}\n"
                                         "- always_: {do: incident.note, always: true, with: {text: $deployment}}\n"
                                         "on_failure:\n- sorry: {do: incident.note, with: {text: sorry}}\n",
                                         specs);
  EXPECT_TRUE(report.ok());
  for (const v1::LintFinding& finding : report.findings) EXPECT_FALSE(finding.error()) << FormatFinding(finding);
  *digest = report.playbook.digest();
  return {{*digest, report.playbook}};
}

TEST(Ask, CountsOnlyAnswersAboutWhatIsAsked) {
  Line line(Steps({"gate: {ask: \"Sure?\", who: {roles: [responder]}, timeout: 5m}",
                   StrCat("fork: {if: $gate.approved, then: [{yes_: ", kNote, "}], else: [{no_: ", kNote, "}]}")}));
  line.Settle();
  RunEvent event;
  *event.mutable_time() = ToProto(kStart);
  event.mutable_voted()->set_path("gate");
  event.mutable_voted()->mutable_vote()->set_identity("bob");
  event.mutable_voted()->mutable_vote()->set_approve(true);
  event.mutable_voted()->mutable_vote()->set_subject_digest("sha256:of something else");
  line.Take(event);
  EXPECT_EQ(line.Performing(), "");
  EXPECT_EQ(line.PhaseOf("gate"), v1::STEP_PHASE_ASKING);
}

TEST(Run, SeesItsOwnInputsOnlyAndItsStepsHaveThePathOfTheStep) {
  std::string digest;
  const Program::Children children = Child(&digest);
  Line line(Steps({StrCat("sub: {run: child@", digest, ", with: {what: hello}}"), StrCat("after: ", kNote)}), children);
  EXPECT_EQ(line.Performing(), "sub/inner");
  EXPECT_EQ(InputOf(line, "sub/inner", "text"), "hello");
  line.Done();
  EXPECT_EQ(line.Performing(), "sub/always_");
  EXPECT_EQ(InputOf(line, "sub/always_", "text"), "d") << "not the run's own deployment";
  line.Done();
  EXPECT_EQ(line.Performing(), "after");
}

TEST(Run, CleansUpAfterItselfWhenItFails) {
  std::string digest;
  const Program::Children children = Child(&digest);
  Line line(Steps({StrCat("sub: {run: child@", digest, ", with: {what: hello}}"), StrCat("after: ", kNote)}) +
                "on_failure:\n- tell: {do: incident.note, with: {text: failed}}\n",
            children);
  line.Performing();
  line.Answer(absl::NotFoundError("gone"));
  Paths order;
  for (std::string path = line.Performing(); !path.empty(); path = line.Performing()) {
    order.push_back(path);
    line.Done();
  }
  EXPECT_EQ(order, (Paths{"sub/on_failure/sorry", "on_failure/tell", "sub/always_"}));
  EXPECT_EQ(line.State(), "RUN_STATE_FAILED");
}

TEST(Run, OfAPlaybookThatIsMissingIsRefusedByItsProgram) {
  std::string digest;
  Child(&digest);
  v1::Playbook playbook;
  v1::Step& step = *playbook.add_steps();
  step.set_name("sub");
  step.mutable_run()->set_digest(digest);
  const std::vector<const ActionSpec*> specs = BuiltinSpecPointers();
  EXPECT_TRUE(absl::IsFailedPrecondition(Program(playbook, specs).status()));
}

TEST(Delay, WaitsBeforeTheStepBegins) {
  Line line(Steps({"a: {do: incident.note, delay: 30s, with: {text: x}}"}));
  EXPECT_EQ(line.Performing(), "");
  EXPECT_EQ(line.WakeAt(), kStart + absl::Seconds(30));
  line.Pass(absl::Seconds(30));
  EXPECT_EQ(line.Performing(), "a");
}

TEST(Retry, IsNotMadeForCodesThatAreExcepted) {
  Line line(Steps({"a: {do: incident.note, with: {text: x}, retry: {times: 3, backoff: 1s..2s, unless: [UNAVAILABLE]}}"}));
  line.Answer(absl::UnavailableError("down"));
  EXPECT_EQ(line.PhaseOf("a"), v1::STEP_PHASE_FAILED);
}

TEST(Retry, IsNotMadeWhenWhatTheStepWasAboutIsNoLongerSo) {
  Line line(Steps({StrCat("a: ", kNote)}));
  line.Answer(absl::AbortedError("plan no longer holds"));
  EXPECT_EQ(line.PhaseOf("a"), v1::STEP_PHASE_FAILED);
}

RunEvent Pause(bool pause) {
  RunEvent event;
  *event.mutable_time() = ToProto(kStart);
  if (pause) event.mutable_pause_requested()->set_identity("carol");
  if (!pause) event.mutable_continue_requested()->set_identity("carol");
  return event;
}

TEST(Pause, BeginsNothingNewSettlesWhatIsUnderWayAndGoesOn) {
  Line line(Steps({StrCat("a: ", kNote), StrCat("b: ", kNote)}));
  EXPECT_EQ(line.Performing(), "a");
  line.Take(Pause(true));
  EXPECT_EQ(line.State(), "RUN_STATE_PAUSED");
  EXPECT_EQ(line.Performing(), "a") << "what is under way is settled";
  line.Done();
  EXPECT_EQ(line.Performing(), "");
  EXPECT_EQ(line.PhaseOf("b"), v1::STEP_PHASE_UNSPECIFIED);
  line.Take(Pause(false));
  EXPECT_EQ(line.Performing(), "b");
  EXPECT_EQ(line.State(), "RUN_STATE_RUNNING");
}

TEST(Pause, LetsTheTimersOfQuestionsGoOn) {
  Line line(Steps({"gate: {ask: \"Sure?\", who: {roles: [responder]}, timeout: 5m}",
                   StrCat("fork: {if: $gate.approved, then: [{yes_: ", kNote, "}], else: [{no_: ", kNote, "}]}")}));
  line.Settle();
  line.Take(Pause(true));
  EXPECT_EQ(line.WakeAt(), kStart + absl::Minutes(5));
  line.Pass(absl::Minutes(5));
  line.Settle();
  EXPECT_EQ(line.PhaseOf("gate"), v1::STEP_PHASE_DONE);
  EXPECT_EQ(line.PhaseOf("fork"), v1::STEP_PHASE_UNSPECIFIED);
  line.Take(Pause(false));
  EXPECT_EQ(line.Performing(), "fork/else/no_");
}

TEST(Pause, IsEndedByACancelSoThatWhatIsAlwaysDoneIsDone) {
  Line line(Steps({StrCat("a: ", kNote), "last: {do: report.build, always: true}"}));
  line.Performing();
  line.Take(Pause(true));
  line.Done();
  line.Cancel();
  EXPECT_EQ(line.Performing(), "last");
}

TEST(Cancel, LetsAGroupThatIsAlwaysRunGoOnToItsEnd) {
  Line line(Steps({StrCat("a: ", kNote), StrCat("last: {always: true, steps: [{l1: ", kNote, "}, {l2: ", kNote, "}]}")}));
  EXPECT_EQ(line.Performing(), "a");
  line.Cancel();
  line.Done();
  EXPECT_EQ(line.Performing(), "last/l1");
  line.Done();
  EXPECT_EQ(line.Performing(), "last/l2");
  line.Done();
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_CANCELLED");
}

// As the engine journaled branches before they had an end of their own.
TEST(OldJournal, OfABranchTakenGoesOnWhereItWas) {
  Line line(Steps({"look: {do: test.look}",
                   StrCat("fork: {if: $look.good, then: [{yes_: ", kNote, "}, {more: ", kNote, "}]}"), StrCat("after: ", kNote)}));
  line.Performing();
  RunEvent done;
  *done.mutable_time() = ToProto(kStart);
  done.mutable_step_done()->set_path("look");
  line.Take(done);
  RunEvent taken;
  *taken.mutable_time() = ToProto(kStart);
  taken.mutable_branch_taken()->set_path("fork");
  taken.mutable_branch_taken()->set_condition(true);
  line.Take(taken);
  EXPECT_EQ(line.PhaseOf("fork"), v1::STEP_PHASE_DONE);
  EXPECT_EQ(line.Performing(), "fork/then/yes_");
  line.Done();
  EXPECT_EQ(line.Performing(), "fork/then/more");
  line.Done();
  EXPECT_EQ(line.Performing(), "after");
}

// Counted, not timed: what a decision looks at must not grow with the run.
TEST(LoadedRun, DecidesByLookingAtFewOfAThousandSteps) {
  v1::Playbook playbook;
  for (int i = 0; i < 1000; ++i) {
    v1::Step& step = *playbook.add_steps();
    step.set_name(StrCat("s", i));
    step.mutable_do_()->set_action("test.change");
    v1::Argument& argument = *step.mutable_do_()->add_with();
    argument.set_name("text");
    argument.mutable_literal()->set_string_value("x");
  }
  const std::vector<const ActionSpec*> specs = BuiltinSpecPointers();
  const Program program(playbook, specs);
  ASSERT_TRUE(program.status().ok()) << program.status();
  v1::PlaybookRun run;
  run.set_id("RUN-1");
  run.set_state(v1::RUN_STATE_RUNNING);
  LoadedRun loaded(program, run);
  google::protobuf::Struct outputs;
  (*outputs.mutable_fields())["epoch"].set_number_value(3);
  size_t most = 0;
  for (int i = 0; i < 1000; ++i) {
    const size_t before = loaded.looks();
    Move move = Decide(loaded, {kStart, ""});
    ASSERT_TRUE(std::holds_alternative<Record>(move));
    loaded.Take(std::get<Record>(move).event);
    move = Decide(loaded, {kStart, ""});
    ASSERT_EQ(std::get<Perform>(move).path, StrCat("s", i));
    loaded.Take(*OutcomeEvent(loaded, StrCat("s", i), ActionResult(ActionDone{outputs}), kStart));
    most = std::max(most, loaded.looks() - before);
  }
  EXPECT_LE(most, 16u);
  EXPECT_TRUE(std::get<Record>(Decide(loaded, {kStart, ""})).event.has_run_finished());
}

TEST(Limits, ARunThatHasEnteredTooManyStepsFailsWithAClearWord) {
  Line line(Steps({StrCat("a: ", kNote), StrCat("b: ", kNote)}));
  for (int i = 0; i < kRunStepsMax; ++i) {
    v1::StepState& state = *line.run().add_steps();
    state.set_path(StrCat("old", i));
    state.set_phase(v1::STEP_PHASE_DONE);
  }
  line.Settle();
  EXPECT_EQ(line.State(), "RUN_STATE_FAILED");
  EXPECT_NE(line.run().error().message().find("the most it may"), std::string::npos);
}

}  // namespace
}  // namespace firebreak::testing
