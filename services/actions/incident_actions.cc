// incident.severity, incident.assign, incident.status, incident.close: the incident itself, changed or looked at by a run.
#include <memory>

#include "firebreak/actions/specs.h"
#include "firebreak/base/status.h"
#include "firebreak/incidents/lifecycle.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

Caller ActingFor(const ActionCall& call) {
  Caller caller = ServiceCaller();
  caller.identity = RunActor(call);
  return caller;
}

absl::StatusOr<ActionResult> SetSeverity(const ActionParts& parts, const ActionCall& call) {
  RETURN_IF_ERROR(NeedIncident(call));
  v1::SetSeverityRequest request;
  request.set_incident(call.incident.text());
  request.set_severity(static_cast<uint32_t>(std::min<uint64_t>(NumberField(call.inputs, "severity"), 99)));
  request.set_reason(TextField(call.inputs, "reason"));
  ASSIGN_OR_RETURN(const v1::SetSeverityResponse answer, parts.incidents.SetSeverity(ActingFor(call), request));
  return Outputs().Number("severity", answer.incident().severity()).Done();
}

absl::StatusOr<ActionResult> Assign(const ActionParts& parts, const ActionCall& call) {
  RETURN_IF_ERROR(NeedIncident(call));
  v1::AssignRoleRequest request;
  request.set_incident(call.incident.text());
  request.set_role(TextField(call.inputs, "role"));
  request.set_identity(TextField(call.inputs, "identity"));
  RETURN_IF_ERROR(parts.incidents.AssignRole(ActingFor(call), request).status());
  return Outputs().Done();
}

absl::StatusOr<ActionResult> Status(const ActionParts& parts, const ActionCall& call) {
  RETURN_IF_ERROR(NeedIncident(call));
  ASSIGN_OR_RETURN(const v1::Incident incident, parts.incidents.Load(call.incident));
  return Outputs()
      .Text("state", StateName(incident.state()))
      .Number("severity", incident.severity())
      .Number("firing", incident.firing_alerts())
      .Number("alerts", incident.total_alerts())
      .List("affected", {incident.affected().begin(), incident.affected().end()})
      .Done();
}

absl::StatusOr<ActionResult> Close(const ActionParts& parts, const ActionCall& call) {
  RETURN_IF_ERROR(NeedIncident(call));
  RETURN_IF_ERROR(NeedApproval(call, specs::Close().name));
  v1::AdvanceIncidentRequest request;
  request.set_incident(call.incident.text());
  request.set_state(v1::INCIDENT_STATE_CLOSED);
  request.set_reason(TextField(call.inputs, "reason"));
  request.set_false_positive(FlagField(call.inputs, "false_positive"));
  ASSIGN_OR_RETURN(const v1::Incident before, parts.incidents.Load(call.incident));
  if (before.state() != v1::INCIDENT_STATE_CLOSED) RETURN_IF_ERROR(parts.incidents.AdvanceIncident(ActingFor(call), request).status());
  return Outputs().Text("state", "closed").Done();
}

}  // namespace

void AddIncidentActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  const auto add = [&](const ActionSpec& spec, absl::StatusOr<ActionResult> (*perform)(const ActionParts&, const ActionCall&)) {
    catalogue.Add(std::make_unique<FunctionAction>(spec, [parts, perform](const ActionCall& call) { return perform(parts, call); }));
  };
  add(specs::Severity(), &SetSeverity);
  add(specs::Assign(), &Assign);
  add(specs::Status(), &Status);
  add(specs::Close(), &Close);
}

}  // namespace firebreak
