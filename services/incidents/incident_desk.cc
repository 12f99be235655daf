#include "firebreak/incidents/incident_desk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/incidents/lifecycle.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/incidents.h"
#include "firebreak/storage/keys/ledger.h"
#include "services/incidents/entry.h"
#include "services/incidents/quiet_joins.h"

namespace firebreak {
namespace {

constexpr size_t kCountMax = 10'000;      // alerts counted per incident on a read
constexpr size_t kScanMax = 2000;         // incidents looked at by one ListIncidents
constexpr size_t kRolesMax = 16;

size_t PageSize(uint32_t wanted, size_t usual, size_t most) {
  return wanted == 0 ? usual : std::min<size_t>(wanted, most);
}

absl::Status CheckText(std::string_view what, std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return absl::InvalidArgumentError(StrCat(what, ": ", text.size(), " bytes; at most ", bytes_max, " are allowed"));
  }
  if (!IsValidUtf8(text)) return absl::InvalidArgumentError(StrCat(what, ": not valid UTF-8"));
  return absl::OkStatus();
}

absl::Status CheckReason(std::string_view what, std::string_view reason) {
  if (reason.empty()) return absl::InvalidArgumentError(StrCat(what, " needs a reason"));
  return CheckText("reason", reason, 1024);
}

absl::Status CheckSeverity(uint32_t severity) {
  if (severity >= 1 && severity <= 5) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("severity ", severity, " does not exist (next: 1, the worst, to 5)"));
}

absl::StatusOr<IncidentSignal> SignalOf(const v1::OpenIncidentRequest& request) {
  RETURN_IF_ERROR(CheckText("title", request.title(), 200));
  if (request.title().empty()) return absl::InvalidArgumentError("an incident needs a title");
  RETURN_IF_ERROR(CheckSeverity(request.severity() == 0 ? 3 : request.severity()));
  RETURN_IF_ERROR(CheckText("snapshot", request.snapshot(), 256));
  RETURN_IF_ERROR(CheckText("request_id", request.request_id(), 128));
  for (const auto& [what, name] : {std::pair("model", &request.model()), std::pair("environment", &request.environment()),
                                   std::pair("kind", &request.kind()), std::pair("deployment", &request.deployment())}) {
    if (!name->empty()) RETURN_IF_ERROR(CheckName(what, *name));
  }
  if (request.model().empty() && request.deployment().empty()) {
    return absl::InvalidArgumentError("an incident needs a model or a deployment");
  }
  IncidentSignal signal;
  signal.title = request.title();
  signal.severity = request.severity() == 0 ? 3 : request.severity();
  signal.kind = request.kind();
  signal.model = request.model();
  signal.environment = request.environment();
  signal.deployment = request.deployment();
  signal.snapshot = request.snapshot();
  return signal;
}

}  // namespace

IncidentDesk::IncidentDesk(Ledger& ledger, const Clock& clock, Log& log, RunStarter* starter, SuspectFinder suspects,
                           IncidentOptions options)
    : ledger_(ledger), clock_(clock), log_(log), starter_(starter), suspects_(std::move(suspects)), options_(options),
      quiet_(std::make_unique<QuietJoins>()) {}

IncidentDesk::~IncidentDesk() = default;

absl::Status IncidentDesk::CountAlerts(v1::Incident& incident) const {
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(incident.id()));
  size_t total = 0;
  absl::Time began = incident.has_began_at() ? FromProto(incident.began_at()) : absl::InfiniteFuture();
  for (std::string_view state : {"firing", "stale", "resolved"}) {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::IncidentAlerts(number, state), "", kCountMax));
    for (const auto& [key, mark] : page.records) began = std::min(began, FromProto(mark.starts_at()));
    total += page.records.size();
    if (state == "firing") incident.set_firing_alerts(static_cast<uint32_t>(page.records.size()));
  }
  incident.set_total_alerts(static_cast<uint32_t>(total));
  if (began != absl::InfiniteFuture()) *incident.mutable_began_at() = ToProto(began);
  return absl::OkStatus();
}

