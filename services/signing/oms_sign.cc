#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/signing/oms.h"
#include "services/signing/oms_bundle.h"
#include "services/signing/oms_statement.h"

namespace firebreak {
namespace {

// Shards carry their range in the name (spec §6.3.2), and sort by it as text.
std::string FullName(const OmsResource& resource) {
  if (!resource.shard_start) return resource.name;
  return StrCat(resource.name, ":", *resource.shard_start, ":", resource.shard_end.value_or(0));
}

std::string ResourceJson(const OmsResource& resource) {
  return StrCat("{\"name\":", QuoteJson(FullName(resource)), ",\"algorithm\":", QuoteJson(resource.algorithm),
                ",\"digest\":", QuoteJson(resource.digest_hex), "}");
}

template <typename Items, typename Print>
std::string ListJson(const Items& items, Print print) {
  std::string out = "[";
  for (const auto& item : items) StrAppend(&out, out.size() == 1 ? "" : ",", print(item));
  return out + "]";
}

std::string StatementJson(const OmsManifest& manifest, const Digest& root) {
  const std::string shard_size =
      manifest.shard_size_bytes == 0 ? "" : StrCat("\"shard_size\":", manifest.shard_size_bytes, ",");
  return StrCat("{\"_type\":\"", oms::kStatementType, "\",\"subject\":[{\"name\":", QuoteJson(manifest.model_name),
                ",\"digest\":{\"sha256\":\"", ToHex(root.raw()), "\"}}],\"predicateType\":\"", oms::kPredicateType,
                "\",\"predicate\":{\"serialization\":{\"method\":\"", manifest.shard_size_bytes == 0 ? "files" : "shards",
                "\",\"hash_type\":", QuoteJson(manifest.hash_type), ",", shard_size,
                "\"allow_symlinks\":false,\"ignore_paths\":", ListJson(manifest.ignore_paths, &QuoteJson),
                "},\"resources\":", ListJson(manifest.resources, &ResourceJson), "}}");
}

// What the statement's reader cannot see any more, because quoting repairs bad UTF-8 and the signature would name another file.
absl::Status CheckManifest(const OmsManifest& manifest) {
  for (const OmsResource& resource : manifest.resources) {
    const std::string what = StrCat("resource ", QuoteJson(resource.name));
    const bool is_shard = resource.shard_start.has_value() && resource.shard_end.has_value();
    if (resource.shard_start.has_value() != resource.shard_end.has_value() || is_shard != (manifest.shard_size_bytes > 0)) {
      return absl::InvalidArgumentError(what + ": only whole files, or only shards, are signed");
    }
    if (resource.algorithm != manifest.hash_type) {
      return absl::InvalidArgumentError(StrCat(what, ": hashed with ", QuoteJson(resource.algorithm), ", not with ",
                                               manifest.hash_type));
    }
    RETURN_IF_ERROR(oms::CheckPath("resource", resource.name));
  }
  for (const std::string& path : manifest.ignore_paths) RETURN_IF_ERROR(oms::CheckIgnorePath(path));
  if (!IsValidUtf8(manifest.model_name)) return absl::InvalidArgumentError("subject: the name is not valid UTF-8");
  return absl::OkStatus();
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

}  // namespace

absl::StatusOr<std::string> SignOmsManifest(const EcPrivateKey& key, const std::vector<std::string>& chain_der,
                                            OmsManifest manifest) {
  RETURN_IF_ERROR(CheckManifest(manifest));
  // UTF-8 sorts by bytes as by code points.
  std::sort(manifest.resources.begin(), manifest.resources.end(),
            [](const OmsResource& a, const OmsResource& b) {
              return a.shard_start || b.shard_start ? FullName(a) < FullName(b) : a.name < b.name;
            });
  std::sort(manifest.ignore_paths.begin(), manifest.ignore_paths.end());
  manifest.ignore_paths.erase(std::unique(manifest.ignore_paths.begin(), manifest.ignore_paths.end()),
                              manifest.ignore_paths.end());
  ASSIGN_OR_RETURN(const Digest root, OmsRootDigest(manifest.resources));
  ASSIGN_OR_RETURN(const std::string material, MaterialJson(key, chain_der));
  const std::string payload = StatementJson(manifest, root);
  // Nothing is signed that we would not accept ourselves.
  RETURN_IF_ERROR(oms::ParseStatement(payload, oms::BundleAge::kCurrent).status());
  ASSIGN_OR_RETURN(const std::string signature, key.Sign(PreAuthEncoding(oms::kPayloadType, payload)));
  return StrCat("{\"mediaType\":\"", oms::kBundleType, "\",\"verificationMaterial\":{", material,
                ",\"tlogEntries\":[]},\"dsseEnvelope\":{\"payload\":\"", ToBase64(payload), "\",\"payloadType\":\"",
                oms::kPayloadType, "\",\"signatures\":[{\"sig\":\"", ToBase64(signature), "\",\"keyid\":\"\"}]}}");
}

absl::StatusOr<std::string> SignOmsBundle(const EcPrivateKey& key, std::string_view model_name,
                                          std::vector<OmsResource> resources, std::vector<std::string> ignore_paths) {
  OmsManifest manifest;
  manifest.model_name = model_name;
  manifest.resources = std::move(resources);
  manifest.ignore_paths = std::move(ignore_paths);
  return SignOmsManifest(key, {}, std::move(manifest));
}

}  // namespace firebreak
