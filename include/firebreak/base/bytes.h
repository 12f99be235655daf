// Bytes as text: hex, base64 (RFC 4648), big-endian integers that sort as keys.
#ifndef FIREBREAK_BASE_BYTES_H_
#define FIREBREAK_BASE_BYTES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace firebreak {

std::string ToHex(std::string_view bytes);                        // lowercase
absl::StatusOr<std::string> FromHex(std::string_view hex);        // lowercase only, even length

std::string ToBase64(std::string_view bytes);                     // standard alphabet, padded
std::string ToBase64Url(std::string_view bytes);                  // URL-safe alphabet, no padding
absl::StatusOr<std::string> FromBase64(std::string_view text);    // either alphabet, padding optional

std::string ToBigEndian64(uint64_t value);                        // 8 bytes; sorts as the number
uint64_t FromBigEndian64(std::string_view bytes);                 // exactly 8 bytes

// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool IsValidUtf8(std::string_view text);

// The first bytes_max bytes of UTF-8 text at most, never half a character: what a record holds must stay text.
std::string_view CutText(std::string_view text, size_t bytes_max);

// The names in `known` closest to `name` by edit distance, best first, at most one, empty when none is near (distance > 1/2).
std::string NearestName(std::string_view name, const std::vector<std::string>& known);

}  // namespace firebreak

#endif  // FIREBREAK_BASE_BYTES_H_
