#include "firebreak/crypto/jose.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <cstring>

#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "services/crypto/openssl.h"

namespace firebreak {

struct JosePublicKey::Rep {
  openssl::KeyPtr key;  // with the private half in a JosePrivateKey
  std::string der;
};

namespace {

using openssl::Data;
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, openssl::Freed<&ECDSA_SIG_free>>;

constexpr int kRsaBitsMin = 2048;

enum class Kind { kRsa, kRsaPss, kEc, kEd };
struct Facts {
  std::string_view name;
  Kind kind;
  const char* type;   // as OpenSSL names the key
  const char* group;  // EC only
  const char* hash;
  size_t half;        // EC only: bytes of r and of s
};
constexpr std::array<Facts, 11> kFacts = {{
    {"RS256", Kind::kRsa, "RSA", "", "SHA256", 0},
    {"RS384", Kind::kRsa, "RSA", "", "SHA384", 0},
    {"RS512", Kind::kRsa, "RSA", "", "SHA512", 0},
    {"PS256", Kind::kRsaPss, "RSA", "", "SHA256", 0},
    {"PS384", Kind::kRsaPss, "RSA", "", "SHA384", 0},
    {"PS512", Kind::kRsaPss, "RSA", "", "SHA512", 0},
    {"ES256", Kind::kEc, "EC", "prime256v1", "SHA256", 32},
    {"ES384", Kind::kEc, "EC", "secp384r1", "SHA384", 48},
    {"ES512", Kind::kEc, "EC", "secp521r1", "SHA512", 66},
    {"Ed25519", Kind::kEd, "ED25519", "", nullptr, 0},
    {"Ed448", Kind::kEd, "ED448", "", nullptr, 0},
}};

std::string GroupOf(const EVP_PKEY* key) {
  char group[64];
  size_t length = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof(group), &length) != 1) return "";
  return std::string(group, length);
}

bool Fits(const Facts& facts, const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, facts.type) != 1) return false;
  return facts.kind != Kind::kEc || GroupOf(key) == facts.group;
}

absl::StatusOr<const Facts*> FactsFor(std::string_view algorithm, const EVP_PKEY* key) {
  for (const Facts& facts : kFacts) {
    if (facts.name != algorithm) continue;
    if (Fits(facts, key)) return &facts;
    openssl::DropErrors();
    return absl::InvalidArgumentError(StrCat("algorithm ", algorithm, " is not one for this key"));
  }
  return absl::InvalidArgumentError(StrCat("algorithm ", algorithm, " is not supported"));
}

absl::StatusOr<std::string> PublicDer(EVP_PKEY* key) {
  unsigned char* out = nullptr;
  const int size = i2d_PUBKEY(key, &out);
  if (size <= 0) return openssl::Error(absl::StatusCode::kInternal, "public key: cannot encode");
  std::string der(reinterpret_cast<const char*>(out), static_cast<size_t>(size));
  OPENSSL_free(out);
  return der;
}

// What we take: named curves with a valid point, RSA that is not short, the two Edwards curves.
absl::Status CheckKey(EVP_PKEY* key) {
  for (const Facts& facts : kFacts) {
    if (!Fits(facts, key)) continue;
    if (facts.kind == Kind::kRsa && EVP_PKEY_get_bits(key) < kRsaBitsMin) {
      return absl::InvalidArgumentError(StrCat("key: RSA of ", EVP_PKEY_get_bits(key), " bits is too short, 2048 is the least"));
    }
    int is_explicit = 0;
    if (facts.kind == Kind::kEc) {
      EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
      const openssl::KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
      if (context == nullptr || EVP_PKEY_public_check(context.get()) != 1) is_explicit = 1;
    }
    openssl::DropErrors();
    if (is_explicit == 1) return absl::InvalidArgumentError("key: not a valid point on a named curve");
    return absl::OkStatus();
  }
  openssl::DropErrors();
  return absl::InvalidArgumentError("key: neither RSA, P-256, P-384, P-521, Ed25519 nor Ed448");
}

