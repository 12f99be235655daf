#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>

#include "absl/time/civil_time.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "services/crypto/certificate.h"

namespace firebreak {
namespace openssl {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<&GENERAL_NAMES_free>>;

std::string Bytes(const ASN1_STRING* text) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(ASN1_STRING_length(text)));
}

std::string CommonName(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "";
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (length < 0) {
    DropErrors();
    return "";
  }
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(length));
  OPENSSL_free(utf8);
  return text;
}

std::string AddressText(const std::string& raw) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = raw.size() == 4 ? AF_INET : AF_INET6;
  if (raw.size() != 4 && raw.size() != 16) return ToHex(raw);
  return inet_ntop(family, raw.data(), text.data(), text.size()) == nullptr ? ToHex(raw) : text.data();
}

void ReadNames(X509* certificate, CertificateFacts& facts) {
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  DropErrors();
  for (int at = 0; names != nullptr && at < sk_GENERAL_NAME_num(names.get()); ++at) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), at), &type);
    if (type == GEN_DNS) facts.dns_names.push_back(Bytes(static_cast<const ASN1_STRING*>(value)));
    if (type == GEN_IPADD) facts.ip_addresses.push_back(AddressText(Bytes(static_cast<const ASN1_STRING*>(value))));
  }
}

}  // namespace

absl::StatusOr<CertificatePtr> ParseCertificate(std::string_view pem) {
  const BioPtr in = ReadFrom(pem);
  CertificatePtr certificate(in == nullptr ? nullptr : PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return Error(absl::StatusCode::kInvalidArgument, "certificate: not a PEM certificate");
  DropErrors();
  return certificate;
}

absl::StatusOr<std::string> CertificatePem(X509* certificate) {
  const BioPtr out = NewMemory();
  if (out == nullptr || PEM_write_bio_X509(out.get(), certificate) != 1) {
    return Error(absl::StatusCode::kInternal, "certificate: cannot encode");
  }
  return Written(out.get());
}

absl::StatusOr<absl::Time> ReadTime(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Error(absl::StatusCode::kInvalidArgument, "certificate: no such time");
  const absl::CivilSecond civil(parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                                parts.tm_sec);
  return absl::FromCivil(civil, absl::UTCTimeZone());
}

absl::StatusOr<CertificateFacts> ReadFacts(X509* certificate) {
  CertificateFacts facts;
  facts.common_name = CommonName(X509_get_subject_name(certificate));
  facts.issuer_common_name = CommonName(X509_get_issuer_name(certificate));
  ReadNames(certificate, facts);
  ASSIGN_OR_RETURN(facts.not_before, ReadTime(X509_get0_notBefore(certificate)));
  ASSIGN_OR_RETURN(facts.not_after, ReadTime(X509_get0_notAfter(certificate)));
  const BioPtr out = NewMemory();
  if (out == nullptr || PEM_write_bio_PUBKEY(out.get(), X509_get0_pubkey(certificate)) != 1) {
    return Error(absl::StatusCode::kInvalidArgument, "certificate: its public key cannot be read");
  }
  facts.public_key_pem = Written(out.get());
  facts.serial = ToHex(Bytes(X509_get0_serialNumber(certificate)));
  facts.is_authority = X509_check_ca(certificate) == 1;
  DropErrors();
  return facts;
}

}  // namespace openssl

absl::StatusOr<CertificateFacts> ReadCertificate(std::string_view pem) {
  ASSIGN_OR_RETURN(const openssl::CertificatePtr certificate, openssl::ParseCertificate(pem));
  return openssl::ReadFacts(certificate.get());
}

}  // namespace firebreak
