// RunStarter: what incidents ask of playbook runs. The implementation (RunDesk) adds its records to the caller's draft, so an
// alert, its incident, the run it triggers and the run's lock are one commit or none.
#ifndef FIREBREAK_INCIDENTS_RUN_STARTER_H_
#define FIREBREAK_INCIDENTS_RUN_STARTER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/v1/incident.pb.h"
#include "firebreak/v1/run.pb.h"

namespace firebreak {

// Thread-safe; outlives the IncidentDesk that uses it.
class RunStarter {
 public:
  virtual ~RunStarter() = default;

  // Adds the run of the playbook whose trigger matches the incident; nullopt when none does. An error fails the whole draft,
  // the alert included: answer one only when the store failed, or kAborted to have the draft built again. A playbook that
  // matches but cannot start is recorded in the draft as an audit entry and answered as nullopt. Must use at most 20 writes
  // and 4 audit entries. The caller appends the run's id to the incident. A run whose `attached` names the incident is another
  // incident's that this one joined.
  virtual absl::StatusOr<std::optional<v1::PlaybookRun>> StartTriggered(Draft& draft, const v1::Incident& incident) = 0;

  // Name of the playbook StartTriggered would start now; nullopt for none. Writes nothing.
  virtual absl::StatusOr<std::optional<std::string>> PreviewTriggered(const v1::Incident& /*incident*/) const {
    return std::optional<std::string>();
  }

  // True while one of the incident's runs has not ended. The end of its alerts does not recover the incident then: after
  // containment silence is no proof of health. Whoever ends a run calls IncidentDesk::SettleAlerts in the same draft.
  virtual absl::StatusOr<bool> HasActiveRun(Draft& /*draft*/, const v1::Incident& /*incident*/) const { return false; }

  // True while one of the incident's runs on `deployment` (empty: on none) has not ended. Reads only what changes when a run
  // starts or ends, so that alerts joining meanwhile do not conflict with its steps.
  virtual absl::StatusOr<bool> HasActiveRunOn(Draft& draft, const v1::Incident& incident,
                                              const std::string& /*deployment*/) const {
    return HasActiveRun(draft, incident);
  }
};

}  // namespace firebreak

#endif  // FIREBREAK_INCIDENTS_RUN_STARTER_H_
