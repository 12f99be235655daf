#include "firebreak/playbooks/value_type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr std::array<std::pair<std::string_view, ValueType>, 10> kTypes = {{
    {"string", ValueType::kString},
    {"int", ValueType::kInt},
    {"number", ValueType::kNumber},
    {"bool", ValueType::kBool},
    {"duration", ValueType::kDuration},
    {"list", ValueType::kList},
    {"enum", ValueType::kEnum},
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

DataType DataType::ListOf(ValueType element) {
  DataType type(ValueType::kList);
  type.element = element;
  return type;
}

DataType DataType::EnumOf(std::vector<std::string> choices) {
  DataType type(ValueType::kEnum);
  type.choices = std::move(choices);
  return type;
}

std::optional<ValueType> FindValueType(std::string_view name) {
  name = name.substr(0, name.find('<'));
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  return std::nullopt;
}

std::optional<DataType> ParseType(std::string_view text) {
  const std::optional<ValueType> kind = FindValueType(text);
  if (!kind) return std::nullopt;
  DataType type(*kind);
  const size_t open = text.find('<');
  if (open == std::string_view::npos) return type;
  if (!text.ends_with('>')) return std::nullopt;
  std::string_view inner = text.substr(open + 1, text.size() - open - 2);
  if (*kind == ValueType::kList) {
    const std::optional<ValueType> element = FindValueType(inner);
    if (!element || *element == ValueType::kList || *element == ValueType::kEnum || inner.find('<') != inner.npos)
      return std::nullopt;
    type.element = *element;
    return type;
  }
  if (*kind != ValueType::kEnum) return std::nullopt;
  for (bool more = true; more;) {
    const size_t bar = inner.find('|');
    type.choices.emplace_back(inner.substr(0, bar));
    if (type.choices.back().empty()) return std::nullopt;
    more = bar != std::string_view::npos;
    if (more) inner.remove_prefix(bar + 1);
  }
  return type;
}

std::string_view TypeName(ValueType type) {
  for (const auto& [text, candidate] : kTypes) {
    if (candidate == type) return text;
  }
  return "unknown";
}

std::string TypeName(const DataType& type) {
  std::string name(TypeName(type.kind));
  if (type.kind == ValueType::kList) return StrCat(name, "<", TypeName(type.element), ">");
  if (type.kind == ValueType::kEnum && !type.choices.empty()) {
    return StrCat(name, "<", absl::StrJoin(type.choices, "|"), ">");
  }
  return name;
}

std::vector<std::string> TypeNames() {
  std::vector<std::string> names;
  for (const auto& [text, type] : kTypes) names.emplace_back(text);
  return names;
}

bool Accepts(const DataType& to, const DataType& from) {
  if (to.kind == ValueType::kList && from.kind == ValueType::kList) return Accepts(to.element, from.element);
  if (to.kind == ValueType::kEnum && from.kind == ValueType::kEnum) {
    return to.choices.empty() || std::all_of(from.choices.begin(), from.choices.end(), [&to](const std::string& choice) {
             return std::find(to.choices.begin(), to.choices.end(), choice) != to.choices.end();
           });
  }
  if (to.kind == from.kind) return true;
  if (to.kind == ValueType::kNumber) return from.kind == ValueType::kInt;
  if (to.kind == ValueType::kString) {
    return IsReference(from.kind) || from.kind == ValueType::kDuration || from.kind == ValueType::kEnum;
  }
  return IsReference(to.kind) && from.kind == ValueType::kString;
}

bool ValueMatches(const google::protobuf::Value& value, const DataType& type) {
  switch (type.kind) {
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
      return value.kind_case() == google::protobuf::Value::kListValue &&
             std::all_of(value.list_value().values().begin(), value.list_value().values().end(),
                         [&type](const google::protobuf::Value& item) { return ValueMatches(item, type.element); });
    case ValueType::kEnum:
      return value.kind_case() == google::protobuf::Value::kStringValue && !value.string_value().empty() &&
             (type.choices.empty() || std::find(type.choices.begin(), type.choices.end(), value.string_value()) !=
                                          type.choices.end());
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
