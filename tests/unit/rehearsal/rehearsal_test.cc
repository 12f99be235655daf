#include "firebreak/rehearsal/rehearsal.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_join.h"
#include "firebreak/actions/specs.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "tests/support/vectors.h"
#include "tests/unit/playbooks/specs.h"

namespace firebreak {
namespace {

constexpr char kPlaybook[] = R"(playbook: case
title: A case
inputs:
  deployment: {type: deployment, from: incident.deployment}
run: {timeout: 6h, lock: deployment/$deployment, if_locked: wait}
steps:
- contain: {do: fleet.contain, with: {deployment: $deployment}, timeout: 10m, retry: {times: 3, backoff: 1s..5s}}
- plan: {do: rollback.plan, with: {deployment: $deployment}}
- gate:
    ask: "Roll {$deployment} back to {$plan.target}?"
    who: {roles: [responder], need: 2, not: [trigger]}
    about: $plan.digest
    timeout: 30m
- go:
    if: $gate.approved
    then:
    - apply:
        do: rollback.apply
        with: {deployment: $deployment, plan: $plan.digest}
        undo: {do: fleet.contain, with: {deployment: $deployment}}
    - page: {do: test.page, with: {text: applied}, timeout: 1h}
    else:
    - hold: {do: incident.note, with: {text: held}}
on_failure:
- tell: {do: incident.note, with: {text: failed}}
)";

constexpr char kOutcomes[] = R"(    outcomes:
      contain: {outputs: {epoch: 7, proven: [web-1]}, takes: 20s}
      undo: {outputs: {epoch: 9, proven: [web-1]}}
      plan: {outputs: {digest: p1, target: model/fraud@2, target_digest: t2, eligible: true, refused: []}}
      apply: {outputs: {epoch: 8, release: model/fraud@2}}
)";

RehearsalResult Play(std::string_view body) {
  const LintReport report = LintPlaybook("p.yaml", kPlaybook, testing::LanguageSpecPointers());
  EXPECT_TRUE(report.ok());
  const std::string yaml = StrCat("playbook: p.yaml\ncases:\n- one:\n    incident: {kind: drift, severity: 2, deployment: fraud-prod}\n", body);
  const TestTable table = ReadTestTable("t.yaml", yaml);
  EXPECT_TRUE(table.ok()) << FormatFinding(table.findings.empty() ? v1::LintFinding() : table.findings[0]);
  if (table.cases.empty()) return {};
  return Rehearse(report.playbook, testing::LanguageSpecPointers(), {}, table.cases[0]);
}

std::string Told(const RehearsalResult& result) {
  std::string text = StrCat(absl::StrJoin(result.failures, "; "), "\n");
  for (const RehearsalLine& line : result.lines) StrAppend(&text, absl::FormatDuration(line.at), " ", line.text, "\n");
  return text;
}

