#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include "absl/strings/escaping.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "services/crypto/certificate.h"

namespace firebreak::openssl {
namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freed<&X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<&GENERAL_NAMES_free>>;
using NamePtr = std::unique_ptr<GENERAL_NAME, Freed<&GENERAL_NAME_free>>;
using TextPtr = std::unique_ptr<ASN1_STRING, Freed<&ASN1_STRING_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freed<&BN_free>>;

constexpr int kSerialBits = 127;            // positive, at most 20 bytes (RFC 5280 4.1.2.2)
constexpr size_t kCommonNameBytesMax = 64;  // ub-common-name
constexpr size_t kDnsNameBytesMax = 253;
constexpr long kVersion3 = 2;

absl::Status Failed(std::string_view what) { return Error(absl::StatusCode::kInternal, what); }

absl::Status SetSerial(X509* certificate) {
  const NumberPtr number(BN_new());
  if (number == nullptr || BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return Failed("certificate: cannot draw a serial number");
  }
  return absl::OkStatus();
}

absl::Status AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  const ExtensionPtr extension(X509V3_EXT_nconf_nid(nullptr, &context, nid, value));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return Failed(StrCat("certificate: cannot add ", OBJ_nid2sn(nid)));
  }
  return absl::OkStatus();
}

bool IsDnsName(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > kDnsNameBytesMax || name.front() == '.' || name.find("..") != name.npos) return false;
  for (const char c : name) {
    const bool is_allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_';
    if (!is_allowed) return false;
  }
  return true;
}

// Raw address of an IP in text, empty when it is none.
std::string RawAddress(const std::string& text) {
  unsigned char raw[16];
  if (inet_pton(AF_INET, text.c_str(), raw) == 1) return std::string(reinterpret_cast<const char*>(raw), 4);
  if (inet_pton(AF_INET6, text.c_str(), raw) == 1) return std::string(reinterpret_cast<const char*>(raw), 16);
  return "";
}

absl::Status AddName(GENERAL_NAMES* names, const std::string& name) {
  const std::string address = name.find('\0') == std::string::npos ? RawAddress(name) : "";
  if (address.empty() && !IsDnsName(name)) {
    return absl::InvalidArgumentError(StrCat("certificate: \"", absl::CHexEscape(name), "\" is neither a DNS name nor an address"));
  }
  TextPtr text(ASN1_STRING_type_new(address.empty() ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING));
  const std::string& bytes = address.empty() ? name : address;
  NamePtr entry(GENERAL_NAME_new());
  if (text == nullptr || entry == nullptr || ASN1_STRING_set(text.get(), bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return Failed("certificate: cannot add a name");
  }
  GENERAL_NAME_set0_value(entry.get(), address.empty() ? GEN_DNS : GEN_IPADD, text.release());
  if (sk_GENERAL_NAME_push(names, entry.get()) <= 0) return Failed("certificate: cannot add a name");
  static_cast<void>(entry.release());  // owned by `names` now
  return absl::OkStatus();
}

absl::Status AddNames(X509* certificate, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return absl::OkStatus();
  const NamesPtr names(GENERAL_NAMES_new());
  if (names == nullptr) return Failed("certificate: cannot add names");
  for (const std::string& name : wanted) RETURN_IF_ERROR(AddName(names.get(), name));
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return Failed("certificate: cannot add names");
  }
  return absl::OkStatus();
}

absl::Status AddExtensions(X509* certificate, X509* issuer, const CertificateForm& form) {
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_basic_constraints, form.basic_constraints));
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_key_usage, form.key_usage));
  if (form.extended_key_usage != nullptr) {
    RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_ext_key_usage, form.extended_key_usage));
  }
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_subject_key_identifier, "hash"));
  RETURN_IF_ERROR(AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid:always"));
  return AddNames(certificate, form.names);
}

}  // namespace

absl::Status SetCommonName(X509_NAME* subject, std::string_view common_name) {
  bool is_printable = IsValidUtf8(common_name) && !common_name.empty() && common_name.size() <= kCommonNameBytesMax;
  for (const char c : common_name) is_printable = is_printable && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  if (!is_printable) {
    return absl::InvalidArgumentError(
        StrCat("certificate: the common name must be 1 to ", kCommonNameBytesMax, " bytes of printable UTF-8"));
  }
  if (X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, Data(common_name),
                                 static_cast<int>(common_name.size()), -1, 0) != 1) {
    return Failed("certificate: cannot set the common name");
  }
  return absl::OkStatus();
}

absl::StatusOr<CertificatePtr> BuildCertificate(const CertificateForm& form) {
  if (form.not_after <= form.not_before) {
    return absl::InvalidArgumentError("certificate: its lifetime must be more than nothing");
  }
  CertificatePtr certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), kVersion3) != 1 ||
      X509_set_pubkey(certificate.get(), form.subject_key) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(form.not_before)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(form.not_after)) == nullptr) {
    return Failed("certificate: cannot fill in");
  }
  RETURN_IF_ERROR(SetSerial(certificate.get()));
  RETURN_IF_ERROR(SetCommonName(X509_get_subject_name(certificate.get()), form.common_name));
  X509* const issuer = form.issuer == nullptr ? certificate.get() : form.issuer;
  if (X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) != 1) {
    return Failed("certificate: cannot set the issuer");
  }
  RETURN_IF_ERROR(AddExtensions(certificate.get(), issuer, form));
  if (X509_sign(certificate.get(), form.issuer_key, EVP_sha256()) <= 0) return Failed("certificate: cannot sign");
  DropErrors();
  return certificate;
}

}  // namespace firebreak::openssl
