#include "firebreak/crypto/chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "firebreak/base/clock.h"
#include "firebreak/base/status.h"
#include "services/crypto/certificate.h"

namespace firebreak {
namespace {

using openssl::CertificatePtr;
using openssl::Data;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, &X509_free); }
};
using StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;
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
  ASSIGN_OR_RETURN(const CertificateFacts facts, openssl::ReadFacts(leaf.get()));
  absl::StatusOr<EcPublicKey> key = EcPublicKey::FromPem(facts.public_key_pem);
  if (!key.ok()) return Annotate(key.status(), "signing certificate");
  ASSIGN_OR_RETURN(std::string pem, openssl::CertificatePem(leaf.get()));
  return SigningCertificate{*std::move(key), facts.common_name, std::move(pem)};
}

}  // namespace firebreak
