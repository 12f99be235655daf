// How a wait for a time on the wall is cut into pieces, since the wall's clock may be set while it lasts. Pure.
#ifndef FIREBREAK_SERVICES_BASE_WAIT_SLICE_H_
#define FIREBREAK_SERVICES_BASE_WAIT_SLICE_H_

#include <algorithm>

#include "absl/time/time.h"

namespace firebreak {

inline constexpr absl::Duration kWaitSliceMax = absl::Seconds(1);   // after which the clock is looked at again

struct WaitSlice {
  absl::Duration length;   // to wait now; never below zero
  bool last = false;       // the deadline is there when it is over
};

// A wait for `deadline` that began when the wall's clock showed `began`, `waited` ago on a clock that nobody sets; it shows `now`.
// A wall's clock set forwards ends it early; one set back does not make it longer than it was going to be at first.
inline WaitSlice NextWaitSlice(absl::Time began, absl::Duration waited, absl::Time now, absl::Time deadline) {
  const absl::Duration left = std::min(deadline - now, (deadline - began) - waited);
  return {std::clamp(left, absl::ZeroDuration(), kWaitSliceMax), left <= kWaitSliceMax};
}

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_BASE_WAIT_SLICE_H_
