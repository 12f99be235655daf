// The draft functions of IncidentDesk: what alerts, runs and actions change about incidents in their own commits.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "firebreak/base/text.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/incidents/lifecycle.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/incidents.h"
#include "services/incidents/entry.h"
#include "services/incidents/quiet_joins.h"

namespace firebreak {
namespace {

constexpr std::string_view kService = "firebreak";
constexpr int kAffectedMax = 256;
constexpr int kTechniquesMax = 64;
constexpr int kRunsMax = 256;
constexpr std::string_view kDeploymentPrefix = "deployment/";
constexpr size_t kNoteBytesMax = 2048;
constexpr size_t kReconcileMax = 1000;   // newest incidents looked at by one ReconcileOpen

std::string_view MarkName(AlertMark mark) {
  switch (mark) {
    case AlertMark::kFiring:
      return "firing";
    case AlertMark::kStale:
      return "stale";
    case AlertMark::kResolved:
      return "resolved";
  }
  return "resolved";
}

Key<store::v1::IncidentPointer> PointerKey(const CorrelationKey& key) {
  return keys::IncidentOfKey(key.model.empty() ? StrCat("deployment:", key.deployment) : StrCat("model:", key.model),
                             key.environment, key.kind);
}

std::string KeyInWords(const CorrelationKey& key) {
  std::string words = key.model.empty() ? StrCat("deployment ", key.deployment) : StrCat("model ", key.model);
  StrAppend(&words, key.environment.empty() ? std::string() : StrCat(", environment ", key.environment), ", kind ",
            key.kind);
  return words;
}

Correlation Joined(const v1::Incident& incident, const CorrelationKey& key) {
  Correlation joined;
  joined.incident = IncidentId(incident.id());
  joined.explanation = StrCat("joined ", incident.id(), ": same ", KeyInWords(key));
  return joined;
}

// Whether any alert of the incident has this mark once the draft is committed.
absl::StatusOr<bool> AnyMark(const Draft& draft, uint64_t incident, AlertMark mark) {
  const std::string prefix = keys::IncidentAlerts(incident, MarkName(mark)).bytes;
  for (auto it = draft.writes().lower_bound(prefix); it != draft.writes().end(); ++it) {
    if (!absl::StartsWith(it->first, prefix)) break;
    if (it->second.has_value()) return true;
  }
  std::string after;
  while (true) {
    ASSIGN_OR_RETURN(std::vector<KeyValue> rows, draft.store().List(prefix, after, 64));
    if (rows.empty()) return false;
    for (const KeyValue& row : rows) {
      if (draft.writes().find(row.key) == draft.writes().end()) return true;   // written ones were looked at above
    }
    after = rows.back().key;
  }
}

// Adds the values not there yet; what was added, in words.
template <typename Repeated>
std::vector<std::string> AddMissing(Repeated& list, const std::vector<std::string>& values, int count_max) {
  std::vector<std::string> added;
  for (const std::string& value : values) {
    if (value.empty() || list.size() >= count_max) continue;
    if (std::find(list.begin(), list.end(), value) != list.end()) continue;
    *list.Add() = value;
    added.push_back(value);
  }
  return added;
}

}  // namespace

absl::StatusOr<uint64_t> ParseIncidentId(std::string_view id) {
  uint64_t number = 0;
  if (id.size() < 5 || id.substr(0, 4) != "INC-" || !absl::ascii_isdigit(static_cast<unsigned char>(id[4])) ||
      id[4] == '0' || !absl::SimpleAtoi(ToAbsl(id.substr(4)), &number) || number == 0) {
    return absl::InvalidArgumentError(StrCat("\"", Shorten(id, 64), "\" is not an incident id (next: use the form INC-42)"));
  }
  return number;
}

absl::StatusOr<v1::Incident> IncidentDesk::LoadIn(Draft& draft, const IncidentId& id) const {
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
  return draft.Load(keys::Incident(number), StrCat("incident ", id.text()));
}

bool IncidentDesk::Joinable(const v1::Incident& incident) const {
  if (incident.state() == v1::INCIDENT_STATE_CLOSED) return false;
  if (incident.state() != v1::INCIDENT_STATE_RECOVERED) return true;
  return clock_.Now() - FromProto(incident.recovered_at()) <= options_.reopen_window;
}

IncidentSignal IncidentDesk::Complete(IncidentSignal signal) const {
  signal.model = Shorten(signal.model, 128);
  signal.model_version = Shorten(signal.model_version, 64);
  signal.environment = Shorten(signal.environment, 64);
  signal.kind = Shorten(signal.kind.empty() ? "performance" : signal.kind, 64);
  signal.deployment = Shorten(signal.deployment, 64);
  signal.snapshot = Shorten(signal.snapshot, 256);
  signal.title = Shorten(signal.title, 200);
  if (signal.model.empty() && suspects_ && !signal.deployment.empty()) {
    if (auto facts = suspects_(signal)) signal.model = facts->model;
  }
  return signal;
}

v1::Incident IncidentDesk::Draw(const Caller& caller, const IncidentSignal& signal) const {
  v1::Incident incident;
  incident.set_state(v1::INCIDENT_STATE_DETECTED);
  incident.set_severity(std::clamp<uint32_t>(signal.severity, 1, 5));
  incident.set_kind(signal.kind);
  incident.set_model(signal.model);
  incident.set_environment(signal.environment);
  incident.set_deployment(signal.deployment);
  incident.set_snapshot(signal.snapshot);
  if (suspects_) {
    if (auto facts = suspects_(signal)) {
      if (incident.deployment().empty()) incident.set_deployment(facts->deployment);
      if (incident.snapshot().empty() || incident.snapshot() == facts->snapshot) {
        incident.set_snapshot(facts->snapshot);
        incident.set_snapshot_digest(facts->snapshot_digest);
      }
    }
  }
  if (incident.snapshot().empty() && !signal.model.empty() && !signal.model_version.empty()) {
    incident.set_snapshot(StrCat("model/", signal.model, "@", signal.model_version));
  }
  const std::string subject = signal.model.empty() ? signal.deployment : signal.model;
  incident.set_title(signal.title.empty() ? StrCat(signal.kind, " of ", subject) : signal.title);
  incident.set_opened_by(caller.identity.text());
  const absl::Time now = clock_.Now();
  *incident.mutable_detected_at() = ToProto(now);
  if (signal.began_at != absl::InfinitePast()) *incident.mutable_began_at() = ToProto(std::min(signal.began_at, now));
  return incident;
}

absl::StatusOr<Correlation> IncidentDesk::Correlate(Draft& draft, const Caller& caller, const IncidentSignal& signal) {
  const IncidentSignal complete = Complete(signal);
  const std::optional<CorrelationKey> key = KeyOf(complete);
  if (!key) {
    Correlation none;
    none.explanation = "no incident: neither a model_name nor a deployment label";
    return none;
  }
  ASSIGN_OR_RETURN(std::optional<Correlation> quiet, FindQuiet(draft, *key, complete));
  if (quiet) return *std::move(quiet);
  ASSIGN_OR_RETURN(std::optional<store::v1::IncidentPointer> pointer, draft.Find(PointerKey(*key)));
  if (pointer) {
    ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, IncidentId(pointer->incident())));
    if (Joinable(incident)) {
      Correlation joined = Joined(incident, *key);
      joined.relapsed = incident.state() == v1::INCIDENT_STATE_RECOVERED;
      if (joined.relapsed) StrAppend(&joined.explanation, "; it had recovered and is taken up again");
      return Join(draft, caller, std::move(incident), complete, std::move(joined));
    }
  }
  return Open(draft, caller, complete, *key);
}

