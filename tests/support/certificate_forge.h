// X.509 certificates of any shape, right or wrong, written as DER by hand and signed with ECDSA over SHA-256: what a refusal is
// due to is then up to the test, and no library's idea of a good certificate is in the way.
#ifndef FIREBREAK_TESTS_SUPPORT_CERTIFICATE_FORGE_H_
#define FIREBREAK_TESTS_SUPPORT_CERTIFICATE_FORGE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/crypto/sign.h"

namespace firebreak::testing {

inline std::string DerItem(int tag, const std::string& content) {
  std::string out(1, static_cast<char>(tag));
  if (content.size() < 128) {
    out += static_cast<char>(content.size());
  } else {
    std::string length;
    for (size_t left = content.size(); left > 0; left >>= 8) length.insert(0, 1, static_cast<char>(left & 0xff));
    out += static_cast<char>(0x80 | length.size());
    out += length;
  }
  return out + content;
}
inline std::string DerSequence(const std::string& content) { return DerItem(0x30, content); }
inline std::string DerOid(const char* hex) { return DerItem(0x06, *FromHex(hex)); }
inline std::string DerBits(const std::string& bytes, int unused = 0) {
  return DerItem(0x03, std::string(1, static_cast<char>(unused)) + bytes);
}

struct CertificateForm {
  std::string subject = "leaf";
  std::string issuer = "root";
  absl::Time not_before;
  absl::Time not_after;
  std::optional<bool> is_authority = false;       // absent: no basicConstraints
  std::optional<int> path_length = std::nullopt;
  std::optional<int> key_usage = 0x80;            // first byte: 0x80 digitalSignature, 0x04 keyCertSign; absent: none
  std::vector<const char*> extended = {"2b06010505070303"};   // codeSigning
  std::vector<std::string> emails, dns_names, uris;
  bool has_unknown_critical = false;
};

inline std::string NameDer(const std::string& common_name) {
  return DerSequence(DerItem(0x31, DerSequence(DerOid("550403") + DerItem(0x0c, common_name))));
}
inline std::string TimeDer(absl::Time time) {
  return DerItem(0x18, absl::FormatTime("%Y%m%d%H%M%SZ", time, absl::UTCTimeZone()));
}
inline std::string ExtensionDer(const char* oid, bool is_critical, const std::string& value) {
  return DerSequence(DerOid(oid) + (is_critical ? DerItem(0x01, "\xff") : std::string()) + DerItem(0x04, value));
}

inline std::string ExtensionsDer(const CertificateForm& form) {
  std::string all;
  if (form.is_authority) {
    std::string content = *form.is_authority ? DerItem(0x01, "\xff") : std::string();
    if (form.path_length) content += DerItem(0x02, std::string(1, static_cast<char>(*form.path_length)));
    all += ExtensionDer("551d13", true, DerSequence(content));
  }
  if (form.key_usage) {
    int unused = 0;
    while (unused < 7 && ((*form.key_usage >> unused) & 1) == 0) ++unused;
    all += ExtensionDer("551d0f", true, DerBits(std::string(1, static_cast<char>(*form.key_usage)), unused));
  }
  std::string purposes;
  for (const char* oid : form.extended) purposes += DerOid(oid);
  if (!purposes.empty()) all += ExtensionDer("551d25", false, DerSequence(purposes));
  std::string names;
  for (const std::string& email : form.emails) names += DerItem(0x81, email);
  for (const std::string& name : form.dns_names) names += DerItem(0x82, name);
  for (const std::string& uri : form.uris) names += DerItem(0x86, uri);
  if (!names.empty()) all += ExtensionDer("551d11", false, DerSequence(names));
  if (form.has_unknown_critical) all += ExtensionDer("2a030405", true, DerItem(0x05, ""));
  return all.empty() ? all : DerItem(0xa3, DerSequence(all));
}

inline std::string SpkiDer(const EcPublicKey& key) {
  std::string text = key.pem();
  text = text.substr(text.find('\n') + 1);
  text = text.substr(0, text.find("-----END"));
  std::erase(text, '\n');
  return *FromBase64(text);
}

// The DER of a certificate for `subject_key`, signed with `issuer_key` whatever the form says.
inline std::string ForgeCertificate(const CertificateForm& form, const EcPublicKey& subject_key, const EcPrivateKey& issuer_key) {
  const char* const hash = issuer_key.public_key().curve() == EcCurve::kP256   ? "2a8648ce3d040302"
                           : issuer_key.public_key().curve() == EcCurve::kP384 ? "2a8648ce3d040303"
                                                                               : "2a8648ce3d040304";
  static int serial = 1000;
  ++serial;
  const std::string number{0x01, static_cast<char>(serial >> 8), static_cast<char>(serial)};
  const std::string body =
      DerSequence(DerItem(0xa0, DerItem(0x02, "\x02")) + DerItem(0x02, number) + DerSequence(DerOid(hash)) + NameDer(form.issuer) +
                  DerSequence(TimeDer(form.not_before) + TimeDer(form.not_after)) + NameDer(form.subject) + SpkiDer(subject_key) +
                  ExtensionsDer(form));
  return DerSequence(body + DerSequence(DerOid(hash)) + DerBits(*issuer_key.Sign(body)));
}

inline std::string CertificatePem(const std::string& der) {
  std::string text = ToBase64(der);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (size_t at = 0; at < text.size(); at += 64) pem += text.substr(at, 64) + "\n";
  return pem + "-----END CERTIFICATE-----\n";
}

// A root and a leaf below it, both of P-256 and good for a year around `now`.
struct ForgedAuthority {
  explicit ForgedAuthority(absl::Time at, const std::string& name = "root")
      : now(at), key(*EcPrivateKey::Generate(EcCurve::kP256)), common_name(name) {
    CertificateForm form = Form();
    form.subject = form.issuer = name;
    form.is_authority = true;
    form.key_usage = 0x04;
    form.extended.clear();
    der = ForgeCertificate(form, key.public_key(), key);
  }
  CertificateForm Form() const {
    CertificateForm form;
    form.issuer = common_name;
    form.not_before = now - absl::Hours(24 * 180);
    form.not_after = now + absl::Hours(24 * 180);
    return form;
  }
  std::string Issue(const CertificateForm& form, const EcPublicKey& subject) const { return ForgeCertificate(form, subject, key); }
  std::string pem() const { return CertificatePem(der); }

  absl::Time now;
  EcPrivateKey key;
  std::string common_name;
  std::string der;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_SUPPORT_CERTIFICATE_FORGE_H_