int GivePassword(char* buffer, int size, int, void* password) {
  const auto& text = *static_cast<const std::string_view*>(password);
  if (text.empty() || text.size() > static_cast<size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

absl::StatusOr<std::string> PlainFromDer(const Facts& facts, std::string_view der) {
  const unsigned char* at = Data(der);
  const EcdsaPtr parsed(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::string plain(2 * facts.half, '\0');
  const int half = static_cast<int>(facts.half);
  if (parsed == nullptr || BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), Data(plain), half) != half ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), Data(plain) + half, half) != half) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot encode");
  }
  return plain;
}

absl::StatusOr<std::string> DerFromPlain(const Facts& facts, std::string_view plain) {
  if (plain.size() != 2 * facts.half) {
    return absl::DataLossError(StrCat("signature is ", plain.size(), " bytes, ", facts.name, " has ", 2 * facts.half));
  }
  const EcdsaPtr parsed(ECDSA_SIG_new());
  const int half = static_cast<int>(facts.half);
  BIGNUM* r = BN_bin2bn(Data(plain), half, nullptr);
  BIGNUM* s = BN_bin2bn(Data(plain) + half, half, nullptr);
  if (parsed == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(parsed.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot decode");
  }
  unsigned char* out = nullptr;
  const int size = i2d_ECDSA_SIG(parsed.get(), &out);
  if (size <= 0) return openssl::Error(absl::StatusCode::kInternal, "signature: cannot decode");
  std::string der(reinterpret_cast<const char*>(out), static_cast<size_t>(size));
  OPENSSL_free(out);
  return der;
}

// RFC 7518, section 3.5: MGF1 with the same hash, a salt as long as the hash.
bool UsePss(const Facts& facts, EVP_PKEY_CTX* context) {
  if (facts.kind != Kind::kRsaPss) return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

}  // namespace

absl::StatusOr<JosePublicKey> JosePublicKey::FromDer(std::string_view spki_der) {
  const unsigned char* at = Data(spki_der);
  openssl::KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki_der.size())));
  if (key == nullptr || at != Data(spki_der) + spki_der.size()) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "public key: not one DER SubjectPublicKeyInfo");
  }
  openssl::DropErrors();
  RETURN_IF_ERROR(CheckKey(key.get()));
  ASSIGN_OR_RETURN(std::string der, PublicDer(key.get()));
  return JosePublicKey(std::make_shared<Rep>(Rep{std::move(key), std::move(der)}));
}

absl::StatusOr<JosePublicKey> JosePublicKey::FromCertificate(std::string_view certificate_der) {
  const unsigned char* at = Data(certificate_der);
  const openssl::CertificatePtr certificate(d2i_X509(nullptr, &at, static_cast<long>(certificate_der.size())));
  if (certificate == nullptr || at != Data(certificate_der) + certificate_der.size()) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "certificate: not one DER certificate");
  }
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "certificate: its key is of no known kind");
  ASSIGN_OR_RETURN(const std::string der, PublicDer(key));
  return FromDer(der);
}

absl::StatusOr<JosePublicKey> JosePublicKey::FromPem(std::string_view pem) {
  const openssl::BioPtr in = openssl::ReadFrom(pem);
  if (in == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "public key: too large");
  if (pem.find("BEGIN CERTIFICATE") != std::string_view::npos) {
    const openssl::CertificatePtr certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate.get());
    if (key == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "public key: not a PEM certificate");
    ASSIGN_OR_RETURN(const std::string der, PublicDer(key));
    return FromDer(der);
  }
  openssl::KeyPtr key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "public key: not a PEM public key");
  ASSIGN_OR_RETURN(const std::string der, PublicDer(key.get()));
  return FromDer(der);
}

