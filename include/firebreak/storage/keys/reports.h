// Keys of stored reports. The document's bytes are a chunk; the record keeps its digest and signature.
#ifndef FIREBREAK_STORAGE_KEYS_REPORTS_H_
#define FIREBREAK_STORAGE_KEYS_REPORTS_H_

#include "firebreak/base/ids.h"
#include "firebreak/storage/keys.h"
#include "firebreak/v1/report.pb.h"

namespace firebreak::keys {

inline Key<v1::StoredReport> Report(uint64_t number) { return KeyBuilder("report").Number(number).Build<v1::StoredReport>(); }

inline KeyPrefix<v1::StoredReport> Reports() { return KeyBuilder("report").BuildPrefix<v1::StoredReport>(); }
// Value: the record without its envelope's payload.
inline Key<v1::StoredReport> ReportOfIncident(const IncidentId& incident, uint64_t number) {
  return KeyBuilder("report-of-incident").Text(incident.text()).Number(number).Build<v1::StoredReport>();
}
inline KeyPrefix<v1::StoredReport> ReportsOfIncident(const IncidentId& incident) {
  return KeyBuilder("report-of-incident").Text(incident.text()).BuildPrefix<v1::StoredReport>();
}

inline Key<v1::StoredReport> ReportOfEffect(const EffectId& effect) {
  return KeyBuilder("report-effect").Text(effect.text()).Build<v1::StoredReport>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_REPORTS_H_
