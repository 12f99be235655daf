// Every shipped runbook, and playbooks with every kind of step, killed at every boundary and every pair of boundaries: the same end,
// nothing twice, nothing lifted.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_join.h"
#include "tests/sim/runs/shelf_content.h"
#include "tests/sim/runs/simulation.h"

namespace firebreak::testing {
namespace {

std::string Problems(const Result& result) { return absl::StrJoin(result.violations, "; "); }

// Contained at the end, unless people approved the way out or nothing was ever contained.
bool IsSafe(const Result& result) {
  if (!result.world.was_contained || result.world.contained) return true;
  for (const v1::StepState& state : result.run.steps()) {
    if (state.need() > 0 && state.phase() == v1::STEP_PHASE_DONE && state.outputs().fields().at("approved").bool_value()) return true;
  }
  return false;
}

class EveryPlaybook : public ::testing::TestWithParam<std::string> {
 protected:
  static Scenario Plain(int flavor = 0) {
    Scenario scenario;
    scenario.playbook = GetParam();
    scenario.flavor = flavor;
    return scenario;
  }
};

TEST_P(EveryPlaybook, RunsToItsEnd) {
  for (int flavor = 0; flavor < 3; ++flavor) {
    const Result result = Simulate(Plain(flavor));
    EXPECT_TRUE(result.violations.empty()) << "flavor " << flavor << ": " << Problems(result);
    EXPECT_TRUE(IsSafe(result)) << "flavor " << flavor;
    if (flavor == 0) {
      EXPECT_EQ(result.run.state(), v1::RUN_STATE_SUCCEEDED) << result.run.DebugString();
    }
  }
}

TEST_P(EveryPlaybook, StaysSafeWhenPeopleSayNo) {
  Scenario scenario = Plain();
  scenario.deny = true;
  const Result result = Simulate(scenario);
  EXPECT_TRUE(result.violations.empty()) << Problems(result);
  EXPECT_TRUE(result.world.contained || !result.world.was_contained);
  EXPECT_EQ(result.world.changes.count("rollback.apply"), 0u);
}

TEST_P(EveryPlaybook, StaysSafeWhicheverStepFails) {
  const Result whole = Simulate(Plain());
  for (const v1::StepState& state : whole.run.steps()) {
    if (state.effect_id().empty()) continue;
    Scenario scenario = Plain();
    scenario.fails = {state.path()};
    const Result result = Simulate(scenario);
    ASSERT_TRUE(result.violations.empty()) << state.path() << " fails: " << Problems(result);
    ASSERT_TRUE(IsSafe(result)) << state.path() << " fails";
  }
}

TEST_P(EveryPlaybook, StaysSafeWheneverItIsCancelled) {
  for (int at = 0; at < 12; ++at) {
    Scenario scenario = Plain();
    scenario.cancels_at = at;
    const Result result = Simulate(scenario);
    ASSERT_TRUE(result.violations.empty()) << "cancelled before drive " << at << ": " << Problems(result);
    ASSERT_TRUE(IsSafe(result)) << "cancelled before drive " << at;
  }
}

TEST_P(EveryPlaybook, SurvivesADeathAtEveryBoundary) {
  for (int flavor = 0; flavor < 3; ++flavor) {
    const Result whole = Simulate(Plain(flavor));
    for (int at = 0; at < whole.boundaries; ++at) {
      Scenario scenario = Plain(flavor);
      scenario.crashes = {at};
      const Result result = Simulate(scenario);
      ASSERT_TRUE(result.violations.empty()) << "flavor " << flavor << " dies at " << at << ": " << Problems(result);
      ASSERT_EQ(result.deaths, 1) << "dies at " << at;
      ASSERT_EQ(result.run.state(), whole.run.state()) << "flavor " << flavor << " dies at " << at;
      ASSERT_EQ(result.world.Shape(), whole.world.Shape()) << "flavor " << flavor << " dies at " << at;
    }
  }
}

TEST_P(EveryPlaybook, SurvivesADeathAtEveryBoundaryOfAFailure) {
  const Result good = Simulate(Plain());
  std::string last;  // the failure that leaves most behind it to clean up
  for (const v1::StepState& state : good.run.steps()) {
    const bool undone_by = state.effect_id().empty() || state.action() == "report.build" || state.action() == "incident.note";
    if (!undone_by && state.path().find("luck") == std::string::npos) last = state.path();
  }
  Scenario scenario = Plain();
  scenario.fails = {last};
  const Result whole = Simulate(scenario);
  for (int at = 0; at < whole.boundaries; ++at) {
    scenario.crashes = {at};
    const Result result = Simulate(scenario);
    ASSERT_TRUE(result.violations.empty()) << last << " fails, dies at " << at << ": " << Problems(result);
    ASSERT_EQ(result.run.state(), whole.run.state()) << last << " fails, dies at " << at;
    ASSERT_EQ(result.world.Shape(), whole.world.Shape()) << last << " fails, dies at " << at;
  }
}

// Every pair takes minutes: a sample here, all of them with FIREBREAK_ALL_PAIRS (label slow).
TEST_P(EveryPlaybook, SurvivesDeathsAtPairsOfBoundaries) {
  const bool all = std::getenv("FIREBREAK_ALL_PAIRS") != nullptr;
  const Result whole = Simulate(Plain());
  Scenario scenario = Plain();
  for (int first = 0; first < whole.boundaries; ++first) {
    for (int second = first + 1; second < whole.boundaries + 2; ++second) {
      if (!all && second - first > 2 && (first * 31 + second) % 29 != 0) continue;
      scenario.crashes = {first, second};
      const Result result = Simulate(scenario);
      ASSERT_TRUE(result.violations.empty()) << "dies at " << first << " and " << second << ": " << Problems(result);
      ASSERT_EQ(result.world.Shape(), whole.world.Shape()) << "dies at " << first << " and " << second;
    }
  }
}

TEST_P(EveryPlaybook, SurvivesLostRepliesRefusalsSlowAgentsAndClockStepsFromASeed) {
  const char* given = std::getenv("FIREBREAK_SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const uint64_t last = given != nullptr ? first : 25;
  for (uint64_t seed = first; seed <= last; ++seed) {
    Scenario scenario = Plain(static_cast<int>(seed % 3));
    scenario.seed = seed;
    std::mt19937_64 random(seed);
    for (int i = 0; i < 3; ++i) scenario.crashes.insert(static_cast<int>(random() % 60));
    const Result result = Simulate(scenario);
    ASSERT_TRUE(result.violations.empty()) << "FIREBREAK_SEED=" << seed << ": " << Problems(result);
    ASSERT_TRUE(IsSafe(result)) << "FIREBREAK_SEED=" << seed;
    // Refusals can use up a step's attempts; then the run fails, contained, and says so.
    if (result.run.state() == v1::RUN_STATE_FAILED) {
      ASSERT_NE(result.run.error().message(), "") << "FIREBREAK_SEED=" << seed;
    }
  }
}

// n steps, n + 1 commits: and one per vote, and one each time a timer or a full commit parts an outcome from the next intent.
TEST_P(EveryPlaybook, CommitsOnceMoreThanItHasSteps) {
  const Result result = Simulate(Plain());
  int steps = 0;
  int votes = 0;
  for (const v1::StepState& state : result.run.steps()) {
    if (!state.effect_id().empty()) ++steps;
    if (state.need() > 0) ++steps;
    votes += state.votes_size();
  }
  EXPECT_LE(result.commits_of_run, steps + 1 + votes + result.waits) << result.run.DebugString();
}

INSTANTIATE_TEST_SUITE_P(Simulated, EveryPlaybook, ::testing::ValuesIn(PlaybookNames()), [](const auto& playbook) {
  std::string name = playbook.param;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
});

TEST(CommitsExactly, OnceMoreThanStepsInAStraightLine) {
  Scenario scenario;
  scenario.playbook = "bad-deploy";
  const Result result = Simulate(scenario);
  int steps = 0;
  int votes = 0;
  for (const v1::StepState& state : result.run.steps()) {
    if (!state.effect_id().empty() || state.need() > 0) ++steps;
    votes += state.votes_size();
  }
  EXPECT_EQ(result.commits_of_run, steps + 1 + votes);
}

// The checkers are only worth something if they bite: each planted fault must be seen.
class Planted : public ::testing::Test {
 protected:
  static bool Sees(const Result& result, std::string_view what) {
    for (const std::string& violation : result.violations) {
      if (std::string_view(violation).starts_with(what)) return true;
    }
    return false;
  }
  Planted() { scenario_.playbook = "bad-deploy"; }
  Scenario scenario_;
};

TEST_F(Planted, AStoreThatAcknowledgesBeforeItWritesIsSeen) {
  scenario_.store_plant = MortalStore::Plant::kAcknowledgesEarly;
  EXPECT_TRUE(Sees(Simulate(scenario_), "write-ahead"));
}

TEST_F(Planted, AnEngineThatMakesNewEffectIdsIsSeen) {
  scenario_.plant_new_effect_ids = true;
  const Result result = Simulate(scenario_);
  EXPECT_TRUE(Sees(result, "provenance"));
  EXPECT_TRUE(Sees(result, "economy") || Sees(result, "progress")) << Problems(result);
}

TEST_F(Planted, AnEngineThatUndoesContainmentIsSeen) {
  scenario_.plant_undo_of_containment = true;
  scenario_.fails = {"rollback.plan"};
  EXPECT_TRUE(Sees(Simulate(scenario_), "containment was lifted"));
}

TEST_F(Planted, AJournalWithHolesIsSeen) {
  scenario_.store_plant = MortalStore::Plant::kForgetsJournal;
  EXPECT_TRUE(Sees(Simulate(scenario_), "replay"));
}

}  // namespace
}  // namespace firebreak::testing