absl::Status JosePublicKey::Verify(std::string_view algorithm, std::string_view message, std::string_view signature) const {
  ASSIGN_OR_RETURN(const Facts* facts, FactsFor(algorithm, rep_->key.get()));
  std::string raw(signature);
  if (facts->kind == Kind::kEc) {
    ASSIGN_OR_RETURN(raw, DerFromPlain(*facts, signature));
  }
  const openssl::HashContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (context == nullptr || EVP_DigestVerifyInit_ex(context.get(), &key_context, facts->hash, nullptr, nullptr, rep_->key.get(), nullptr) != 1 ||
      !UsePss(*facts, key_context)) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot start verification");
  }
  if (EVP_DigestVerify(context.get(), Data(std::string_view(raw)), raw.size(), Data(message), message.size()) != 1) {
    openssl::DropErrors();
    return absl::DataLossError(StrCat("signature does not verify with key ", key_id()));
  }
  return absl::OkStatus();
}

std::string JosePublicKey::der() const { return rep_->der; }
std::string JosePublicKey::key_id() const { return ToHex(Sha256(rep_->der).raw()); }

absl::StatusOr<JosePrivateKey> JosePrivateKey::FromPem(std::string_view pem, std::string_view password) {
  const openssl::BioPtr in = openssl::ReadFrom(pem);
  if (in == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "private key: too large");
  openssl::KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, &GivePassword, &password));
  if (key == nullptr) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "private key: not a PEM private key, or the password is missing or wrong");
  }
  openssl::DropErrors();
  RETURN_IF_ERROR(CheckKey(key.get()));
  ASSIGN_OR_RETURN(std::string der, PublicDer(key.get()));
  return JosePrivateKey(std::make_shared<JosePublicKey::Rep>(JosePublicKey::Rep{std::move(key), std::move(der)}));
}

absl::StatusOr<JosePrivateKey> JosePrivateKey::Generate(std::string_view kind) {
  openssl::KeyPtr key;
  if (kind == "RSA") {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{kRsaBitsMin}));
  } else if (kind == "ED25519" || kind == "ED448") {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, std::string(kind).c_str()));
  } else {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", std::string(kind).c_str()));
  }
  if (key == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, StrCat("private key: cannot generate ", kind));
  RETURN_IF_ERROR(CheckKey(key.get()));
  ASSIGN_OR_RETURN(std::string der, PublicDer(key.get()));
  return JosePrivateKey(std::make_shared<JosePublicKey::Rep>(JosePublicKey::Rep{std::move(key), std::move(der)}));
}

absl::StatusOr<std::string> JosePrivateKey::Sign(std::string_view algorithm, std::string_view message) const {
  ASSIGN_OR_RETURN(const Facts* facts, FactsFor(algorithm, rep_->key.get()));
  const openssl::HashContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (context == nullptr || EVP_DigestSignInit_ex(context.get(), &key_context, facts->hash, nullptr, nullptr, rep_->key.get(), nullptr) != 1 ||
      !UsePss(*facts, key_context)) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot start signing");
  }
  size_t size = static_cast<size_t>(EVP_PKEY_get_size(rep_->key.get()));
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), Data(signature), &size, Data(message), message.size()) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "signature: cannot sign");
  }
  signature.resize(size);
  return facts->kind == Kind::kEc ? PlainFromDer(*facts, signature) : signature;
}

JosePublicKey JosePrivateKey::public_key() const {
  absl::StatusOr<JosePublicKey> key = JosePublicKey::FromDer(rep_->der);
  FIREBREAK_CHECK(key.ok());
  return *std::move(key);
}

std::string JosePrivateKey::default_algorithm() const {
  for (const Facts& facts : kFacts) {
    if (Fits(facts, rep_->key.get())) return std::string(facts.name);
  }
  FIREBREAK_CHECK(false);
  return "";
}

std::string JosePrivateKey::ToPem() const {
  const openssl::BioPtr out = openssl::NewMemory();
  FIREBREAK_CHECK(out != nullptr);
  FIREBREAK_CHECK(PEM_write_bio_PKCS8PrivateKey(out.get(), rep_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return openssl::Written(out.get());
}

std::vector<std::string> JoseAlgorithms() {
  std::vector<std::string> names;
  for (const Facts& facts : kFacts) names.emplace_back(facts.name);
  return names;
}

}  // namespace firebreak
