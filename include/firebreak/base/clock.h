// Injected time. Nothing below a main asks the operating system what time it is; tests move time themselves.
#ifndef FIREBREAK_BASE_CLOCK_H_
#define FIREBREAK_BASE_CLOCK_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace firebreak {

// Thread-safe. Outlives everything it is given to.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock, UTC. May step; order is carried by ledger indexes and epochs, never by this.
  virtual absl::Time Now() const = 0;
  // Blocks until `condition` holds (checked under `mutex`) or `deadline` has passed on this clock. True when it holds.
  // `mutex` must be held. A signal is any unlock of `mutex` after a change.
  virtual bool AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline) const = 0;
};

// The operating system's clock; for mains.
class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
  bool AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline) const override;
};

// Time that moves only when told to; for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time start) : now_(start) {}
  absl::Time Now() const override;
  bool AwaitUntil(absl::Mutex& mutex, const absl::Condition& condition, absl::Time deadline) const override;
  void Advance(absl::Duration by);
  void Set(absl::Time now);

 private:
  mutable absl::Mutex now_mutex_;
  absl::Time now_ ABSL_GUARDED_BY(now_mutex_);
};

// Conversions to and from the wire's types; nanoseconds kept. An absent (all-zero) Timestamp is InfinitePast and back;
// InfiniteFuture is the last Timestamp there is, infinite durations the longest Durations, and back.
google::protobuf::Timestamp ToProto(absl::Time time);
absl::Time FromProto(const google::protobuf::Timestamp& time);
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);

// 2026-11-20T10:04:21.123Z, always UTC.
std::string FormatRfc3339(absl::Time time);

}  // namespace firebreak

#endif  // FIREBREAK_BASE_CLOCK_H_
