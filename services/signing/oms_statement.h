// The signed statement of an OMS bundle: reading it and every rule it must keep. Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_OMS_STATEMENT_H_
#define FIREBREAK_SERVICES_SIGNING_OMS_STATEMENT_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firebreak/base/json.h"
#include "firebreak/signing/oms.h"

namespace firebreak::oms {

// Fits, as base64, into the limit of the bundle around it: what is signed can be read again.
inline constexpr JsonLimits kStatementLimits{.size_bytes_max = size_t{23} << 20, .depth_max = 32};

inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kPredicateTypePrefix = "https://model_signing/signature/v1.";
inline constexpr std::string_view kPredicateType = "https://model_signing/signature/v1.0";

inline constexpr std::string_view kEarlyPredicateType = "https://model_signing/Digests/v0.1";

// What the bundle around the statement says about its age.
enum class BundleAge { kCurrent, kMayBeBefore11 };

// Fills in everything but the signer. The payload must have been verified already.
absl::StatusOr<OmsSignature> ParseStatement(std::string_view payload, BundleAge age);

// The same for a statement of the reference signer 0.2.
absl::StatusOr<OmsSignature> ParseEarlyStatement(std::string_view payload);

// The rules over the whole list: names are relative paths and unique, no file is also a folder, none is ignored, shards
// cover each file from its start without holes.
absl::Status CheckResources(const OmsSignature& statement, BundleAge age);

// Relative, '/' between components, no empty, "." or ".." component, no control character, no backslash. kInvalidArgument names
// `what`.
absl::Status CheckPath(std::string_view what, std::string_view path);

// The same, and no glob character: what is ignored is named, not matched (spec §6.2.1).
absl::Status CheckIgnorePath(std::string_view path);

// `digits` lowercase hex digits.
absl::Status CheckDigest(std::string_view what, std::string_view hex, size_t digits);

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_OMS_STATEMENT_H_
