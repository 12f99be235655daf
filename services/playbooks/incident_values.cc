#include "firebreak/playbooks/incident_values.h"

#include <array>
#include <utility>

namespace firebreak {
namespace {

constexpr std::array<std::pair<std::string_view, ValueType>, 10> kFields = {{
    {"id", ValueType::kIncident},
    {"title", ValueType::kString},
    {"severity", ValueType::kInt},
    {"kind", ValueType::kString},
    {"model", ValueType::kString},
    {"environment", ValueType::kString},
    {"deployment", ValueType::kDeployment},
    {"snapshot", ValueType::kSnapshot},
    {"snapshot_digest", ValueType::kString},
    {"opened_by", ValueType::kString},
}};

}  // namespace

std::optional<ValueType> FindIncidentField(std::string_view field) {
  for (const auto& [name, type] : kFields) {
    if (name == field) return type;
  }
  return std::nullopt;
}

std::vector<std::string> IncidentFields() {
  std::vector<std::string> names;
  for (const auto& [name, type] : kFields) names.emplace_back(name);
  return names;
}

google::protobuf::Struct IncidentValues(const v1::Incident& incident) {
  google::protobuf::Struct values;
  auto put = [&values](const char* name, const std::string& text) {
    if (!text.empty()) (*values.mutable_fields())[name].set_string_value(text);
  };
  put("id", incident.id());
  put("title", incident.title());
  put("kind", incident.kind());
  put("model", incident.model());
  put("environment", incident.environment());
  put("deployment", incident.deployment());
  put("snapshot", incident.snapshot());
  put("snapshot_digest", incident.snapshot_digest());
  put("opened_by", incident.opened_by());
  (*values.mutable_fields())["severity"].set_number_value(incident.severity());
  return values;
}

}  // namespace firebreak
