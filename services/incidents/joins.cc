// Signals that meet an open incident: what they change about it, and the runs that are started for them then.
#include <algorithm>
#include <utility>

#include "firebreak/base/text.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/incidents/lifecycle.h"
#include "firebreak/storage/keys/incidents.h"
#include "services/incidents/entry.h"

namespace firebreak {
namespace {

constexpr int kStartsMax = 3;   // runs started by themselves for one incident and deployment; then it is for people
constexpr int kRunsMax = 256;

// What the suspect is now; what is not known any more stays as it was for the same deployment.
void TakeSuspect(v1::Incident& incident, const v1::Incident& seen) {
  const bool other = seen.deployment() != incident.deployment();
  incident.set_deployment(seen.deployment());
  if (!other && seen.snapshot().empty()) return;
  incident.set_snapshot(seen.snapshot());
  incident.set_snapshot_digest(seen.snapshot_digest());
}

}  // namespace

absl::StatusOr<Correlation> IncidentDesk::Join(Draft& draft, const Caller& caller, v1::Incident incident,
                                               IncidentSignal signal, Correlation joined) {
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(incident.id()));
  const bool worse = SeverityOf(signal) < incident.severity();
  ASSIGN_OR_RETURN(const Due due, ChooseStart(draft, incident, signal));
  if (due == Due::kNo && !joined.relapsed && !worse) return joined;   // the usual case of a storm: only reads
  if (signal.deployment.empty()) signal.deployment = incident.deployment();
  const v1::Incident seen = Draw(caller, signal);
  const std::string before = incident.deployment();
  if (joined.relapsed || before.empty()) TakeSuspect(incident, seen);
  if (joined.relapsed) {
    RETURN_IF_ERROR(Relapse(draft, incident, caller.identity, "an alert of it fired again"));
    const auto key = keys::IncidentStarts(number, incident.deployment());
    ASSIGN_OR_RETURN(std::optional<store::v1::IncidentStarts> starts, draft.Find(key));
    if (!starts) starts.emplace();
    starts->set_relapses(starts->relapses() + 1);
    draft.Put(key, *starts);
  }
  if (worse) RaiseSeverity(draft, incident, caller.identity, SeverityOf(signal));
  if (worse || before != incident.deployment()) draft.Put(keys::Incident(number), incident);
  if (due == Due::kNo) return joined;

  const std::string& elsewhere = joined.relapsed ? before : seen.deployment();
  if (!elsewhere.empty() && elsewhere != incident.deployment()) {
    RETURN_IF_ERROR(AddAffected(draft, joined.incident, {StrCat("deployment/", elsewhere)}));
  }
  TakeSuspect(incident, seen);   // as the playbook is to see it; the incident keeps its own
  if (due == Due::kTooOften) {
    RETURN_IF_ERROR(GiveUp(draft, incident));
  } else {
    RETURN_IF_ERROR(Start(draft, incident, joined));
  }
  return joined;
}

absl::StatusOr<IncidentDesk::Due> IncidentDesk::ChooseStart(Draft& draft, const v1::Incident& incident,
                                                            const IncidentSignal& signal) const {
  const bool again =
      incident.state() == v1::INCIDENT_STATE_RECOVERED || SeverityOf(signal) < incident.severity();
  const bool elsewhere = !signal.deployment.empty() && signal.deployment != incident.deployment();
  if (starter_ == nullptr || (!again && !elsewhere && incident.runs().empty())) return Due::kNo;
  // A signal that names no deployment means the incident's: the fleet is not searched for every alert of a storm.
  std::string deployment = elsewhere ? signal.deployment : incident.deployment();
  if (deployment.empty()) deployment = Draw(ServiceCaller(), signal).deployment();
  ASSIGN_OR_RETURN(const bool active, starter_->HasActiveRunOn(draft, incident, deployment));
  if (active) return Due::kNo;
  if (options_.still_contained && !deployment.empty()) {
    ASSIGN_OR_RETURN(const bool contained, options_.still_contained(draft, deployment));
    if (contained) return Due::kNo;
  }
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(incident.id()));
  ASSIGN_OR_RETURN(const std::optional<store::v1::IncidentStarts> starts,
                   draft.Find(keys::IncidentStarts(number, deployment)));
  if (!starts) return Due::kYes;
  if (starts->given_up()) return Due::kNo;
  if (starts->runs_size() >= kStartsMax) return Due::kTooOften;
  // It was tried and no playbook wanted it or could: the same again would only fill the log.
  return again || starts->runs_size() > 0 ? Due::kYes : Due::kNo;
}

