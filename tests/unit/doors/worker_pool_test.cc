#include "firebreak/doors/worker_pool.h"

#include <atomic>
#include <memory>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace firebreak {
namespace {

TEST(WorkerPool, SlowJobsTakeAtMostAQuarterOfTheThreads) {
  WorkerPool pool({.threads = 8, .queue_max = 64});
  absl::Notification release;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> ran{0};
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(pool.TryPost(
        [&] {
          const int now = ++running;
          if (now > most) most = now;
          release.WaitForNotification();
          --running;
          ++ran;
        },
        Pace::kSlow));
  }
  // Six at once: what the slow ones leave.
  absl::Barrier* const six = new absl::Barrier(7);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(pool.TryPost([six] {
      if (six->Block()) delete six;
    }));
  }
  if (six->Block()) delete six;
  EXPECT_EQ(ran, 0);
  release.Notify();
  pool.Stop();
  EXPECT_EQ(ran, 10) << "the rest had their turn";
  EXPECT_EQ(most, 2);
}

TEST(WorkerPool, SlowJobsThatWaitTakeAtMostAQuarterOfTheQueue) {
  WorkerPool pool({.threads = 4, .queue_max = 8});
  absl::Notification entered;
  absl::Notification release;
  ASSERT_TRUE(pool.TryPost([&] { entered.Notify(), release.WaitForNotification(); }, Pace::kSlow));
  entered.WaitForNotification();
  EXPECT_TRUE(pool.TryPost([] {}, Pace::kSlow));
  EXPECT_TRUE(pool.TryPost([] {}, Pace::kSlow));
  EXPECT_FALSE(pool.TryPost([] {}, Pace::kSlow));
  EXPECT_TRUE(pool.TryPost([] {}));
  release.Notify();
  pool.Stop();
  EXPECT_FALSE(pool.TryPost([] {})) << "it is stopped";
}

TEST(WorkerPool, JobsThatWaitForOneAnotherAllGetAThread) {
  for (int round = 0; round < 50; ++round) {
    WorkerPool pool({.threads = 16, .queue_max = 64});
    auto all = std::make_unique<absl::Barrier>(16);
    absl::Notification done;
    for (int i = 0; i < 16; ++i) {
      ASSERT_TRUE(pool.TryPost([&] {
        if (all->Block()) done.Notify();
      }));
    }
    done.WaitForNotification();   // hangs when a wake-up was lost
    pool.Stop();
  }
}

}  // namespace
}  // namespace firebreak
