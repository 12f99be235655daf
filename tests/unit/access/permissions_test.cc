#include "firebreak/access/permissions.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firebreak {
namespace {

using ::testing::Contains;
using ::testing::Not;

Caller CallerWith(v1::Role role) {
  Caller caller;
  caller.identity = Identity("alice");
  caller.roles = {role};
  return caller;
}

TEST(Permissions, EachHasItsOwnNameAndAllButTwoNeedARole) {
  std::set<std::string_view> names;
  for (Permission permission : AllPermissions()) {
    EXPECT_TRUE(names.insert(PermissionName(permission)).second) << PermissionName(permission);
    bool open = permission == Permission::kOpen || permission == Permission::kAuthenticated;
    EXPECT_EQ(RolesGranting(permission).empty(), open) << PermissionName(permission);
  }
  EXPECT_EQ(AllPermissions().back(), Permission::kMaintain);
}

TEST(Permissions, AMonitorRaisesAlertsAndNothingElse) {
  for (Permission permission : AllPermissions()) {
    if (RolesGranting(permission).empty()) continue;
    EXPECT_EQ(CheckPermission(CallerWith(v1::ROLE_MONITOR), permission, "X").ok(),
              permission == Permission::kRaiseAlerts)
        << PermissionName(permission);
  }
}

TEST(Permissions, AnAgentReadsContentAndDecisionsAndProvesOnly) {
  for (Permission permission : AllPermissions()) {
    if (RolesGranting(permission).empty()) continue;
    bool expected = permission == Permission::kReadContent || permission == Permission::kReadSnapshots ||
                    permission == Permission::kFollow || permission == Permission::kActAsAgent;
    EXPECT_EQ(CheckPermission(CallerWith(v1::ROLE_AGENT), permission, "X").ok(), expected)
        << PermissionName(permission);
  }
}

TEST(Permissions, ALeadMayAllAResponderMay) {
  for (Permission permission : AllPermissions()) {
    if (CheckPermission(CallerWith(v1::ROLE_RESPONDER), permission, "X").ok()) {
      EXPECT_TRUE(CheckPermission(CallerWith(v1::ROLE_SECURITY_LEAD), permission, "X").ok())
          << PermissionName(permission);
    }
  }
}

TEST(Permissions, NobodyButAnAdminManagesTokens) {
  EXPECT_THAT(RolesGranting(Permission::kManageTokens), ::testing::ElementsAre(v1::ROLE_ADMIN));
  EXPECT_THAT(RolesGranting(Permission::kContain), Not(Contains(v1::ROLE_ADMIN)));
}

TEST(Permissions, ARefusalNamesWhoWhatAndWhichRoleWouldDo) {
  absl::Status status = CheckPermission(CallerWith(v1::ROLE_VIEWER), Permission::kContain, "Contain");
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_EQ(status.message(), "Contain: alice may not (contain): needs role responder or security-lead, has viewer");
}

TEST(ServiceCaller, HoldsEveryRoleButAdminAndAgent) {
  Caller service = ServiceCaller();
  EXPECT_EQ(service.identity.text(), "firebreak");
  EXPECT_TRUE(service.Has(v1::ROLE_SECURITY_LEAD));
  EXPECT_FALSE(service.Has(v1::ROLE_ADMIN));
  EXPECT_FALSE(service.Has(v1::ROLE_AGENT));
}

}  // namespace
}  // namespace firebreak
