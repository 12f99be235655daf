// Decoders of what monitors post: the body of Alertmanager's API v2 and of its webhook notifier. Total: any bytes give either
// alerts or an error that names what is wrong. The only home of simdjson.
#ifndef FIREBREAK_SERVICES_ALERTS_INTAKE_DECODE_H_
#define FIREBREAK_SERVICES_ALERTS_INTAKE_DECODE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "firebreak/alerts/incoming.h"

namespace firebreak {

inline constexpr size_t kBodyBytesMax = size_t{4} << 20;
inline constexpr size_t kAlertsPerBodyMax = 10'000;
inline constexpr size_t kJsonDepthMax = 32;

// The whole body is refused. `status` is HTTP's, `code` what Alertmanager puts into its JSON (400, 413, 601, 602).
struct BodyError {
  int status = 400;
  int code = 400;
  std::string message;
};

struct AlertBatch {
  std::vector<IncomingAlert> alerts;   // not normalised yet
  uint64_t truncated = 0;              // webhook: alerts the sender left out
};

using Decoded = std::variant<AlertBatch, BodyError>;

// Array of {labels, annotations, startsAt, endsAt, generatorURL}; unknown members are ignored, the last of equal names counts.
Decoded DecodePostAlerts(std::string_view body);

// {"version": "4", "alerts": [{status, labels, annotations, startsAt, endsAt, generatorURL}], "truncatedAlerts": n, …}.
Decoded DecodeWebhook(std::string_view body);

// RFC 3339 with 0 to 9 fraction digits and a zone. InfinitePast for "" and for the zero time 0001-01-01T00:00:00Z (both mean
// absent); nullopt when it is no such time.
std::optional<absl::Time> ParseAlertTime(std::string_view text);

// What Go's url.ParseRequestURI takes: an absolute path, or scheme:rest without spaces and control characters.
bool IsRequestUri(std::string_view text);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ALERTS_INTAKE_DECODE_H_
