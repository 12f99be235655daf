#include "firebreak/alerts/merge.h"

#include <algorithm>

#include "firebreak/alerts/fingerprint.h"
#include "firebreak/base/clock.h"

namespace firebreak {
namespace {

uint64_t ContentOf(const v1::Alert& alert) {
  TextPairs annotations(alert.annotations().begin(), alert.annotations().end());
  std::sort(annotations.begin(), annotations.end());
  return Fnv1a(FingerprintOf(annotations), alert.generator_url());
}

// An end without annotations does not take the words of the alert away.
bool KeepsContent(const IncomingAlert& incoming) {
  return incoming.annotations.empty() && incoming.generator_url.empty();
}

}  // namespace

KnownFacts FactsOf(const v1::Alert& stored) {
  KnownFacts facts;
  facts.state = stored.state();
  facts.starts_at = FromProto(stored.starts_at());
  facts.ends_at = FromProto(stored.ends_at());
  facts.heard_at = FromProto(stored.updated_at());
  facts.content = ContentOf(stored);
  return facts;
}

AlertMove ChooseMove(const std::optional<KnownFacts>& known, const IncomingAlert& incoming, absl::Time now,
                     absl::Duration late_window) {
  const bool resolved = IsResolved(incoming, now);
  if (!known) return resolved ? AlertMove::kRecord : AlertMove::kRaise;
  if (known->state == v1::ALERT_STATE_RESOLVED) {
    const bool newer_episode = incoming.starts_at > known->ends_at;
    if (resolved) return newer_episode ? AlertMove::kRecord : AlertMove::kNone;
    if (newer_episode || now - known->heard_at >= late_window) return AlertMove::kRaise;
    return AlertMove::kLate;
  }
  if (resolved) return incoming.ends_at < known->starts_at ? AlertMove::kLate : AlertMove::kResolve;
  if (known->state != v1::ALERT_STATE_FIRING) return AlertMove::kRaise;
  if (incoming.content != known->content && !KeepsContent(incoming)) return AlertMove::kChange;
  return incoming.starts_at < known->starts_at ? AlertMove::kChange : AlertMove::kNone;
}

v1::Alert ApplyMove(const std::optional<v1::Alert>& stored, const IncomingAlert& incoming, AlertMove move, absl::Time now) {
  v1::Alert alert;
  if (stored) alert = *stored;
  if (!stored) {
    alert.set_fingerprint(FingerprintText(incoming.fingerprint));
    auto& labels = *alert.mutable_labels();
    for (const auto& [name, value] : incoming.labels) labels[name] = value;
    *alert.mutable_received_at() = ToProto(now);
  }
  if (!stored || !KeepsContent(incoming)) {
    auto& annotations = *alert.mutable_annotations();
    annotations.clear();
    for (const auto& [name, value] : incoming.annotations) annotations[name] = value;
    alert.set_generator_url(incoming.generator_url);
  }
  const bool new_episode = !stored || stored->state() == v1::ALERT_STATE_RESOLVED;
  absl::Time starts_at = incoming.starts_at;
  if (!new_episode) starts_at = std::min(starts_at, FromProto(stored->starts_at()));
  *alert.mutable_starts_at() = ToProto(starts_at);
  *alert.mutable_ends_at() = ToProto(incoming.ends_at);
  alert.set_ends_at_is_timeout(incoming.ends_at_is_timeout);
  *alert.mutable_updated_at() = ToProto(now);
  const bool over = move == AlertMove::kResolve || move == AlertMove::kRecord;
  alert.set_state(over ? v1::ALERT_STATE_RESOLVED : v1::ALERT_STATE_FIRING);
  return alert;
}

Lease ExtendLease(const Lease& known, const IncomingAlert& incoming) {
  if (known.end > incoming.ends_at && !known.is_timeout) return known;
  return Lease{incoming.ends_at, incoming.ends_at_is_timeout};
}

}  // namespace firebreak
