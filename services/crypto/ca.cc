#include "firebreak/crypto/ca.h"

#include <openssl/pem.h>

#include <algorithm>

#include "firebreak/base/ids.h"
#include "firebreak/base/status.h"
#include "services/crypto/certificate.h"
#include "services/crypto/keys.h"

namespace firebreak {
namespace {

constexpr absl::Duration kClockDifference = absl::Minutes(5);
// RFC 5280 4.1.2.5; also keeps infinite lifetimes out of ASN1_TIME.
constexpr absl::Duration kLifetimeMax = absl::Hours(24 * 36525);
constexpr size_t kCommonNameBytesMax = 64;

absl::Status CheckLifetime(absl::Time not_before, absl::Duration lifetime) {
  const absl::Time first = absl::UnixEpoch();
  if (lifetime <= absl::ZeroDuration() || lifetime > kLifetimeMax) {
    return absl::InvalidArgumentError("certificate: the lifetime must be between nothing and a hundred years");
  }
  if (not_before < first || not_before > first + kLifetimeMax * 4) {
    return absl::InvalidArgumentError("certificate: not a usable start of validity");
  }
  return absl::OkStatus();
}

absl::StatusOr<openssl::RequestPtr> ParseRequest(std::string_view pem) {
  const openssl::BioPtr in = openssl::ReadFrom(pem);
  openssl::RequestPtr request(in == nullptr ? nullptr : PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr));
  if (request == nullptr) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "certificate request: not a PEM request");
  }
  openssl::DropErrors();
  return request;
}

}  // namespace

struct CertificateAuthority::Rep {
  openssl::CertificatePtr certificate;
  EcPrivateKey key;
  std::string cert_pem;
  absl::Time not_before;
  absl::Time not_after;

  // Fills in the authority's part and keeps the certificate within the authority's own time.
  absl::StatusOr<std::string> Sign(openssl::CertificateForm form) const {
    if (form.not_before >= not_after) {
      return absl::FailedPreconditionError("certificate authority: expired; create a new one");
    }
    form.not_before = std::max(form.not_before, not_before);
    form.not_after = std::min(form.not_after, not_after);
    form.issuer = certificate.get();
    form.issuer_key = EcKeyAccess::Get(key);
    form.basic_constraints = "critical,CA:FALSE";
    form.key_usage = "critical,digitalSignature";
    ASSIGN_OR_RETURN(const openssl::CertificatePtr signed_certificate, openssl::BuildCertificate(form));
    return openssl::CertificatePem(signed_certificate.get());
  }
};

absl::StatusOr<std::string> MakeCertificateRequest(const EcPrivateKey& key, std::string_view common_name) {
  const openssl::RequestPtr request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), EcKeyAccess::Get(key)) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "certificate request: cannot fill in");
  }
  RETURN_IF_ERROR(openssl::SetCommonName(X509_REQ_get_subject_name(request.get()), common_name));
  const openssl::BioPtr out = openssl::NewMemory();
  if (X509_REQ_sign(request.get(), EcKeyAccess::Get(key), EVP_sha256()) <= 0 || out == nullptr ||
      PEM_write_bio_X509_REQ(out.get(), request.get()) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "certificate request: cannot sign");
  }
  return openssl::Written(out.get());
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::Create(std::string_view common_name, absl::Time not_before,
                                                                  absl::Duration lifetime) {
  RETURN_IF_ERROR(CheckLifetime(not_before, lifetime));
  ASSIGN_OR_RETURN(const EcPrivateKey key, EcPrivateKey::Generate(EcCurve::kP256));
  openssl::CertificateForm form;
  form.common_name = std::string(common_name);
  form.not_before = not_before;
  form.not_after = not_before + lifetime;
  form.subject_key = EcKeyAccess::Get(key);
  form.issuer_key = form.subject_key;
  form.basic_constraints = "critical,CA:TRUE,pathlen:0";
  form.key_usage = "critical,keyCertSign,cRLSign";
  ASSIGN_OR_RETURN(const openssl::CertificatePtr certificate, openssl::BuildCertificate(form));
  ASSIGN_OR_RETURN(const std::string cert_pem, openssl::CertificatePem(certificate.get()));
  return FromPem(cert_pem, key.ToPem());
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::FromPem(std::string_view cert_pem, std::string_view key_pem) {
  ASSIGN_OR_RETURN(openssl::CertificatePtr certificate, openssl::ParseCertificate(cert_pem));
  ASSIGN_OR_RETURN(EcPrivateKey key, EcPrivateKey::FromPem(key_pem));
  ASSIGN_OR_RETURN(const CertificateFacts facts, openssl::ReadFacts(certificate.get()));
  ASSIGN_OR_RETURN(std::string pem, openssl::CertificatePem(certificate.get()));
  if (X509_check_private_key(certificate.get(), EcKeyAccess::Get(key)) != 1) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "certificate authority: the key is not the certificate's");
  }
  if (!facts.is_authority) return absl::InvalidArgumentError("certificate authority: the certificate may not sign others");
  if (key.public_key().curve() != EcCurve::kP256) {
    return absl::InvalidArgumentError("certificate authority: the key is not on P-256");
  }
  return CertificateAuthority(std::make_shared<Rep>(
      Rep{std::move(certificate), std::move(key), std::move(pem), facts.not_before, facts.not_after}));
}

