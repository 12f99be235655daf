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

enum class ValueType { kString, kInt, kNumber, kBool, kDuration, kList, kIncident, kDeployment, kSnapshot };

std::optional<ValueType> FindValueType(std::string_view name);
std::string_view TypeName(ValueType type);
std::vector<std::string> TypeNames();

// Whether a value of type `from` may be given where `to` is wanted: same type, int for number, string for a reference
// and a reference for string. One kind of reference is never taken for another.
bool Accepts(ValueType to, ValueType from);

// Whether `value` is a `type` (durations must parse, ints be integral, names not be empty).
bool ValueMatches(const google::protobuf::Value& value, ValueType type);

// 90s, 10m, 4h, 1h30m, 500ms, 2d. No sign, no fraction, at most 30 days.
std::optional<absl::Duration> ParseSpan(std::string_view text);

// As shown to people and put into question texts: strings bare, lists joined by ", ".
std::string DisplayValue(const google::protobuf::Value& value);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_VALUE_TYPE_H_