absl::StatusOr<std::optional<Correlation>> IncidentDesk::FindQuiet(Draft& draft, const CorrelationKey& key,
                                                                   const IncidentSignal& signal) {
  const std::string name = QuietJoins::NameOf(key, signal);
  if (!draft.may_rely()) {   // lost a race, perhaps over what is remembered
    quiet_->Forget(name);
    return std::optional<Correlation>();
  }
  // What the draft has written itself, a sighting does not show.
  if (!draft.writes().empty()) return std::optional<Correlation>();
  if (const auto known = quiet_->Find(name, draft.as_of())) {
    draft.Rely(known->sighting);
    return std::optional<Correlation>(known->joined);
  }
  Draft scratch(draft.store(), draft.as_of());
  ASSIGN_OR_RETURN(std::optional<Correlation> joined, JoinQuietly(scratch, key, signal));
  if (!joined) return joined;
  const auto sighting = std::make_shared<const Sighting>(scratch.sighting());
  quiet_->Learn(name, {*joined, sighting});
  draft.Rely(sighting);
  return joined;
}

absl::StatusOr<std::optional<Correlation>> IncidentDesk::JoinQuietly(Draft& scratch, const CorrelationKey& key,
                                                                     const IncidentSignal& signal) const {
  const std::optional<Correlation> more;
  ASSIGN_OR_RETURN(const std::optional<store::v1::IncidentPointer> pointer, scratch.Find(PointerKey(key)));
  if (!pointer) return more;
  ASSIGN_OR_RETURN(const v1::Incident incident, LoadIn(scratch, IncidentId(pointer->incident())));
  if (incident.state() >= v1::INCIDENT_STATE_RECOVERED || SeverityOf(signal) < incident.severity()) return more;
  // Without a deployment the fleet is asked for one, and what it answers leaves no trace to check later.
  if (signal.deployment.empty() && incident.deployment().empty() && !incident.runs().empty()) return more;
  ASSIGN_OR_RETURN(const Due due, ChooseStart(scratch, incident, signal));
  if (due != Due::kNo) return more;
  return std::optional<Correlation>(Joined(incident, key));
}

