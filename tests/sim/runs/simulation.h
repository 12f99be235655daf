// Runs one playbook from its start to its end through any number of deaths, and checks what must hold throughout.
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
  std::string playbook;          // name; one of PlaybookNames()
  int flavor = 0;                // which of the possible answers the world gives
  std::set<int> crashes;         // boundaries the process dies at
  std::optional<uint64_t> seed;  // lost replies, refusals, slow agents, clock steps
  bool deny = false;             // people say no
  std::set<std::string> fails;   // step paths or actions that can never be done
  std::optional<int> cancels_at;  // somebody cancels before this drive
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
  int waits = 0;   // drives that ended with nothing to do but wait
};

// Every playbook in runbooks/playbooks, and those in tests/sim/runs/playbooks, which hold every kind of step.
std::vector<std::string> PlaybookNames();

Result Simulate(const Scenario& scenario);

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SIM_RUNS_SIMULATION_H_
