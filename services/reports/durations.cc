#include <algorithm>
#include <cstdio>

#include "firebreak/base/clock.h"
#include "firebreak/reports/document.h"

namespace firebreak {
namespace {

double Between(const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to) {
  return absl::ToDoubleSeconds(FromProto(to) - FromProto(from));
}

}  // namespace

v1::IncidentDurations MeasureDurations(const v1::ReportDocument& report) {
  const v1::Incident& incident = report.incident();
  v1::IncidentDurations durations;
  if (incident.has_detected_at()) {
    if (incident.has_began_at()) durations.set_time_to_detect_seconds(Between(incident.began_at(), incident.detected_at()));
    if (incident.has_acknowledged_at()) {
      durations.set_time_to_acknowledge_seconds(Between(incident.detected_at(), incident.acknowledged_at()));
    }
    if (incident.has_contained_at()) {
      durations.set_time_to_contain_seconds(Between(incident.detected_at(), incident.contained_at()));
    }
    if (incident.has_recovered_at()) {
      durations.set_time_to_recover_seconds(Between(incident.detected_at(), incident.recovered_at()));
    }
  }
  double waited = 0;
  bool asked = false;
  for (const v1::PlaybookRun& run : report.runs()) {
    for (const v1::StepState& step : run.steps()) {
      if (step.question().empty() || !step.has_started_at() || !step.has_ended_at()) continue;
      asked = true;
      waited += Between(step.started_at(), step.ended_at());
    }
  }
  if (asked) durations.set_approval_wait_seconds(waited);
  return durations;
}

std::string DurationText(bool known, double seconds) {
  if (!known) return "unknown";
  char text[48];
  // Rounded first, so that 59.96 s is a minute and not "60.0 s".
  const auto whole = static_cast<long long>(std::clamp(seconds, -1e12, 1e12) + 0.5);
  if (seconds < 59.95) {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  } else if (whole < 3600) {
    std::snprintf(text, sizeof text, "%lld min %02lld s", whole / 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld h %02lld min", whole / 3600, whole / 60 % 60);
  }
  return text;
}

}  // namespace firebreak
