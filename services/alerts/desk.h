// AlertDesk::Desk: the parts of the desk together; the public header shows none of them.
#ifndef FIREBREAK_SERVICES_ALERTS_DESK_H_
#define FIREBREAK_SERVICES_ALERTS_DESK_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firebreak/alerts/alert_desk.h"
#include "firebreak/alerts/incoming.h"
#include "services/alerts/alert_book.h"
#include "services/alerts/intake/decode.h"
#include "services/alerts/known_alerts.h"

namespace firebreak {

// Thread-safe.
class AlertDesk::Desk {
 public:
  Desk(Ledger& ledger, const Clock& clock, Log& log, IncidentDesk& incidents, AlertOptions options,
       CrashPoints* crash_points);
  absl::Status LoadKnown();

  absl::StatusOr<v1::RaiseAlertsResponse> RaiseAlerts(const Caller& caller, const v1::RaiseAlertsRequest& request);
  absl::StatusOr<v1::ListAlertsResponse> ListAlerts(const v1::ListAlertsRequest& request) const;
  absl::StatusOr<v1::GetAlertResponse> GetAlert(const v1::GetAlertRequest& request) const;
  BegunPost BeginV2(const Caller& caller, std::string_view content_type, std::string body);
  HttpAnswer PostWebhook(const Caller& caller, std::string_view content_type, std::string_view body);
  HttpAnswer GetStatus() const;
  HttpAnswer GetAlerts() const;
  absl::StatusOr<size_t> ExpireOverdue(absl::Time now);
  size_t firing() const { return known_.firing(); }

 private:
  // What is left for the book once heartbeats have ended in memory.
  struct News {
    std::vector<Posting> postings;
    bool ended = false;   // some say that an alert is over
  };
  // `response` gets one answer per alert when it is not null. kResourceExhausted when too many fire already.
  absl::StatusOr<News> Hear(const std::vector<IncomingAlert>& alerts, v1::RaiseAlertsResponse* response);
  BegunPost BeginBody(const Caller& caller, const PostingSource& source, Decoded decoded, absl::Duration timeout);
  // `refused`: what was wrong with an alert that was left out of the body.
  HttpAnswer AnswerOf(const Identity& sender, const absl::Status& stored, const absl::Status& refused) const;
  absl::Status Explain(const IncomingAlert& alert, absl::Time now, v1::RaisedAlert& answer) const;
  // What the record says of its end while heartbeats go on in memory.
  void ShowLease(v1::Alert& alert) const;
  absl::StatusOr<v1::ListAlertsResponse> ListOfIncident(const v1::ListAlertsRequest& request, size_t wanted,
                                                        const std::string& token) const;

  Ledger& ledger_;
  const Clock& clock_;
  Log& log_;
  IncidentDesk& incidents_;
  const AlertOptions options_;
  const absl::Time opened_at_;
  KnownAlerts known_;
  AlertBook book_;
};

// Runs the second half, if there is one, and waits for the answer.
HttpAnswer AwaitAnswer(AlertDesk::BegunPost begun);

// False unless `text` is 16 lowercase hex digits.
bool ParseFingerprint(std::string_view text, uint64_t& fingerprint);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_ALERTS_DESK_H_
