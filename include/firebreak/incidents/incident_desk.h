// IncidentDesk: where incidents are opened, joined, moved and read. Its handlers are the Incidents service; its draft functions
// let alerts, runs and actions change an incident in the same commit as their own records.
#ifndef FIREBREAK_INCIDENTS_INCIDENT_DESK_H_
#define FIREBREAK_INCIDENTS_INCIDENT_DESK_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/incidents/correlation.h"
#include "firebreak/incidents/run_starter.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/v1/incident.pb.h"

namespace firebreak {

struct IncidentOptions {
  // A recovered incident that is not closed is taken up again by a new alert of its key for this long; then a new one opens.
  absl::Duration reopen_window = absl::Hours(1);
  // Whether the deployment is out of production, read through the draft. While it is, silent alerts are no recovery: nothing is
  // served that could be unwell. Unset = never.
  std::function<absl::StatusOr<bool>(Draft& draft, const std::string& deployment)> still_contained = {};
  // Whether it is out of production and the agents proved it; an incident not yet contained, whoever did it, is so then.
  std::function<absl::StatusOr<bool>(Draft& draft, const std::string& deployment)> containment_proved = {};
};

// State of an alert within its incident, kept as an index so that joining never writes the incident record.
enum class AlertMark { kFiring, kStale, kResolved };

// Thread-safe. Ledger, clock, log and `starter` (may be null: no playbooks) outlive it.
class IncidentDesk {
 public:
  IncidentDesk(Ledger& ledger, const Clock& clock, Log& log, RunStarter* starter, SuspectFinder suspects,
               IncidentOptions options = {});
  ~IncidentDesk();

  // --- Incidents service -----------------------------------------------------------------------------------------------
  absl::StatusOr<v1::OpenIncidentResponse> OpenIncident(const Caller& caller, const v1::OpenIncidentRequest& request);
  absl::StatusOr<v1::GetIncidentResponse> GetIncident(const Caller& caller, const v1::GetIncidentRequest& request);
  absl::StatusOr<v1::ListIncidentsResponse> ListIncidents(const Caller& caller, const v1::ListIncidentsRequest& request);
  absl::StatusOr<v1::AcknowledgeIncidentResponse> AcknowledgeIncident(const Caller& caller,
                                                                      const v1::AcknowledgeIncidentRequest& request);
  absl::StatusOr<v1::AssignRoleResponse> AssignRole(const Caller& caller, const v1::AssignRoleRequest& request);
  absl::StatusOr<v1::AddNoteResponse> AddNote(const Caller& caller, const v1::AddNoteRequest& request);
  absl::StatusOr<v1::SetSeverityResponse> SetSeverity(const Caller& caller, const v1::SetSeverityRequest& request);
  absl::StatusOr<v1::AdvanceIncidentResponse> AdvanceIncident(const Caller& caller,
                                                              const v1::AdvanceIncidentRequest& request);
  absl::StatusOr<v1::GetTimelineResponse> GetTimeline(const Caller& caller, const v1::GetTimelineRequest& request);

  // --- Parts of other use cases' drafts --------------------------------------------------------------------------------
  // Joins the open incident of the signal's key, or opens one and starts its playbook. An empty `incident` in the answer: the
  // signal names neither model nor deployment. Joining starts the playbook, too, when the signal's deployment is neither
  // contained nor in the hands of a run: after a relapse, for a second deployment, after a run's end, for a worse severity;
  // at most three times per deployment. Else joining only reads; what writes conflicts with another such writer.
  absl::StatusOr<Correlation> Correlate(Draft& draft, const Caller& caller, const IncidentSignal& signal);

  // What Correlate would do now, in words; writes nothing.
  absl::StatusOr<Correlation> Preview(const IncidentSignal& signal) const;

  // Records in the index that alert `alert` of the incident has this state now. `before` is the state it had, nullptr for none.
  void MarkAlert(Draft& draft, const IncidentId& id, const Fingerprint& alert, absl::Time starts_at, AlertMark now,
                 const AlertMark* before);