// Numbers have no gaps: past the newest, the newest is what is nearest.
absl::Status IncidentDesk::NotFound(const IncidentId& id) const {
  ASSIGN_OR_RETURN(const auto last, FindRecord(ledger_.store(), SequenceKey("incident")));
  return absl::NotFoundError(StrCat("incident ", id.text(), " does not exist (next: ",
                                    last && last->last() > 0 ? StrCat("did you mean ", NumberedId("INC", last->last()), "?")
                                                             : std::string("none was opened yet"),
                                    ")"));
}

absl::StatusOr<v1::Incident> IncidentDesk::Load(const IncidentId& id) const {
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
  ASSIGN_OR_RETURN(std::optional<v1::Incident> found, FindRecord(ledger_.store(), keys::Incident(number)));
  if (!found) return NotFound(id);
  v1::Incident incident = *std::move(found);
  RETURN_IF_ERROR(CountAlerts(incident));
  return incident;
}

absl::StatusOr<v1::Incident> IncidentDesk::Change(
    const std::string& id, absl::FunctionRef<absl::StatusOr<bool>(Draft&, v1::Incident&)> change) {
  v1::Incident result;
  bool unchanged = false;
  const auto receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    unchanged = false;
    ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, IncidentId(id)));
    ASSIGN_OR_RETURN(const bool changed, change(draft, incident));
    result = incident;
    if (!changed) {
      unchanged = true;
      return absl::CancelledError("no change");
    }
    ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id));
    draft.Put(keys::Incident(number), incident);
    return absl::OkStatus();
  });
  if (!receipt.ok() && !unchanged) return receipt.status();
  RETURN_IF_ERROR(CountAlerts(result));
  return result;
}

absl::StatusOr<v1::OpenIncidentResponse> IncidentDesk::OpenIncident(const Caller& caller,
                                                                    const v1::OpenIncidentRequest& request) {
  ASSIGN_OR_RETURN(const IncidentSignal signal, SignalOf(request));
  const std::string content = Sha256(request.SerializeAsString()).raw();
  const auto request_key = keys::IncidentRequest(caller.identity.text(), request.request_id());
  v1::OpenIncidentResponse response;
  std::string opened_id;
  bool nothing_to_write = false;
  const auto receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    nothing_to_write = false;
    if (!request.request_id().empty()) {
      ASSIGN_OR_RETURN(std::optional<store::v1::OpenedByRequest> known, draft.Find(request_key));
      if (known && known->content_digest() != content) {
        return absl::AlreadyExistsError(StrCat("request id ", request.request_id(), " was used for another incident"));
      }
      if (known) {
        opened_id = known->incident();
        response.set_already_open(known->already_open());
        response.set_run(known->run());
        nothing_to_write = true;
        return absl::CancelledError("answered before");
      }
    }
    ASSIGN_OR_RETURN(Correlation correlation, Correlate(draft, caller, signal));
    opened_id = correlation.incident.text();
    response.set_already_open(!correlation.opened);
    response.set_run(correlation.run);
    if (!correlation.opened && !correlation.relapsed) {
      ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, correlation.incident));
      draft.Record(IncidentEntry(incident, caller.identity.text(), "incident.reported",
                                 StrCat(caller.identity.text(), " reported ", incident.id(), " too: ", signal.title)));
    }
    if (!request.request_id().empty()) {
      store::v1::OpenedByRequest used;
      used.set_content_digest(content);
      used.set_incident(opened_id);
      used.set_already_open(response.already_open());
      used.set_run(response.run());
      draft.Put(request_key, used);
    }
    return absl::OkStatus();
  });
  if (!receipt.ok() && !nothing_to_write) return receipt.status();
  ASSIGN_OR_RETURN(*response.mutable_incident(), Load(IncidentId(opened_id)));
  return response;
}