absl::Status IncidentDesk::Start(Draft& draft, const v1::Incident& suspect, Correlation& joined) {
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(suspect.id()));
  ASSIGN_OR_RETURN(const std::optional<v1::PlaybookRun> run, starter_->StartTriggered(draft, suspect));
  const auto key = keys::IncidentStarts(number, suspect.deployment());
  ASSIGN_OR_RETURN(std::optional<store::v1::IncidentStarts> starts, draft.Find(key));
  if (!starts) starts.emplace();
  if (run) starts->add_runs(run->id());
  // Of an opening only what was started is kept; of a joining the attempt, too.
  if (run || !joined.opened) draft.Put(key, *starts);
  if (!run) return absl::OkStatus();

  const auto& attached = run->attached();
  const bool shared = std::find(attached.begin(), attached.end(), suspect.id()) != attached.end();
  joined.run = run->id();
  StrAppend(&joined.explanation, shared ? "; joined " : "; started ", run->id(), " of playbook ", run->playbook());
  // Read again: the starter may have changed the incident in this draft.
  ASSIGN_OR_RETURN(v1::Incident newest, LoadIn(draft, joined.incident));
  auto& runs = *newest.mutable_runs();
  if (std::find(runs.begin(), runs.end(), run->id()) == runs.end() && runs.size() < kRunsMax) *runs.Add() = run->id();
  draft.Put(keys::Incident(number), newest);
  return absl::OkStatus();
}

absl::Status IncidentDesk::GiveUp(Draft& draft, const v1::Incident& suspect) {
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(suspect.id()));
  const auto key = keys::IncidentStarts(number, suspect.deployment());
  ASSIGN_OR_RETURN(store::v1::IncidentStarts starts, draft.Load(key, StrCat("starts of ", suspect.id())));
  starts.set_given_up(true);
  draft.Put(key, starts);
  const std::string reason = StrCat(starts.runs_size(), " runs were started for it already");
  v1::AuditEntry entry = IncidentEntry(suspect, ServiceCaller().identity.text(), "run.not_started",
                                       StrCat("no further run for ", suspect.id(), " by itself: ", reason,
                                              " (next: firebreak run start)"));
  (*entry.mutable_facts())["reason"] = reason;
  draft.Record(std::move(entry));
  return absl::OkStatus();
}

void IncidentDesk::RaiseSeverity(Draft& draft, v1::Incident& incident, const Identity& actor, uint32_t severity) {
  v1::AuditEntry entry =
      IncidentEntry(incident, actor.text(), "incident.severity_set",
                    StrCat("severity of ", incident.id(), " is ", severity, ", was ", incident.severity()));
  (*entry.mutable_facts())["reason"] = "a worse alert joined";
  draft.Record(std::move(entry));
  incident.set_severity(severity);
}

absl::Status IncidentDesk::Relapse(Draft& draft, v1::Incident& incident, const Identity& actor, std::string_view reason) {
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(incident.id()));
  const v1::IncidentState from = incident.state();
  v1::AuditEntry entry = IncidentEntry(incident, actor.text(), "incident.relapsed",
                                       StrCat(incident.id(), " relapsed from ", StateName(from), ": ", reason));
  auto& facts = *entry.mutable_facts();
  facts["from"] = std::string(StateName(from));
  facts["to"] = "triaged";
  facts["reason"] = Shorten(reason, 1024);
  // The move takes these times back; the first ones stay readable here.
  if (incident.has_contained_at()) facts["contained_at"] = FormatRfc3339(FromProto(incident.contained_at()));
  if (incident.has_eradicated_at()) facts["eradicated_at"] = FormatRfc3339(FromProto(incident.eradicated_at()));
  if (incident.has_recovered_at()) facts["recovered_at"] = FormatRfc3339(FromProto(incident.recovered_at()));
  draft.Record(std::move(entry));
  ApplyMove(incident, v1::INCIDENT_STATE_TRIAGED, Step::kRelapse, clock_.Now());
  incident.clear_recovered_by();
  draft.Put(keys::Incident(number), incident);
  return absl::OkStatus();
}

absl::Status IncidentDesk::TakeUpAgain(Draft& draft, v1::Incident incident) {
  IncidentSignal signal;
  signal.model = incident.model();
  signal.environment = incident.environment();
  signal.kind = incident.kind();
  signal.deployment = incident.deployment();
  signal.severity = incident.severity();
  Correlation joined;
  joined.incident = IncidentId(incident.id());
  joined.relapsed = true;
  return Join(draft, ServiceCaller(), std::move(incident), std::move(signal), std::move(joined)).status();
}

}  // namespace firebreak
