// The built-in actions: everything a shipped playbook can do. Each file in services/actions groups actions that share a
// subject; this header only says that they exist.
//
//   read      deployment.list deployment.serving fleet.verify incident.status lineage.sweep rollback.confirm rollback.plan
//             snapshot.describe snapshot.signed_by snapshot.verify
//   contain   fleet.contain fleet.freeze snapshot.quarantine            (a failed run leaves them in place)
//   approved  fleet.release fleet.unfreeze incident.close rollback.apply signer.revoke snapshot.lift
//   record    evidence.capture incident.advance incident.assign incident.note incident.severity report.build share.request
//   outside   http.call notify.page notify.webhook                      (configured hooks only)
//   run       run.require time.sleep
#ifndef FIREBREAK_ACTIONS_BUILTIN_H_
#define FIREBREAK_ACTIONS_BUILTIN_H_

#include <vector>

#include "firebreak/actions/hooks.h"
#include "firebreak/actions/specs.h"   // BuiltinSpecs
#include "firebreak/base/clock.h"
#include "firebreak/exchange/http_client.h"
#include "firebreak/fleet/fleet_desk.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/reports/report_desk.h"
#include "firebreak/runs/action.h"
#include "firebreak/sharing/share_desk.h"
#include "firebreak/snapshots/snapshot_vault.h"

namespace firebreak {

// What actions act on. Everything outlives the catalogue. The last three may be null: then actions that need them say that they are
// not set up here.
struct ActionParts {
  Ledger& ledger;
  SnapshotVault& vault;
  FleetDesk& fleet;
  IncidentDesk& incidents;
  ReportDesk& reports;
  ShareDesk& sharing;
  HttpClient* http = nullptr;
  const HookBook* hooks = nullptr;
  const Clock* clock = nullptr;
};

void AddBuiltinActions(ActionCatalogue& catalogue, const ActionParts& parts);

}  // namespace firebreak

#endif  // FIREBREAK_ACTIONS_BUILTIN_H_
