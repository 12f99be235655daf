#include "firebreak/crypto/chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "services/crypto/certificate.h"

namespace firebreak {
namespace {

using openssl::CertificatePtr;
using openssl::Data;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, &X509_free); }
};
using StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, openssl::Freed<&GENERAL_NAMES_free>>;
using StorePtr = std::unique_ptr<X509_STORE, openssl::Freed<&X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, openssl::Freed<&X509_STORE_CTX_free>>;

constexpr size_t kChainLengthMax = 10;
constexpr int kSecurityBits112 = 2;  // OpenSSL's level 2: RSA from 2048 bits, SHA-2

absl::StatusOr<CertificatePtr> ParseDer(std::string_view der, size_t position) {
  const unsigned char* at = Data(der);
  CertificatePtr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate == nullptr || at != Data(der) + der.size()) {
    return openssl::Error(absl::StatusCode::kInvalidArgument,
                          StrCat("certificate chain: entry ", position, " is not one DER certificate"));
  }
  return certificate;
}

absl::StatusOr<StorePtr> ReadRoots(std::string_view pem) {
  const openssl::BioPtr in = openssl::ReadFrom(pem);
  StorePtr store(X509_STORE_new());
  if (in == nullptr || store == nullptr) return openssl::Error(absl::StatusCode::kInternal, "trusted roots: cannot read");
  int count = 0;
  while (true) {
    const CertificatePtr root(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (root == nullptr) break;
    if (X509_STORE_add_cert(store.get(), root.get()) != 1) {
      return openssl::Error(absl::StatusCode::kInvalidArgument, "trusted roots: cannot add a root");
    }
    ++count;
  }
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (count == 0 || !is_at_end) {
    return openssl::Error(absl::StatusCode::kInvalidArgument, "trusted roots: not PEM certificates");
  }
  openssl::DropErrors();
  return store;
}

absl::Status CheckPath(X509* leaf, STACK_OF(X509) * intermediates, X509_STORE* roots, absl::Time now) {
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (context == nullptr || X509_STORE_CTX_init(context.get(), roots, leaf, intermediates) != 1) {
    return openssl::Error(absl::StatusCode::kInternal, "certificate chain: cannot start verification");
  }
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, absl::ToTimeT(now));
  X509_VERIFY_PARAM_set_auth_level(rules, kSecurityBits112);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  if (X509_verify_cert(context.get()) == 1) return absl::OkStatus();
  const int error = X509_STORE_CTX_get_error(context.get());
  const int depth = X509_STORE_CTX_get_error_depth(context.get());
  openssl::DropErrors();
  return absl::PermissionDeniedError(StrCat("certificate chain: entry ", depth, " at ", FormatRfc3339(now), ": ",
                                            X509_verify_cert_error_string(error)));
}

absl::Status CheckMaySign(X509* leaf) {
  const uint32_t usage = X509_get_key_usage(leaf);
  const uint32_t extended = X509_get_extended_key_usage(leaf);
  openssl::DropErrors();
  const bool has_usage = usage != UINT32_MAX;
  const bool has_extended = extended != UINT32_MAX;
  // Some signers' leaves say CA:TRUE but may not issue; one that may could vouch for itself under any name.
  if (X509_check_ca(leaf) != 0 && (!has_usage || (usage & KU_KEY_CERT_SIGN) != 0)) {
    return absl::PermissionDeniedError("signing certificate: is an authority's, which may issue certificates");
  }
  if (!has_usage && !has_extended) {
    return absl::PermissionDeniedError("signing certificate: has neither a key usage nor an extended key usage");
  }
  if (has_usage && (usage & KU_DIGITAL_SIGNATURE) == 0) {
    return absl::PermissionDeniedError("signing certificate: its key usage is not digitalSignature");
  }
  if (has_extended && (extended & XKU_CODE_SIGN) == 0) {
    return absl::PermissionDeniedError("signing certificate: its extended key usage is not codeSigning");
  }
  return absl::OkStatus();
}

// DNS names, e-mail addresses and URIs. Bytes beyond printable ASCII are no such name and left out.
std::vector<std::string> AlternativeNames(X509* leaf) {
  const NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  openssl::DropErrors();
  std::vector<std::string> all;
  for (int at = 0; names != nullptr && at < sk_GENERAL_NAME_num(names.get()); ++at) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), at), &type);
    if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_URI) continue;
    const auto* text = static_cast<const ASN1_STRING*>(value);
    std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(ASN1_STRING_length(text)));
    const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (is_plain && !name.empty()) all.push_back(std::move(name));
  }
  return all;
}

