#include "firebreak/incidents/correlation.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/ascii.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

std::string_view FirstOf(LabelSpan labels, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    const std::string_view value = LabelValue(labels, name);
    if (!value.empty()) return value;
  }
  return {};
}

std::string Lower(std::string_view text) { return absl::AsciiStrToLower(ToAbsl(text)); }

}  // namespace

std::string_view LabelValue(LabelSpan labels, std::string_view name) {
  for (const auto& [key, value] : labels) {
    if (key == name) return value;
  }
  return {};
}

uint32_t SeverityFromLabel(std::string_view severity) {
  const std::string word = Lower(severity);
  if (word == "critical" || word == "page" || word == "emergency") return 1;
  if (word == "error" || word == "high" || word == "major") return 2;
  if (word == "info" || word == "low" || word == "notice") return 4;
  return 3;
}

IncidentSignal SignalFromLabels(LabelSpan labels, LabelSpan annotations, absl::Time starts_at) {
  IncidentSignal signal;
  signal.model = std::string(FirstOf(labels, {"model_name", "model"}));
  signal.model_version = std::string(FirstOf(labels, {"model_version", "version"}));
  signal.environment = std::string(FirstOf(labels, {"environment", "env"}));
  signal.deployment = std::string(LabelValue(labels, "deployment"));
  signal.kind = Lower(LabelValue(labels, "kind"));
  std::replace(signal.kind.begin(), signal.kind.end(), '_', '-');
  if (signal.kind.empty()) signal.kind = "performance";
  signal.severity = SeverityFromLabel(LabelValue(labels, "severity"));
  signal.began_at = starts_at;
  const std::string_view summary = FirstOf(annotations, {"summary", "title"});
  const std::string_view alertname = LabelValue(labels, "alertname");
  if (!summary.empty()) {
    signal.title = std::string(summary);
  } else if (!alertname.empty()) {
    const std::string_view subject = signal.model.empty() ? std::string_view(signal.deployment) : signal.model;
    signal.title = subject.empty() ? std::string(alertname) : StrCat(alertname, " on ", subject);
  }
  return signal;
}

std::optional<CorrelationKey> KeyOf(const IncidentSignal& signal) {
  if (signal.model.empty() && signal.deployment.empty()) return std::nullopt;
  CorrelationKey key;
  key.model = signal.model;
  key.environment = signal.environment;
  key.kind = signal.kind.empty() ? "performance" : signal.kind;
  if (key.model.empty()) key.deployment = signal.deployment;
  return key;
}

}  // namespace firebreak
