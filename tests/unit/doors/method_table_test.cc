#include "firebreak/doors/method_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/doors/door_house.h"

namespace firebreak {
namespace {

using ::testing::Contains;
using ::testing::Not;

template <typename Table>
constexpr bool kCompilesWithoutPermission = requires(Table table, testing::FakeDesk desk) {
  table.Unary("/firebreak.v1.Access/WhoAmI", desk, &testing::FakeDesk::WhoAmI);
};
template <typename Table>
constexpr bool kCompilesWithPermission = requires(Table table, testing::FakeDesk desk) {
  table.Unary("/firebreak.v1.Access/WhoAmI", Permission::kRead, desk, &testing::FakeDesk::WhoAmI);
};
static_assert(!kCompilesWithoutPermission<MethodTable>, "a method without a permission must not compile");
static_assert(kCompilesWithPermission<MethodTable>);

TEST(MethodTable, NamesWhatNobodyRegistered) {
  testing::DoorHouse house;
  EXPECT_THAT(house.table.Missing(), Contains("/firebreak.v1.Access/RevokeToken"));
  EXPECT_THAT(house.table.Missing(), Contains("/firebreak.v1.Fleet/Follow"));
  EXPECT_THAT(house.table.Missing(), Not(Contains("/firebreak.v1.Access/WhoAmI")));
}

TEST(MethodTable, KnowsItsServices) {
  testing::DoorHouse house;
  EXPECT_THAT(house.table.Services(),
              ::testing::ElementsAre("firebreak.v1.Access", "firebreak.v1.Fleet", "firebreak.v1.Runs"));
  EXPECT_EQ(house.table.Find("/firebreak.v1.Access/Nothing"), nullptr);
}

TEST(MethodTableDeathTest, RefusesWhatTheProtosDoNotSay) {
  testing::FakeDesk desk;
  MethodTable table;
  EXPECT_DEATH(table.Unary("/firebreak.v1.Access/WhoAreYou", Permission::kRead, desk, &testing::FakeDesk::WhoAmI),
               "not an rpc");
  EXPECT_DEATH(table.Unary("/firebreak.v1.Access/ListTokens", Permission::kRead, desk, &testing::FakeDesk::WhoAmI),
               "takes another request");
  EXPECT_DEATH(table.Unary("/firebreak.v1.Access/WhoAmI", Permission::kOpen, desk, &testing::FakeDesk::WhoAmI),
               "may not be open");
  table.Unary("/firebreak.v1.Access/WhoAmI", Permission::kRead, desk, &testing::FakeDesk::WhoAmI);
  EXPECT_DEATH(table.Unary("/firebreak.v1.Access/WhoAmI", Permission::kRead, desk, &testing::FakeDesk::WhoAmI),
               "twice");
}

}  // namespace
}  // namespace firebreak
