#include "firebreak/sharing/record.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "services/sharing/vocabulary.h"

namespace firebreak {
namespace {

std::string DurationBucket(bool known, const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to) {
  if (!known) return "unknown";
  const absl::Duration length = FromProto(to) - FromProto(from);
  if (length < absl::Minutes(1)) return "<1m";
  if (length < absl::Minutes(10)) return "1m-10m";
  if (length < absl::Hours(1)) return "10m-1h";
  return length < absl::Hours(24) ? "1h-1d" : ">1d";
}

std::string CountBucket(size_t count) {
  if (count <= 1) return count == 0 ? "0" : "1";
  if (count <= 5) return "2-5";
  return count <= 20 ? "6-20" : ">20";
}

// AML.T0020 or AML.T0020.001, nothing else.
bool IsTechnique(std::string_view id) {
  const auto digits = [](std::string_view text) { return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); }); };
  if (id.substr(0, 5) != "AML.T" || (id.size() != 9 && id.size() != 13)) return false;
  return digits(id.substr(5, 4)) && (id.size() == 9 || (id[9] == '.' && digits(id.substr(10))));
}

// The closed word for a built-in action; empty for actions that say nothing about the response.
std::string_view ResponseWord(std::string_view action) {
  if (action == "fleet.contain") return "contain";
  if (action == "snapshot.quarantine") return "quarantine";
  if (action == "snapshot.verify") return "verify";
  if (action == "rollback.apply") return "roll-back";
  return action == "report.build" ? "report" : "";
}

bool WasApproved(const v1::StepState& step) {
  const auto approved = step.outputs().fields().find("approved");
  return approved != step.outputs().fields().end() && approved->second.bool_value();
}

std::string Determination(const v1::Incident& incident) {
  if (incident.false_positive()) return "false-positive";
  const bool early = incident.state() == v1::INCIDENT_STATE_DETECTED || incident.state() == v1::INCIDENT_STATE_TRIAGED;
  return early ? "suspected" : "confirmed";
}

std::string Outcome(v1::IncidentState state) {
  switch (state) {
    case v1::INCIDENT_STATE_RECOVERED: return "recovered";
    case v1::INCIDENT_STATE_CLOSED: return "closed";
    case v1::INCIDENT_STATE_CONTAINED:
    case v1::INCIDENT_STATE_ERADICATED: return "contained";
    default: return "open";
  }
}

size_t CountWithPrefix(const v1::Incident& incident, std::string_view prefix) {
  return static_cast<size_t>(std::count_if(incident.affected().begin(), incident.affected().end(),
                                           [&](const std::string& name) { return std::string_view(name).substr(0, prefix.size()) == prefix; }));
}

}  // namespace

std::string KeyedUuid(std::string_view key, std::string_view type, std::string_view text) {
  std::string raw = HmacSha256(key, StrCat(type, std::string(1, '\0'), text)).substr(0, 16);
  raw[6] = static_cast<char>((static_cast<unsigned char>(raw[6]) & 0x0F) | 0x40);   // version 4
  raw[8] = static_cast<char>((static_cast<unsigned char>(raw[8]) & 0x3F) | 0x80);   // RFC 4122 variant
  const std::string hex = ToHex(raw);
  return StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4), "-", hex.substr(20));
}

v1::SharedRecord BuildSharedRecord(const v1::Incident& incident, const std::vector<v1::PlaybookRun>& runs,
                                   std::string_view destination_key) {
  v1::SharedRecord record;
  const bool known_kind = std::find(vocabulary::kKinds.begin(), vocabulary::kKinds.end(), incident.kind()) != vocabulary::kKinds.end();
  record.set_incident_kind(known_kind ? incident.kind() : "other");
  record.set_severity(std::clamp<uint32_t>(incident.severity(), 1, 5));
  const bool detected = incident.has_detected_at();
  // Without a month there is no record that could leave: the second lock refuses the times made of it.
  if (detected) record.set_detected_month(absl::FormatTime("%Y-%m", FromProto(incident.detected_at()), absl::UTCTimeZone()));
  record.set_time_to_detect_bucket(DurationBucket(detected && incident.has_began_at(), incident.began_at(), incident.detected_at()));
  record.set_time_to_contain_bucket(DurationBucket(detected && incident.has_contained_at(), incident.detected_at(), incident.contained_at()));
  record.set_time_to_recover_bucket(DurationBucket(detected && incident.has_recovered_at(), incident.detected_at(), incident.recovered_at()));
  std::set<std::string> techniques, responses;
  for (const std::string& technique : incident.techniques()) {
    if (IsTechnique(technique)) techniques.insert(technique);
  }
  for (const v1::PlaybookRun& run : runs) {
    for (const v1::StepState& step : run.steps()) {
      if (step.phase() != v1::STEP_PHASE_DONE) continue;
      if (!step.question().empty() && WasApproved(step)) responses.insert("approve");
      if (const std::string_view word = ResponseWord(step.action()); !word.empty()) responses.insert(std::string(word));
    }
  }
  record.mutable_techniques()->Assign(techniques.begin(), techniques.end());
  record.mutable_response_steps()->Assign(responses.begin(), responses.end());
  record.set_outcome(Outcome(incident.state()));
  record.set_determination(Determination(incident));
  record.set_affected_models_bucket(CountBucket(CountWithPrefix(incident, "model/")));
  record.set_affected_datasets_bucket(CountBucket(CountWithPrefix(incident, "dataset/")));
  record.set_rolled_back(responses.contains("roll-back"));
  // Monitors post alerts; an incident whose begin nobody measured was opened by a person.
  record.set_detection_method(incident.has_began_at() ? "monitor" : "person");
  record.set_record_id(KeyedUuid(destination_key, "record", StrCat(incident.id(), "\n", record.SerializeAsString())));
  return record;
}

}  // namespace firebreak
