// IncomingAlert: one alert as a source said it, before it is compared with what is known; and the one place that checks and
// completes it, whichever door it came through.
#ifndef FIREBREAK_ALERTS_INCOMING_H_
#define FIREBREAK_ALERTS_INCOMING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace firebreak {

// Limits of one alert; together they keep 25 alerts well within one draft.
inline constexpr size_t kLabelsMax = 64;
inline constexpr size_t kLabelNameBytesMax = 256;
inline constexpr size_t kLabelValueBytesMax = 4096;
inline constexpr size_t kAnnotationValueBytesMax = 8192;
inline constexpr size_t kAlertBytesMax = 32768;
inline constexpr size_t kUrlBytesMax = 4096;

using TextPairs = std::vector<std::pair<std::string, std::string>>;

struct IncomingAlert {
  TextPairs labels;
  TextPairs annotations;
  absl::Time starts_at = absl::InfinitePast();   // InfinitePast: the source gave none
  absl::Time ends_at = absl::InfinitePast();
  std::string generator_url;
  bool ended = false;                            // a webhook said "resolved"
  // Set by Normalise.
  bool ends_at_is_timeout = false;
  uint64_t fingerprint = 0;
  uint64_t content = 0;                          // hash of annotations and generator_url
  size_t bytes = 0;
};

// Drops empty labels, sorts, keeps the last of equal names, fills absent times (no start: now, or the end when only that was
// given; no end: now + timeout) and computes the fingerprint. kInvalidArgument says what Alertmanager would say. On failure
// the alert must not be used.
absl::Status Normalise(IncomingAlert& alert, absl::Time now, absl::Duration timeout);

// After Normalise: the source says it is over.
inline bool IsResolved(const IncomingAlert& alert, absl::Time now) { return alert.ends_at <= now; }

}  // namespace firebreak

#endif  // FIREBREAK_ALERTS_INCOMING_H_
