// The small certificate authority of one installation (RFC 5280, P-256 throughout): it names the server and the agents so that
// both ends of every connection are authenticated, and reads what a certificate says.
#ifndef FIREBREAK_CRYPTO_CA_H_
#define FIREBREAK_CRYPTO_CA_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/crypto/sign.h"

namespace firebreak {

struct CertificateFacts {
  std::string common_name;               // of the subject
  std::string issuer_common_name;
  std::vector<std::string> dns_names;    // subjectAltName
  std::vector<std::string> ip_addresses; // subjectAltName, as text
  absl::Time not_before;
  absl::Time not_after;
  std::string public_key_pem;            // SubjectPublicKeyInfo
  std::string serial;                    // lowercase hex
  bool is_authority = false;             // basicConstraints CA
};

// The first certificate of `pem`. kInvalidArgument when there is none.
absl::StatusOr<CertificateFacts> ReadCertificate(std::string_view pem);

// A certificate signing request (PKCS#10, PEM) for `key`, proving possession of it.
absl::StatusOr<std::string> MakeCertificateRequest(const EcPrivateKey& key, std::string_view common_name);

struct IssuedCertificate {
  std::string cert_pem;
  std::string key_pem;    // PKCS#8, unencrypted; the caller sets file mode 0600
};

struct ServerCertificateWish {
  std::vector<std::string> names;          // DNS names, IPv4 and IPv6 addresses; at least one
  absl::Time not_before;
  absl::Duration lifetime;                 // never past the authority's own end
};

// Immutable, thread-safe, cheap to copy.
class CertificateAuthority {
 public:
  // A new self-signed authority that may sign leaves only.
  static absl::StatusOr<CertificateAuthority> Create(std::string_view common_name, absl::Time not_before,
                                                     absl::Duration lifetime);
  // kInvalidArgument when either does not parse, the key is not the certificate's, or the certificate is no authority.
  static absl::StatusOr<CertificateAuthority> FromPem(std::string_view cert_pem, std::string_view key_pem);

  std::string cert_pem() const;
  std::string key_pem() const;

  // A new key and its certificate for TLS servers (EKU serverAuth).
  absl::StatusOr<IssuedCertificate> IssueServer(const ServerCertificateWish& wish) const;

  // Signs the key of an agent's request: CN = `agent_name` whatever the request asks for, EKU clientAuth, every extension of
  // the request ignored. Valid from five minutes before `now` (clocks differ). kInvalidArgument when the request does not
  // parse, its own signature is wrong, its key is not P-256, or the name is not one.
  absl::StatusOr<std::string> SignAgentRequest(std::string_view csr_pem, std::string_view agent_name, absl::Time now,
                                               absl::Duration lifetime) const;

 private:
  struct Rep;
  explicit CertificateAuthority(std::shared_ptr<const Rep> rep) : rep_(std::move(rep)) {}
  std::shared_ptr<const Rep> rep_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_CA_H_
