// The types of playbook values. Values themselves are google.protobuf.Value: ints and numbers are number_value,
// durations and references (incident, deployment, snapshot) are strings.
#ifndef FIREBREAK_PLAYBOOKS_VALUE_TYPE_H_
#define FIREBREAK_PLAYBOOKS_VALUE_TYPE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

enum class ValueType { kString, kInt, kNumber, kBool, kDuration, kList, kEnum, kIncident, kDeployment, kSnapshot };

// A type with what belongs to it: list<snapshot>, enum<approve|deny>, int.
struct DataType {
  ValueType kind = ValueType::kString;
  ValueType element = ValueType::kString;  // of a list
  std::vector<std::string> choices;        // of an enum; empty = any text

  DataType() = default;
  DataType(ValueType type) : kind(type) {}  // NOLINT: a plain kind is a whole type
  static DataType ListOf(ValueType element);
  static DataType EnumOf(std::vector<std::string> choices);
  bool operator==(const DataType&) const = default;
};

// The kind alone: "list<snapshot>" is a list.
std::optional<ValueType> FindValueType(std::string_view name);
// "int", "list" (of strings), "list<snapshot>", "enum<approve|deny>". Elements are neither lists nor enums.
std::optional<DataType> ParseType(std::string_view text);
std::string_view TypeName(ValueType type);
std::string TypeName(const DataType& type);
std::vector<std::string> TypeNames();  // as they stand in a playbook's `type:`

// Whether a value of type `from` may be given where `to` is wanted: same type, int for number, string for a reference,
// a reference or enum for string, an enum with no other choices for an enum, a list whose elements fit. One kind of
// reference is never taken for another.
bool Accepts(const DataType& to, const DataType& from);

// Whether `value` is a `type` (durations must parse, ints be integral, names not be empty, every element of a list be
// of its type, an enum one of its choices).
bool ValueMatches(const google::protobuf::Value& value, const DataType& type);

// 90s, 10m, 4h, 1h30m, 500ms, 2d. No sign, no fraction, at most 30 days.
std::optional<absl::Duration> ParseSpan(std::string_view text);

// As shown to people and put into question texts: strings bare, lists joined by ", ".
std::string DisplayValue(const google::protobuf::Value& value);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_VALUE_TYPE_H_
