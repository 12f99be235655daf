#include "firebreak/crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <utility>

#include "firebreak/base/check.h"
#include "firebreak/base/status.h"
#include "services/crypto/openssl.h"

namespace firebreak {
namespace {

using openssl::Data;

constexpr size_t kSha256Bytes = 32;

// Looking an algorithm up costs more than hashing a small value, so it is done once and kept for the life of the process.
const EVP_MD* Fetch(const char* name) {
  const EVP_MD* hash = EVP_MD_fetch(nullptr, name, nullptr);
  FIREBREAK_CHECK(hash != nullptr);
  return hash;
}

const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const kHash = Fetch("SHA256");
  return kHash;
}

void HashInto(const EVP_MD* hash, std::string_view bytes, unsigned char* out) {
  // One context per thread: a new one costs two allocations.
  thread_local const openssl::HashContextPtr context(EVP_MD_CTX_new());
  FIREBREAK_CHECK(context != nullptr);
  FIREBREAK_CHECK(EVP_DigestInit_ex2(context.get(), hash, nullptr) == 1);
  FIREBREAK_CHECK(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1);
  FIREBREAK_CHECK(EVP_DigestFinal_ex(context.get(), out, nullptr) == 1);
}

std::string HashWith(const EVP_MD* hash, std::string_view bytes) {
  std::string raw(static_cast<size_t>(EVP_MD_get_size(hash)), '\0');
  HashInto(hash, bytes, Data(raw));
  return raw;
}

}  // namespace

Digest Sha256(std::string_view bytes) {
  unsigned char raw[kSha256Bytes];
  HashInto(Sha256Algorithm(), bytes, raw);
  return Digest::FromRaw(std::string_view(reinterpret_cast<const char*>(raw), sizeof(raw)));
}

std::string Sha384(std::string_view bytes) {
  static const EVP_MD* const kHash = Fetch("SHA384");
  return HashWith(kHash, bytes);
}

std::string Sha512(std::string_view bytes) {
  static const EVP_MD* const kHash = Fetch("SHA512");
  return HashWith(kHash, bytes);
}

std::string Blake2b512(std::string_view bytes) {
  static const EVP_MD* const kHash = Fetch("BLAKE2B-512");
  return HashWith(kHash, bytes);
}

std::string HmacSha256(std::string_view key, std::string_view message) {
  std::string raw(kSha256Bytes, '\0');
  size_t size = 0;
  const char* const key_bytes = key.empty() ? "" : key.data();  // a null key means "the one of last time"
  FIREBREAK_CHECK(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key_bytes, key.size(), Data(message),
                            message.size(), Data(raw), raw.size(), &size) != nullptr);
  FIREBREAK_CHECK(size == raw.size());
  return raw;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

struct Sha256Stream::Rep {
  openssl::HashContextPtr context{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : rep_(std::make_unique<Rep>()) {
  FIREBREAK_CHECK(rep_->context != nullptr);
  FIREBREAK_CHECK(EVP_DigestInit_ex2(rep_->context.get(), Sha256Algorithm(), nullptr) == 1);
}

Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::Update(std::string_view bytes) {
  FIREBREAK_CHECK(EVP_DigestUpdate(rep_->context.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256Stream::Finish() {
  std::string raw(kSha256Bytes, '\0');
  FIREBREAK_CHECK(EVP_DigestFinal_ex(rep_->context.get(), Data(raw), nullptr) == 1);
  FIREBREAK_CHECK(EVP_DigestInit_ex2(rep_->context.get(), Sha256Algorithm(), nullptr) == 1);
  return Digest::FromRaw(raw);
}

absl::StatusOr<Digest> Sha256All(ByteSource& source) {
  Sha256Stream stream;
  for (uint64_t at = 0;;) {
    ASSIGN_OR_RETURN(const std::string_view piece, source.Read(at));
    if (piece.empty()) return stream.Finish();
    stream.Update(piece);
    at += piece.size();
  }
}

}  // namespace firebreak
