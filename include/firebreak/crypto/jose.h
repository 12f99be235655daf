// Signatures by their JOSE names (RFC 7518, RFC 8037): RS256 … PS512, ES256 … ES512, Ed25519, Ed448, with keys as PEM, as
// SubjectPublicKeyInfo or out of a certificate. ECDSA signatures are r‖s as in RFC 7518, section 3.4, never DER. No OpenSSL type shows.
#ifndef FIREBREAK_CRYPTO_JOSE_H_
#define FIREBREAK_CRYPTO_JOSE_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace firebreak {

// Immutable, thread-safe, cheap to copy. RSA (2048 bits or more), EC P-256/384/521, Ed25519, Ed448.
class JosePublicKey {
 public:
  static absl::StatusOr<JosePublicKey> FromPem(std::string_view pem);        // SubjectPublicKeyInfo or certificate
  static absl::StatusOr<JosePublicKey> FromDer(std::string_view spki_der);
  static absl::StatusOr<JosePublicKey> FromCertificate(std::string_view certificate_der);

  // kDataLoss when it does not verify; kInvalidArgument when the algorithm is unknown or not one for this key.
  absl::Status Verify(std::string_view algorithm, std::string_view message, std::string_view signature) const;
  std::string der() const;     // SubjectPublicKeyInfo
  std::string key_id() const;  // lowercase hex SHA-256 of der()

 private:
  friend class JosePrivateKey;
  struct Rep;
  explicit JosePublicKey(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<const Rep> rep_;
};

// Immutable, thread-safe. Key bytes are wiped when the last copy goes.
class JosePrivateKey {
 public:
  static absl::StatusOr<JosePrivateKey> FromPem(std::string_view pem, std::string_view password = "");
  // For tests and new installations: "RSA" (2048 bits), "P-256", "P-384", "P-521", "ED25519", "ED448".
  static absl::StatusOr<JosePrivateKey> Generate(std::string_view kind);

  absl::StatusOr<std::string> Sign(std::string_view algorithm, std::string_view message) const;
  JosePublicKey public_key() const;
  std::string default_algorithm() const;  // RS256, ES256, ES384, ES512, Ed25519, Ed448
  std::string ToPem() const;              // PKCS#8, unencrypted; the caller sets file mode 0600

 private:
  explicit JosePrivateKey(std::shared_ptr<const JosePublicKey::Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<const JosePublicKey::Rep> rep_;
};

// Names this build verifies and signs.
std::vector<std::string> JoseAlgorithms();

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_JOSE_H_
