// Correlation: how the labels of an alert become the key under which alerts share one incident. Pure.
#ifndef FIREBREAK_INCIDENTS_CORRELATION_H_
#define FIREBREAK_INCIDENTS_CORRELATION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "firebreak/base/ids.h"

namespace firebreak {

// Alerts with equal keys belong to one incident. The model's version is a facet, not part of the key: a roll-back that moves
// traffic must meet the same incident.
struct CorrelationKey {
  std::string model;         // name without version; empty when only a deployment is known
  std::string environment;   // may be empty
  std::string kind;          // never empty
  std::string deployment;    // part of the key only while `model` is empty
  auto operator<=>(const CorrelationKey&) const = default;
};

// What an alert, or a person, says about trouble.
struct IncidentSignal {
  std::string title;
  std::string model;
  std::string model_version;   // 8, or empty
  std::string environment;
  std::string kind;
  std::string deployment;
  std::string snapshot;        // model/fraud@8 when said outright
  uint32_t severity = 3;       // 1 (worst) .. 5
  absl::Time began_at = absl::InfinitePast();   // InfinitePast: unknown
};

// What the vault and the fleet know about the suspect. Empty fields are unknown.
struct SuspectFacts {
  std::string model;             // name without version
  std::string snapshot;          // model/fraud@8
  std::string snapshot_digest;   // sha256:…
  std::string deployment;        // fraud-prod
};

// Finds the suspect from what a signal says of model, version, environment and deployment (each may be empty). A deployment is
// named only when no other could be meant. Must be quick and must not commit.
using SuspectFinder = std::function<std::optional<SuspectFacts>(const IncidentSignal& signal)>;

// Which incident a signal belongs to and why.
struct Correlation {
  IncidentId incident;
  bool opened = false;          // by this call
  bool relapsed = false;        // a recovered incident was taken up again
  std::string run;              // started with it, empty for none
  std::string explanation;      // "joined INC-4: same model, environment and kind"
};

using LabelSpan = absl::Span<const std::pair<std::string, std::string>>;

// The value of label `name`; empty when absent.
std::string_view LabelValue(LabelSpan labels, std::string_view name);

// 1 critical/page/emergency, 2 error/high/major, 3 warning/medium, 4 info/low/notice; 3 for anything else.
uint32_t SeverityFromLabel(std::string_view severity);

// Reads the labels model_name or model, model_version or version, environment or env, kind, deployment, severity, alertname
// and the annotation summary or title. `kind` keeps the source's word in lower case, '_' as '-'; "performance" when absent.
IncidentSignal SignalFromLabels(LabelSpan labels, LabelSpan annotations, absl::Time starts_at);

// nullopt when neither model nor deployment is known: such an alert is kept but opens no incident.
std::optional<CorrelationKey> KeyOf(const IncidentSignal& signal);

}  // namespace firebreak

#endif  // FIREBREAK_INCIDENTS_CORRELATION_H_
