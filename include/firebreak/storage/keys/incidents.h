// Keys of incidents and their indexes.
#ifndef FIREBREAK_STORAGE_KEYS_INCIDENTS_H_
#define FIREBREAK_STORAGE_KEYS_INCIDENTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/incidents.pb.h"
#include "firebreak/v1/incident.pb.h"

namespace firebreak::keys {

// By falling number, so that a listing starts with the newest.
inline Key<v1::Incident> Incident(uint64_t number) {
  return std::move(KeyBuilder("incident").Number(~number)).Build<v1::Incident>();
}
inline KeyPrefix<v1::Incident> Incidents() { return std::move(KeyBuilder("incident")).BuildPrefix<v1::Incident>(); }

// Label values may hold any character; a NUL becomes "\0" and a backslash "\\", so that equal keys mean equal parts.
inline std::string KeyText(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (char c : text) {
    if (c == '\0') {
      safe += "\\0";
    } else if (c == '\\') {
      safe += "\\\\";
    } else {
      safe.push_back(c);
    }
  }
  return safe;
}

// `subject` is "model:<name>" or "deployment:<name>".
inline Key<store::v1::IncidentPointer> IncidentOfKey(std::string_view subject, std::string_view environment,
                                                     std::string_view kind) {
  return std::move(KeyBuilder("incident-of-key")
      .Text(KeyText(subject))
      .Text(KeyText(environment))
      .Text(KeyText(kind)))
      .Build<store::v1::IncidentPointer>();
}

// `state` is firing, stale or resolved.
inline Key<store::v1::IncidentAlert> IncidentAlert(uint64_t incident, std::string_view state,
                                                   std::string_view fingerprint) {
  return std::move(KeyBuilder("incident-alert")
      .Number(incident)
      .Text(state)
      .Text(fingerprint))
      .Build<store::v1::IncidentAlert>();
}
inline KeyPrefix<store::v1::IncidentAlert> IncidentAlerts(uint64_t incident, std::string_view state) {
  return std::move(KeyBuilder("incident-alert").Number(incident).Text(state)).BuildPrefix<store::v1::IncidentAlert>();
}

inline Key<store::v1::IncidentStarts> IncidentStarts(uint64_t incident, std::string_view deployment) {
  return std::move(KeyBuilder("incident-starts").Number(incident).Text(KeyText(deployment))).Build<store::v1::IncidentStarts>();
}

inline Key<store::v1::OpenedByRequest> IncidentRequest(std::string_view identity, std::string_view request_id) {
  return std::move(KeyBuilder("incident-request")
      .Text(KeyText(identity))
      .Text(KeyText(request_id)))
      .Build<store::v1::OpenedByRequest>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_INCIDENTS_H_