absl::StatusOr<v1::GetIncidentResponse> IncidentDesk::GetIncident(const Caller&, const v1::GetIncidentRequest& request) {
  v1::GetIncidentResponse response;
  ASSIGN_OR_RETURN(*response.mutable_incident(), Load(IncidentId(request.incident())));
  return response;
}

absl::StatusOr<v1::ListIncidentsResponse> IncidentDesk::ListIncidents(const Caller&,
                                                                      const v1::ListIncidentsRequest& request) {
  const size_t wanted = PageSize(request.page_size(), 50, 500);
  ASSIGN_OR_RETURN(std::string after, FromHex(request.page_token()));
  v1::ListIncidentsResponse response;
  for (size_t scanned = 0; scanned < kScanMax;) {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::Incidents(), after, 100));
    for (auto& [key, incident] : page.records) {
      if (static_cast<size_t>(response.incidents_size()) == wanted) {
        response.set_next_page_token(ToHex(after));
        return response;
      }
      after = key;
      ++scanned;
      if (incident.state() == v1::INCIDENT_STATE_CLOSED && !request.include_closed()) continue;
      RETURN_IF_ERROR(CountAlerts(incident));
      *response.add_incidents() = std::move(incident);
    }
    if (page.next_after.empty()) return response;
  }
  response.set_next_page_token(ToHex(after));
  return response;
}

absl::StatusOr<v1::AcknowledgeIncidentResponse> IncidentDesk::AcknowledgeIncident(
    const Caller& caller, const v1::AcknowledgeIncidentRequest& request) {
  v1::AcknowledgeIncidentResponse response;
  ASSIGN_OR_RETURN(*response.mutable_incident(),
                   Change(request.incident(), [&](Draft& draft, v1::Incident& incident) -> absl::StatusOr<bool> {
                     if (incident.has_acknowledged_at()) return false;
                     if (incident.state() == v1::INCIDENT_STATE_CLOSED) {
                       return absl::FailedPreconditionError(StrCat(incident.id(), " is closed"));
                     }
                     *incident.mutable_acknowledged_at() = ToProto(clock_.Now());
                     incident.set_acknowledged_by(caller.identity.text());
                     draft.Record(IncidentEntry(incident, caller.identity.text(), "incident.acknowledged",
                                                StrCat(caller.identity.text(), " acknowledged ", incident.id())));
                     return true;
                   }));
  return response;
}

absl::StatusOr<v1::AssignRoleResponse> IncidentDesk::AssignRole(const Caller& caller,
                                                                const v1::AssignRoleRequest& request) {
  RETURN_IF_ERROR(CheckName("role", request.role()));
  RETURN_IF_ERROR(CheckName("identity", request.identity()));
  v1::AssignRoleResponse response;
  ASSIGN_OR_RETURN(*response.mutable_incident(),
                   Change(request.incident(), [&](Draft& draft, v1::Incident& incident) -> absl::StatusOr<bool> {
                     auto& roles = *incident.mutable_roles();
                     const auto held = roles.find(request.role());
                     if (held != roles.end() && held->second == request.identity()) return false;
                     if (held == roles.end() && roles.size() >= kRolesMax) {
                       return absl::ResourceExhaustedError(StrCat(incident.id(), " has ", kRolesMax, " roles already"));
                     }
                     roles[request.role()] = request.identity();
                     v1::AuditEntry entry =
                         IncidentEntry(incident, caller.identity.text(), "incident.role_assigned",
                                       StrCat(request.identity(), " is ", request.role(), " of ", incident.id()));
                     (*entry.mutable_facts())["role"] = request.role();
                     (*entry.mutable_facts())["identity"] = request.identity();
                     draft.Record(std::move(entry));
                     return true;
                   }));
  return response;
}

