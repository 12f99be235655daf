#include <map>
#include <utility>

#include "firebreak/base/check.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/crypto/hash_stream.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/signing/oms_stream.h"
#include "services/signing/oms_bundle.h"
#include "services/signing/oms_payload.h"
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

}  // namespace

struct OmsBundle::Rep {
  explicit Rep(ByteSource& source_in) : source(source_in) {}

  absl::Status VerifyPayload(const EcPublicKey& key);

  ByteSource& source;
  Bundle bundle;
  std::map<HashAlgorithm, std::string> hashes;   // of what was signed
  OmsSeal signer;
  bool is_verified = false;
};

// The payload is hashed once for each curve, however many keys are tried.
absl::Status OmsBundle::Rep::VerifyPayload(const EcPublicKey& key) {
  std::string& hash = hashes[HashOf(key.curve())];
  if (hash.empty()) {
    HashStream stream(HashOf(key.curve()));
    stream.Update(PreAuthHead(oms::kPayloadType, bundle.payload_bytes));
    oms::PayloadPieces pieces(source, bundle.payload);
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view piece, pieces.Next());
      if (piece.empty()) break;
      stream.Update(piece);
    }
    hash = stream.Finish();
  }
  RETURN_IF_ERROR(Annotate(key.VerifyHashed(hash, bundle.signature), "dsseEnvelope"));
  signer.key_id = key.key_id();
  is_verified = true;
  return absl::OkStatus();
}

OmsBundle::OmsBundle(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
OmsBundle::OmsBundle(OmsBundle&&) noexcept = default;
OmsBundle& OmsBundle::operator=(OmsBundle&&) noexcept = default;
OmsBundle::~OmsBundle() = default;

absl::StatusOr<OmsBundle> OmsBundle::Open(ByteSource& source) {
  auto rep = std::make_unique<Rep>(source);
  ASSIGN_OR_RETURN(rep->bundle, oms::ParseBundle(source));
  return OmsBundle(std::move(rep));
}

absl::StatusOr<OmsClaim> OmsBundle::Claim() const {
  const Bundle& bundle = rep_->bundle;
  switch (bundle.material) {
    case Material::kPublicKey: break;
    case Material::kCertificateChain: return OmsClaim{OmsTrust::kCertificate, ""};
    case Material::kKeyless: return RefuseKeyless();
  }
  if (!bundle.key_hint.empty() || bundle.key_bytes.empty()) return OmsClaim{OmsTrust::kKey, bundle.key_hint};
  ASSIGN_OR_RETURN(const EcPublicKey named, ReadNamedKey(bundle));
  return OmsClaim{OmsTrust::kKey, named.key_id()};
}

absl::StatusOr<std::vector<std::string>> OmsBundle::UnverifiedIgnorePaths() {
  oms::PayloadPieces pieces(rep_->source, rep_->bundle.payload);
  return oms::ReadIgnorePaths(pieces);
}

absl::Status OmsBundle::Verify(const EcPublicKey& key) {
  switch (rep_->bundle.material) {
    case Material::kPublicKey: break;
    case Material::kKeyless: return RefuseKeyless();
    case Material::kCertificateChain:
      return absl::FailedPreconditionError(
          "verificationMaterial: signed with a certificate chain; verify it with trusted roots instead of a key");
  }
  RETURN_IF_ERROR(CheckKeyNamed(rep_->bundle, key));
  return rep_->VerifyPayload(key);
}

absl::Status OmsBundle::VerifyCertificate(std::string_view roots_pem, absl::Time now) {
  switch (rep_->bundle.material) {
    case Material::kCertificateChain: break;
    case Material::kKeyless: return RefuseKeyless();
    case Material::kPublicKey:
      return absl::FailedPreconditionError(
          "verificationMaterial: signed with a bare key; verify it with that key instead of trusted roots");
  }
  ASSIGN_OR_RETURN(const SigningCertificate leaf, VerifySigningChain(rep_->bundle.chain_der, roots_pem, now));
  RETURN_IF_ERROR(rep_->VerifyPayload(leaf.key));
  rep_->signer.trust = OmsTrust::kCertificate;
  rep_->signer.certificate_pem = leaf.pem;
  rep_->signer.certificate_name = leaf.common_name;
  rep_->signer.certificate_identities = leaf.identities;
  return absl::OkStatus();
}

const OmsSeal& OmsBundle::signer() const { return rep_->signer; }

absl::StatusOr<OmsSeal> OmsBundle::Read(OmsVisitor visit) {
  FIREBREAK_CHECK(rep_->is_verified);
  oms::PayloadPieces pieces(rep_->source, rep_->bundle.payload);
  const BundleAge age = rep_->bundle.key_hint.empty() ? BundleAge::kMayBeBefore11 : BundleAge::kCurrent;
  ASSIGN_OR_RETURN(OmsSeal seal, oms::ReadStatement(pieces, age, visit));
  const OmsSeal& signer = rep_->signer;
  seal.trust = signer.trust;
  seal.key_id = signer.key_id;
  seal.certificate_pem = signer.certificate_pem;
  seal.certificate_name = signer.certificate_name;
  seal.certificate_identities = signer.certificate_identities;
  return seal;
}

absl::StatusOr<OmsSignature> OmsBundle::Collect(uint64_t resources_max) {
  OmsSignature signature;
  absl::StatusOr<OmsSeal> seal = Read([&](OmsResource& resource) {
    if (signature.resources.size() >= resources_max) {
      return absl::ResourceExhaustedError(StrCat("the bundle lists more than ", resources_max, " resources"));
    }
    signature.resources.push_back(std::move(resource));
    return absl::OkStatus();
  });
  if (!seal.ok()) return seal.status();
  static_cast<OmsSeal&>(signature) = *std::move(seal);
  RETURN_IF_ERROR(oms::CheckResources(signature));
  return signature;
}

absl::StatusOr<OmsSignature> VerifyOmsBundle(std::string_view bundle_json, const EcPublicKey& key) {
  TextSource source(bundle_json);
  ASSIGN_OR_RETURN(OmsBundle bundle, OmsBundle::Open(source));
  RETURN_IF_ERROR(bundle.Verify(key));
  return bundle.Collect(kOmsResourcesMax);
}

absl::StatusOr<OmsSignature> VerifyOmsCertificateBundle(std::string_view bundle_json, std::string_view roots_pem,
                                                        absl::Time now) {
  TextSource source(bundle_json);
  ASSIGN_OR_RETURN(OmsBundle bundle, OmsBundle::Open(source));
  RETURN_IF_ERROR(bundle.VerifyCertificate(roots_pem, now));
  return bundle.Collect(kOmsResourcesMax);
}

absl::StatusOr<OmsClaim> ReadOmsClaim(std::string_view bundle_json) {
  TextSource source(bundle_json);
  ASSIGN_OR_RETURN(const OmsBundle bundle, OmsBundle::Open(source));
  return bundle.Claim();
}

}  // namespace firebreak
