// The built-in actions: everything a shipped playbook can do. Each file in services/actions groups actions that share a
// subject; this header only says that they exist.
#ifndef FIREBREAK_ACTIONS_BUILTIN_H_
#define FIREBREAK_ACTIONS_BUILTIN_H_

#include "firebreak/base/clock.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/reports/report_desk.h"
#include "firebreak/runs/action.h"
#include "firebreak/sharing/share_desk.h"
#include "firebreak/snapshots/snapshot_vault.h"

namespace firebreak {

// What actions act on. Everything outlives the catalogue.
struct ActionParts {
  Ledger& ledger;
  SnapshotVault& vault;
  FleetDesk& fleet;
  IncidentDesk& incidents;
  ReportDesk& reports;
  ShareDesk& sharing;
};

// fleet.contain, fleet.release, rollback.plan, rollback.apply, rollback.confirm, snapshot.quarantine, snapshot.verify,
// incident.note, incident.advance, report.build, share.request.
void AddBuiltinActions(ActionCatalogue& catalogue, const ActionParts& parts);

// What they declare, without acting on anything: for desks that are made before the actions, and for linters.
std::vector<const ActionSpec*> BuiltinSpecs();

}  // namespace firebreak

#endif  // FIREBREAK_ACTIONS_BUILTIN_H_