absl::StatusOr<v1::AddNoteResponse> IncidentDesk::AddNote(const Caller& caller, const v1::AddNoteRequest& request) {
  RETURN_IF_ERROR(ledger_
                      .Transact([&](Draft& draft) -> absl::Status {
                        return AddNote(draft, IncidentId(request.incident()), caller.identity, request.text());
                      })
                      .status());
  return v1::AddNoteResponse();
}

absl::StatusOr<v1::SetSeverityResponse> IncidentDesk::SetSeverity(const Caller& caller,
                                                                  const v1::SetSeverityRequest& request) {
  RETURN_IF_ERROR(CheckSeverity(request.severity()));
  RETURN_IF_ERROR(CheckReason("a change of severity", request.reason()));
  v1::SetSeverityResponse response;
  ASSIGN_OR_RETURN(*response.mutable_incident(),
                   Change(request.incident(), [&](Draft& draft, v1::Incident& incident) -> absl::StatusOr<bool> {
                     if (incident.severity() == request.severity()) return false;
                     v1::AuditEntry entry = IncidentEntry(
                         incident, caller.identity.text(), "incident.severity_set",
                         StrCat("severity of ", incident.id(), " is ", request.severity(), ", was ", incident.severity()));
                     (*entry.mutable_facts())["reason"] = request.reason();
                     draft.Record(std::move(entry));
                     incident.set_severity(request.severity());
                     return true;
                   }));
  return response;
}

absl::StatusOr<v1::AdvanceIncidentResponse> IncidentDesk::AdvanceIncident(const Caller& caller,
                                                                          const v1::AdvanceIncidentRequest& request) {
  RETURN_IF_ERROR(CheckText("reason", request.reason(), 1024));
  const bool closing = request.state() == v1::INCIDENT_STATE_CLOSED;
  if (closing) RETURN_IF_ERROR(CheckReason("closing an incident", request.reason()));
  if (request.false_positive() && !closing) {
    return absl::InvalidArgumentError("false_positive belongs to closing an incident");
  }
  bool unchanged = false;
  const auto receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    unchanged = false;
    const IncidentId id(request.incident());
    ASSIGN_OR_RETURN(v1::Incident incident, LoadIn(draft, id));
    ASSIGN_OR_RETURN(const Step step, CheckMove(incident.state(), request.state(), request.reason()));
    if (step == Step::kNone) {
      unchanged = true;
      return absl::CancelledError("no change");
    }
    if (step == Step::kRelapse) return Relapse(draft, incident, caller.identity, request.reason());
    RETURN_IF_ERROR(Advance(draft, id, request.state(), caller.identity, request.reason()));
    if (request.false_positive()) {
      ASSIGN_OR_RETURN(incident, LoadIn(draft, id));
      ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(id.text()));
      incident.set_false_positive(true);
      draft.Put(keys::Incident(number), incident);
    }
    return absl::OkStatus();
  });
  if (!receipt.ok() && !unchanged) return receipt.status();
  v1::AdvanceIncidentResponse response;
  ASSIGN_OR_RETURN(*response.mutable_incident(), Load(IncidentId(request.incident())));
  return response;
}

absl::StatusOr<v1::GetTimelineResponse> IncidentDesk::GetTimeline(const Caller&, const v1::GetTimelineRequest& request) {
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(request.incident()));
  RETURN_IF_ERROR(
      LoadRecord(ledger_.store(), keys::Incident(number), StrCat("incident ", request.incident())).status());
  ASSIGN_OR_RETURN(EntryPage page,
                   ListEntriesBySubject(ledger_.store(), StrCat("incident/", request.incident()), request.from_index(),
                                        PageSize(request.page_size(), 100, 1000)));
  v1::GetTimelineResponse response;
  for (v1::AuditEntry& entry : page.entries) *response.add_entries() = std::move(entry);
  response.set_more(page.more);
  response.set_next_index(page.next_index);
  return response;
}

}  // namespace firebreak
