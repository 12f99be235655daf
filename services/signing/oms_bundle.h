// The sigstore bundle around an OMS statement: read, not yet verified. Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_OMS_BUNDLE_H_
#define FIREBREAK_SERVICES_SIGNING_OMS_BUNDLE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

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
  std::string payload;                   // the exact bytes that were signed
  std::string signature_key_id;
  std::string signature;                 // DER
};

absl::StatusOr<Bundle> ParseBundle(std::string_view bundle_json);

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_OMS_BUNDLE_H_
