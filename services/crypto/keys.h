// What EC keys are made of, for the files of this folder that need OpenSSL's key itself.
#ifndef FIREBREAK_SERVICES_CRYPTO_KEYS_H_
#define FIREBREAK_SERVICES_CRYPTO_KEYS_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "firebreak/crypto/sign.h"
#include "services/crypto/openssl.h"

namespace firebreak {

struct EcPublicKey::Rep {
  openssl::KeyPtr key;
  EcCurve curve;
  std::string pem;
  std::string key_id;
};

struct EcPrivateKey::Rep {
  openssl::KeyPtr key;
  EcPublicKey public_key;
};

// The way in for the rest of this folder.
struct EcKeyAccess {
  static EVP_PKEY* Get(const EcPrivateKey& key) { return key.rep_->key.get(); }
  static EVP_PKEY* Get(const EcPublicKey& key) { return key.rep_->key.get(); }
  // Takes a key that OpenSSL holds. kInvalidArgument unless it is EC on one of our named curves, with a valid point.
  static absl::StatusOr<EcPublicKey> Adopt(openssl::KeyPtr key);
  static absl::StatusOr<EcPrivateKey> AdoptPrivate(openssl::KeyPtr key);
  static absl::Status Verify(const EcPublicKey& public_key, const char* hash, std::string_view message,
                             std::string_view der_signature);
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CRYPTO_KEYS_H_
