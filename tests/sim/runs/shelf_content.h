// The playbooks that are simulated: read and linted once for all simulations.
#ifndef FIREBREAK_TESTS_SIM_RUNS_SHELF_CONTENT_H_
#define FIREBREAK_TESTS_SIM_RUNS_SHELF_CONTENT_H_

#include <map>
#include <string>

#include "firebreak/v1/playbook.pb.h"

namespace firebreak::testing {

// By name. Stored by "alice". A folder that does not lint is a failure of the test that asks.
const std::map<std::string, v1::StoredPlaybook>& SimulatedPlaybooks();

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SIM_RUNS_SHELF_CONTENT_H_
