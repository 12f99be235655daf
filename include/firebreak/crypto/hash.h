// SHA-256 (OpenSSL EVP, hardware where there is any), BLAKE2b-512, HMAC.
#ifndef FIREBREAK_CRYPTO_HASH_H_
#define FIREBREAK_CRYPTO_HASH_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/base/byte_source.h"
#include "firebreak/base/ids.h"

namespace firebreak {

Digest Sha256(std::string_view bytes);
absl::StatusOr<Digest> Sha256All(ByteSource& source);   // piece by piece
std::string Sha384(std::string_view bytes);         // 48 bytes raw
std::string Sha512(std::string_view bytes);         // 64 bytes raw
std::string Blake2b512(std::string_view bytes);     // 64 bytes raw
std::string HmacSha256(std::string_view key, std::string_view message);   // 32 bytes raw

// Time does not depend on where the bytes differ.
bool EqualInConstantTime(std::string_view a, std::string_view b);

// Streaming SHA-256. Not thread-safe; reusable after Finish.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void Update(std::string_view bytes);
  Digest Finish();   // and starts over

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace firebreak

#endif  // FIREBREAK_CRYPTO_HASH_H_
