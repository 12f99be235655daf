// Secrets at rest: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce in front of the ciphertext.
#ifndef FIREBREAK_CRYPTO_SEAL_H_
#define FIREBREAK_CRYPTO_SEAL_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/base/random.h"

namespace firebreak {

inline constexpr size_t kSealKeyBytes = 32;

// A fresh key.
std::string NewSealKey(Random& random);

// nonce[12] || ciphertext || tag[16]. `associated` is bound but not stored: name the record it belongs to, so that a sealed
// value moved elsewhere does not open. kInvalidArgument when the key is not 32 bytes. One key seals at most 2^32 values.
absl::StatusOr<std::string> Seal(std::string_view key, std::string_view plain, std::string_view associated, Random& random);

// kDataLoss when the key, the associated data or a single bit is not what was sealed.
absl::StatusOr<std::string> Open(std::string_view key, std::string_view sealed, std::string_view associated);

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_SEAL_H_
