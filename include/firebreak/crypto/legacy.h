// Signatures as early tools made them, kept apart so that nothing new is verified this way.
#ifndef FIREBREAK_CRYPTO_LEGACY_H_
#define FIREBREAK_CRYPTO_LEGACY_H_

#include <string_view>

#include "absl/status/status.h"
#include "firebreak/crypto/sign.h"

namespace firebreak {

// ECDSA over SHA-256 whatever the key's curve. Errors as EcPublicKey::Verify.
absl::Status VerifyEcdsaSha256(const EcPublicKey& key, std::string_view message, std::string_view der_signature);

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_LEGACY_H_
