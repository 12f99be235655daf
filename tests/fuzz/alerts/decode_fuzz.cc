// libFuzzer entry for both alert decoders: any bytes give alerts that Normalise takes or refuses, or an error with a message.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "services/alerts/intake/decode.h"

namespace {

void Check(firebreak::Decoded decoded) {
  using namespace firebreak;
  if (const auto* error = std::get_if<BodyError>(&decoded)) {
    FIREBREAK_CHECK(error->status >= 400 && !error->message.empty());
    return;
  }
  const absl::Time now = absl::FromUnixSeconds(1767225600);
  for (IncomingAlert& alert : std::get<AlertBatch>(decoded).alerts) {
    if (!Normalise(alert, now, absl::Minutes(5)).ok()) continue;
    FIREBREAK_CHECK(!alert.labels.empty());
    FIREBREAK_CHECK(alert.starts_at <= alert.ends_at);
    for (const auto& [name, value] : alert.labels) FIREBREAK_CHECK(!value.empty() && IsValidUtf8(value));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Check(firebreak::DecodePostAlerts(body));
  Check(firebreak::DecodeWebhook(body));
  return 0;
}
