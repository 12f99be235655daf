#include "firebreak/crypto/hash_stream.h"

#include "firebreak/base/check.h"
#include "services/crypto/openssl.h"

namespace firebreak {
namespace {

// Fetched once and kept for the life of the process.
const EVP_MD* Fetch(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha256: {
      static const EVP_MD* const kHash = EVP_MD_fetch(nullptr, "SHA256", nullptr);
      return kHash;
    }
    case HashAlgorithm::kSha384: {
      static const EVP_MD* const kHash = EVP_MD_fetch(nullptr, "SHA384", nullptr);
      return kHash;
    }
    case HashAlgorithm::kSha512: {
      static const EVP_MD* const kHash = EVP_MD_fetch(nullptr, "SHA512", nullptr);
      return kHash;
    }
    case HashAlgorithm::kBlake2b512: {
      static const EVP_MD* const kHash = EVP_MD_fetch(nullptr, "BLAKE2B-512", nullptr);
      return kHash;
    }
  }
  return nullptr;
}

}  // namespace

struct HashStream::Rep {
  const EVP_MD* hash = nullptr;
  openssl::HashContextPtr context{EVP_MD_CTX_new()};
};

HashStream::HashStream(HashAlgorithm algorithm) : rep_(std::make_unique<Rep>()) {
  rep_->hash = Fetch(algorithm);
  FIREBREAK_CHECK(rep_->hash != nullptr && rep_->context != nullptr);
  FIREBREAK_CHECK(EVP_DigestInit_ex2(rep_->context.get(), rep_->hash, nullptr) == 1);
}

HashStream::~HashStream() = default;
HashStream::HashStream(HashStream&&) noexcept = default;
HashStream& HashStream::operator=(HashStream&&) noexcept = default;

void HashStream::Update(std::string_view bytes) {
  FIREBREAK_CHECK(EVP_DigestUpdate(rep_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string HashStream::Finish() {
  std::string raw(static_cast<size_t>(EVP_MD_get_size(rep_->hash)), '\0');
  FIREBREAK_CHECK(EVP_DigestFinal_ex(rep_->context.get(), openssl::Data(raw), nullptr) == 1);
  FIREBREAK_CHECK(EVP_DigestInit_ex2(rep_->context.get(), rep_->hash, nullptr) == 1);
  return raw;
}

}  // namespace firebreak
