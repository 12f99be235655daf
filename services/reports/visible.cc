#include "services/reports/visible.h"

namespace firebreak {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// U+2028..U+202E and U+2066..U+2069 in UTF-8: E2 80 A8..AE, E2 81 A6..A9.
bool IsLineEnd(std::string_view character) { return character == "\xE2\x80\xA8" || character == "\xE2\x80\xA9"; }
bool TurnsDirection(std::string_view character) {
  if (character.size() < 3 || character[0] != '\xE2') return false;
  const auto last = static_cast<unsigned char>(character[2]);
  return (character[1] == '\x80' && last >= 0xAA && last <= 0xAE) || (character[1] == '\x81' && last >= 0xA6 && last <= 0xA9);
}

}  // namespace

std::string Visible(std::string_view text, LineBreaks breaks) {
  const char line_end = breaks == LineBreaks::kKept ? '\n' : ' ';
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string_view character = text.substr(i, 3);
    if (c == '\r' || c == '\n') {
      if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
      out += line_end;
    } else if (IsLineEnd(character)) {
      out += line_end;
      i += 2;
    } else if (TurnsDirection(character)) {
      out += kReplacement;
      i += 2;
    } else if (c == '\t') {
      out += ' ';
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += kReplacement;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace firebreak
