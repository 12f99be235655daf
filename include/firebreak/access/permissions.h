// Permissions: what a method asks for, and which roles grant it. One table, read by the doors for every call; the same
// table is printed in the documentation and in refusals ("needs role responder or security-lead").
#ifndef FIREBREAK_ACCESS_PERMISSIONS_H_
#define FIREBREAK_ACCESS_PERMISSIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "firebreak/access/caller.h"

namespace firebreak {

enum class Permission {
  kOpen,             // nobody needs to be known; for EnrolAgent only, which brings a one-time token of its own
  kAuthenticated,    // anybody known: who am I
  kRead,             // incidents, alerts, runs, deployments, snapshots' descriptions, reports, the audit log
  kReadSnapshots,    // what a snapshot is, who signed it, which keys are trusted: people and agents
  kReadContent,      // the bytes of snapshots, including how they are signed
  kRaiseAlerts,      // post alerts
  kPush,             // push snapshots
  kVerify,           // have a snapshot re-read and checked, which costs disk time
  kRespond,          // open, acknowledge, note, advance incidents; start, cancel, settle runs; answer approvals
  kContain,          // contain, freeze, quarantine: makes production safer
  kDeploy,           // deploy, roll back, lift a containment: changes what is served
  kLiftQuarantine,   // trust again what was distrusted
  kReport,           // build and export reports
  kShare,            // preview and request shares
  kDecideShare,      // let a share leave, or not
  kManagePlaybooks,  // put playbooks
  kManageAgents,     // join tokens, removing agents, creating deployments
  kManageSigners,    // whose signatures count
  kManageDestinations,
  kManageTokens,
  kFollow,      // follow a deployment's decisions: agents, and people who watch
  kActAsAgent,  // prove what is served; by client certificate only
  kMaintain,    // delete snapshots, collect garbage, set quotas, check the store, back up
};

// Every permission, in the order above.
const std::vector<Permission>& AllPermissions();

std::string_view PermissionName(Permission permission);  // "raise-alerts"
std::string_view RoleName(v1::Role role);                // "security-lead"

// The roles that grant `permission`, in the order of the enum; empty for kOpen and kAuthenticated, which need none.
const std::vector<v1::Role>& RolesGranting(Permission permission);

// OK, or kPermissionDenied naming who asked, for what, and which roles would do.
absl::Status CheckPermission(const Caller& caller, Permission permission, std::string_view method);

}  // namespace firebreak

#endif  // FIREBREAK_ACCESS_PERMISSIONS_H_
