#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/signing/oms.h"
#include "services/signing/oms_bundle.h"
#include "services/signing/oms_statement.h"

namespace firebreak {
namespace {

std::string ResourceJson(const OmsResource& resource) {
  return StrCat("{\"name\":", QuoteJson(resource.name), ",\"algorithm\":\"sha256\",\"digest\":",
                QuoteJson(resource.digest_hex), "}");
}

template <typename Items, typename Print>
std::string ListJson(const Items& items, Print print) {
  std::string out = "[";
  for (const auto& item : items) StrAppend(&out, out.size() == 1 ? "" : ",", print(item));
  return out + "]";
}

std::string StatementJson(std::string_view model_name, const Digest& root, const std::vector<OmsResource>& resources,
                          const std::vector<std::string>& ignore_paths) {
  return StrCat("{\"_type\":\"", oms::kStatementType, "\",\"subject\":[{\"name\":", QuoteJson(model_name),
                ",\"digest\":{\"sha256\":\"", ToHex(root.raw()), "\"}}],\"predicateType\":\"", oms::kPredicateType,
                "\",\"predicate\":{\"serialization\":{\"method\":\"files\",\"hash_type\":\"sha256\",",
                "\"allow_symlinks\":false,\"ignore_paths\":", ListJson(ignore_paths, &QuoteJson), "},\"resources\":",
                ListJson(resources, &ResourceJson), "}}");
}

}  // namespace

absl::StatusOr<std::string> SignOmsBundle(const EcPrivateKey& key, std::string_view model_name,
                                          std::vector<OmsResource> resources, std::vector<std::string> ignore_paths) {
  for (const OmsResource& resource : resources) {
    if (resource.algorithm != "sha256" || resource.shard_start || resource.shard_end) {
      return absl::InvalidArgumentError(
          StrCat("resource ", QuoteJson(resource.name), ": only whole files with sha256 are signed"));
    }
    // Checked here because quoting repairs bad UTF-8, and the signature would name another file.
    RETURN_IF_ERROR(oms::CheckPath("resource", resource.name));
  }
  for (const std::string& path : ignore_paths) RETURN_IF_ERROR(oms::CheckPath("ignore path", path));
  if (!IsValidUtf8(model_name)) return absl::InvalidArgumentError("subject: the name is not valid UTF-8");
  // UTF-8 sorts by bytes as by code points.
  std::sort(resources.begin(), resources.end(),
            [](const OmsResource& a, const OmsResource& b) { return a.name < b.name; });
  std::sort(ignore_paths.begin(), ignore_paths.end());
  ignore_paths.erase(std::unique(ignore_paths.begin(), ignore_paths.end()), ignore_paths.end());
  ASSIGN_OR_RETURN(const Digest root, OmsRootDigest(resources));
  const std::string payload = StatementJson(model_name, root, resources, ignore_paths);
  // Nothing is signed that we would not accept ourselves.
  RETURN_IF_ERROR(oms::ParseStatement(payload, oms::BundleAge::kCurrent).status());
  ASSIGN_OR_RETURN(const std::string signature, key.Sign(PreAuthEncoding(oms::kPayloadType, payload)));
  return StrCat("{\"mediaType\":\"", oms::kBundleType, "\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"",
                key.public_key().key_id(), "\"},\"tlogEntries\":[]},\"dsseEnvelope\":{\"payload\":\"", ToBase64(payload),
                "\",\"payloadType\":\"", oms::kPayloadType, "\",\"signatures\":[{\"sig\":\"", ToBase64(signature),
                "\",\"keyid\":\"\"}]}}");
}

}  // namespace firebreak
