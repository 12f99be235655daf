// Every shipped runbook, killed at every boundary and every pair of boundaries: the same end, nothing twice, nothing
// lifted.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_join.h"
#include "tests/sim/runs/simulation.h"

namespace firebreak::testing {
namespace {

std::string Problems(const Result& result) { return absl::StrJoin(result.violations, "; "); }

struct Runbook {
  std::string file;
  std::string kind;
};

class EveryRunbook : public ::testing::TestWithParam<Runbook> {
 protected:
  Scenario Plain() const {
    Scenario scenario;
    scenario.runbook = GetParam().file;
    scenario.incident_kind = GetParam().kind;
    return scenario;
  }
};

TEST_P(EveryRunbook, RunsToItsEnd) {
  const Result result = Simulate(Plain());
  EXPECT_TRUE(result.violations.empty()) << Problems(result);
  EXPECT_EQ(result.run.state(), v1::RUN_STATE_SUCCEEDED) << result.run.DebugString();
  EXPECT_TRUE(result.world.was_contained);
  EXPECT_EQ(result.world.serving, "model/fraud@1");
}

TEST_P(EveryRunbook, StaysContainedWhenThePersonSaysNo) {
  Scenario scenario = Plain();
  scenario.deny = true;
  const Result result = Simulate(scenario);
  EXPECT_TRUE(result.violations.empty()) << Problems(result);
  EXPECT_EQ(result.run.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_TRUE(result.world.contained);
  EXPECT_EQ(result.world.changes.count("rollback.apply"), 0u);
}

TEST_P(EveryRunbook, ContainsAgainWhenTheRollBackCannotBeProved) {
  Scenario scenario = Plain();
  scenario.confirm_fails = true;
  const Result result = Simulate(scenario);
  EXPECT_TRUE(result.violations.empty()) << Problems(result);
  EXPECT_EQ(result.run.state(), v1::RUN_STATE_FAILED);
  EXPECT_TRUE(result.world.contained);
  EXPECT_EQ(result.world.changes.count("report.build"), 1u);  // always
}

TEST_P(EveryRunbook, SurvivesADeathAtEveryBoundary) {
  for (const bool fails : {false, true}) {
    Scenario scenario = Plain();
    scenario.confirm_fails = fails;
    const Result whole = Simulate(scenario);
    for (int at = 0; at < whole.boundaries; ++at) {
      scenario.crashes = {at};
      const Result result = Simulate(scenario);
      ASSERT_TRUE(result.violations.empty()) << "dies at " << at << ": " << Problems(result);
      ASSERT_EQ(result.deaths, 1) << "dies at " << at;
      ASSERT_EQ(result.run.state(), whole.run.state()) << "dies at " << at;
      ASSERT_EQ(result.world.Shape(), whole.world.Shape()) << "dies at " << at;
    }
  }
}

TEST_P(EveryRunbook, SurvivesDeathsAtEveryPairOfBoundaries) {
  const Result whole = Simulate(Plain());
  Scenario scenario = Plain();
  for (int first = 0; first < whole.boundaries; ++first) {
    for (int second = first + 1; second < whole.boundaries + 2; ++second) {
      scenario.crashes = {first, second};
      const Result result = Simulate(scenario);
      ASSERT_TRUE(result.violations.empty()) << "dies at " << first << " and " << second << ": " << Problems(result);
      ASSERT_EQ(result.world.Shape(), whole.world.Shape()) << "dies at " << first << " and " << second;
    }
  }
}

TEST_P(EveryRunbook, SurvivesLostRepliesRefusalsAndDeathsFromASeed) {
  const char* given = std::getenv("FIREBREAK_SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const uint64_t last = given != nullptr ? first : 60;
  for (uint64_t seed = first; seed <= last; ++seed) {
    Scenario scenario = Plain();
    scenario.seed = seed;
    std::mt19937_64 random(seed);
    for (int i = 0; i < 3; ++i) scenario.crashes.insert(static_cast<int>(random() % 60));
    const Result result = Simulate(scenario);
    ASSERT_TRUE(result.violations.empty()) << "FIREBREAK_SEED=" << seed << ": " << Problems(result);
    // Refusals can use up a step's attempts; then the run fails, contained, and says so.
    if (result.run.state() == v1::RUN_STATE_FAILED) {
      ASSERT_NE(result.run.error().message(), "") << "FIREBREAK_SEED=" << seed;
      ASSERT_TRUE(result.world.contained || result.world.changes.count("rollback.apply") > 0 ||
                  !result.world.was_contained)
          << "FIREBREAK_SEED=" << seed;
    } else {
      ASSERT_EQ(result.world.serving, "model/fraud@1") << "FIREBREAK_SEED=" << seed;
    }
  }
}

TEST_P(EveryRunbook, CommitsOnceMoreThanItHasSteps) {
  const Result result = Simulate(Plain());
  int steps = 0;
  for (const v1::StepState& state : result.run.steps()) {
    if (!state.effect_id().empty() && state.phase() == v1::STEP_PHASE_DONE) ++steps;
    if (state.need() > 0) ++steps;
  }
  EXPECT_EQ(result.commits_of_run, steps + 1 + 1);  // n + 1, and the vote of the approver
}

INSTANTIATE_TEST_SUITE_P(Shipped, EveryRunbook,
                         ::testing::Values(Runbook{"poisoned-model.yaml", "model-poisoning"},
                                           Runbook{"bad-deploy.yaml", "bad-deploy"}),
                         [](const auto& runbook) {
                           return runbook.param.kind == "bad-deploy" ? "BadDeploy" : "PoisonedModel";
                         });

// The checkers are only worth something if they bite: each planted fault must be seen.
class Planted : public ::testing::Test {
 protected:
  static bool Sees(const Result& result, std::string_view what) {
    for (const std::string& violation : result.violations) {
      if (std::string_view(violation).starts_with(what)) return true;
    }
    return false;
  }
  Planted() {
    scenario_.runbook = "poisoned-model.yaml";
    scenario_.incident_kind = "model-poisoning";
  }
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
  scenario_.confirm_fails = true;
  EXPECT_TRUE(Sees(Simulate(scenario_), "containment was lifted"));
}

TEST_F(Planted, AJournalWithHolesIsSeen) {
  scenario_.store_plant = MortalStore::Plant::kForgetsJournal;
  EXPECT_TRUE(Sees(Simulate(scenario_), "replay"));
}

}  // namespace
}  // namespace firebreak::testing
