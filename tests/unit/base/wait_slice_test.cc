// Waits for a time on the wall while somebody sets its clock.
#include "services/base/wait_slice.h"

#include <gtest/gtest.h>

namespace firebreak {
namespace {

const absl::Time kBegan = absl::FromUnixSeconds(1767225600);

TEST(WaitSlice, LooksAtTheClockAgainEverySecond) {
  const WaitSlice first = NextWaitSlice(kBegan, absl::ZeroDuration(), kBegan, kBegan + absl::Hours(1));
  EXPECT_EQ(first.length, absl::Seconds(1));
  EXPECT_FALSE(first.last);
  const WaitSlice ever = NextWaitSlice(kBegan, absl::ZeroDuration(), kBegan, absl::InfiniteFuture());
  EXPECT_EQ(ever.length, absl::Seconds(1));
  EXPECT_FALSE(ever.last);
}

TEST(WaitSlice, EndsAtItsDeadlineToTheMillisecond) {
  const WaitSlice slice = NextWaitSlice(kBegan, absl::Milliseconds(59700), kBegan + absl::Milliseconds(59700), kBegan + absl::Minutes(1));
  EXPECT_EQ(slice.length, absl::Milliseconds(300));
  EXPECT_TRUE(slice.last);
}

TEST(WaitSlice, AClockSetForwardsEndsTheWait) {
  const WaitSlice slice = NextWaitSlice(kBegan, absl::Seconds(1), kBegan + absl::Hours(2), kBegan + absl::Hours(1));
  EXPECT_EQ(slice.length, absl::ZeroDuration());
  EXPECT_TRUE(slice.last);
}

TEST(WaitSlice, AClockSetBackDoesNotMakeTheWaitLonger) {
  const absl::Time back = kBegan - absl::Hours(5);
  EXPECT_FALSE(NextWaitSlice(kBegan, absl::Seconds(30), back, kBegan + absl::Minutes(1)).last);
  const WaitSlice over = NextWaitSlice(kBegan, absl::Minutes(1), back, kBegan + absl::Minutes(1));
  EXPECT_EQ(over.length, absl::ZeroDuration());
  EXPECT_TRUE(over.last);
}

TEST(WaitSlice, ADeadlineThatHasPassedIsNotWaitedFor) {
  EXPECT_EQ(NextWaitSlice(kBegan, absl::ZeroDuration(), kBegan, kBegan - absl::Seconds(1)).length, absl::ZeroDuration());
  EXPECT_TRUE(NextWaitSlice(kBegan, absl::ZeroDuration(), kBegan, absl::InfinitePast()).last);
}

}  // namespace
}  // namespace firebreak
