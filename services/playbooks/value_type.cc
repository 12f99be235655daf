#include "firebreak/playbooks/value_type.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "firebreak/base/json.h"

namespace firebreak {
namespace {

constexpr std::array<std::pair<std::string_view, ValueType>, 9> kTypes = {{
    {"string", ValueType::kString},
    {"int", ValueType::kInt},
    {"number", ValueType::kNumber},
    {"bool", ValueType::kBool},
    {"duration", ValueType::kDuration},
    {"list", ValueType::kList},
    {"incident", ValueType::kIncident},
    {"deployment", ValueType::kDeployment},
    {"snapshot", ValueType::kSnapshot},
}};

constexpr absl::Duration kSpanMax = absl::Hours(24 * 30);
constexpr double kIntMax = 9007199254740992.0;  // 2^53: past it a double no longer holds every integer

bool IsReference(ValueType type) {
  return type == ValueType::kIncident || type == ValueType::kDeployment || type == ValueType::kSnapshot;
}

std::optional<absl::Duration> UnitOf(std::string_view unit) {
  if (unit == "ms") return absl::Milliseconds(1);
  if (unit == "s") return absl::Seconds(1);
  if (unit == "m") return absl::Minutes(1);
  if (unit == "h") return absl::Hours(1);
  if (unit == "d") return absl::Hours(24);
  return std::nullopt;
}

}  // namespace

std::optional<ValueType> FindValueType(std::string_view name) {
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  return std::nullopt;
}

std::string_view TypeName(ValueType type) {
  for (const auto& [text, candidate] : kTypes) {
    if (candidate == type) return text;
  }
  return "unknown";
}

std::vector<std::string> TypeNames() {
  std::vector<std::string> names;
  for (const auto& [text, type] : kTypes) names.emplace_back(text);
  return names;
}

bool Accepts(ValueType to, ValueType from) {
  if (to == from) return true;
  if (to == ValueType::kNumber) return from == ValueType::kInt;
  if (to == ValueType::kString) return IsReference(from) || from == ValueType::kDuration;
  return IsReference(to) && from == ValueType::kString;
}

bool ValueMatches(const google::protobuf::Value& value, ValueType type) {
  switch (type) {
    case ValueType::kString:
      return value.kind_case() == google::protobuf::Value::kStringValue;
    case ValueType::kIncident:
    case ValueType::kDeployment:
    case ValueType::kSnapshot:
      return value.kind_case() == google::protobuf::Value::kStringValue && !value.string_value().empty();
    case ValueType::kInt:
      return value.kind_case() == google::protobuf::Value::kNumberValue && std::abs(value.number_value()) <= kIntMax &&
             value.number_value() == std::floor(value.number_value());
    case ValueType::kNumber:
      return value.kind_case() == google::protobuf::Value::kNumberValue && std::isfinite(value.number_value());
    case ValueType::kBool:
      return value.kind_case() == google::protobuf::Value::kBoolValue;
    case ValueType::kDuration:
      return value.kind_case() == google::protobuf::Value::kStringValue && ParseSpan(value.string_value()).has_value();
    case ValueType::kList:
      return value.kind_case() == google::protobuf::Value::kListValue;
  }
  return false;
}

std::optional<absl::Duration> ParseSpan(std::string_view text) {
  if (text.empty()) return std::nullopt;
  absl::Duration total;
  while (!text.empty()) {
    uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count > 1'000'000'000) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const std::optional<absl::Duration> unit = UnitOf(text.substr(0, letters));
    if (!unit) return std::nullopt;
    text.remove_prefix(letters);
    total += *unit * static_cast<int64_t>(count);
    if (total > kSpanMax) return std::nullopt;
  }
  return total;
}

std::string DisplayValue(const google::protobuf::Value& value) {
  if (value.kind_case() == google::protobuf::Value::kStringValue) return value.string_value();
  if (value.kind_case() != google::protobuf::Value::kListValue) return PrintJson(value);
  std::string text;
  for (const google::protobuf::Value& item : value.list_value().values()) {
    if (!text.empty()) text += ", ";
    text += DisplayValue(item);
  }
  return text;
}

}  // namespace firebreak
