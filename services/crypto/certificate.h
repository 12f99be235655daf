// Pieces shared by issuing, reading and validating certificates. Private to this folder.
#ifndef FIREBREAK_SERVICES_CRYPTO_CERTIFICATE_H_
#define FIREBREAK_SERVICES_CRYPTO_CERTIFICATE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/crypto/ca.h"
#include "services/crypto/openssl.h"

namespace firebreak::openssl {

absl::StatusOr<CertificatePtr> ParseCertificate(std::string_view pem);
absl::StatusOr<std::string> CertificatePem(X509* certificate);
absl::StatusOr<absl::Time> ReadTime(const ASN1_TIME* time);
absl::StatusOr<CertificateFacts> ReadFacts(X509* certificate);

// What a new certificate says.
struct CertificateForm {
  std::string common_name;
  absl::Time not_before;
  absl::Time not_after;
  EVP_PKEY* subject_key = nullptr;
  X509* issuer = nullptr;                // null: self-signed
  EVP_PKEY* issuer_key = nullptr;
  const char* basic_constraints = nullptr;   // in OpenSSL's configuration syntax; ours, never from outside
  const char* key_usage = nullptr;
  const char* extended_key_usage = nullptr;  // may be null
  std::vector<std::string> names;        // subjectAltName: DNS names and IP addresses
};

absl::StatusOr<CertificatePtr> BuildCertificate(const CertificateForm& form);

// A subject of one common name. kInvalidArgument unless 1..64 bytes of printable UTF-8.
absl::Status SetCommonName(X509_NAME* subject, std::string_view common_name);

}  // namespace firebreak::openssl

#endif  // FIREBREAK_SERVICES_CRYPTO_CERTIFICATE_H_