  // Forward only, idempotent: a state already reached or passed is no change and no entry.
  absl::Status Advance(Draft& draft, const IncidentId& id, v1::IncidentState state, const Identity& actor,
                       std::string_view reason);
  // Adds names of snapshots and deployments found affected; known ones are no change. At most 256 are kept.
  absl::Status AddAffected(Draft& draft, const IncidentId& id, const std::vector<std::string>& names);
  // MITRE ATLAS technique ids; known ones are no change.
  absl::Status AddTechniques(Draft& draft, const IncidentId& id, const std::vector<std::string>& techniques);
  // Adds a run a person started for the incident.
  absl::Status AddRun(Draft& draft, const IncidentId& id, const RunId& run);
  // A note in the timeline: 1 byte to 2 KiB of UTF-8.
  absl::Status AddNote(Draft& draft, const IncidentId& id, const Identity& actor, std::string_view text);

  // Called when an alert of the incident ended or a run of it ended: moves an incident that was contained or had a run to
  // RECOVERED when no alert fires or is stale, no run is active and its deployments are back in service, counting what the
  // draft itself has written; and to CONTAINED when its deployment proved to be. Otherwise no change.
  absl::Status SettleAlerts(Draft& draft, const IncidentId& id);

  // After a commit that fired or ended alerts: two drafts that ended the last two alerts at once saw one another's alert still
  // firing; this looks again and settles, or takes a recovered incident up again when an alert of it fires. Cheap when there
  // is nothing to do. Commits by itself.
  absl::Status Reconcile(const IncidentId& id);
  // Reconcile for every incident that is not closed; for a start and a slow timer.
  absl::Status ReconcileOpen();

  // The incident with counts and began_at filled from its alerts. kNotFound names the nearest.
  absl::StatusOr<v1::Incident> Load(const IncidentId& id) const;

 private:
  absl::StatusOr<v1::Incident> LoadIn(Draft& draft, const IncidentId& id) const;
  absl::StatusOr<Correlation> Open(Draft& draft, const Caller& caller, const IncidentSignal& signal,
                                   const CorrelationKey& key);
  enum class Due { kNo, kYes, kTooOften };
  absl::StatusOr<Correlation> Join(Draft& draft, const Caller& caller, v1::Incident incident, IncidentSignal signal,
                                   Correlation joined);
  // What the last alert like this one found out, or what this one does, if it only has to read.
  absl::StatusOr<std::optional<Correlation>> FindQuiet(Draft& draft, const CorrelationKey& key, const IncidentSignal& signal);
  // Joining without writing anything, with nothing read but what `scratch` then shows; nullopt when it takes more.
  absl::StatusOr<std::optional<Correlation>> JoinQuietly(Draft& scratch, const CorrelationKey& key,
                                                         const IncidentSignal& signal) const;
  absl::StatusOr<Due> ChooseStart(Draft& draft, const v1::Incident& incident, const IncidentSignal& signal) const;
  absl::Status Start(Draft& draft, const v1::Incident& suspect, Correlation& joined);
  absl::Status GiveUp(Draft& draft, const v1::Incident& suspect);
  void RaiseSeverity(Draft& draft, v1::Incident& incident, const Identity& actor, uint32_t severity);
  absl::Status Relapse(Draft& draft, v1::Incident& incident, const Identity& actor, std::string_view reason);
  absl::Status TakeUpAgain(Draft& draft, v1::Incident incident);
  absl::StatusOr<bool> AnyContained(Draft& draft, uint64_t number, const v1::Incident& incident) const;
  absl::StatusOr<bool> WasActedOn(Draft& draft, uint64_t number, const v1::Incident& incident) const;
  IncidentSignal Complete(IncidentSignal signal) const;
  v1::Incident Draw(const Caller& caller, const IncidentSignal& signal) const;
  bool Joinable(const v1::Incident& incident) const;
  absl::Status CountAlerts(v1::Incident& incident) const;
  absl::Status NotFound(const IncidentId& id) const;
  absl::StatusOr<v1::Incident> Change(const std::string& id,
                                      absl::FunctionRef<absl::StatusOr<bool>(Draft&, v1::Incident&)> change);

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  RunStarter* const starter_;
  const SuspectFinder suspects_;
  const IncidentOptions options_;
  class QuietJoins;
  const std::unique_ptr<QuietJoins> quiet_;
};

// "INC-42" -> 42; kInvalidArgument otherwise.
absl::StatusOr<uint64_t> ParseIncidentId(std::string_view id);

}  // namespace firebreak

#endif  // FIREBREAK_INCIDENTS_INCIDENT_DESK_H_