absl::StatusOr<Correlation> IncidentDesk::Open(Draft& draft, const Caller& caller, const IncidentSignal& signal,
                                               const CorrelationKey& key) {
  v1::Incident incident = Draw(caller, signal);
  ASSIGN_OR_RETURN(const uint64_t number, draft.NextNumber("incident"));
  incident.set_id(NumberedId("INC", number));
  draft.Put(keys::Incident(number), incident);
  store::v1::IncidentPointer pointer;
  pointer.set_incident(incident.id());
  draft.Put(PointerKey(key), pointer);

  v1::AuditEntry entry = IncidentEntry(incident, caller.identity.text(), "incident.opened",
                                       StrCat(incident.id(), " opened: ", incident.title()));
  auto& facts = *entry.mutable_facts();
  facts["severity"] = StrCat(incident.severity());
  facts["kind"] = incident.kind();
  if (!incident.model().empty()) facts["model"] = incident.model();
  if (!incident.environment().empty()) facts["environment"] = incident.environment();
  draft.Record(std::move(entry));

  Correlation opened;
  opened.incident = IncidentId(incident.id());
  opened.opened = true;
  opened.explanation = StrCat("opened ", incident.id(), ": no open incident for ", KeyInWords(key));
  if (starter_ != nullptr) RETURN_IF_ERROR(Start(draft, incident, opened));
  return opened;
}

absl::StatusOr<Correlation> IncidentDesk::Preview(const IncidentSignal& signal) const {
  Draft scratch(ledger_.store());
  const IncidentSignal complete = Complete(signal);
  const std::optional<CorrelationKey> key = KeyOf(complete);
  Correlation preview;
  if (!key) {
    preview.explanation = "would open no incident: neither a model_name nor a deployment label";
    return preview;
  }
  ASSIGN_OR_RETURN(std::optional<store::v1::IncidentPointer> pointer, scratch.Find(PointerKey(*key)));
  if (pointer) {
    ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(scratch, IncidentId(pointer->incident())));
    if (Joinable(incident)) {
      preview.incident = IncidentId(incident.id());
      preview.explanation = StrCat("would join ", incident.id(), ": same ", KeyInWords(*key));
      ASSIGN_OR_RETURN(const Due due, ChooseStart(scratch, incident, complete));
      if (due != Due::kYes) return preview;
      ASSIGN_OR_RETURN(const std::optional<std::string> playbook,
                       starter_->PreviewTriggered(Draw(ServiceCaller(), complete)));
      if (playbook) StrAppend(&preview.explanation, " and start playbook ", *playbook);
      return preview;
    }
  }
  preview.opened = true;
  preview.explanation = StrCat("would open an incident: none is open for ", KeyInWords(*key));
  if (starter_ != nullptr) {
    ASSIGN_OR_RETURN(std::optional<std::string> playbook, starter_->PreviewTriggered(Draw(ServiceCaller(), complete)));
    if (playbook) StrAppend(&preview.explanation, " and start playbook ", *playbook);
  }
  return preview;
}

void IncidentDesk::MarkAlert(Draft& draft, const IncidentId& id, const Fingerprint& alert, absl::Time starts_at,
                             AlertMark now, const AlertMark* before) {
  const absl::StatusOr<uint64_t> number = ParseIncidentId(id.text());
  if (!number.ok()) return;   // an alert without incident has no mark
  if (before != nullptr && *before != now) draft.Delete(keys::IncidentAlert(*number, MarkName(*before), alert.text()));
  store::v1::IncidentAlert mark;
  *mark.mutable_starts_at() = ToProto(starts_at);
  draft.Put(keys::IncidentAlert(*number, MarkName(now), alert.text()), mark);
}

