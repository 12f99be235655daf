#include "services/firebreakd/house/timers.h"

#include <memory>

#include "gtest/gtest.h"

namespace firebreak {
namespace {

// Time on the wall that can be set without any going by. Waits end as Clock promises for the real one.
class WallClock final : public Clock {
 public:
  absl::Time Now() const override {
    absl::MutexLock lock(&mutex_);
    return wall_;
  }
  bool AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline) const override {
    const absl::Duration last = GoneBy() + (deadline - Now());
    while (!condition.Eval()) {
      if (Now() >= deadline || GoneBy() >= last) return false;
      mutex.AwaitWithTimeout(condition, absl::Milliseconds(1));
    }
    return true;
  }
  void Advance(absl::Duration by) {
    absl::MutexLock lock(&mutex_);
    wall_ += by;
    gone_by_ += by;
  }
  void SetBack(absl::Duration by) {
    absl::MutexLock lock(&mutex_);
    wall_ -= by;
  }

 private:
  absl::Duration GoneBy() const {
    absl::MutexLock lock(&mutex_);
    return gone_by_;
  }
  mutable absl::Mutex mutex_;
  absl::Time wall_ = absl::FromUnixSeconds(1'800'000'000);
  absl::Duration gone_by_;
};

TEST(Timers, GoOnWhenTheClockIsSetBack) {
  WallClock clock;
  const std::unique_ptr<Log> log = Log::Silent();
  Timers timers(clock, *log);
  absl::Mutex mutex;
  int turns = 0;
  timers.Every("count", absl::Seconds(5), [&] {
    absl::MutexLock lock(&mutex);
    ++turns;
    return absl::OkStatus();
  });
  timers.Start();
  // True when the turn comes before `most` has gone by.
  const auto comes = [&](int turn, absl::Duration most) {
    const auto there = [&] { return turns >= turn; };
    for (absl::Duration gone; gone <= most; gone += absl::Seconds(1), clock.Advance(absl::Seconds(1))) {
      absl::MutexLock lock(&mutex);
      if (mutex.AwaitWithTimeout(absl::Condition(&there), absl::Milliseconds(20))) return true;
    }
    return false;
  };
  ASSERT_TRUE(comes(1, absl::Minutes(2)));
  clock.SetBack(absl::Hours(10));
  EXPECT_TRUE(comes(2, absl::Minutes(2)));
  EXPECT_TRUE(comes(3, absl::Minutes(2)));
  timers.Stop();
}

}  // namespace
}  // namespace firebreak