TEST(Rehearsal, PlaysTheWayThatIsApproved) {
  const RehearsalResult result = Play(StrCat(kOutcomes, R"(    votes:
    - {step: gate, by: ada, at: 3m}
    - {step: gate, by: bob, at: 5m}
    expect:
      state: succeeded
      calls: [fleet.contain, rollback.plan, rollback.apply, test.page]
      reached: [apply, go/then/page]
      not_reached: [hold, tell]
      outputs: {gate.approved: true, plan.target: model/fraud@2}
      within: 6m
)"));
  EXPECT_TRUE(result.ok()) << Told(result);
  EXPECT_EQ(result.took, absl::Minutes(5) + absl::Seconds(20)) << Told(result);
  EXPECT_NE(Told(result).find("5m20s gate: is answered: approve\n"), std::string::npos) << Told(result);
}

TEST(Rehearsal, SilenceAndTheExcludedAndTooFewAllDeny) {
  for (const char* votes : {"", "    votes: [{step: gate, by: ada}]\n", "    votes: [{step: gate, by: ada}, {step: gate, by: ada}]\n",
                            "    votes: [{step: gate, by: ada}, {step: gate, by: trigger}]\n",
                            "    votes: [{step: gate, by: ada}, {step: gate, by: bob, as: viewer}]\n",
                            "    votes: [{step: gate, by: ada}, {step: gate, by: bob, at: 31m}]\n",
                            "    votes: [{step: gate, by: ada}, {step: gate, by: bob, approve: false}]\n"}) {
    const RehearsalResult result =
        Play(StrCat(kOutcomes, votes, "    expect: {state: succeeded, reached: [hold], not_reached: [apply], outputs: {gate.decision: deny}}\n"));
    EXPECT_TRUE(result.ok()) << votes << Told(result);
  }
}

TEST(Rehearsal, RetriesFailsUndoesAndHandles) {
  const RehearsalResult result = Play(R"(    outcomes:
      contain: [{fail: UNAVAILABLE}, {fail: UNAVAILABLE}, {outputs: {epoch: 7, proven: []}}]
      plan: {outputs: {digest: p1, target: m, target_digest: t2, eligible: true, refused: []}}
      apply: {outputs: {epoch: 8, release: m}}
      fleet.contain: {outputs: {epoch: 9, proven: []}}
      page: {fail: NOT_FOUND, message: no such pager}
    votes: [{step: gate, by: ada}, {step: gate, by: bob}]
    expect:
      state: failed
      failed: [page]
      undone: [apply]
      reached: [tell]
      calls: [fleet.contain, fleet.contain, fleet.contain, rollback.plan, rollback.apply, test.page, fleet.contain, incident.note]
)");
  EXPECT_TRUE(result.ok()) << Told(result);
}

TEST(Rehearsal, TimeoutsAndCancelsTakeNoTime) {
  const RehearsalResult slow = Play(R"(    outcomes:
      contain: {outputs: {epoch: 7, proven: []}, takes: 2h}
    expect: {state: failed, failed: [contain], not_reached: [plan], within: 11m}
)");
  EXPECT_TRUE(slow.ok()) << Told(slow);
  const RehearsalResult cancelled =
      Play(StrCat(kOutcomes, "    cancel_at: 10m\n    expect: {state: cancelled, reached: [tell], not_reached: [apply, hold]}\n"));
  EXPECT_TRUE(cancelled.ok()) << Told(cancelled);
}

TEST(Rehearsal, SaysWhatWasNotAsExpected) {
  const RehearsalResult result = Play(StrCat(kOutcomes, R"(    expect:
      state: failed
      reached: [apply]
      not_reached: [hold]
      failed: [plan]
      undone: [plan]
      calls: [fleet.contain]
      outputs: {plan.target: x, plan.nothing: 1}
      within: 1m
)"));
  EXPECT_EQ(absl::StrJoin(result.failures, "\n"), R"(ended as succeeded, not as failed
step apply was not reached
step hold was reached
step plan has not failed
step plan was not undone
performed [fleet.contain, rollback.plan, incident.note], not [fleet.contain]
plan.nothing has no value
plan.target is "model/fraud@2", not "x"
took 30m20s, more than 1m)");
}

TEST(Rehearsal, NeedsOutcomesThatTheActionsCouldAnswer) {
  const std::string rest = "      contain: {outputs: {epoch: 7, proven: []}}\n    expect: {}\n";
  const std::pair<const char*, const char*> cases[] = {
      {"", "step plan: no good outcome is declared for rollback.plan: output digest (string) is missing"},
      {"      plan: {outputs: {digest: p, target: m, target_digest: t, eligible: yes, refused: []}}\n",
       "step plan: no good outcome is declared for rollback.plan: output eligible = yes is no bool"},
      {"      plan: {outputs: {digest: p, target: m, target_digest: t, eligible: true, refused: [], more: 1}}\n",
       "step plan: no good outcome is declared for rollback.plan: it has no output more"}};
  for (const auto& [outcome, failure] : cases)
    EXPECT_EQ(Play(StrCat("    outcomes:\n", outcome, rest)).failures, std::vector<std::string>{failure});
  const LintReport report = LintPlaybook("p.yaml", kPlaybook, testing::LanguageSpecPointers());
  TestCase without_incident;
  EXPECT_EQ(Rehearse(report.playbook, testing::LanguageSpecPointers(), {}, without_incident).failures.size(), 1u);
}

TEST(Rehearsal, PlaysARecordedRunToTheSameEnd) {
  const RehearsalResult first = Play(StrCat(kOutcomes, "    votes: [{step: gate, by: ada}, {step: gate, by: bob}]\n    expect: {}\n"));
  ASSERT_TRUE(first.ok()) << Told(first);
  const LintReport report = LintPlaybook("p.yaml", kPlaybook, testing::LanguageSpecPointers());
  TestCase again = CaseFromRun(first.run);
  const RehearsalResult second = Rehearse(report.playbook, testing::LanguageSpecPointers(), {}, again);
  EXPECT_TRUE(second.ok()) << Told(second);
  ASSERT_EQ(second.run.steps_size(), first.run.steps_size());
  again.outcomes["go/then/apply"][0].fail = "INTERNAL";
  EXPECT_FALSE(Rehearse(report.playbook, testing::LanguageSpecPointers(), {}, again).ok());
}

TEST(Rehearsal, NamesTheStepsThatNoCaseReaches) {
  const RehearsalResult result = Play(StrCat(kOutcomes, "    expect: {}\n"));
  const LintReport report = LintPlaybook("p.yaml", kPlaybook, testing::LanguageSpecPointers());
  EXPECT_EQ(StepsNotReached(report.playbook, {&result, 1}), (std::vector<std::string>{"apply", "page", "tell"}));
}

TEST(TestTable, HasFindingsWithPlaces) {
  const TestTable table = ReadTestTable("t.yaml", R"(playbook: p.yaml
coverage: some
cases:
- one:
    incidnt: {kind: drift}
    outcomes: {a: {fail: NOTFOUND}}
    votes: [{step: gate}]
    expect: {state: done}
)");
  std::vector<std::string> lines;
  for (const v1::LintFinding& finding : table.findings) lines.push_back(FormatFinding(finding));
  EXPECT_EQ(absl::StrJoin(lines, "\n"),
            R"(t.yaml:2:11: error: coverage can only be all [value]
t.yaml:5:5: error: case one: unknown key 'incidnt' [unknown-key] (did you mean incident)
t.yaml:6:26: error: outcome of a: there is no code 'NOTFOUND' [unknown-code] (did you mean NOT_FOUND)
t.yaml:7:13: error: case one: vote: key 'by' is missing [missing-key]
t.yaml:8:21: error: case one: expect: a run cannot end as 'done' [value] (succeeded, failed or cancelled))");
}

// Every shipped runbook has a table, and does in it what the table says.
TEST(ShippedPlaybooks, DoWhatTheirTablesSay) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(FIREBREAK_SOURCE_DIR) / "runbooks" / "playbooks";
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    const LintReport report = LintPlaybook(entry.path().filename().string(), testing::ReadFile(entry.path()), BuiltinSpecs());
    const fs::path path = folder / "tests" / entry.path().filename();
    ASSERT_TRUE(fs::exists(path)) << path;
    const TestTable table = ReadTestTable(path.filename().string(), testing::ReadFile(path));
    ASSERT_TRUE(table.ok()) << FormatFinding(table.findings[0]);
    Program::Children children;
    for (const std::string& other : table.playbooks) {
      v1::Playbook child = LintPlaybook(other, testing::ReadFile(path.parent_path() / other), BuiltinSpecs()).playbook;
      children.emplace(child.digest(), child);
    }
    std::vector<RehearsalResult> results;
    for (const TestCase& one : table.cases) {
      results.push_back(Rehearse(report.playbook, BuiltinSpecs(), children, one));
      EXPECT_TRUE(results.back().ok()) << path.filename() << " " << one.name << ": " << Told(results.back());
    }
    if (table.cover_all) {
      EXPECT_TRUE(StepsNotReached(report.playbook, results).empty())
          << path.filename() << ": " << absl::StrJoin(StepsNotReached(report.playbook, results), ", ");
    }
  }
  EXPECT_GE(count, 2);
}

}  // namespace
}  // namespace firebreak
