#include "firebreak/incidents/lifecycle.h"

#include <array>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

constexpr std::array<std::pair<v1::IncidentState, std::string_view>, 6> kNames = {{
    {v1::INCIDENT_STATE_DETECTED, "detected"},
    {v1::INCIDENT_STATE_TRIAGED, "triaged"},
    {v1::INCIDENT_STATE_CONTAINED, "contained"},
    {v1::INCIDENT_STATE_ERADICATED, "eradicated"},
    {v1::INCIDENT_STATE_RECOVERED, "recovered"},
    {v1::INCIDENT_STATE_CLOSED, "closed"},
}};

bool IsTarget(v1::IncidentState state) {
  return state > v1::INCIDENT_STATE_DETECTED && state <= v1::INCIDENT_STATE_CLOSED;
}

absl::Status NotATarget(v1::IncidentState to) {
  return absl::InvalidArgumentError(StrCat("an incident cannot be moved to ", StateName(to),
                                           " (next: triaged, contained, eradicated, recovered or closed)"));
}

}  // namespace

absl::StatusOr<Step> CheckMove(v1::IncidentState from, v1::IncidentState to, std::string_view reason) {
  if (!IsTarget(to)) return NotATarget(to);
  if (from == to) return Step::kNone;
  if (from == v1::INCIDENT_STATE_CLOSED) {
    return absl::FailedPreconditionError(
        StrCat("closed incidents do not change: cannot move to ", StateName(to), " (next: open a new incident)"));
  }
  if (to > from) return Step::kForward;
  if (to != v1::INCIDENT_STATE_TRIAGED) {
    return absl::FailedPreconditionError(StrCat("cannot move back from ", StateName(from), " to ", StateName(to),
                                                " (next: a relapse goes back to triaged)"));
  }
  if (reason.empty()) return absl::InvalidArgumentError("a relapse to triaged needs a reason");
  return Step::kRelapse;
}

absl::StatusOr<Step> CheckAdvance(v1::IncidentState from, v1::IncidentState to) {
  if (!IsTarget(to)) return NotATarget(to);
  if (to <= from) return Step::kNone;
  return Step::kForward;
}

void ApplyMove(v1::Incident& incident, v1::IncidentState to, Step step, absl::Time now) {
  if (step == Step::kNone) return;
  incident.set_state(to);
  const auto time = ToProto(now);
  if (step == Step::kRelapse) {
    incident.clear_contained_at();
    incident.clear_eradicated_at();
    incident.clear_recovered_at();
    if (!incident.has_triaged_at()) *incident.mutable_triaged_at() = time;
    return;
  }
  switch (to) {
    case v1::INCIDENT_STATE_TRIAGED:
      *incident.mutable_triaged_at() = time;
      break;
    case v1::INCIDENT_STATE_CONTAINED:
      *incident.mutable_contained_at() = time;
      break;
    case v1::INCIDENT_STATE_ERADICATED:
      *incident.mutable_eradicated_at() = time;
      break;
    case v1::INCIDENT_STATE_RECOVERED:
      *incident.mutable_recovered_at() = time;
      break;
    case v1::INCIDENT_STATE_CLOSED:
      *incident.mutable_closed_at() = time;
      break;
    case v1::INCIDENT_STATE_DETECTED:
    case v1::INCIDENT_STATE_UNSPECIFIED:
    case v1::IncidentState_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::IncidentState_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
}

std::string_view StateName(v1::IncidentState state) {
  for (const auto& [value, name] : kNames) {
    if (value == state) return name;
  }
  return "unspecified";
}

absl::StatusOr<v1::IncidentState> ParseState(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return absl::InvalidArgumentError(StrCat("unknown incident state \"", name,
                                           "\" (next: detected, triaged, contained, eradicated, recovered or closed)"));
}

}  // namespace firebreak
