#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/signing/oms.h"
#include "services/signing/oms_bundle.h"
#include "services/signing/oms_statement.h"

namespace firebreak {
namespace {

using oms::Bundle;
using oms::BundleAge;
using oms::Material;

absl::Status RefuseKeyless() {
  return absl::FailedPreconditionError(
      "verificationMaterial: keyless signatures need a transparency log and an identity provider and are not verified; "
      "sign with a key or a certificate chain");
}

std::string_view KeyDetails(EcCurve curve) {
  switch (curve) {
    case EcCurve::kP256: return "PKIX_ECDSA_P256_SHA_256";
    case EcCurve::kP384: return "PKIX_ECDSA_P384_SHA_384";
    case EcCurve::kP521: return "PKIX_ECDSA_P521_SHA_512";
  }
  return "";
}

absl::StatusOr<EcPublicKey> ReadNamedKey(const Bundle& bundle) {
  absl::StatusOr<EcPublicKey> named = bundle.key_bytes.starts_with("-----BEGIN") ? EcPublicKey::FromPem(bundle.key_bytes)
                                                                                : EcPublicKey::FromDer(bundle.key_bytes);
  if (!named.ok()) return Annotate(named.status(), "publicKey: rawBytes");
  return named;
}

// What the bundle says about its key is only a hint, but one that contradicts the given key means a mix-up.
absl::Status CheckKeyNamed(const Bundle& bundle, const EcPublicKey& key) {
  if (!bundle.key_hint.empty() && bundle.key_hint != key.key_id()) {
    return absl::DataLossError(
        StrCat("publicKey: signed with key ", QuoteJson(bundle.key_hint), ", not with the given key ", key.key_id()));
  }
  if (!bundle.key_details.empty() && bundle.key_details != KeyDetails(key.curve())) {
    return absl::DataLossError(StrCat("publicKey: keyDetails ", QuoteJson(bundle.key_details), " is not the given key's ",
                                      KeyDetails(key.curve())));
  }
  if (bundle.key_bytes.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const EcPublicKey named, ReadNamedKey(bundle));
  if (named.key_id() != key.key_id()) {
    return absl::DataLossError(
        StrCat("publicKey: signed with key ", named.key_id(), ", not with the given key ", key.key_id()));
  }
  return absl::OkStatus();
}

absl::StatusOr<OmsSignature> VerifyPayload(const Bundle& bundle, const EcPublicKey& key) {
  RETURN_IF_ERROR(
      Annotate(key.Verify(PreAuthEncoding(oms::kPayloadType, bundle.payload), bundle.signature), "dsseEnvelope"));
  const BundleAge age = bundle.key_hint.empty() ? BundleAge::kMayBeBefore11 : BundleAge::kCurrent;
  ASSIGN_OR_RETURN(OmsSignature signature, oms::ParseStatement(bundle.payload, age));
  signature.key_id = key.key_id();
  return signature;
}

}  // namespace

absl::StatusOr<OmsSignature> VerifyOmsBundle(std::string_view bundle_json, const EcPublicKey& key) {
  ASSIGN_OR_RETURN(const Bundle bundle, oms::ParseBundle(bundle_json));
  switch (bundle.material) {
    case Material::kPublicKey: break;
    case Material::kKeyless: return RefuseKeyless();
    case Material::kCertificateChain:
      return absl::FailedPreconditionError(
          "verificationMaterial: signed with a certificate chain; verify it with trusted roots instead of a key");
  }
  RETURN_IF_ERROR(CheckKeyNamed(bundle, key));
  return VerifyPayload(bundle, key);
}

absl::StatusOr<OmsSignature> VerifyOmsCertificateBundle(std::string_view bundle_json, std::string_view roots_pem,
                                                        absl::Time now) {
  ASSIGN_OR_RETURN(const Bundle bundle, oms::ParseBundle(bundle_json));
  switch (bundle.material) {
    case Material::kCertificateChain: break;
    case Material::kKeyless: return RefuseKeyless();
    case Material::kPublicKey:
      return absl::FailedPreconditionError(
          "verificationMaterial: signed with a bare key; verify it with that key instead of trusted roots");
  }
  ASSIGN_OR_RETURN(const SigningCertificate leaf, VerifySigningChain(bundle.chain_der, roots_pem, now));
  ASSIGN_OR_RETURN(OmsSignature signature, VerifyPayload(bundle, leaf.key));
  signature.trust = OmsTrust::kCertificate;
  signature.certificate_pem = leaf.pem;
  signature.certificate_name = leaf.common_name;
  signature.certificate_identities = leaf.identities;
  return signature;
}

absl::StatusOr<OmsClaim> ReadOmsClaim(std::string_view bundle_json) {
  ASSIGN_OR_RETURN(const Bundle bundle, oms::ParseBundle(bundle_json));
  switch (bundle.material) {
    case Material::kPublicKey: break;
    case Material::kCertificateChain: return OmsClaim{OmsTrust::kCertificate, ""};
    case Material::kKeyless: return RefuseKeyless();
  }
  if (!bundle.key_hint.empty() || bundle.key_bytes.empty()) return OmsClaim{OmsTrust::kKey, bundle.key_hint};
  ASSIGN_OR_RETURN(const EcPublicKey named, ReadNamedKey(bundle));
  return OmsClaim{OmsTrust::kKey, named.key_id()};
}

}  // namespace firebreak