absl::StatusOr<SigningCertificate> ReadSigner(X509* leaf) {
  ASSIGN_OR_RETURN(const CertificateFacts facts, openssl::ReadFacts(leaf));
  absl::StatusOr<EcPublicKey> key = EcPublicKey::FromPem(facts.public_key_pem);
  if (!key.ok()) return Annotate(key.status(), "signing certificate");
  ASSIGN_OR_RETURN(std::string pem, openssl::CertificatePem(leaf));
  std::vector<std::string> identities = AlternativeNames(leaf);
  if (identities.empty() && !facts.common_name.empty()) identities.push_back(facts.common_name);
  return SigningCertificate{*std::move(key), facts.common_name, std::move(pem), std::move(identities)};
}

}  // namespace

absl::StatusOr<SigningCertificate> VerifySigningChain(const std::vector<std::string>& chain_der, std::string_view roots_pem,
                                                      absl::Time now) {
  if (chain_der.empty() || chain_der.size() > kChainLengthMax) {
    return absl::InvalidArgumentError(
        StrCat("certificate chain: has ", chain_der.size(), " certificates, not 1 to ", kChainLengthMax));
  }
  ASSIGN_OR_RETURN(const StorePtr roots, ReadRoots(roots_pem));
  ASSIGN_OR_RETURN(const CertificatePtr leaf, ParseDer(chain_der[0], 0));
  const StackPtr intermediates(sk_X509_new_null());
  for (size_t at = 1; at < chain_der.size(); ++at) {
    ASSIGN_OR_RETURN(CertificatePtr certificate, ParseDer(chain_der[at], at));
    if (intermediates == nullptr || sk_X509_push(intermediates.get(), certificate.get()) <= 0) {
      return openssl::Error(absl::StatusCode::kInternal, "certificate chain: out of memory");
    }
    static_cast<void>(certificate.release());  // owned by the stack now
  }
  RETURN_IF_ERROR(CheckPath(leaf.get(), intermediates.get(), roots.get(), now));
  RETURN_IF_ERROR(CheckMaySign(leaf.get()));
  return ReadSigner(leaf.get());
}

absl::StatusOr<std::vector<std::string>> ReadCertificatesDer(std::string_view pem) {
  const openssl::BioPtr in = openssl::ReadFrom(pem);
  if (in == nullptr) return openssl::Error(absl::StatusCode::kInvalidArgument, "certificates: too large");
  std::vector<std::string> all;
  while (true) {
    const CertificatePtr certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    if (size <= 0) return openssl::Error(absl::StatusCode::kInternal, "certificates: cannot encode");
    all.emplace_back(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
  }
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (all.empty() || !is_at_end) return openssl::Error(absl::StatusCode::kInvalidArgument, "certificates: not PEM certificates");
  openssl::DropErrors();
  return all;
}

absl::StatusOr<AuthorityCertificate> ReadAuthorityCertificate(std::string_view pem) {
  ASSIGN_OR_RETURN(const std::vector<std::string> all, ReadCertificatesDer(pem));
  if (all.size() != 1) return absl::InvalidArgumentError(StrCat("certificates: ", all.size(), " where one authority is meant"));
  ASSIGN_OR_RETURN(const CertificatePtr certificate, ParseDer(all[0], 0));
  ASSIGN_OR_RETURN(const CertificateFacts facts, openssl::ReadFacts(certificate.get()));
  const uint32_t usage = X509_get_key_usage(certificate.get());
  if (!facts.is_authority || (usage != UINT32_MAX && (usage & KU_KEY_CERT_SIGN) == 0)) {
    return absl::InvalidArgumentError(StrCat("certificate of ", facts.common_name, ": is no authority that may issue certificates"));
  }
  ASSIGN_OR_RETURN(std::string text, openssl::CertificatePem(certificate.get()));
  return AuthorityCertificate{std::move(text), facts.public_key_pem, ToHex(Sha256(facts.public_key_pem).raw()), facts.common_name};
}

absl::StatusOr<std::string> CertificateKeyId(std::string_view der) {
  ASSIGN_OR_RETURN(const CertificatePtr certificate, ParseDer(der, 0));
  ASSIGN_OR_RETURN(const SigningCertificate read, ReadSigner(certificate.get()));
  return read.key.key_id();
}

absl::StatusOr<SigningCertificate> CheckSigningLeaf(std::string_view leaf_der, absl::Time now) {
  ASSIGN_OR_RETURN(const CertificatePtr leaf, ParseDer(leaf_der, 0));
  ASSIGN_OR_RETURN(const absl::Time begins, openssl::ReadTime(X509_get0_notBefore(leaf.get())));
  ASSIGN_OR_RETURN(const absl::Time ends, openssl::ReadTime(X509_get0_notAfter(leaf.get())));
  if (now < begins || now > ends) {
    return absl::PermissionDeniedError(
        StrCat("signing certificate: is valid from ", FormatRfc3339(begins), " to ", FormatRfc3339(ends), " only"));
  }
  RETURN_IF_ERROR(CheckMaySign(leaf.get()));
  return ReadSigner(leaf.get());
}

}  // namespace firebreak
