// CrashPoints: named places where a test may kill the process (or pretend to), so that recovery is tried where it hurts.
// Only a main reads FIREBREAK_CRASH_AT; it hands the object down. "after-staged" arms the first passage, "after-staged:3"
// the third. Unarmed, a point costs one comparison.
#ifndef FIREBREAK_BASE_CRASH_POINTS_H_
#define FIREBREAK_BASE_CRASH_POINTS_H_

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "firebreak/base/text.h"

namespace firebreak {

// Thread-safe. Outlives everything it is given to.
class CrashPoints {
 public:
  enum class Mode {
    kKill,   // SIGKILL to this process, as a power cut would
    kStop,   // Pass answers kCancelled and the caller unwinds at once, touching nothing; for tests in one process
  };

  CrashPoints() = default;
  // `armed` is "<point>" or "<point>:<n>"; empty = never.
  explicit CrashPoints(std::string_view armed, Mode mode = Mode::kKill) : mode_(mode) {
    const size_t colon = armed.rfind(':');
    uint64_t nth = 1;
    if (colon != std::string_view::npos && absl::SimpleAtoi(ToAbsl(armed.substr(colon + 1)), &nth) && nth > 0) {
      armed = armed.substr(0, colon);
    } else {
      nth = 1;
    }
    armed_ = std::string(armed);
    left_ = nth;
  }
  CrashPoints(const CrashPoints&) = delete;
  CrashPoints& operator=(const CrashPoints&) = delete;

  bool armed() const { return !armed_.empty(); }

  // Returns unless this is the armed passage. For code that is only ever crashed for real.
  void Reach(std::string_view point) const {
    if (IsHit(point)) Kill();
  }

  // The same for code that tests also stop inside one process: kCancelled in Mode::kStop.
  absl::Status Pass(std::string_view point) const {
    if (!IsHit(point)) return absl::OkStatus();
    if (mode_ == Mode::kKill) Kill();
    return absl::CancelledError(StrCat("stopped at crash point ", point));
  }

 private:
  bool IsHit(std::string_view point) const {
    if (armed_.empty() || point != armed_) return false;
    return left_.fetch_sub(1, std::memory_order_relaxed) == 1;
  }
  static void Kill() { ::kill(::getpid(), SIGKILL); }

  std::string armed_;
  Mode mode_ = Mode::kKill;
  mutable std::atomic<uint64_t> left_{0};
};

}  // namespace firebreak

#endif  // FIREBREAK_BASE_CRASH_POINTS_H_
