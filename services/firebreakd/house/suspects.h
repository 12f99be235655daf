// FindSuspect: which snapshot and deployment an alert most likely speaks of, from the little its labels say.
#ifndef FIREBREAK_SERVICES_FIREBREAKD_HOUSE_SUSPECTS_H_
#define FIREBREAK_SERVICES_FIREBREAKD_HOUSE_SUSPECTS_H_

#include <optional>
#include <string_view>

#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/incidents/correlation.h"
#include "firebreak/snapshots/snapshot_vault.h"

namespace firebreak {

// The deployment named, or else the first one that serves the model; the version named, or else what it serves. Reads
// only; what cannot be read is not known.
std::optional<SuspectFacts> FindSuspect(FleetDesk& fleet, const SnapshotVault& vault, std::string_view model,
                                        std::string_view version, std::string_view deployment);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_FIREBREAKD_HOUSE_SUSPECTS_H_
