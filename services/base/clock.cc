#include "firebreak/base/clock.h"

#include <algorithm>
#include <chrono>

#include "services/base/wait_slice.h"

namespace firebreak {
namespace {

constexpr int64_t kTimestampSecondsMax = 253402300799;  // 9999-12-31T23:59:59Z, timestamp.proto
constexpr int64_t kTimestampSecondsMin = -62135596800;  // 0001-01-01T00:00:00Z
constexpr int64_t kDurationSecondsMax = 315576000000;   // duration.proto
constexpr int32_t kNanosMax = 999999999;

}  // namespace

absl::Time SystemClock::Now() const { return absl::Now(); }

bool SystemClock::AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline) const {
  using Steady = std::chrono::steady_clock;
  const absl::Time began = Now();
  const Steady::time_point steady = Steady::now();
  for (;;) {
    const WaitSlice slice = NextWaitSlice(began, absl::FromChrono(Steady::now() - steady), Now(), deadline);
    if (mutex.AwaitWithTimeout(condition, slice.length)) return true;
    if (slice.last) return false;
  }
}

absl::Time ManualClock::Now() const {
  absl::MutexLock lock(&now_mutex_);
  return now_;
}

// Polled: this clock moves under its own mutex, and no condition under `mutex` can be woken by that.
bool ManualClock::AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline) const {
  while (!condition.Eval()) {
    if (Now() >= deadline) return false;
    mutex.AwaitWithTimeout(condition, absl::Milliseconds(1));
  }
  return true;
}

void ManualClock::Advance(absl::Duration by) {
  absl::MutexLock lock(&now_mutex_);
  now_ += by;
}

void ManualClock::Set(absl::Time now) {
  absl::MutexLock lock(&now_mutex_);
  now_ = now;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp out;
  if (time == absl::InfinitePast()) return out;
  const int64_t seconds = absl::ToUnixSeconds(time);  // rounds towards the past, so the rest is never negative
  if (time == absl::InfiniteFuture() || seconds > kTimestampSecondsMax) {
    out.set_seconds(kTimestampSecondsMax);
    out.set_nanos(kNanosMax);
    return out;
  }
  if (seconds < kTimestampSecondsMin) {
    out.set_seconds(kTimestampSecondsMin);
    return out;
  }
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return out;
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return absl::InfinitePast();
  if (time.seconds() == kTimestampSecondsMax && time.nanos() == kNanosMax) return absl::InfiniteFuture();
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration out;
  absl::Duration rest;
  const int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &rest);
  if (seconds >= kDurationSecondsMax || seconds <= -kDurationSecondsMax) {
    out.set_seconds(std::clamp(seconds, -kDurationSecondsMax, kDurationSecondsMax));
    return out;
  }
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return out;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  if (duration.seconds() >= kDurationSecondsMax) return absl::InfiniteDuration();
  if (duration.seconds() <= -kDurationSecondsMax) return -absl::InfiniteDuration();
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

std::string FormatRfc3339(absl::Time time) { return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", time, absl::UTCTimeZone()); }

}  // namespace firebreak
