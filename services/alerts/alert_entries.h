// Audit entries about alerts: one entry speaks for several alerts of one incident, so that a storm stays cheap.
#ifndef FIREBREAK_SERVICES_ALERTS_ALERT_ENTRIES_H_
#define FIREBREAK_SERVICES_ALERTS_ALERT_ENTRIES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firebreak/ledger/draft.h"
#include "firebreak/v1/alert.pb.h"

namespace firebreak {

inline constexpr size_t kAlertsPerEntryMax = 15;   // beside the incident: 16 subjects

// Action is alert.raised, alert.resolved, alert.changed or alert.stale. `facts` go into every entry.
struct AlertEvent {
  std::string_view action;
  const v1::Alert* alert;
};
void RecordAlerts(Draft& draft, std::string_view actor, const std::vector<AlertEvent>& events,
                  const std::vector<std::pair<std::string, std::string>>& facts);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ALERTS_ALERT_ENTRIES_H_
