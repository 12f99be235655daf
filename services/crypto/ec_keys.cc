#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <cstring>
#include <optional>

#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/crypto/legacy.h"
#include "firebreak/crypto/sign.h"
#include "services/crypto/keys.h"

namespace firebreak {
namespace {

using openssl::Data;

struct CurveFacts {
  EcCurve curve;
  const char* group;
  const char* hash;
  HashAlgorithm hash_algorithm;
  const char* algorithm;
  int bits;   // of the curve's order
};

constexpr CurveFacts kCurves[] = {
    {EcCurve::kP256, "prime256v1", "SHA256", HashAlgorithm::kSha256, "ecdsa-p256-sha256", 256},
    {EcCurve::kP384, "secp384r1", "SHA384", HashAlgorithm::kSha384, "ecdsa-p384-sha384", 384},
    {EcCurve::kP521, "secp521r1", "SHA512", HashAlgorithm::kSha512, "ecdsa-p521-sha512", 521},
};

const CurveFacts& FactsOf(EcCurve curve) {
  for (const CurveFacts& facts : kCurves) {
    if (facts.curve == curve) return facts;
  }
  FIREBREAK_CHECK(false);
  return kCurves[0];
}

std::optional<EcCurve> CurveOf(const EVP_PKEY* key) {
  char group[64];
  size_t length = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof(group), &length) != 1) return std::nullopt;
  for (const CurveFacts& facts : kCurves) {
    if (std::string_view(group, length) == facts.group) return facts.curve;
  }
  return std::nullopt;
}

// Never asks a terminal, which is what OpenSSL does when it is given no callback.
int GivePassword(char* buffer, int size, int, void* password) {
  const auto& text = *static_cast<const std::string_view*>(password);
  if (text.empty() || text.size() > static_cast<size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

// False as well for a hash of another length, which OpenSSL would take and cut.
bool SetHash(EVP_PKEY_CTX* context, EcCurve curve, std::string_view message_hash) {
  const EVP_MD* hash = EVP_get_digestbyname(FactsOf(curve).hash);
  return hash != nullptr && message_hash.size() == static_cast<size_t>(EVP_MD_get_size(hash)) &&
         EVP_PKEY_CTX_set_signature_md(context, hash) == 1;
}

absl::StatusOr<std::string> PublicPem(EVP_PKEY* key) {
  const openssl::BioPtr out = openssl::NewMemory();
  if (out == nullptr || PEM_write_bio_PUBKEY(out.get(), key) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "public key: cannot encode");
  }
  return openssl::Written(out.get());
}

using EcdsaPtr = std::unique_ptr<ECDSA_SIG, openssl::Freed<&ECDSA_SIG_free>>;

// Says what is wrong with a signature before the mathematics only says no. DER has one spelling (X.690), so bytes that a
// lenient reader would skip are refused as well.
absl::Status CheckEcdsaSignature(std::string_view der, int order_bits) {
  const unsigned char* at = Data(der);
  const EcdsaPtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  openssl::DropErrors();
  if (signature == nullptr) return absl::DataLossError("signature: is not the DER of two integers");
  if (at != Data(der) + der.size()) return absl::DataLossError("signature: bytes follow the DER of its two integers");
  unsigned char* again = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &again);
  const bool is_same = size == static_cast<int>(der.size()) && std::memcmp(again, der.data(), der.size()) == 0;
  OPENSSL_free(again);
  if (!is_same) return absl::DataLossError("signature: its two integers are not written as DER demands");
  for (const BIGNUM* number : {ECDSA_SIG_get0_r(signature.get()), ECDSA_SIG_get0_s(signature.get())}) {
    if (BN_is_zero(number) || BN_is_negative(number)) return absl::DataLossError("signature: a number in it is not positive");
    if (BN_num_bits(number) > order_bits) {
      return absl::DataLossError("signature: a number in it is too large for the key's curve; a key of a larger curve made it");
    }
  }
  return absl::OkStatus();
}

}  // namespace

