// The HTTP intake: Alertmanager's routes, with the statuses and error shapes of Alertmanager 0.25.
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/alerts.h"
#include "services/alerts/desk.h"

namespace firebreak {
namespace {

constexpr int kAlertsShownMax = 10'000;
// Larger bodies are left to the pool: an IO thread serves many connections. Prometheus sends at most 64 alerts at once.
constexpr size_t kHeartbeatBytesMax = size_t{64} << 10;
constexpr size_t kScanMax = 100'000;   // records looked at by one GET

HttpAnswer Refusal(int status, int code, std::string_view message) {
  return {status, "application/json", StrCat("{\"code\":", code, ",\"message\":", QuoteJson(message), "}")};
}

// application/json, with or without parameters, in any case.
bool IsJson(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(ToAbsl(type)), "application/json");
}

HttpAnswer WrongMediaType(std::string_view content_type) {
  return Refusal(415, 415, StrCat("unsupported media type \"", content_type.substr(0, 128),
                                  "\", only [application/json] are allowed"));
}

// Senders repeat on 5xx only: what may pass must not be answered with 4xx, 429 included.
HttpAnswer OfStatus(const absl::Status& status) {
  const int code = absl::IsUnavailable(status) || absl::IsResourceExhausted(status) || absl::IsAborted(status) ||
                           absl::IsDeadlineExceeded(status) || absl::IsCancelled(status)
                       ? 503
                       : 500;
  return Refusal(code, code, MessageOf(status));
}

void AppendPairs(std::string& json, const google::protobuf::Map<std::string, std::string>& pairs) {
  json.push_back('{');
  bool first = true;
  for (const auto& [name, value] : pairs) {
    if (!first) json.push_back(',');
    first = false;
    StrAppend(&json, QuoteJson(name), ":", QuoteJson(value));
  }
  json.push_back('}');
}

void AppendAlert(std::string& json, const v1::Alert& alert) {
  json += "{\"annotations\":";
  AppendPairs(json, alert.annotations());
  StrAppend(&json, ",\"endsAt\":", QuoteJson(FormatRfc3339(FromProto(alert.ends_at()))), ",\"fingerprint\":\"",
            alert.fingerprint(), "\",\"receivers\":[{\"name\":\"firebreak\"}],\"startsAt\":",
            QuoteJson(FormatRfc3339(FromProto(alert.starts_at()))),
            ",\"status\":{\"inhibitedBy\":[],\"mutedBy\":[],\"silencedBy\":[],\"state\":\"active\"},\"updatedAt\":",
            QuoteJson(FormatRfc3339(FromProto(alert.updated_at()))), ",\"generatorURL\":", QuoteJson(alert.generator_url()),
            ",\"labels\":");
  AppendPairs(json, alert.labels());
  json.push_back('}');
}

}  // namespace

HttpAnswer AlertDesk::Desk::PostV2(const Caller& caller, std::string_view content_type, std::string_view body) {
  if (!IsJson(content_type)) return WrongMediaType(content_type);
  Decoded decoded = DecodePostAlerts(body);
  if (const auto* error = std::get_if<BodyError>(&decoded)) return Refusal(error->status, error->code, error->message);
  return TakeBody(caller, {"alertmanager-v2", 0}, std::get<AlertBatch>(std::move(decoded)), options_.resolve_timeout);
}

std::optional<HttpAnswer> AlertDesk::Desk::TryHeartbeats(std::string_view content_type, std::string_view body) {
  if (body.size() > kHeartbeatBytesMax || !IsJson(content_type)) return std::nullopt;
  Decoded decoded = DecodePostAlerts(body);
  auto* batch = std::get_if<AlertBatch>(&decoded);
  if (batch == nullptr) return std::nullopt;
  const absl::Time now = clock_.Now();
  for (IncomingAlert& alert : batch->alerts) {
    if (!Normalise(alert, now, options_.resolve_timeout).ok()) return std::nullopt;
    // Leases extended before a piece of news is met stay extended: those alerts were heard of. Posting all again is harmless.
    uint64_t incident = 0;
    const std::optional<AlertMove> move = known_.Hear(alert, now, options_.late_window, incident);
    if (move != AlertMove::kNone && move != AlertMove::kLate) return std::nullopt;
  }
  return HttpAnswer{200, "application/json", ""};
}

HttpAnswer AlertDesk::Desk::PostWebhook(const Caller& caller, std::string_view content_type, std::string_view body) {
  if (!IsJson(content_type)) return WrongMediaType(content_type);
  Decoded decoded = DecodeWebhook(body);
  if (const auto* error = std::get_if<BodyError>(&decoded)) return Refusal(error->status, error->code, error->message);
  AlertBatch batch = std::get<AlertBatch>(std::move(decoded));
  if (batch.truncated > 0) {
    log_.Warning("alerts.truncated", {{"source", caller.identity.text()}, {"left_out", StrCat(batch.truncated)}});
  }
  const PostingSource source{"alertmanager-webhook", batch.truncated};
  return TakeBody(caller, source, std::move(batch), options_.webhook_timeout);
}

HttpAnswer AlertDesk::Desk::TakeBody(const Caller& caller, const PostingSource& source, AlertBatch batch,
                                     absl::Duration timeout) {
  const absl::Time now = clock_.Now();
  absl::Status first_error;
  size_t kept = 0;
  for (size_t i = 0; i < batch.alerts.size(); ++i) {
    const absl::Status status = Normalise(batch.alerts[i], now, timeout);
    if (!status.ok()) {
      first_error.Update(status);
      continue;
    }
    if (kept != i) batch.alerts[kept] = std::move(batch.alerts[i]);
    ++kept;
  }
  batch.alerts.resize(kept);
  const absl::Status status = Take(caller, source, batch.alerts, nullptr);
  if (!status.ok()) {
    log_.Warning("alerts.not_stored", {{"source", caller.identity.text()}, {"error", status.ToString()}});
    return OfStatus(status);
  }
  // Alertmanager answers a bare JSON string here, and its clients expect one.
  if (!first_error.ok()) return {400, "application/json", StrCat(QuoteJson(MessageOf(first_error)), "\n")};
  return {200, "application/json", ""};
}

HttpAnswer AlertDesk::Desk::GetStatus() const {
  return {200, "application/json",
          StrCat("{\"cluster\":{\"name\":\"firebreak\",\"peers\":[],\"status\":\"disabled\"},\"config\":{\"original\":\"\"},"
                 "\"uptime\":",
                 QuoteJson(FormatRfc3339(opened_at_)),
                 ",\"versionInfo\":{\"branch\":\"\",\"buildDate\":\"\",\"buildUser\":\"\",\"goVersion\":\"\",\"revision\":\"\","
                 "\"version\":\"0.25.0-firebreak\"}}")};
}

HttpAnswer AlertDesk::Desk::GetAlerts() const {
  std::string json = "[";
  std::string after;
  int shown = 0;
  for (size_t scanned = 0; scanned < kScanMax && shown < kAlertsShownMax;) {
    auto page = ListRecords(ledger_.store(), keys::Alerts(), after, 500);
    if (!page.ok()) return OfStatus(page.status());
    for (auto& [key, alert] : page->records) {
      ++scanned;
      if (alert.state() != v1::ALERT_STATE_FIRING || shown == kAlertsShownMax) continue;
      ShowLease(alert);
      if (shown++ > 0) json.push_back(',');
      AppendAlert(json, alert);
    }
    after = page->next_after;
    if (after.empty()) break;
  }
  json.push_back(']');
  return {200, "application/json", std::move(json)};
}

}  // namespace firebreak
