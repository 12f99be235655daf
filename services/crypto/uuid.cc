#include "firebreak/crypto/uuid.h"

#include <algorithm>

#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "services/crypto/openssl.h"

namespace firebreak {

std::string NameUuid(std::string_view name_space, std::string_view name) {
  std::string hex(name_space);
  hex.erase(std::remove(hex.begin(), hex.end(), '-'), hex.end());
  const absl::StatusOr<std::string> raw = FromHex(hex);
  FIREBREAK_CHECK(raw.ok() && raw->size() == 16);
  std::string message = *raw;
  message.append(name);
  // SHA-1 because version 5 says so; nothing relies on it being hard to collide.
  std::string digest(20, '\0');
  unsigned int size = 0;
  FIREBREAK_CHECK(EVP_Digest(message.data(), message.size(), openssl::Data(digest), &size, EVP_sha1(), nullptr) == 1 && size == 20);
  digest.resize(16);
  digest[6] = static_cast<char>((digest[6] & 0x0F) | 0x50);
  digest[8] = static_cast<char>((digest[8] & 0x3F) | 0x80);
  std::string text = ToHex(digest);
  for (const size_t at : {size_t{8}, size_t{13}, size_t{18}, size_t{23}}) text.insert(at, 1, '-');
  return text;
}

}  // namespace firebreak
