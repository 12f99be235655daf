// incident: open, look, acknowledge, note, steer, close.
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "clients/cli/timeline.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/incident.grpc.pb.h"

namespace firebreak::cli {
namespace incident_commands {
namespace {

struct OpenOptions {
  v1::OpenIncidentRequest request;
  uint32_t severity = 3;
};
struct ListOptions {
  bool all = false;
};
struct Id {
  std::string incident;
};
struct AssignOptions {
  std::string incident, role, identity;
};
struct NoteOptions {
  std::string incident, text;
};
struct SeverityOptions {
  std::string incident, reason;
  uint32_t severity = 0;
};
struct AdvanceOptions {
  std::string incident, state, reason;
  bool false_positive = false;
};

// One sentence for people, or the whole answer as JSON.
template <typename Answer>
absl::Status Say(Session& session, const absl::StatusOr<Answer>& answer, std::string_view sentence) {
  RETURN_IF_ERROR(answer.status());
  session.out().PrintAnswer(*answer, sentence);
  return absl::OkStatus();
}

absl::Status Open(Session& session, const OpenOptions& options) {
  v1::OpenIncidentRequest request = options.request;
  request.set_severity(options.severity);
  request.set_request_id(session.NewRequestId());
  const auto answer = session.Call<v1::Incidents>(&v1::Incidents::Stub::OpenIncident, request);
  RETURN_IF_ERROR(answer.status());
  return Say(session, answer, StrCat(answer->incident().id(), answer->already_open() ? " was already open for this" : " is open",
                                     answer->run().empty() ? "" : StrCat(", playbook run ", answer->run(), " started")));
}

absl::Status List(Session& session, const ListOptions& options) {
  v1::ListIncidentsRequest request;
  request.set_include_closed(options.all);
  request.set_page_size(200);
  v1::ListIncidentsResponse answer;
  do {
    ASSIGN_OR_RETURN(v1::ListIncidentsResponse page, session.Call<v1::Incidents>(&v1::Incidents::Stub::ListIncidents, request));
    request.set_page_token(page.next_page_token());
    answer.mutable_incidents()->MergeFrom(page.incidents());
  } while (!request.page_token().empty());
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"ID", "SEV", "STATE", "KIND", "MODEL", "ENV", "DETECTED", "ALERTS", "TITLE"});
  for (const v1::Incident& incident : answer.incidents()) {
    table.Add({incident.id(), std::to_string(incident.severity()), ShortName(incident.state()), incident.kind(), incident.model(),
               incident.environment(), TimeText(incident.has_detected_at(), incident.detected_at()),
               StrCat(incident.firing_alerts(), "/", incident.total_alerts()), incident.title()});
  }
  session.out().PrintTable(table, options.all ? "no incidents" : "no open incidents");
  return absl::OkStatus();
}

absl::Status Show(Session& session, const Id& options) {
  v1::GetIncidentRequest request;
  request.set_incident(options.incident);
  ASSIGN_OR_RETURN(v1::GetIncidentResponse answer, session.Call<v1::Incidents>(&v1::Incidents::Stub::GetIncident, request));
  const Output& out = session.out();
  if (out.format() == Format::kJson) {
    out.PrintMessage(answer);
    return absl::OkStatus();
  }
  const v1::Incident& incident = answer.incident();
  out.Print(StrCat(incident.id(), "  ", incident.title(), "\n  state        ", ShortName(incident.state()),
                   ", severity ", incident.severity(), "\n  about        ", incident.kind(), ", model ",
                   incident.model(), incident.environment().empty() ? "" : StrCat(" in ", incident.environment()),
                   incident.deployment().empty() ? "" : StrCat(", deployment ", incident.deployment()),
                   incident.snapshot().empty() ? "" : StrCat(", suspect ", incident.snapshot())));
  const std::pair<const char*, std::string> times[] = {
      {"began", TimeText(incident.has_began_at(), incident.began_at())},
      {"detected", TimeText(incident.has_detected_at(), incident.detected_at())},
      {"acknowledged", TimeText(incident.has_acknowledged_at(), incident.acknowledged_at())},
      {"contained", TimeText(incident.has_contained_at(), incident.contained_at())},
      {"eradicated", TimeText(incident.has_eradicated_at(), incident.eradicated_at())},
      {"recovered", TimeText(incident.has_recovered_at(), incident.recovered_at())},
      {"closed", TimeText(incident.has_closed_at(), incident.closed_at())}};
  for (const auto& [what, when] : times) out.Print(StrCat("  ", what, std::string(13 - std::string_view(what).size(), ' '), when));
  for (const auto& [role, identity] : incident.roles()) out.Print(StrCat("  ", role, ": ", identity));
  for (const std::string& run : incident.runs()) out.Print(StrCat("  run          ", run, " (next: firebreak run show ", run, ")"));
  for (const std::string& name : incident.affected()) out.Print(StrCat("  affected     ", name));
  return absl::OkStatus();
}

absl::Status Acknowledge(Session& session, const Id& options) {
  v1::AcknowledgeIncidentRequest request;
  request.set_incident(options.incident);
  const auto answer = session.Call<v1::Incidents>(&v1::Incidents::Stub::AcknowledgeIncident, request);
  RETURN_IF_ERROR(answer.status());
  return Say(session, answer, StrCat(options.incident, " is acknowledged by ", answer->incident().acknowledged_by()));
}

absl::Status Assign(Session& session, const AssignOptions& options) {
  v1::AssignRoleRequest request;
  request.set_incident(options.incident);
  request.set_role(options.role);
  request.set_identity(options.identity);
  return Say(session, session.Call<v1::Incidents>(&v1::Incidents::Stub::AssignRole, request),
             StrCat(options.identity, " is ", options.role, " of ", options.incident));
}

absl::Status Note(Session& session, const NoteOptions& options) {
  v1::AddNoteRequest request;
  request.set_incident(options.incident);
  request.set_text(options.text);
  return Say(session, session.Call<v1::Incidents>(&v1::Incidents::Stub::AddNote, request), StrCat("noted on ", options.incident));
}

absl::Status SetSeverity(Session& session, const SeverityOptions& options) {
  v1::SetSeverityRequest request;
  request.set_incident(options.incident);
  request.set_severity(options.severity);
  request.set_reason(options.reason);
  return Say(session, session.Call<v1::Incidents>(&v1::Incidents::Stub::SetSeverity, request),
             StrCat(options.incident, " has severity ", options.severity));
}

absl::Status Advance(Session& session, const AdvanceOptions& options) {
  v1::AdvanceIncidentRequest request;
  request.set_incident(options.incident);
  ASSIGN_OR_RETURN(int state, ParseEnum(v1::IncidentState_descriptor(), "state", options.state));
  request.set_state(static_cast<v1::IncidentState>(state));
  request.set_reason(options.reason);
  request.set_false_positive(options.false_positive);
  const auto answer = session.Call<v1::Incidents>(&v1::Incidents::Stub::AdvanceIncident, request);
  if (answer.ok() && request.state() == v1::INCIDENT_STATE_CLOSED && answer->incident().firing_alerts() > 0) {
    session.out().Notice(StrCat("warning: ", Count(answer->incident().firing_alerts(), "alert"), " of ", options.incident,
                                " still fires; the next new one opens another incident (next: firebreak alert list --incident ",
                                options.incident, ")"),
                         Tone::kWarning);
  }
  return Say(session, answer, StrCat(options.incident, " is ", options.state));
}

absl::Status Timeline(Session& session, const Id& options) {
  v1::GetTimelineRequest request;
  request.set_incident(options.incident);
  request.set_page_size(500);
  v1::GetTimelineResponse all;
  bool more = true;
  while (more) {
    ASSIGN_OR_RETURN(v1::GetTimelineResponse page, session.Call<v1::Incidents>(&v1::Incidents::Stub::GetTimeline, request));
    more = page.more();
    request.set_from_index(page.next_index());
    all.mutable_entries()->MergeFrom(page.entries());
  }
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(all);
  } else {
    session.out().PrintTable(EntryTable(all.entries()), "nothing happened yet");
  }
  return absl::OkStatus();
}

