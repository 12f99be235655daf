// DSSE envelopes as the JSON other tools read and write: {"payload": base64, "payloadType", "signatures": [{"keyid", "sig"}]}.
#ifndef FIREBREAK_BOM_ENVELOPE_JSON_H_
#define FIREBREAK_BOM_ENVELOPE_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

std::string EnvelopeToJson(const v1::Envelope& envelope);

// Strict: no other members, valid base64. kInvalidArgument says what is wrong. Nothing is verified.
absl::StatusOr<v1::Envelope> EnvelopeFromJson(std::string_view text);

}  // namespace firebreak

#endif  // FIREBREAK_BOM_ENVELOPE_JSON_H_