absl::Status IncidentDesk::Advance(Draft& draft, const IncidentId& id, v1::IncidentState state, const Identity& actor,
                                   std::string_view reason) {
  ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, id));
  ASSIGN_OR_RETURN(const Step step, CheckAdvance(incident.state(), state));
  if (step == Step::kNone) return absl::OkStatus();
  const v1::IncidentState from = incident.state();
  ApplyMove(incident, state, step, clock_.Now());
  if (state == v1::INCIDENT_STATE_RECOVERED) incident.set_recovered_by(actor.text());
  v1::AuditEntry entry = IncidentEntry(incident, actor.text(), state == v1::INCIDENT_STATE_CLOSED ? "incident.closed" : "incident.advanced",
                                       StrCat(incident.id(), " moved from ", StateName(from), " to ", StateName(state)));
  (*entry.mutable_facts())["from"] = std::string(StateName(from));
  (*entry.mutable_facts())["to"] = std::string(StateName(state));
  if (!reason.empty()) (*entry.mutable_facts())["reason"] = Shorten(reason, 1024);
  if (state == v1::INCIDENT_STATE_CLOSED) incident.set_close_reason(Shorten(reason, 1024));
  draft.Record(std::move(entry));
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
  draft.Put(keys::Incident(number), incident);
  return absl::OkStatus();
}

absl::Status IncidentDesk::AddAffected(Draft& draft, const IncidentId& id, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, id));
  const std::vector<std::string> added = AddMissing(*incident.mutable_affected(), names, kAffectedMax);
  if (added.empty()) return absl::OkStatus();
  v1::AuditEntry entry = IncidentEntry(incident, kService, "incident.affected",
                                       StrCat(added.size(), " more affected by ", incident.id(), ": ", added.front(),
                                              added.size() > 1 ? " …" : ""));
  (*entry.mutable_facts())["count"] = StrCat(added.size());
  for (const std::string& name : added) {
    if (entry.subjects_size() == 16) break;
    entry.add_subjects(name);
  }
  draft.Record(std::move(entry));
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
  draft.Put(keys::Incident(number), incident);
  return absl::OkStatus();
}

absl::Status IncidentDesk::AddTechniques(Draft& draft, const IncidentId& id, const std::vector<std::string>& techniques) {
  ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, id));
  const std::vector<std::string> added = AddMissing(*incident.mutable_techniques(), techniques, kTechniquesMax);
  if (added.empty()) return absl::OkStatus();
  draft.Record(IncidentEntry(incident, kService, "incident.techniques",
                             StrCat("technique ", added.front(), added.size() > 1 ? " and others" : "", " noted on ",
                                    incident.id())));
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
  draft.Put(keys::Incident(number), incident);
  return absl::OkStatus();
}

absl::Status IncidentDesk::AddRun(Draft& draft, const IncidentId& id, const RunId& run) {
  ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, id));
  const std::vector<std::string> runs = {run.text()};
  if (AddMissing(*incident.mutable_runs(), runs, kRunsMax).empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
  draft.Put(keys::Incident(number), incident);
  return absl::OkStatus();
}

absl::Status IncidentDesk::AddNote(Draft& draft, const IncidentId& id, const Identity& actor, std::string_view text) {
  if (text.empty() || text.size() > kNoteBytesMax) {
    return absl::InvalidArgumentError(StrCat("note on ", id.text(), ": ", text.size(), " bytes; 1 to ", kNoteBytesMax,
                                             " are allowed"));
  }
  if (!IsValidUtf8(text)) return absl::InvalidArgumentError(StrCat("note on ", id.text(), ": not valid UTF-8"));
  ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, id));
  v1::AuditEntry entry = IncidentEntry(incident, actor.text(), "incident.noted", text);
  if (text.size() > 512) (*entry.mutable_facts())["note"] = std::string(text);
  draft.Record(std::move(entry));
  return absl::OkStatus();
}

