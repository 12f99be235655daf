// IncidentHooks: the little that runs ask of incidents. Incidents start runs and runs belong to incidents; these
// functions, filled in by main, keep the two libraries from including one another.
#ifndef FIREBREAK_RUNS_INCIDENT_HOOKS_H_
#define FIREBREAK_RUNS_INCIDENT_HOOKS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/v1/incident.pb.h"

namespace firebreak {

// Any of them may be empty: runs without incidents. Thread-safe.
struct IncidentHooks {
  // IncidentDesk::Load
  std::function<absl::StatusOr<v1::Incident>(const IncidentId&)> load;
  // IncidentDesk::AddRun: a person started a run for the incident.
  std::function<absl::Status(Draft&, const IncidentId&, const RunId&)> add_run;
  // IncidentDesk::AddTechniques: the ATLAS techniques the started playbook answers.
  std::function<absl::Status(Draft&, const IncidentId&, const std::vector<std::string>&)> add_techniques;
  // IncidentDesk::SettleAlerts: a run of the incident, or one it joined, has ended in this draft.
  std::function<absl::Status(Draft&, const IncidentId&)> run_ended;
};

}  // namespace firebreak

#endif  // FIREBREAK_RUNS_INCIDENT_HOOKS_H_
