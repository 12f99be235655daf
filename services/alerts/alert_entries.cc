#include "services/alerts/alert_entries.h"

#include <map>

#include "firebreak/base/text.h"

namespace firebreak {
namespace {

std::string NameOf(const v1::Alert& alert) {
  const auto it = alert.labels().find("alertname");
  if (it == alert.labels().end() || it->second.size() > 80) return alert.fingerprint();
  return it->second;
}

std::string_view Verb(std::string_view action) {
  if (action == "alert.raised") return "fires";
  if (action == "alert.resolved") return "resolved";
  if (action == "alert.stale") return "is stale: its source stopped talking";
  return "changed";
}

std::string Summary(std::string_view action, const std::vector<const v1::Alert*>& alerts) {
  const v1::Alert& first = *alerts.front();
  std::string summary = StrCat(NameOf(first), " ", Verb(action));
  if (alerts.size() > 1) StrAppend(&summary, ", and ", alerts.size() - 1, " more");
  if (!first.incident().empty()) StrAppend(&summary, " (", first.incident(), ")");
  return summary;
}

}  // namespace

void RecordAlerts(Draft& draft, std::string_view actor, const std::vector<AlertEvent>& events,
                  const std::vector<std::pair<std::string, std::string>>& facts) {
  std::map<std::pair<std::string_view, std::string_view>, std::vector<const v1::Alert*>> groups;
  for (const AlertEvent& event : events) groups[{event.action, event.alert->incident()}].push_back(event.alert);
  for (const auto& [group, alerts] : groups) {
    for (size_t at = 0; at < alerts.size(); at += kAlertsPerEntryMax) {
      const size_t end = std::min(at + kAlertsPerEntryMax, alerts.size());
      const std::vector<const v1::Alert*> part(alerts.begin() + static_cast<std::ptrdiff_t>(at),
                                               alerts.begin() + static_cast<std::ptrdiff_t>(end));
      v1::AuditEntry entry;
      entry.set_actor(std::string(actor));
      entry.set_action(std::string(group.first));
      if (!group.second.empty()) entry.add_subjects(StrCat("incident/", group.second));
      for (const v1::Alert* alert : part) entry.add_subjects(StrCat("alert/", alert->fingerprint()));
      entry.set_summary(Summary(group.first, part));
      (*entry.mutable_facts())["alerts"] = StrCat(part.size());
      (*entry.mutable_facts())["intake"] = part.front()->intake();
      for (const auto& [name, value] : facts) (*entry.mutable_facts())[name] = value;
      draft.Record(std::move(entry));
    }
  }
}

}  // namespace firebreak
