// incident.*: the fields of an incident that playbooks can name, with their types.
#ifndef FIREBREAK_PLAYBOOKS_INCIDENT_VALUES_H_
#define FIREBREAK_PLAYBOOKS_INCIDENT_VALUES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firebreak/playbooks/value_type.h"
#include "firebreak/v1/incident.pb.h"
#include "google/protobuf/struct.pb.h"

namespace firebreak {

std::optional<ValueType> FindIncidentField(std::string_view field);
std::vector<std::string> IncidentFields();

// Unset text fields are left out, so that naming one is an error that says so instead of an empty name.
google::protobuf::Struct IncidentValues(const v1::Incident& incident);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_INCIDENT_VALUES_H_
