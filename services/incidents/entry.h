// Audit entries about incidents, within the ledger's limits.
#ifndef FIREBREAK_SERVICES_INCIDENTS_ENTRY_H_
#define FIREBREAK_SERVICES_INCIDENTS_ENTRY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "firebreak/incidents/correlation.h"
#include "firebreak/v1/audit.pb.h"
#include "firebreak/v1/incident.pb.h"

namespace firebreak {

// 1 (worst) to 5, whatever the signal says.
inline uint32_t SeverityOf(const IncidentSignal& signal) { return std::clamp<uint32_t>(signal.severity, 1, 5); }

// `text` cut to at most `bytes_max` at a character boundary, with "…" where it was cut.
std::string Shorten(std::string_view text, size_t bytes_max);

// Subjects: the incident, its deployment and its suspect snapshot. Summary is cut to 512 bytes.
v1::AuditEntry IncidentEntry(const v1::Incident& incident, std::string_view actor, std::string_view action,
                             std::string_view summary);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_INCIDENTS_ENTRY_H_
