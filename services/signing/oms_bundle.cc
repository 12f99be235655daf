#include "services/signing/oms_bundle.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/signing/oms_stream.h"
#include "services/signing/members.h"
#include "services/signing/oms_payload.h"

namespace firebreak::oms {
namespace {

// Of everything but the payload: certificates, log entries, time stamps.
constexpr JsonLimits kBundleLimits{.size_bytes_max = size_t{4} << 20, .depth_max = 32, .values_max = 100'000};

constexpr std::string_view kReadableTypes[] = {
    kBundleType,
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
};

absl::StatusOr<std::string> LoadBase64(const Members& members, std::string_view name) {
  ASSIGN_OR_RETURN(const std::string text, members.LoadString(name));
  // DSSE allows either alphabet, not both at once.
  if (text.find_first_of("+/") != std::string::npos && text.find_first_of("-_") != std::string::npos) {
    return absl::InvalidArgumentError(StrCat(members.what(), ": ", name, ": mixes the two base64 alphabets"));
  }
  absl::StatusOr<std::string> bytes = FromBase64(text);
  if (!bytes.ok()) return Annotate(bytes.status(), StrCat(members.what(), ": ", name));
  if (bytes->empty()) return absl::InvalidArgumentError(StrCat(members.what(), ": ", name, " is empty"));
  return bytes;
}

absl::Status ReadPublicKey(const Members& material, Bundle& bundle) {
  ASSIGN_OR_RETURN(const Members key, material.LoadObject("publicKey", "publicKey"));
  RETURN_IF_ERROR(key.RefuseOthersThan({"hint", "rawBytes", "keyDetails"}));
  ASSIGN_OR_RETURN(bundle.key_hint, key.FindString("hint"));
  ASSIGN_OR_RETURN(bundle.key_details, key.FindString("keyDetails"));
  if (key.Find("rawBytes") != nullptr) {
    ASSIGN_OR_RETURN(bundle.key_bytes, LoadBase64(key, "rawBytes"));
  }
  return absl::OkStatus();
}

absl::Status ReadChain(const Members& material, Bundle& bundle) {
  ASSIGN_OR_RETURN(const Members chain, material.LoadObject("x509CertificateChain", "x509CertificateChain"));
  RETURN_IF_ERROR(chain.RefuseOthersThan({"certificates"}));
  ASSIGN_OR_RETURN(const ListValue* certificates, chain.LoadList("certificates"));
  for (const Value& entry : certificates->values()) {
    ASSIGN_OR_RETURN(const Members certificate, Members::Of("x509CertificateChain: certificate", entry));
    RETURN_IF_ERROR(certificate.RefuseOthersThan({"rawBytes"}));
    ASSIGN_OR_RETURN(bundle.chain_der.emplace_back(), LoadBase64(certificate, "rawBytes"));
  }
  if (bundle.chain_der.empty()) return absl::InvalidArgumentError("x509CertificateChain: has no certificate");
  return absl::OkStatus();
}

// Further members (log entries, timestamps) are not ours to judge: nothing here relies on them.
absl::Status ReadMaterial(const Members& material, Bundle& bundle) {
  const bool has_key = material.Find("publicKey") != nullptr;
  const bool has_chain = material.Find("x509CertificateChain") != nullptr;
  const bool has_certificate = material.Find("certificate") != nullptr;
  if (int{has_key} + int{has_chain} + int{has_certificate} != 1) {
    return absl::InvalidArgumentError(
        "verificationMaterial: needs exactly one of publicKey, x509CertificateChain and certificate");
  }
  if (has_key) {
    bundle.material = Material::kPublicKey;
    return ReadPublicKey(material, bundle);
  }
  if (has_chain) {
    bundle.material = Material::kCertificateChain;
    return ReadChain(material, bundle);
  }
  bundle.material = Material::kKeyless;
  return absl::OkStatus();
}

absl::Status ReadSignature(const Members& envelope, Bundle& bundle) {
  ASSIGN_OR_RETURN(const ListValue* signatures, envelope.LoadList("signatures"));
  if (signatures->values_size() != 1) {
    return absl::InvalidArgumentError(
        StrCat("dsseEnvelope: has ", signatures->values_size(), " signatures, not exactly one"));
  }
  ASSIGN_OR_RETURN(const Members signature, Members::Of("dsseEnvelope: signature", signatures->values(0)));
  RETURN_IF_ERROR(signature.RefuseOthersThan({"sig", "keyid"}));
  ASSIGN_OR_RETURN(bundle.signature, LoadBase64(signature, "sig"));
  const Value* key_id = signature.Find("keyid");
  if (key_id != nullptr && !key_id->has_null_value()) {  // the Python signer before 1.1 wrote null
    ASSIGN_OR_RETURN(bundle.signature_key_id, signature.LoadString("keyid"));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> CountPayload(ByteSource& source, JsonPlace place) {
  PayloadPieces pieces(source, place);
  uint64_t total = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::string_view piece, pieces.Next());
    if (piece.empty()) break;
    total += piece.size();
  }
  if (total == 0) return absl::InvalidArgumentError("dsseEnvelope: payload is empty");
  return total;
}

absl::Status ReadEnvelope(const Members& envelope, const std::optional<JsonPlace>& payload, ByteSource& source, Bundle& bundle) {
  RETURN_IF_ERROR(envelope.RefuseOthersThan({"payload", "payloadType", "signatures"}));
  ASSIGN_OR_RETURN(const std::string type, envelope.LoadString("payloadType"));
  if (type != kPayloadType) {
    return absl::InvalidArgumentError(StrCat("dsseEnvelope: the payload type is ", QuoteJson(type), ", not ", kPayloadType));
  }
  RETURN_IF_ERROR(envelope.LoadString("payload").status());
  bundle.payload = payload.value_or(JsonPlace());
  ASSIGN_OR_RETURN(bundle.payload_bytes, CountPayload(source, bundle.payload));
  return ReadSignature(envelope, bundle);
}

}  // namespace

absl::StatusOr<Bundle> ParseBundle(ByteSource& source) {
  if (source.size_bytes() > kOmsBundleBytesMax) {
    return absl::InvalidArgumentError(StrCat("bundle: has ", source.size_bytes(), " bytes; at most ", kOmsBundleBytesMax, " are read"));
  }
  uint64_t at = 0;
  const auto next = [&]() -> absl::StatusOr<std::string_view> {
    ASSIGN_OR_RETURN(const std::string_view piece, source.Read(at));
    at += piece.size();
    return piece;
  };
  const absl::StatusOr<JsonDocument> document = ReadJson(next, kBundleLimits, {.text_path = {"dsseEnvelope", "payload"}});
  if (!document.ok()) return Annotate(document.status(), "bundle");
  ASSIGN_OR_RETURN(const Members top, Members::Of("bundle", document->root));
  RETURN_IF_ERROR(top.RefuseOthersThan({"mediaType", "verificationMaterial", "dsseEnvelope"}));
  ASSIGN_OR_RETURN(const std::string type, top.LoadString("mediaType"));
  if (std::find(std::begin(kReadableTypes), std::end(kReadableTypes), type) == std::end(kReadableTypes)) {
    return absl::InvalidArgumentError(StrCat("bundle: media type ", QuoteJson(type), " is not a sigstore bundle up to v0.3"));
  }
  Bundle bundle;
  ASSIGN_OR_RETURN(const Members material, top.LoadObject("verificationMaterial", "verificationMaterial"));
  RETURN_IF_ERROR(ReadMaterial(material, bundle));
  ASSIGN_OR_RETURN(const Members envelope, top.LoadObject("dsseEnvelope", "dsseEnvelope"));
  RETURN_IF_ERROR(ReadEnvelope(envelope, document->text, source, bundle));
  // sigstore_bundle.proto: when both name a key they name the same one.
  if (!bundle.key_hint.empty() && !bundle.signature_key_id.empty() && bundle.key_hint != bundle.signature_key_id) {
    return absl::InvalidArgumentError("bundle: the signature's keyid and the key hint name different keys");
  }
  return bundle;
}

}  // namespace firebreak::oms
