#include "services/incidents/entry.h"

#include "firebreak/base/text.h"

namespace firebreak {

std::string Shorten(std::string_view text, size_t bytes_max) {
  constexpr std::string_view kMark = "…";
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return StrCat(text.substr(0, end), kMark);
}

v1::AuditEntry IncidentEntry(const v1::Incident& incident, std::string_view actor, std::string_view action,
                             std::string_view summary) {
  v1::AuditEntry entry;
  entry.set_actor(std::string(actor));
  entry.set_action(std::string(action));
  entry.add_subjects(StrCat("incident/", incident.id()));
  if (!incident.deployment().empty()) entry.add_subjects(StrCat("deployment/", incident.deployment()));
  if (!incident.snapshot().empty()) entry.add_subjects(incident.snapshot());
  entry.set_summary(Shorten(summary, 512));
  return entry;
}

}  // namespace firebreak
