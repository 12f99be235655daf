#include "firebreak/alerts/fingerprint.h"

namespace firebreak {

uint64_t Fnv1a(uint64_t state, std::string_view bytes) {
  for (char c : bytes) {
    state ^= static_cast<unsigned char>(c);
    state *= 1099511628211ULL;
  }
  return state;
}

uint64_t FingerprintOf(absl::Span<const std::pair<std::string, std::string>> labels) {
  constexpr std::string_view kSeparator = "\xff";
  uint64_t state = kFnvOffset;
  for (const auto& [name, value] : labels) {
    state = Fnv1a(state, name);
    state = Fnv1a(state, kSeparator);
    state = Fnv1a(state, value);
    state = Fnv1a(state, kSeparator);
  }
  return state;
}

std::string FingerprintText(uint64_t fingerprint) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; fingerprint >>= 4U) text[i] = kDigits[fingerprint & 0xFU];
  return text;
}

}  // namespace firebreak
