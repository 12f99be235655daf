#include "firebreak/alerts/alert_desk.h"

#include <algorithm>
#include <utility>

#include "firebreak/alerts/fingerprint.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/alerts.h"
#include "firebreak/storage/keys/incidents.h"
#include "services/alerts/desk.h"

namespace firebreak {
namespace {

constexpr int kAlertsPerRequestMax = 1000;
constexpr size_t kScanMax = 5000;   // records looked at by one ListAlerts
// Ended alerts stay in memory while sources still repeat their end (Prometheus: 15 minutes).
constexpr absl::Duration kRememberEnded = absl::Minutes(20);

IncomingAlert FromPostable(const v1::PostableAlert& postable) {
  IncomingAlert alert;
  alert.labels.assign(postable.labels().begin(), postable.labels().end());
  alert.annotations.assign(postable.annotations().begin(), postable.annotations().end());
  if (postable.has_starts_at()) alert.starts_at = FromProto(postable.starts_at());
  if (postable.has_ends_at()) alert.ends_at = FromProto(postable.ends_at());
  alert.generator_url = postable.generator_url();
  return alert;
}

absl::Status CheckTimes(const v1::PostableAlert& postable) {
  // 0001-01-01 to 9999-12-31, what a Timestamp may hold.
  constexpr int64_t kSecondsMin = -62'135'596'800;
  constexpr int64_t kSecondsMax = 253'402'300'799;
  for (const auto* time : {&postable.starts_at(), &postable.ends_at()}) {
    if (time->seconds() < kSecondsMin || time->seconds() > kSecondsMax || time->nanos() < 0 ||
        time->nanos() > 999'999'999) {
      return absl::InvalidArgumentError("a time is out of range");
    }
  }
  return absl::OkStatus();
}

}  // namespace

AlertDesk::Desk::Desk(Ledger& ledger, const Clock& clock, Log& log, IncidentDesk& incidents, AlertOptions options,
                      CrashPoints* crash_points)
    : ledger_(ledger), clock_(clock), log_(log), incidents_(incidents), options_(options), opened_at_(clock.Now()),
      book_(ledger, clock, log, incidents, known_, options, crash_points) {}

absl::Status AlertDesk::Desk::LoadKnown() {
  std::string after;
  const absl::Time lease_min = opened_at_ + options_.resolve_timeout;
  do {
    ASSIGN_OR_RETURN(auto rows, ledger_.store().List(keys::Alerts().bytes, after, 1000));
    after.clear();
    for (const KeyValue& row : rows) {
      after = row.key;
      v1::Alert alert;
      if (!alert.ParseFromString(row.value)) return absl::DataLossError("a stored alert cannot be read");
      KnownAlerts::Entry entry = EntryOf(alert, row.revision);
      if (alert.state() == v1::ALERT_STATE_FIRING) {
        entry.lease.end = std::max(entry.lease.end, lease_min);
      } else if (alert.state() != v1::ALERT_STATE_RESOLVED || entry.facts.heard_at < opened_at_ - kRememberEnded) {
        continue;
      }
      uint64_t fingerprint = 0;
      if (!ParseFingerprint(alert.fingerprint(), fingerprint)) return absl::DataLossError("a stored alert has no fingerprint");
      known_.Learn(fingerprint, entry);
    }
  } while (!after.empty());
  return absl::OkStatus();
}

absl::StatusOr<AlertDesk::Desk::News> AlertDesk::Desk::Hear(const std::vector<IncomingAlert>& alerts,
                                                            v1::RaiseAlertsResponse* response) {
  const absl::Time now = clock_.Now();
  News news;
  size_t fresh = 0;
  if (response != nullptr) response->mutable_alerts()->Reserve(static_cast<int>(alerts.size()));
  for (const IncomingAlert& alert : alerts) {
    v1::RaisedAlert* answer = response == nullptr ? nullptr : response->add_alerts();
    uint64_t incident = 0;
    // Leases extended before a piece of news is met stay extended: those alerts were heard of. Posting all again is harmless.
    const std::optional<AlertMove> move = known_.Hear(alert, now, options_.late_window, incident);
    if (answer != nullptr) {
      answer->set_fingerprint(FingerprintText(alert.fingerprint));
      if (incident != 0) answer->set_incident(NumberedId("INC", incident));
      if (move == AlertMove::kNone) answer->set_explanation("known already: nothing new");
      if (move == AlertMove::kLate) answer->set_explanation("ignored: older than what is known of this alert");
    }
    if (move == AlertMove::kNone || move == AlertMove::kLate) continue;
    if (IsResolved(alert, now)) {
      news.ended = true;
    } else {
      ++fresh;
    }
    news.postings.push_back({&alert, answer});
  }
  if (fresh > 0 && known_.firing() + fresh > options_.known_max) {
    return absl::ResourceExhaustedError(StrCat("raise alerts: ", known_.firing(), " alerts fire already, at most ",
                                               options_.known_max, " (next: resolve some, or raise the limit)"));
  }
  return news;
}

absl::StatusOr<v1::RaiseAlertsResponse> AlertDesk::Desk::RaiseAlerts(const Caller& caller,
                                                                     const v1::RaiseAlertsRequest& request) {
  if (request.alerts_size() > kAlertsPerRequestMax) {
    return absl::InvalidArgumentError(
        StrCat("raise alerts: ", request.alerts_size(), " in one request, at most ", kAlertsPerRequestMax));
  }
  const absl::Time now = clock_.Now();
  std::vector<IncomingAlert> alerts;
  alerts.reserve(static_cast<size_t>(request.alerts_size()));
  for (const v1::PostableAlert& postable : request.alerts()) {
    const std::string place = StrCat("alerts[", alerts.size(), "]");
    RETURN_IF_ERROR(Annotate(CheckTimes(postable), place));
    alerts.push_back(FromPostable(postable));
    RETURN_IF_ERROR(Annotate(Normalise(alerts.back(), now, options_.resolve_timeout), place));
  }
  v1::RaiseAlertsResponse response;
  if (request.validate_only()) {
    for (const IncomingAlert& alert : alerts) RETURN_IF_ERROR(Explain(alert, now, *response.add_alerts()));
    return response;
  }
  ASSIGN_OR_RETURN(News news, Hear(alerts, &response));
  if (!news.postings.empty()) RETURN_IF_ERROR(book_.Write({caller, {"grpc", 0}, std::move(news.postings), nullptr}));
  return response;
}

absl::Status AlertDesk::Desk::Explain(const IncomingAlert& alert, absl::Time now, v1::RaisedAlert& answer) const {
  answer.set_fingerprint(FingerprintText(alert.fingerprint));
  ASSIGN_OR_RETURN(std::optional<v1::Alert> stored, FindRecord(ledger_.store(), keys::Alert(answer.fingerprint())));
  const AlertMove move = ChooseMove(stored ? std::optional<KnownFacts>(FactsOf(*stored)) : std::nullopt, alert, now,
                                    options_.late_window);
  if (stored) answer.set_incident(stored->incident());
  if (move == AlertMove::kRaise) {
    ASSIGN_OR_RETURN(Correlation preview,
                     incidents_.Preview(SignalFromLabels(alert.labels, alert.annotations, alert.starts_at)));
    answer.set_incident(preview.incident.text());
    answer.set_opened_incident(preview.opened);
    answer.set_explanation(preview.explanation);
  } else if (move == AlertMove::kResolve || move == AlertMove::kRecord) {
    answer.set_explanation("would be recorded as resolved");
  } else if (move == AlertMove::kChange) {
    answer.set_explanation("known already: would take over its new details");
  } else {
    answer.set_explanation("known already: would change nothing");
  }
  return absl::OkStatus();
}

void AlertDesk::Desk::ShowLease(v1::Alert& alert) const {
  uint64_t fingerprint = 0;
  if (alert.state() != v1::ALERT_STATE_FIRING || !ParseFingerprint(alert.fingerprint(), fingerprint)) return;
  const std::optional<KnownAlerts::Entry> known = known_.Find(fingerprint);
  if (!known || known->facts.state != v1::ALERT_STATE_FIRING) return;
  *alert.mutable_ends_at() = ToProto(known->lease.end);
  alert.set_ends_at_is_timeout(known->lease.is_timeout);
}

absl::StatusOr<v1::GetAlertResponse> AlertDesk::Desk::GetAlert(const v1::GetAlertRequest& request) const {
  uint64_t fingerprint = 0;
  if (!ParseFingerprint(request.fingerprint(), fingerprint)) {
    return absl::InvalidArgumentError("a fingerprint has 16 lowercase hex digits");
  }
  v1::GetAlertResponse response;
  ASSIGN_OR_RETURN(*response.mutable_alert(), LoadRecord(ledger_.store(), keys::Alert(request.fingerprint()),
                                                         StrCat("alert ", request.fingerprint())));
  ShowLease(*response.mutable_alert());
  return response;
}

absl::StatusOr<v1::ListAlertsResponse> AlertDesk::Desk::ListAlerts(const v1::ListAlertsRequest& request) const {
  const size_t wanted = request.page_size() == 0 ? 50 : std::min<size_t>(request.page_size(), 500);
  ASSIGN_OR_RETURN(const std::string token, FromHex(request.page_token()));
  if (!request.incident().empty()) return ListOfIncident(request, wanted, token);
  v1::ListAlertsResponse response;
  std::string after = token;
  for (size_t scanned = 0; scanned < kScanMax;) {
    ASSIGN_OR_RETURN(auto page, ListRecords(ledger_.store(), keys::Alerts(), after, 200));
    for (auto& [key, alert] : page.records) {
      if (static_cast<size_t>(response.alerts_size()) == wanted) {
        response.set_next_page_token(ToHex(after));
        return response;
      }
      after = key;
      ++scanned;
      if (request.state() != v1::ALERT_STATE_UNSPECIFIED && alert.state() != request.state()) continue;
      ShowLease(alert);
      *response.add_alerts() = std::move(alert);
    }
    if (page.next_after.empty()) return response;
  }
  response.set_next_page_token(ToHex(after));
  return response;
}

absl::StatusOr<v1::ListAlertsResponse> AlertDesk::Desk::ListOfIncident(const v1::ListAlertsRequest& request, size_t wanted,
                                                                       const std::string& token) const {
  ASSIGN_OR_RETURN(const uint64_t incident, ParseIncidentId(request.incident()));
  v1::ListAlertsResponse response;
  std::string last = token;
  // Marks sort as firing, resolved, stale; one pass over the incident's marks in key order.
  constexpr std::pair<std::string_view, v1::AlertState> kMarks[] = {{"firing", v1::ALERT_STATE_FIRING},
                                                                    {"resolved", v1::ALERT_STATE_RESOLVED},
                                                                    {"stale", v1::ALERT_STATE_STALE}};
  for (const auto& [name, state] : kMarks) {
    if (request.state() != v1::ALERT_STATE_UNSPECIFIED && request.state() != state) continue;
    const std::string prefix = keys::IncidentAlerts(incident, name).bytes;
    if (last > prefix && last.compare(0, prefix.size(), prefix) != 0) continue;   // passed by an earlier page
    const std::string after = last.compare(0, prefix.size(), prefix) == 0 ? last : std::string();
    const size_t room = wanted - static_cast<size_t>(response.alerts_size());
    ASSIGN_OR_RETURN(auto rows, ledger_.store().List(prefix, after, room + 1));
    for (const KeyValue& row : rows) {
      if (static_cast<size_t>(response.alerts_size()) == wanted) {
        response.set_next_page_token(ToHex(last));
        return response;
      }
      last = row.key;
      const std::string fingerprint = row.key.substr(prefix.size(), 16);
      ASSIGN_OR_RETURN(std::optional<v1::Alert> alert, FindRecord(ledger_.store(), keys::Alert(fingerprint)));
      if (!alert) continue;
      ShowLease(*alert);
      *response.add_alerts() = *std::move(alert);
    }
  }
  return response;
}

absl::StatusOr<size_t> AlertDesk::Desk::ExpireOverdue(absl::Time now) {
  size_t marked = 0;
  if (now >= opened_at_ + options_.resolve_timeout) {
    ASSIGN_OR_RETURN(marked, book_.MarkStale(known_.Overdue(now), now));
  }
  known_.Forget(now - kRememberEnded);
  RETURN_IF_ERROR(incidents_.ReconcileOpen());
  return marked;
}

bool ParseFingerprint(std::string_view text, uint64_t& fingerprint) {
  if (text.size() != 16) return false;
  const absl::StatusOr<std::string> bytes = FromHex(text);
  if (!bytes.ok()) return false;
  fingerprint = FromBigEndian64(*bytes);
  return true;
}

absl::StatusOr<std::unique_ptr<AlertDesk>> AlertDesk::Open(Ledger& ledger, const Clock& clock, Log& log,
                                                           IncidentDesk& incidents, AlertOptions options,
                                                           CrashPoints* crash_points) {
  auto desk = std::make_unique<Desk>(ledger, clock, log, incidents, options, crash_points);
  RETURN_IF_ERROR(Annotate(desk->LoadKnown(), "load alerts"));
  return std::unique_ptr<AlertDesk>(new AlertDesk(std::move(desk)));
}

AlertDesk::AlertDesk(std::unique_ptr<Desk> desk) : desk_(std::move(desk)) {}
AlertDesk::~AlertDesk() = default;

absl::StatusOr<v1::RaiseAlertsResponse> AlertDesk::RaiseAlerts(const Caller& caller, const v1::RaiseAlertsRequest& request) {
  return desk_->RaiseAlerts(caller, request);
}
absl::StatusOr<v1::ListAlertsResponse> AlertDesk::ListAlerts(const Caller&, const v1::ListAlertsRequest& request) {
  return desk_->ListAlerts(request);
}
absl::StatusOr<v1::GetAlertResponse> AlertDesk::GetAlert(const Caller&, const v1::GetAlertRequest& request) {
  return desk_->GetAlert(request);
}
HttpAnswer AlertDesk::PostAlertmanagerV2(const Caller& caller, std::string_view content_type, std::string_view body) {
  return AwaitAnswer(desk_->BeginV2(caller, content_type, std::string(body)));
}
AlertDesk::BegunPost AlertDesk::BeginAlertmanagerV2(const Caller& caller, std::string_view content_type, std::string body) {
  return desk_->BeginV2(caller, content_type, std::move(body));
}
HttpAnswer AlertDesk::PostAlertmanagerWebhook(const Caller& caller, std::string_view content_type, std::string_view body) {
  return desk_->PostWebhook(caller, content_type, body);
}
HttpAnswer AlertDesk::GetAlertmanagerStatus() const { return desk_->GetStatus(); }
HttpAnswer AlertDesk::GetAlertmanagerAlerts() const { return desk_->GetAlerts(); }
absl::StatusOr<size_t> AlertDesk::ExpireOverdue(absl::Time now) { return desk_->ExpireOverdue(now); }
size_t AlertDesk::firing() const { return desk_->firing(); }

}  // namespace firebreak