HashAlgorithm HashOf(EcCurve curve) { return FactsOf(curve).hash_algorithm; }

absl::StatusOr<EcPublicKey> EcKeyAccess::Adopt(openssl::KeyPtr key) {
  if (EVP_PKEY_is_a(key.get(), "EC") != 1) {
    openssl::DropErrors();
    return absl::InvalidArgumentError("key: not an elliptic-curve key; P-256, P-384 and P-521 are supported");
  }
  const std::optional<EcCurve> curve = CurveOf(key.get());
  int is_explicit = 0;
  EVP_PKEY_get_int_param(key.get(), OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
  openssl::DropErrors();
  // Explicit parameters let an attacker choose the generator (CVE-2020-0601).
  if (!curve || is_explicit == 1) {
    return absl::InvalidArgumentError("key: not on a supported named curve; use P-256, P-384 or P-521");
  }
  const openssl::KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (context == nullptr || EVP_PKEY_public_check(context.get()) != 1) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "key: the public point is not on its curve");
  }
  ASSIGN_OR_RETURN(std::string pem, PublicPem(key.get()));
  std::string key_id = ToHex(Sha256(pem).raw());
  return EcPublicKey(std::make_shared<EcPublicKey::Rep>(
      EcPublicKey::Rep{std::move(key), *curve, std::move(pem), std::move(key_id)}));
}

absl::StatusOr<EcPrivateKey> EcKeyAccess::AdoptPrivate(openssl::KeyPtr key) {
  const openssl::KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (context == nullptr || (EVP_PKEY_is_a(key.get(), "EC") == 1 && EVP_PKEY_pairwise_check(context.get()) != 1)) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "private key: does not fit its public key");
  }
  // The public half gets a key of its own, so that whoever holds it does not hold the private one.
  ASSIGN_OR_RETURN(const std::string pem, PublicPem(key.get()));
  ASSIGN_OR_RETURN(EcPublicKey public_key, EcPublicKey::FromPem(pem));
  return EcPrivateKey(std::make_shared<EcPrivateKey::Rep>(EcPrivateKey::Rep{std::move(key), std::move(public_key)}));
}

absl::StatusOr<EcPublicKey> EcPublicKey::FromPem(std::string_view pem) {
  const openssl::BioPtr in = openssl::ReadFrom(pem);
  if (in == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "public key: too large");
  openssl::KeyPtr key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "public key: not a PEM public key");
  openssl::DropErrors();
  return EcKeyAccess::Adopt(std::move(key));
}

absl::StatusOr<EcPublicKey> EcPublicKey::FromDer(std::string_view spki_der) {
  const unsigned char* at = Data(spki_der);
  openssl::KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki_der.size())));
  if (key == nullptr || at != Data(spki_der) + spki_der.size()) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "public key: not one DER SubjectPublicKeyInfo");
  }
  return EcKeyAccess::Adopt(std::move(key));
}

absl::Status EcPublicKey::Verify(std::string_view message, std::string_view der_signature) const {
  RETURN_IF_ERROR(CheckEcdsaSignature(der_signature, FactsOf(rep_->curve).bits));
  return EcKeyAccess::Verify(*this, FactsOf(rep_->curve).hash, message, der_signature);
}

absl::Status EcKeyAccess::Verify(const EcPublicKey& public_key, const char* hash, std::string_view message,
                                 std::string_view der_signature) {
  const EcPublicKey::Rep& rep = *public_key.rep_;
  const openssl::HashContextPtr context(EVP_MD_CTX_new());
  if (context == nullptr || EVP_DigestVerifyInit_ex(context.get(), nullptr, hash, nullptr, nullptr, rep.key.get(),
                                                    nullptr) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot start verification");
  }
  if (EVP_DigestVerify(context.get(), Data(der_signature), der_signature.size(), Data(message), message.size()) != 1) {
    openssl::DropErrors();
    return absl::DataLossError(StrCat("signature does not verify with key ", rep.key_id));
  }
  return absl::OkStatus();
}