std::string CertificateAuthority::cert_pem() const { return rep_->cert_pem; }
std::string CertificateAuthority::key_pem() const { return rep_->key.ToPem(); }

absl::StatusOr<IssuedCertificate> CertificateAuthority::IssueServer(const ServerCertificateWish& wish) const {
  RETURN_IF_ERROR(CheckLifetime(wish.not_before, wish.lifetime));
  if (wish.names.empty()) return absl::InvalidArgumentError("server certificate: needs at least one name");
  ASSIGN_OR_RETURN(const EcPrivateKey key, EcPrivateKey::Generate(EcCurve::kP256));
  openssl::CertificateForm form;
  // Clients look at the names; the common name is for people and has a limit.
  form.common_name = wish.names[0].size() <= kCommonNameBytesMax ? wish.names[0] : "firebreak server";
  form.names = wish.names;
  form.not_before = wish.not_before;
  form.not_after = wish.not_before + wish.lifetime;
  form.subject_key = EcKeyAccess::Get(key);
  form.extended_key_usage = "serverAuth";
  ASSIGN_OR_RETURN(std::string cert_pem, rep_->Sign(std::move(form)));
  return IssuedCertificate{std::move(cert_pem), key.ToPem()};
}

absl::StatusOr<std::string> CertificateAuthority::SignAgentRequest(std::string_view csr_pem, std::string_view agent_name,
                                                                   absl::Time now, absl::Duration lifetime) const {
  RETURN_IF_ERROR(CheckName("agent name", agent_name));
  RETURN_IF_ERROR(CheckLifetime(now, lifetime));
  ASSIGN_OR_RETURN(const openssl::RequestPtr request, ParseRequest(csr_pem));
  openssl::KeyPtr request_key(X509_REQ_get_pubkey(request.get()));
  if (request_key == nullptr) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "certificate request: its key cannot be read");
  }
  ASSIGN_OR_RETURN(const EcPublicKey key, EcKeyAccess::Adopt(std::move(request_key)));
  if (key.curve() != EcCurve::kP256) return absl::InvalidArgumentError("certificate request: its key is not on P-256");
  if (X509_REQ_verify(request.get(), EcKeyAccess::Get(key)) != 1) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "certificate request: its own signature does not verify");
  }
  openssl::CertificateForm form;
  form.common_name = std::string(agent_name);
  form.not_before = now - kClockDifference;
  form.not_after = now + lifetime;
  form.subject_key = EcKeyAccess::Get(key);
  form.extended_key_usage = "clientAuth";
  return rep_->Sign(std::move(form));
}

}  // namespace firebreak
