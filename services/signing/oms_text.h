// What our own bundles look like, in the pieces that they are written in. Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_OMS_TEXT_H_
#define FIREBREAK_SERVICES_SIGNING_OMS_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/signing/oms.h"

namespace firebreak::oms {

// Shards carry their range in the name (spec §6.3.2).
std::string FullName(const OmsResource& resource);

// StatementHead, the resources with commas between them, kStatementTail. The head needs no resources of the manifest's.
std::string StatementHead(const OmsManifest& manifest, const Digest& root);
std::string ResourceJson(const OmsResource& resource);
inline constexpr std::string_view kStatementTail = "]}}";

// The key's hint, or the chain (leaf first). kInvalidArgument when the leaf is not that of `key`.
absl::StatusOr<std::string> MaterialJson(const EcPrivateKey& key, const std::vector<std::string>& chain_der);

// BundleHead, the statement in base64, BundleTail.
std::string BundleHead(std::string_view material);
std::string BundleTail(std::string_view signature);

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_OMS_TEXT_H_
