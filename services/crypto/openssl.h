// OpenSSL's objects with owners, and its error queue as a Status. Private to this folder.
#ifndef FIREBREAK_SERVICES_CRYPTO_OPENSSL_H_
#define FIREBREAK_SERVICES_CRYPTO_OPENSSL_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace firebreak::openssl {

template <auto free_function>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};

using BioPtr = std::unique_ptr<BIO, Freed<&BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freed<&EVP_PKEY_CTX_free>>;
using HashContextPtr = std::unique_ptr<EVP_MD_CTX, Freed<&EVP_MD_CTX_free>>;
using CipherContextPtr = std::unique_ptr<EVP_CIPHER_CTX, Freed<&EVP_CIPHER_CTX_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<&X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Freed<&X509_REQ_free>>;

// "what: reason", where the reason is the oldest entry of the calling thread's error queue. Empties the queue.
absl::Status Error(absl::StatusCode code, std::string_view what);

// Forgets the queue of the calling thread, after a failure that is an answer (a signature that does not verify).
void DropErrors();

// A read-only BIO over `bytes`, which must outlive it. Null when out of memory or too large.
BioPtr ReadFrom(std::string_view bytes);

// An empty BIO in memory, wiped when it goes; and what was written to one.
BioPtr NewMemory();
std::string Written(BIO* memory);

inline const unsigned char* Data(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
inline unsigned char* Data(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

}  // namespace firebreak::openssl

#endif  // FIREBREAK_SERVICES_CRYPTO_OPENSSL_H_
