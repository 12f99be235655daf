// Certificates that sign content: validation of a chain against given roots at a given time (RFC 5280 section 6), offline and
// without revocation, and what a signer needs to put one together.
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
  // Who it says signs: the DNS names, e-mail addresses and URIs of its subjectAltName; the common name where there are none.
  std::vector<std::string> identities;
};

// The leaf is chain_der[0], further certificates are intermediates; `roots_pem` holds one or more trusted authorities, the only
// ones trusted; one that is itself signed by another is trusted all the same. Every certificate of the path must be valid at
// `now`: an expired leaf is refused even if it was valid when it signed, because nothing here proves when that was. The leaf
// must allow signing: keyUsage digitalSignature where keyUsage is present, extendedKeyUsage codeSigning where that is present,
// at least one of the two; be no authority that may issue certificates; and carry an EC key.
// kInvalidArgument when something does not parse, kPermissionDenied when the path or the leaf is not acceptable.
absl::StatusOr<SigningCertificate> VerifySigningChain(const std::vector<std::string>& chain_der, std::string_view roots_pem,
                                                      absl::Time now);

// The certificates of a PEM text, in order, as DER. kInvalidArgument when there is none or one does not parse.
absl::StatusOr<std::vector<std::string>> ReadCertificatesDer(std::string_view pem);

// An authority to be trusted: its certificate alone, whatever algorithm its key is of.
struct AuthorityCertificate {
  std::string pem;              // exactly one certificate
  std::string public_key_pem;
  std::string key_id;           // lowercase hex SHA-256 of public_key_pem
  std::string common_name;
};
// kInvalidArgument unless `pem` is exactly one certificate and an authority's.
absl::StatusOr<AuthorityCertificate> ReadAuthorityCertificate(std::string_view pem);

// The key id of a certificate's key (see EcPublicKey), which must be an EC one.
absl::StatusOr<std::string> CertificateKeyId(std::string_view der);

// The checks of a leaf by itself: valid at `now`, may sign, has an EC key. For those who are about to sign with it.
absl::StatusOr<SigningCertificate> CheckSigningLeaf(std::string_view leaf_der, absl::Time now);

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_CHAIN_H_
