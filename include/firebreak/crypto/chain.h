// Validation of a certificate chain against given roots at a given time (RFC 5280 section 6), offline and without revocation.
#ifndef FIREBREAK_CRYPTO_CHAIN_H_
#define FIREBREAK_CRYPTO_CHAIN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/crypto/sign.h"

namespace firebreak {

struct SigningCertificate {
  EcPublicKey key;
  std::string common_name;   // of the subject
  std::string pem;
};

// The leaf is chain_der[0], further certificates are intermediates; `roots_pem` holds one or more trusted roots, the only ones
// trusted. Every certificate of the path must be valid at `now`: an expired leaf is refused even if it was valid when it
// signed, because nothing here proves when that was. The leaf must allow signing: keyUsage digitalSignature where keyUsage is
// present, extendedKeyUsage codeSigning where that is present, at least one of the two, and carry an EC key.
// kInvalidArgument when something does not parse, kPermissionDenied when the path or the leaf is not acceptable.
absl::StatusOr<SigningCertificate> VerifySigningChain(const std::vector<std::string>& chain_der, std::string_view roots_pem,
                                                      absl::Time now);

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_CHAIN_H_
