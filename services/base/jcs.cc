#include "firebreak/base/jcs.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

uint32_t NextCodePoint(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  const uint32_t first = byte(at);
  if (first < 0x80) return at += 1, first;
  if (first < 0xE0) {
    at += 2;
    return (first & 0x1F) << 6 | (byte(at - 1) & 0x3F);
  }
  if (first < 0xF0) {
    at += 3;
    return (first & 0x0F) << 12 | (byte(at - 2) & 0x3F) << 6 | (byte(at - 1) & 0x3F);
  }
  at += 4;
  return (first & 0x07) << 18 | (byte(at - 3) & 0x3F) << 12 | (byte(at - 2) & 0x3F) << 6 | (byte(at - 1) & 0x3F);
}

// `text` is valid UTF-8.
std::u16string Utf16(std::string_view text) {
  std::u16string units;
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = NextCodePoint(text, at);
    if (point < 0x10000) {
      units.push_back(static_cast<char16_t>(point));
    } else {
      units.push_back(static_cast<char16_t>(0xD800 + ((point - 0x10000) >> 10)));
      units.push_back(static_cast<char16_t>(0xDC00 + ((point - 0x10000) & 0x3FF)));
    }
  }
  return units;
}

absl::Status AppendText(std::string_view text, std::string& out) {
  if (!IsValidUtf8(text)) return absl::InvalidArgumentError("a string is not UTF-8");
  out.append(QuoteJson(text));  // exactly the escapes of RFC 8785, section 3.2.2.2
  return absl::OkStatus();
}

absl::Status Append(const Value& value, std::string& out);

absl::Status AppendMembers(const google::protobuf::Struct& object, std::string& out) {
  struct Member {
    std::u16string order;
    const std::string* name;
    const Value* value;
  };
  std::vector<Member> members;
  for (const auto& [name, value] : object.fields()) {
    if (!IsValidUtf8(name)) return absl::InvalidArgumentError("a member's name is not UTF-8");
    members.push_back({Utf16(name), &name, &value});
  }
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.order < b.order; });
  out.push_back('{');
  for (size_t i = 0; i < members.size(); ++i) {
    if (i > 0) out.push_back(',');
    RETURN_IF_ERROR(AppendText(*members[i].name, out));
    out.push_back(':');
    RETURN_IF_ERROR(Append(*members[i].value, out));
  }
  out.push_back('}');
  return absl::OkStatus();
}

absl::Status Append(const Value& value, std::string& out) {
  switch (value.kind_case()) {
    case Value::kStructValue:
      return AppendMembers(value.struct_value(), out);
    case Value::kListValue: {
      out.push_back('[');
      for (int i = 0; i < value.list_value().values_size(); ++i) {
        if (i > 0) out.push_back(',');
        RETURN_IF_ERROR(Append(value.list_value().values(i), out));
      }
      out.push_back(']');
      return absl::OkStatus();
    }
    case Value::kStringValue:
      return AppendText(value.string_value(), out);
    case Value::kNumberValue:
      if (!std::isfinite(value.number_value())) return absl::InvalidArgumentError("a number is not finite");
      out.append(CanonicalNumber(value.number_value()));
      return absl::OkStatus();
    case Value::kBoolValue:
      out.append(value.bool_value() ? "true" : "false");
      return absl::OkStatus();
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      out.append("null");
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace

// ECMA-262, Number::toString: the shortest digits that read back the same, plain between 1e-7 and 1e21.
std::string CanonicalNumber(double number) {
  if (number == 0) return "0";  // -0 too
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), std::fabs(number), std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c != '.') digits.push_back(c);
  }
  const int k = static_cast<int>(digits.size());
  const int n = std::atoi(std::string(text.substr(e + 1)).c_str()) + 1;  // position of the decimal point
  std::string out = number < 0 ? "-" : "";
  if (k <= n && n <= 21) return out + digits + std::string(static_cast<size_t>(n - k), '0');
  if (0 < n && n <= 21) return out + digits.substr(0, static_cast<size_t>(n)) + "." + digits.substr(static_cast<size_t>(n));
  if (-6 < n && n <= 0) return out + "0." + std::string(static_cast<size_t>(-n), '0') + digits;
  out.push_back(digits[0]);
  if (k > 1) out += "." + digits.substr(1);
  return StrCat(out, n > 0 ? "e+" : "e-", std::abs(n - 1));
}

absl::StatusOr<std::string> CanonicalJson(const Value& value) {
  std::string out;
  RETURN_IF_ERROR(Append(value, out));
  return out;
}

}  // namespace firebreak
