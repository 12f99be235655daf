#include "firebreak/base/base64_reader.h"

#include <array>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr int kStandardOnly = 64;    // flags beside a character's six bits
constexpr int kUrlOnly = 128;
constexpr int kNone = -1;

constexpr std::array<int16_t, 256> MakeValues() {
  std::array<int16_t, 256> values{};
  for (int16_t& value : values) value = kNone;
  for (int i = 0; i < 26; ++i) {
    values[static_cast<size_t>('A' + i)] = static_cast<int16_t>(i);
    values[static_cast<size_t>('a' + i)] = static_cast<int16_t>(26 + i);
  }
  for (int i = 0; i < 10; ++i) values[static_cast<size_t>('0' + i)] = static_cast<int16_t>(52 + i);
  values['+'] = 62 | kStandardOnly;
  values['/'] = 63 | kStandardOnly;
  values['-'] = 62 | kUrlOnly;
  values['_'] = 63 | kUrlOnly;
  return values;
}
constexpr std::array<int16_t, 256> kValues = MakeValues();

int ValueOf(char c) { return kValues[static_cast<unsigned char>(c)]; }

}  // namespace

absl::Status Base64Reader::AddOne(char c, std::string& out) {
  if (c == '=' && padding_ < 2) {
    ++padding_;
    ++length_;
    return absl::OkStatus();
  }
  const int value = ValueOf(c);
  if (value < 0 || padding_ > 0) {
    return absl::InvalidArgumentError(StrCat("not a base64 character at offset ", value < 0 ? length_ : length_ - padding_));
  }
  ++length_;
  has_standard_ |= (value & kStandardOnly) != 0;
  has_url_ |= (value & kUrlOnly) != 0;
  bits_ = (bits_ << 6) | static_cast<uint32_t>(value & 63);
  bit_count_ += 6;
  if (bit_count_ >= 8) {
    bit_count_ -= 8;
    out.push_back(static_cast<char>((bits_ >> bit_count_) & 0xFF));
    bits_ &= (uint32_t{1} << bit_count_) - 1;
  }
  return absl::OkStatus();
}

absl::Status Base64Reader::Add(std::string_view text, std::string& out) {
  out.reserve(out.size() + text.size() / 4 * 3 + 3);
  while (!text.empty()) {
    // Four characters at a time, as long as they are plain.
    if (bit_count_ == 0 && padding_ == 0) {
      int flags = 0;
      for (; text.size() >= 4; text.remove_prefix(4), length_ += 4) {
        const int a = ValueOf(text[0]), b = ValueOf(text[1]), c = ValueOf(text[2]), d = ValueOf(text[3]);
        if ((a | b | c | d) < 0) break;
        flags |= a | b | c | d;
        const uint32_t bits = static_cast<uint32_t>((a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63));
        const char three[] = {static_cast<char>(bits >> 16), static_cast<char>(bits >> 8 & 0xFF), static_cast<char>(bits & 0xFF)};
        out.append(three, sizeof(three));
      }
      has_standard_ |= (flags & kStandardOnly) != 0;
      has_url_ |= (flags & kUrlOnly) != 0;
      if (text.empty()) break;
    }
    RETURN_IF_ERROR(AddOne(text.front(), out));
    text.remove_prefix(1);
  }
  return absl::OkStatus();
}

absl::Status Base64Reader::Finish() const {
  if ((length_ - padding_) % 4 == 1 || (padding_ > 0 && length_ % 4 != 0)) {
    return absl::InvalidArgumentError(StrCat("base64 text has an impossible length of ", length_));
  }
  if (bits_ != 0) return absl::InvalidArgumentError("base64 text has bits set after its last byte");
  return absl::OkStatus();
}

}  // namespace firebreak
