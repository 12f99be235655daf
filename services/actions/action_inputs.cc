#include "services/actions/action_inputs.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/playbooks/value_type.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

constexpr JsonLimits kLimits{.size_bytes_max = size_t{64} << 10, .depth_max = 4, .values_max = 2'000};

// A text that stands for something else: "4", "true", "[\"a\"]".
Value Unwrap(const Value& value, const DataType& type) {
  const bool typed = type.kind == ValueType::kInt || type.kind == ValueType::kNumber || type.kind == ValueType::kBool || type.kind == ValueType::kList;
  if (!typed || value.kind_case() != Value::kStringValue) return value;
  absl::StatusOr<Value> parsed = ParseJson(value.string_value(), kLimits);
  return parsed.ok() ? *std::move(parsed) : value;
}

}  // namespace

absl::StatusOr<google::protobuf::Struct> ReadActionInputs(const ActionSpec& spec, const google::protobuf::Struct& given, IncidentId& incident) {
  google::protobuf::Struct inputs;
  std::vector<std::string> known;
  for (const ActionField& field : spec.inputs) known.push_back(field.name);
  for (const auto& [name, value] : given.fields()) {
    const auto field = std::find_if(spec.inputs.begin(), spec.inputs.end(), [&name = name](const ActionField& one) { return one.name == name; });
    if (field == spec.inputs.end()) {
      if (name == "incident" && value.kind_case() == Value::kStringValue) {
        incident = IncidentId(value.string_value());
        continue;
      }
      const std::string nearest = NearestName(name, known);
      return absl::InvalidArgumentError(StrCat(spec.name, " has no input ", name, nearest.empty() ? "" : StrCat(" (did you mean ", nearest, ")")));
    }
    if (value.kind_case() == Value::kNullValue || (!field->required && value.kind_case() == Value::kStringValue && value.string_value().empty())) continue;
    const std::optional<DataType> type = ParseType(field->type);
    const Value read = type ? Unwrap(value, *type) : value;
    if (!type || !ValueMatches(read, *type)) return absl::InvalidArgumentError(StrCat(spec.name, ": input ", name, " is no ", field->type));
    (*inputs.mutable_fields())[name] = read;
  }
  for (const ActionField& field : spec.inputs) {
    if (field.required && !inputs.fields().contains(field.name)) {
      return absl::InvalidArgumentError(StrCat(spec.name, " needs the input ", field.name, " (", field.type, ": ", field.about, ")"));
    }
  }
  return inputs;
}

}  // namespace firebreak
