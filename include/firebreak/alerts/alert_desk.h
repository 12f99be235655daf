// AlertDesk: takes alerts from monitors (Alertmanager API v2, Alertmanager webhook v4, gRPC), makes what is new in them durable
// before it answers, and hands firing alerts to incidents in the same commit.
//
// A heartbeat (a known firing alert posted again, nothing new but its end time) costs no commit: its lease, the time until
// which it counts as firing, lives in memory. After a restart leases are derived from the stored records and never end within
// the first resolve timeout, so that monitors can speak up first.
#ifndef FIREBREAK_ALERTS_ALERT_DESK_H_
#define FIREBREAK_ALERTS_ALERT_DESK_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/log.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/v1/alert.pb.h"

namespace firebreak {

class CrashPoints;

struct HttpAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

struct AlertOptions {
  absl::Duration resolve_timeout = absl::Minutes(5);    // lease of an alert posted without an end
  // Lease of a firing alert from a webhook, which is repeated only every repeat_interval (4 h by default).
  absl::Duration webhook_timeout = absl::Hours(12);
  // A firing report of an episode that already ended is ignored as late for this long after the end was heard.
  absl::Duration late_window = absl::Minutes(5);
  size_t known_max = 1'000'000;                         // firing alerts at once; past it new ones get kResourceExhausted
};

// Thread-safe. Everything given outlives it; `crash_points` may be null.
class AlertDesk {
 public:
  // Reads every stored alert that fires or ended lately into memory.
  static absl::StatusOr<std::unique_ptr<AlertDesk>> Open(Ledger& ledger, const Clock& clock, Log& log,
                                                         IncidentDesk& incidents, AlertOptions options = {},
                                                         CrashPoints* crash_points = nullptr);
  ~AlertDesk();

  // --- Alerts service --------------------------------------------------------------------------------------------------
  // Nothing is stored when one alert is invalid (kInvalidArgument names it by position).
  absl::StatusOr<v1::RaiseAlertsResponse> RaiseAlerts(const Caller& caller, const v1::RaiseAlertsRequest& request);
  absl::StatusOr<v1::ListAlertsResponse> ListAlerts(const Caller& caller, const v1::ListAlertsRequest& request);
  absl::StatusOr<v1::GetAlertResponse> GetAlert(const Caller& caller, const v1::GetAlertRequest& request);

  // --- Intake routes (HTTP). 2xx only when everything accepted is durable; 503 asks the sender to try again. -------------
  // POST /api/v2/alerts: statuses and error shapes of Alertmanager 0.25. Good alerts beside a bad one are stored; answer 400.
  HttpAnswer PostAlertmanagerV2(const Caller& caller, std::string_view content_type, std::string_view body);
  // The same in two halves, for a caller with many connections and few threads. The first half never commits and never waits
  // for the store: it may run on an IO thread. It answers when no commit is needed (heartbeats, a body that is refused), else
  // `rest` does: to be called once, on a thread that may read the store. `rest` does not wait for the commit; `answered` is
  // called exactly once, on its thread or on the ledger's, where it must neither block nor commit. The desk must outlive that.
  // A brief rest is a handful of reads of records that are in memory or known to be absent: shorter than the way to another thread.
  using Answered = std::function<void(HttpAnswer)>;
  struct BegunPost {
    std::optional<HttpAnswer> answer;
    std::function<void(Answered answered)> rest;   // set when `answer` is not
    bool brief = false;
  };
  BegunPost BeginAlertmanagerV2(const Caller& caller, std::string_view content_type, std::string body);
  // POST of Alertmanager's webhook notifier, version "4".
  HttpAnswer PostAlertmanagerWebhook(const Caller& caller, std::string_view content_type, std::string_view body);
  // GET /api/v2/status and GET /api/v2/alerts, as far as amtool and Grafana need them. At most 10,000 firing alerts.
  HttpAnswer GetAlertmanagerStatus() const;
  HttpAnswer GetAlertmanagerAlerts() const;

  // Firing alerts whose lease ended become STALE, durably. Answers how many. For a timer; `now` is the clock's.
  absl::StatusOr<size_t> ExpireOverdue(absl::Time now);

  // Firing alerts now; for metrics.
  size_t firing() const;

 private:
  class Desk;
  explicit AlertDesk(std::unique_ptr<Desk> desk);
  std::unique_ptr<Desk> desk_;
};

}  // namespace firebreak

#endif  // FIREBREAK_ALERTS_ALERT_DESK_H_
