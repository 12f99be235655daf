#include "firebreak/crypto/bag_hash.h"

#include <openssl/rand.h>

#include <cstring>

#include "firebreak/base/check.h"
#include "firebreak/crypto/hash.h"
#include "services/crypto/openssl.h"

namespace firebreak {
namespace {
constexpr size_t kKeyBytes = 32;
}

BagKey::BagKey() : key_(kKeyBytes, '\0') {
  FIREBREAK_CHECK(RAND_bytes(openssl::Data(key_), static_cast<int>(key_.size())) == 1);
}

// The hash stays here, so that it can be extended by nobody and needs no HMAC.
BagElement BagKey::Hash(std::string_view element) const {
  std::string bytes;
  bytes.reserve(key_.size() + element.size());
  bytes.append(key_).append(element);
  const Digest hash = Sha256(bytes);
  BagElement numbers;
  std::memcpy(numbers.data(), hash.raw().data(), sizeof(numbers));
  return numbers;
}

// Modulo 2^256, the lowest word first.
void BagSum::Add(const BagElement& element) {
  ++count;
  uint64_t carry = 0;
  for (size_t i = 0; i < sum.size(); ++i) {
    const uint64_t with_carry = sum[i] + carry;
    carry = with_carry < carry ? 1 : 0;
    sum[i] = with_carry + element[i];
    carry += sum[i] < element[i] ? 1 : 0;
  }
}

}  // namespace firebreak
