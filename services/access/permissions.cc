#include "firebreak/access/permissions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/check.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr v1::Role kViewer = v1::ROLE_VIEWER;
constexpr v1::Role kMonitor = v1::ROLE_MONITOR;
constexpr v1::Role kPublisher = v1::ROLE_PUBLISHER;
constexpr v1::Role kResponder = v1::ROLE_RESPONDER;
constexpr v1::Role kLead = v1::ROLE_SECURITY_LEAD;
constexpr v1::Role kAdmin = v1::ROLE_ADMIN;
constexpr v1::Role kAgent = v1::ROLE_AGENT;

struct Grant {
  Permission permission;
  std::string_view name;
  std::vector<v1::Role> roles;
};

// An administrator hands out keys but does not respond to incidents: whoever needs both holds both roles, and the log
// shows which. A monitor raises alerts and sees nothing.
const std::vector<Grant>& Grants() {
  static const std::vector<Grant>* const grants = new std::vector<Grant>{
      {Permission::kOpen, "open", {}},
      {Permission::kAuthenticated, "authenticated", {}},
      {Permission::kRead, "read", {kViewer, kPublisher, kResponder, kLead, kAdmin}},
      {Permission::kReadSnapshots, "read-snapshots", {kViewer, kPublisher, kResponder, kLead, kAdmin, kAgent}},
      {Permission::kReadContent, "read-content", {kPublisher, kResponder, kLead, kAgent}},
      {Permission::kRaiseAlerts, "raise-alerts", {kMonitor, kResponder, kLead}},
      {Permission::kPush, "push", {kPublisher}},
      {Permission::kVerify, "verify", {kPublisher, kResponder, kLead}},
      {Permission::kRespond, "respond", {kResponder, kLead}},
      {Permission::kContain, "contain", {kResponder, kLead}},
      {Permission::kDeploy, "deploy", {kResponder, kLead}},
      {Permission::kLiftQuarantine, "lift-quarantine", {kLead}},
      {Permission::kReport, "report", {kResponder, kLead}},
      {Permission::kShare, "share", {kResponder, kLead}},
      {Permission::kDecideShare, "decide-share", {kLead}},
      {Permission::kManagePlaybooks, "manage-playbooks", {kLead, kAdmin}},
      {Permission::kManageAgents, "manage-agents", {kAdmin}},
      {Permission::kManageSigners, "manage-signers", {kAdmin}},
      {Permission::kManageDestinations, "manage-destinations", {kAdmin}},
      {Permission::kManageTokens, "manage-tokens", {kAdmin}},
      {Permission::kFollow, "follow", {kViewer, kResponder, kLead, kAdmin, kAgent}},
      {Permission::kActAsAgent, "act-as-agent", {kAgent}},
      {Permission::kMaintain, "maintain", {kLead, kAdmin}},
  };
  return *grants;
}

const Grant& GrantOf(Permission permission) {
  const std::vector<Grant>& grants = Grants();
  size_t index = static_cast<size_t>(permission);
  FIREBREAK_CHECK(index < grants.size() && grants[index].permission == permission);
  return grants[index];
}

}  // namespace

const std::vector<Permission>& AllPermissions() {
  static const std::vector<Permission>* const all = [] {
    auto* list = new std::vector<Permission>;
    for (const Grant& grant : Grants()) list->push_back(grant.permission);
    return list;
  }();
  return *all;
}

std::string_view PermissionName(Permission permission) { return GrantOf(permission).name; }

std::string_view RoleName(v1::Role role) {
  switch (role) {
    case v1::ROLE_VIEWER:
      return "viewer";
    case v1::ROLE_MONITOR:
      return "monitor";
    case v1::ROLE_PUBLISHER:
      return "publisher";
    case v1::ROLE_RESPONDER:
      return "responder";
    case v1::ROLE_SECURITY_LEAD:
      return "security-lead";
    case v1::ROLE_ADMIN:
      return "admin";
    case v1::ROLE_AGENT:
      return "agent";
    case v1::ROLE_UNSPECIFIED:
    case v1::Role_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Role_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  return "unknown";
}

const std::vector<v1::Role>& RolesGranting(Permission permission) { return GrantOf(permission).roles; }

absl::Status CheckPermission(const Caller& caller, Permission permission, std::string_view method) {
  if (permission == Permission::kOpen || permission == Permission::kAuthenticated) return absl::OkStatus();
  const std::vector<v1::Role>& granting = RolesGranting(permission);
  for (v1::Role role : granting) {
    if (caller.Has(role)) return absl::OkStatus();
  }
  auto name = [](std::string* out, v1::Role role) { out->append(std::string(RoleName(role))); };
  std::string held = caller.roles.empty() ? "none" : absl::StrJoin(caller.roles, ", ", name);
  return absl::PermissionDeniedError(StrCat(method, ": ", caller.identity.text(), " may not (",
                                            PermissionName(permission), "): needs role ",
                                            absl::StrJoin(granting, " or ", name), ", has ", held));
}

Caller ServiceCaller() {
  Caller caller;
  caller.identity = Identity("firebreak");
  caller.roles = {kViewer, kMonitor, kPublisher, kResponder, kLead};
  return caller;
}

}  // namespace firebreak
