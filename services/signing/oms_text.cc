#include "services/signing/oms_text.h"

#include <algorithm>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/chain.h"
#include "services/signing/oms_bundle.h"
#include "services/signing/oms_statement.h"

namespace firebreak::oms {
namespace {

template <typename Items, typename Print>
std::string ListJson(const Items& items, Print print) {
  std::string out = "[";
  for (const auto& item : items) StrAppend(&out, out.size() == 1 ? "" : ",", print(item));
  return out + "]";
}

}  // namespace

std::string FullName(const OmsResource& resource) {
  if (!resource.shard_start) return resource.name;
  return StrCat(resource.name, ":", *resource.shard_start, ":", resource.shard_end.value_or(0));
}

std::string ResourceJson(const OmsResource& resource) {
  return StrCat("{\"name\":", QuoteJson(FullName(resource)), ",\"algorithm\":", QuoteJson(resource.algorithm),
                ",\"digest\":", QuoteJson(resource.digest_hex), "}");
}

std::string StatementHead(const OmsManifest& manifest, const Digest& root) {
  std::vector<std::string> ignored = manifest.ignore_paths;
  std::sort(ignored.begin(), ignored.end());
  ignored.erase(std::unique(ignored.begin(), ignored.end()), ignored.end());
  const std::string shard_size =
      manifest.shard_size_bytes == 0 ? "" : StrCat("\"shard_size\":", manifest.shard_size_bytes, ",");
  return StrCat("{\"_type\":\"", kStatementType, "\",\"subject\":[{\"name\":", QuoteJson(manifest.model_name),
                ",\"digest\":{\"sha256\":\"", ToHex(root.raw()), "\"}}],\"predicateType\":\"", kPredicateType,
                "\",\"predicate\":{\"serialization\":{\"method\":\"", manifest.shard_size_bytes == 0 ? "files" : "shards",
                "\",\"hash_type\":", QuoteJson(manifest.hash_type), ",", shard_size,
                "\"allow_symlinks\":false,\"ignore_paths\":", ListJson(ignored, &QuoteJson), "},\"resources\":[");
}

absl::StatusOr<std::string> MaterialJson(const EcPrivateKey& key, const std::vector<std::string>& chain_der) {
  if (chain_der.empty()) return StrCat("\"publicKey\":{\"hint\":\"", key.public_key().key_id(), "\"}");
  ASSIGN_OR_RETURN(const std::string leaf_key, CertificateKeyId(chain_der[0]));
  if (leaf_key != key.public_key().key_id()) {
    return absl::InvalidArgumentError(StrCat("signing certificate: its key is ", leaf_key, ", the private key's is ",
                                             key.public_key().key_id()));
  }
  std::vector<std::string> once;
  for (const std::string& der : chain_der) {
    if (std::find(once.begin(), once.end(), der) == once.end()) once.push_back(der);
  }
  return StrCat("\"x509CertificateChain\":{\"certificates\":",
                ListJson(once, [](const std::string& der) { return StrCat("{\"rawBytes\":\"", ToBase64(der), "\"}"); }), "}");
}

std::string BundleHead(std::string_view material) {
  return StrCat("{\"mediaType\":\"", kBundleType, "\",\"verificationMaterial\":{", material,
                ",\"tlogEntries\":[]},\"dsseEnvelope\":{\"payload\":\"");
}

std::string BundleTail(std::string_view signature) {
  return StrCat("\",\"payloadType\":\"", kPayloadType, "\",\"signatures\":[{\"sig\":\"", ToBase64(signature),
                "\",\"keyid\":\"\"}]}}");
}

}  // namespace firebreak::oms
