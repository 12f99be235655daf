// The sigstore bundle around an OMS statement: read, not yet verified. Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_OMS_BUNDLE_H_
#define FIREBREAK_SERVICES_SIGNING_OMS_BUNDLE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/byte_source.h"
#include "firebreak/base/json_stream.h"

namespace firebreak::oms {

inline constexpr std::string_view kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
inline constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";

enum class Material { kPublicKey, kCertificateChain, kKeyless };

struct Bundle {
  Material material = Material::kPublicKey;
  std::string key_hint;                  // empty: none
  std::string key_bytes;                 // before OMS 1.1: the signer's own key; empty: none
  std::string key_details;               // sigstore's name for its algorithm
  std::vector<std::string> chain_der;    // leaf first
  JsonPlace payload;                     // where its base64 stands; it decodes to the exact bytes that were signed
  uint64_t payload_bytes = 0;            // decoded
  std::string signature_key_id;
  std::string signature;                 // DER
};

// The payload is looked through, and not kept.
absl::StatusOr<Bundle> ParseBundle(ByteSource& source);

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_OMS_BUNDLE_H_
