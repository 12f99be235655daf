// What the ledger's texts are made of: lines, and base64 in its one canonical form (standard alphabet, padded, no spare bits
// set; anything else would let two texts mean the same signature).
#ifndef FIREBREAK_SERVICES_LEDGER_LINES_H_
#define FIREBREAK_SERVICES_LEDGER_LINES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/bytes.h"

namespace firebreak {

// `text` cut at every newline; the pieces live as long as it.
inline std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

inline absl::StatusOr<std::string> FromStrictBase64(std::string_view text) {
  absl::StatusOr<std::string> bytes = FromBase64(text);
  if (bytes.ok() && ToBase64(*bytes) != text) return absl::InvalidArgumentError("base64 is not in its canonical form");
  return bytes;
}

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_LINES_H_