void SetUpId(CLI::App& command, Id& options) { command.add_option("incident", options.incident, "INC-42")->required(); }

}  // namespace
}  // namespace incident_commands

void AddIncidentCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace incident_commands;
  CLI::App* incident = AddGroup(app, "incident", "Incidents: lifecycle, roles, notes, timeline");
  AddCommand<OpenOptions>(*incident, chosen, "open", "Open an incident by hand; starts the playbook that answers it",
                          [](CLI::App& command, OpenOptions& options) {
                            command.add_option("--title", *options.request.mutable_title(), "What is wrong, in a sentence")->required();
                            command.add_option("--severity", options.severity, "1 (worst) to 5")->capture_default_str();
                            command
                                .add_option("--kind", *options.request.mutable_kind(),
                                            "model-poisoning, bad-deploy, drift …")
                                ->required();
                            command.add_option("--model", *options.request.mutable_model(), "Name of the model, e.g. fraud")->required();
                            command.add_option("--env", *options.request.mutable_environment(), "prod, staging …");
                            command.add_option("--deployment", *options.request.mutable_deployment(), "Where it serves, e.g. fraud-prod");
                            command.add_option("--snapshot", *options.request.mutable_snapshot(), "Suspect, model/fraud@8");
                          },
                          Open, session);
  AddCommand<ListOptions>(*incident, chosen, "list", "Open incidents",
                          [](CLI::App& command, ListOptions& options) { command.add_flag("--all", options.all, "Closed ones too"); },
                          List, session);
  AddCommand<Id>(*incident, chosen, "show", "One incident", SetUpId, Show, session);
  AddCommand<Id>(*incident, chosen, "ack", "A person has it", SetUpId, Acknowledge, session);
  AddCommand<AssignOptions>(*incident, chosen, "assign", "Give somebody a role",
                            [](CLI::App& command, AssignOptions& options) {
                              command.add_option("incident", options.incident, "INC-42")->required();
                              command.add_option("role", options.role, "commander, scribe, liaison")->required();
                              command.add_option("identity", options.identity, "Who")->required();
                            },
                            Assign, session);
  AddCommand<NoteOptions>(*incident, chosen, "note", "Add to the timeline",
                          [](CLI::App& command, NoteOptions& options) {
                            command.add_option("incident", options.incident, "INC-42")->required();
                            command.add_option("text", options.text, "At most 2048 bytes")->required();
                          },
                          Note, session);
  AddCommand<SeverityOptions>(*incident, chosen, "severity", "Change the severity",
                              [](CLI::App& command, SeverityOptions& options) {
                                command.add_option("incident", options.incident, "INC-42")->required();
                                command.add_option("severity", options.severity, "1 (worst) to 5")
                                    ->required()
                                    ->check(CLI::Range(1, 5).description(""));
                                command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                              },
                              SetSeverity, session);
  AddCommand<AdvanceOptions>(*incident, chosen, "advance", "Move to triaged, contained, eradicated, recovered or closed",
                             [](CLI::App& command, AdvanceOptions& options) {
                               command.add_option("incident", options.incident, "INC-42")->required();
                               command
                                   .add_option("state", options.state,
                                               "triaged, contained, eradicated, recovered or closed")
                                   ->required();
                               command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                             },
                             Advance, session);
  AddCommand<AdvanceOptions>(*incident, chosen, "close", "Close it",
                             [](CLI::App& command, AdvanceOptions& options) {
                               options.state = "closed";
                               command.add_option("incident", options.incident, "INC-42")->required();
                               command.add_option("--reason", options.reason, "Why; kept in the audit log")->required();
                               command.add_flag("--false-positive", options.false_positive, "There was nothing to respond to");
                             },
                             Advance, session);
  AddCommand<Id>(*incident, chosen, "timeline", "Everything that happened, from the ledger", SetUpId, Timeline, session);
}

}  // namespace firebreak::cli