absl::StatusOr<bool> IncidentDesk::AnyContained(Draft& draft, uint64_t number, const v1::Incident& incident) const {
  if (!options_.still_contained) return false;
  if (!incident.deployment().empty()) {
    ASSIGN_OR_RETURN(const bool contained, options_.still_contained(draft, incident.deployment()));
    if (contained) return true;
  }
  // Others count when a run was started there for this incident; what a sweep merely found is not ours to wait for.
  for (const std::string& name : incident.affected()) {
    if (!name.starts_with(kDeploymentPrefix)) continue;
    const std::string deployment = name.substr(kDeploymentPrefix.size());
    ASSIGN_OR_RETURN(const std::optional<store::v1::IncidentStarts> starts,
                     draft.Find(keys::IncidentStarts(number, deployment)));
    if (!starts || starts->runs().empty()) continue;
    ASSIGN_OR_RETURN(const bool contained, options_.still_contained(draft, deployment));
    if (contained) return true;
  }
  return false;
}

absl::StatusOr<bool> IncidentDesk::WasActedOn(Draft& draft, uint64_t number, const v1::Incident& incident) const {
  if (incident.state() == v1::INCIDENT_STATE_CONTAINED || incident.state() == v1::INCIDENT_STATE_ERADICATED) return true;
  if (incident.state() != v1::INCIDENT_STATE_DETECTED && incident.state() != v1::INCIDENT_STATE_TRIAGED) return false;
  if (!incident.runs().empty()) return true;
  ASSIGN_OR_RETURN(const std::optional<store::v1::IncidentStarts> starts,
                   draft.Find(keys::IncidentStarts(number, incident.deployment())));
  return starts && starts->relapses() > 0;   // it had recovered once
}

absl::Status IncidentDesk::SettleAlerts(Draft& draft, const IncidentId& id) {
  ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, id));
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
  if (incident.state() < v1::INCIDENT_STATE_CONTAINED && options_.containment_proved && !incident.deployment().empty()) {
    ASSIGN_OR_RETURN(const bool proved, options_.containment_proved(draft, incident.deployment()));
    if (proved) {
      return Advance(draft, id, v1::INCIDENT_STATE_CONTAINED, Identity(std::string(kService)),
                     StrCat(incident.deployment(), " is contained and its agents proved it"));
    }
  }
  ASSIGN_OR_RETURN(const bool acted, WasActedOn(draft, number, incident));
  if (!acted) return absl::OkStatus();
  for (AlertMark mark : {AlertMark::kFiring, AlertMark::kStale}) {
    ASSIGN_OR_RETURN(const bool any, AnyMark(draft, number, mark));
    if (any) return absl::OkStatus();
  }
  // An incident nobody's alert belongs to is moved on by people only.
  ASSIGN_OR_RETURN(const bool resolved, AnyMark(draft, number, AlertMark::kResolved));
  if (!resolved) return absl::OkStatus();
  if (starter_ != nullptr) {
    ASSIGN_OR_RETURN(const bool active, starter_->HasActiveRun(draft, incident));
    if (active) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const bool contained, AnyContained(draft, number, incident));
  if (contained) return absl::OkStatus();
  return Advance(draft, id, v1::INCIDENT_STATE_RECOVERED, Identity(std::string(kService)), "its last alert resolved");
}

absl::Status IncidentDesk::Reconcile(const IncidentId& id) {
  bool nothing_to_do = false;
  const auto receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    nothing_to_do = false;
    ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, id));
    ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
    if (incident.state() == v1::INCIDENT_STATE_RECOVERED && incident.recovered_by() == kService) {
      ASSIGN_OR_RETURN(const bool fires, AnyMark(draft, number, AlertMark::kFiring));
      if (fires) RETURN_IF_ERROR(TakeUpAgain(draft, std::move(incident)));
    } else {
      RETURN_IF_ERROR(SettleAlerts(draft, id));
    }
    nothing_to_do = draft.writes().empty();
    return nothing_to_do ? absl::CancelledError("nothing to reconcile") : absl::OkStatus();
  });
  return nothing_to_do ? absl::OkStatus() : receipt.status();
}

absl::Status IncidentDesk::ReconcileOpen() {
  ASSIGN_OR_RETURN(RecordPage<v1::Incident> page, ListRecords(ledger_.store(), keys::Incidents(), "", kReconcileMax));
  for (const auto& [key, incident] : page.records) {
    const bool settles = incident.state() < v1::INCIDENT_STATE_RECOVERED ||
                         (incident.state() == v1::INCIDENT_STATE_RECOVERED && incident.recovered_by() == kService);
    if (!settles) continue;
    RETURN_IF_ERROR(Annotate(Reconcile(IncidentId(incident.id())), StrCat("reconcile ", incident.id())));
  }
  return absl::OkStatus();
}

}  // namespace firebreak
