// FindSuspect: which snapshot and deployment an alert most likely speaks of, from the little its labels say.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_HOUSE_SUSPECTS_H_
#define FIREBREAK_SERVICES_FIREBREAKD_HOUSE_SUSPECTS_H_

#include <optional>

#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/incidents/correlation.h"
#include "firebreak/snapshots/snapshot_vault.h"

namespace firebreak {

// The deployment named, or else the one that serves the model in the environment named, of several the one that serves the version
// named; several that could be meant are none: containing the wrong one is worse than asking a person. The version named, or else
// what is served. Reads only; what cannot be read is not known.
std::optional<SuspectFacts> FindSuspect(FleetDesk& fleet, const SnapshotVault& vault, const IncidentSignal& signal);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_HOUSE_SUSPECTS_H_
