// Runs one shipped runbook from its incident to its end through any number of deaths, and checks what must hold
// throughout.
#ifndef FIREBREAK_TESTS_SIM_RUNS_SIMULATION_H_
#define FIREBREAK_TESTS_SIM_RUNS_SIMULATION_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "firebreak/v1/run.pb.h"
#include "tests/sim/runs/world.h"

namespace firebreak::testing {

struct Scenario {
  std::string runbook;  // file name under runbooks/playbooks
  std::string incident_kind;
  std::set<int> crashes;         // boundaries the process dies at
  std::optional<uint64_t> seed;  // lost replies and refusals
  bool deny = false;             // the person says no
  bool confirm_fails = false;    // the roll-back cannot be proved
  // Planted faults, each of which some checker must notice.
  MortalStore::Plant store_plant = MortalStore::Plant::kNone;
  bool plant_new_effect_ids = false;
  bool plant_undo_of_containment = false;
};

struct Result {
  std::vector<std::string> violations;  // empty: every checker is content
  v1::PlaybookRun run;
  World world;
  int boundaries = 0;
  int deaths = 0;
  int commits_of_run = 0;
};

Result Simulate(const Scenario& scenario);

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SIM_RUNS_SIMULATION_H_
