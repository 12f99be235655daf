#include <fstream>
#include <sstream>

#include "firebreak/access/permissions.h"
#include "firebreak/base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firebreak {
namespace {

TEST(PermissionsReadme, TheTablePrintedIsTheTableUsed) {
  std::ifstream file(FIREBREAK_SOURCE_DIR "/include/firebreak/access/README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  for (Permission permission : AllPermissions()) {
    if (RolesGranting(permission).empty()) continue;
    std::string row = StrCat("\n| ", PermissionName(permission), " |");
    for (int number = v1::ROLE_VIEWER; number <= v1::ROLE_AGENT; ++number) {
      Caller caller;
      caller.roles = {static_cast<v1::Role>(number)};
      StrAppend(&row, CheckPermission(caller, permission, "").ok() ? " x |" : " |");
    }
    EXPECT_THAT(readme.str(), ::testing::HasSubstr(row + "\n"));
  }
}

}  // namespace
}  // namespace firebreak
