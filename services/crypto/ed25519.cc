#include <openssl/pem.h>

#include "firebreak/base/check.h"
#include "firebreak/crypto/sign.h"
#include "services/crypto/openssl.h"

namespace firebreak {
namespace {

using openssl::Data;

constexpr size_t kPublicKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;

int RefusePassword(char*, int, int, void*) { return -1; }

}  // namespace

struct Ed25519Key::Rep {
  openssl::KeyPtr key;
};

absl::StatusOr<Ed25519Key> Ed25519Key::Generate() {
  openssl::KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (key == nullptr) return openssl::Error(absl::StatusCode::kInternal, "ed25519 key: cannot generate");
  return Ed25519Key(std::make_shared<Rep>(Rep{std::move(key)}));
}

absl::StatusOr<Ed25519Key> Ed25519Key::FromPem(std::string_view pem) {
  const openssl::BioPtr in = openssl::ReadFrom(pem);
  if (in == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "ed25519 key: too large");
  openssl::KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, &RefusePassword, nullptr));
  if (key == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "ed25519 key: not a PEM private key");
  openssl::DropErrors();
  if (EVP_PKEY_is_a(key.get(), "ED25519") != 1) {
    return absl::InvalidArgumentError("ed25519 key: the PEM holds a key of another kind");
  }
  return Ed25519Key(std::make_shared<Rep>(Rep{std::move(key)}));
}

std::string Ed25519Key::ToPem() const {
  const openssl::BioPtr out = openssl::NewMemory();
  FIREBREAK_CHECK(out != nullptr);
  FIREBREAK_CHECK(PEM_write_bio_PKCS8PrivateKey(out.get(), rep_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return openssl::Written(out.get());
}

absl::StatusOr<std::string> Ed25519Key::Sign(std::string_view message) const {
  const openssl::HashContextPtr context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  size_t size = signature.size();
  if (context == nullptr || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, rep_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), Data(signature), &size, Data(message), message.size()) != 1 ||
      size != kSignatureBytes) {
    return openssl::Error(absl::StatusCode::kInternal, "ed25519 signature: cannot sign");
  }
  return signature;
}

std::string Ed25519Key::public_key() const {
  std::string raw(kPublicKeyBytes, '\0');
  size_t size = raw.size();
  FIREBREAK_CHECK(EVP_PKEY_get_raw_public_key(rep_->key.get(), Data(raw), &size) == 1);
  return raw;
}

absl::Status VerifyEd25519(std::string_view raw_public_key, std::string_view message, std::string_view signature) {
  if (raw_public_key.size() != kPublicKeyBytes) return absl::InvalidArgumentError("ed25519 key: not 32 bytes");
  if (signature.size() != kSignatureBytes) return absl::DataLossError("ed25519 signature: not 64 bytes");
  const openssl::KeyPtr key(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, Data(raw_public_key), raw_public_key.size()));
  const openssl::HashContextPtr context(EVP_MD_CTX_new());
  if (key == nullptr || context == nullptr ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "ed25519 key: not usable");
  }
  if (EVP_DigestVerify(context.get(), Data(signature), signature.size(), Data(message), message.size()) != 1) {
    openssl::DropErrors();
    return absl::DataLossError("ed25519 signature does not verify");
  }
  return absl::OkStatus();
}

}  // namespace firebreak