absl::Status EcPublicKey::VerifyHashed(std::string_view message_hash, std::string_view der_signature) const {
  RETURN_IF_ERROR(CheckEcdsaSignature(der_signature, FactsOf(rep_->curve).bits));
  const openssl::KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, rep_->key.get(), nullptr));
  if (context == nullptr || EVP_PKEY_verify_init(context.get()) != 1 || !SetHash(context.get(), rep_->curve, message_hash)) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot start verification");
  }
  if (EVP_PKEY_verify(context.get(), Data(der_signature), der_signature.size(), Data(message_hash), message_hash.size()) != 1) {
    openssl::DropErrors();
    return absl::DataLossError(StrCat("signature does not verify with key ", rep_->key_id));
  }
  return absl::OkStatus();
}

EcCurve EcPublicKey::curve() const { return rep_->curve; }
std::string EcPublicKey::pem() const { return rep_->pem; }
std::string EcPublicKey::key_id() const { return rep_->key_id; }
std::string EcPublicKey::algorithm() const { return FactsOf(rep_->curve).algorithm; }

absl::StatusOr<EcPrivateKey> EcPrivateKey::Generate(EcCurve curve) {
  openssl::KeyPtr key(EVP_EC_gen(FactsOf(curve).group));
  if (key == nullptr) return openssl::Error(absl::StatusCode::kInternal, "private key: cannot generate");
  return EcKeyAccess::AdoptPrivate(std::move(key));
}

absl::StatusOr<EcPrivateKey> EcPrivateKey::FromPem(std::string_view pem, std::string_view password) {
  const openssl::BioPtr in = openssl::ReadFrom(pem);
  if (in == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "private key: too large");
  openssl::KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, &GivePassword, &password));
  if (key == nullptr) {
    return openssl::Error(absl::StatusCode::kInvalidArgument,
                          "private key: not a PEM private key, or the password is missing or wrong");
  }
  openssl::DropErrors();
  return EcKeyAccess::AdoptPrivate(std::move(key));
}

std::string EcPrivateKey::ToPem() const {
  const openssl::BioPtr out = openssl::NewMemory();
  FIREBREAK_CHECK(out != nullptr);
  FIREBREAK_CHECK(PEM_write_bio_PKCS8PrivateKey(out.get(), rep_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return openssl::Written(out.get());
}

absl::StatusOr<std::string> EcPrivateKey::Sign(std::string_view message) const {
  const openssl::HashContextPtr context(EVP_MD_CTX_new());
  const char* hash = FactsOf(rep_->public_key.curve()).hash;
  if (context == nullptr ||
      EVP_DigestSignInit_ex(context.get(), nullptr, hash, nullptr, nullptr, rep_->key.get(), nullptr) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot start signing");
  }
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(rep_->key.get()));
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), Data(signature), &size, Data(message), message.size()) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot sign");
  }
  signature.resize(size);
  return signature;
}

absl::StatusOr<std::string> EcPrivateKey::SignHashed(std::string_view message_hash) const {
  const openssl::KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, rep_->key.get(), nullptr));
  if (context == nullptr || EVP_PKEY_sign_init(context.get()) != 1 ||
      !SetHash(context.get(), rep_->public_key.curve(), message_hash)) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot start signing");
  }
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(rep_->key.get()));
  std::string signature(size, '\0');
  if (EVP_PKEY_sign(context.get(), Data(signature), &size, Data(message_hash), message_hash.size()) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot sign");
  }
  signature.resize(size);
  return signature;
}

EcPublicKey EcPrivateKey::public_key() const { return rep_->public_key; }

absl::Status VerifyEcdsaSha256(const EcPublicKey& key, std::string_view message, std::string_view der_signature) {
  RETURN_IF_ERROR(CheckEcdsaSignature(der_signature, FactsOf(key.curve()).bits));
  return EcKeyAccess::Verify(key, "SHA256", message, der_signature);
}

}  // namespace firebreak
