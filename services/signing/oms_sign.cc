#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/signing/oms.h"
#include "services/signing/oms_bundle.h"
#include "services/signing/oms_payload.h"
#include "services/signing/oms_statement.h"
#include "services/signing/oms_text.h"

namespace firebreak {
namespace {

// As for FullName: shards sort by their range as text.
bool ComesBefore(const OmsResource& a, const OmsResource& b) {
  return a.shard_start || b.shard_start ? oms::FullName(a) < oms::FullName(b) : a.name < b.name;
}

// A text that is held.
class TextPieces final : public oms::Pieces {
 public:
  explicit TextPieces(std::string_view text) : text_(text) {}
  void Restart() override { given_ = false; }
  absl::StatusOr<std::string_view> Next() override { return std::exchange(given_, true) ? std::string_view() : text_; }

 private:
  const std::string_view text_;
  bool given_ = false;
};

// Nothing is signed that we would not accept ourselves.
absl::Status CheckAccepted(std::string_view payload) {
  TextPieces pieces(payload);
  OmsSignature signature;
  absl::StatusOr<OmsSeal> seal = oms::ReadStatement(pieces, oms::BundleAge::kCurrent, [&](OmsResource& resource) {
    signature.resources.push_back(std::move(resource));
    return absl::OkStatus();
  });
  if (!seal.ok()) return seal.status();
  static_cast<OmsSeal&>(signature) = *std::move(seal);
  return oms::CheckResources(signature);
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

}  // namespace

absl::StatusOr<std::string> SignOmsManifest(const EcPrivateKey& key, const std::vector<std::string>& chain_der,
                                            OmsManifest manifest) {
  RETURN_IF_ERROR(CheckManifest(manifest));
  // UTF-8 sorts by bytes as by code points.
  std::sort(manifest.resources.begin(), manifest.resources.end(), &ComesBefore);
  ASSIGN_OR_RETURN(const Digest root, OmsRootDigest(manifest.resources));
  ASSIGN_OR_RETURN(const std::string material, oms::MaterialJson(key, chain_der));
  std::string payload = oms::StatementHead(manifest, root);
  for (const OmsResource& resource : manifest.resources) {
    StrAppend(&payload, &resource == manifest.resources.data() ? "" : ",", oms::ResourceJson(resource));
  }
  payload.append(oms::kStatementTail);
  RETURN_IF_ERROR(CheckAccepted(payload));
  ASSIGN_OR_RETURN(const std::string signature, key.Sign(PreAuthEncoding(oms::kPayloadType, payload)));
  return StrCat(oms::BundleHead(material), ToBase64(payload), oms::BundleTail(signature));
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
