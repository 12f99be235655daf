// Signatures through OpenSSL: ECDSA (P-256/384/521) over SHA-2 with DER encoding, and pure Ed25519. No OpenSSL type shows.
#ifndef FIREBREAK_CRYPTO_SIGN_H_
#define FIREBREAK_CRYPTO_SIGN_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "firebreak/crypto/hash_stream.h"

namespace firebreak {

enum class EcCurve { kP256, kP384, kP521 };

// SHA-256, SHA-384, SHA-512: what a key of the curve signs is hashed with it.
HashAlgorithm HashOf(EcCurve curve);

struct EcKeyAccess;

// ECDSA public key. The hash goes with the curve. Immutable, thread-safe, cheap to copy.
class EcPublicKey {
 public:
  static absl::StatusOr<EcPublicKey> FromPem(std::string_view pem);   // SubjectPublicKeyInfo
  static absl::StatusOr<EcPublicKey> FromDer(std::string_view spki_der);
  // kDataLoss when the signature does not verify.
  absl::Status Verify(std::string_view message, std::string_view der_signature) const;
  // The same of a message too long to be held: `message_hash` is its HashOf(curve()).
  absl::Status VerifyHashed(std::string_view message_hash, std::string_view der_signature) const;
  EcCurve curve() const;
  std::string pem() const;      // exactly what `openssl pkey -pubin -outform PEM` prints
  std::string key_id() const;   // lowercase hex SHA-256 of pem(): the OMS key hint
  std::string algorithm() const;  // ecdsa-p256-sha256 …

 private:
  friend struct EcKeyAccess;
  struct Rep;
  explicit EcPublicKey(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<const Rep> rep_;
};

// Immutable, thread-safe, cheap to copy. Key bytes are wiped when the last copy goes.
class EcPrivateKey {
 public:
  static absl::StatusOr<EcPrivateKey> Generate(EcCurve curve);
  static absl::StatusOr<EcPrivateKey> FromPem(std::string_view pem, std::string_view password = "");  // PKCS#8 or SEC1
  std::string ToPem() const;    // PKCS#8, unencrypted; the caller sets file mode 0600
  absl::StatusOr<std::string> Sign(std::string_view message) const;   // DER
  // As VerifyHashed.
  absl::StatusOr<std::string> SignHashed(std::string_view message_hash) const;
  EcPublicKey public_key() const;

 private:
  friend struct EcKeyAccess;
  struct Rep;
  explicit EcPrivateKey(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<const Rep> rep_;
};

// Pure Ed25519 (RFC 8032), for ledger checkpoints. Immutable, thread-safe.
class Ed25519Key {
 public:
  static absl::StatusOr<Ed25519Key> Generate();
  static absl::StatusOr<Ed25519Key> FromPem(std::string_view pem);
  std::string ToPem() const;
  absl::StatusOr<std::string> Sign(std::string_view message) const;   // 64 bytes
  std::string public_key() const;                                     // 32 bytes raw

 private:
  struct Rep;
  explicit Ed25519Key(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<const Rep> rep_;
};

// kDataLoss when it does not verify; kInvalidArgument when the key is not 32 bytes.
absl::Status VerifyEd25519(std::string_view raw_public_key, std::string_view message, std::string_view signature);

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_SIGN_H_
