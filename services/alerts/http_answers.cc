// The HTTP intake: Alertmanager's routes, with the statuses and error shapes of Alertmanager 0.25.
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/alerts.h"
#include "services/alerts/desk.h"

namespace firebreak {
namespace {

constexpr int kAlertsShownMax = 10'000;
// Larger bodies are left to the second half: an IO thread serves many connections. Prometheus sends at most 64 alerts at once.
constexpr size_t kFirstHalfBytesMax = size_t{64} << 10;
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

HttpAnswer AwaitAnswer(AlertDesk::BegunPost begun) {
  if (begun.answer) return *std::move(begun.answer);
  HttpAnswer answer;
  absl::Notification answered;
  begun.rest([&](HttpAnswer given) {
    answer = std::move(given);
    answered.Notify();
  });
  answered.WaitForNotification();
  return answer;
}

AlertDesk::BegunPost AlertDesk::Desk::BeginV2(const Caller& caller, std::string_view content_type, std::string body) {
  if (!IsJson(content_type)) return {WrongMediaType(content_type), nullptr};
  const PostingSource source{"alertmanager-v2", 0};
  if (body.size() <= kFirstHalfBytesMax) return BeginBody(caller, source, DecodePostAlerts(body), options_.resolve_timeout);
  auto kept = std::make_shared<const std::string>(std::move(body));
  return {std::nullopt, [this, caller, source, kept = std::move(kept)](Answered answered) {
            BegunPost begun = BeginBody(caller, source, DecodePostAlerts(*kept), options_.resolve_timeout);
            if (begun.answer) return answered(*std::move(begun.answer));
            begun.rest(std::move(answered));
          }};
}

HttpAnswer AlertDesk::Desk::PostWebhook(const Caller& caller, std::string_view content_type, std::string_view body) {
  if (!IsJson(content_type)) return WrongMediaType(content_type);
  Decoded decoded = DecodeWebhook(body);
  uint64_t truncated = 0;
  if (const auto* batch = std::get_if<AlertBatch>(&decoded)) truncated = batch->truncated;
  if (truncated > 0) {
    log_.Warning("alerts.truncated", {{"source", caller.identity.text()}, {"left_out", StrCat(truncated)}});
  }
  return AwaitAnswer(BeginBody(caller, {"alertmanager-webhook", truncated}, std::move(decoded), options_.webhook_timeout));
}

AlertDesk::BegunPost AlertDesk::Desk::BeginBody(const Caller& caller, const PostingSource& source, Decoded decoded,
                                                absl::Duration timeout) {
  if (const auto* error = std::get_if<BodyError>(&decoded)) {
    return {Refusal(error->status, error->code, error->message), nullptr};
  }
  const absl::Time now = clock_.Now();
  auto alerts = std::make_shared<std::vector<IncomingAlert>>(std::get<AlertBatch>(std::move(decoded)).alerts);
  absl::Status refused;
  size_t kept = 0;
  for (size_t i = 0; i < alerts->size(); ++i) {
    const absl::Status status = Normalise((*alerts)[i], now, timeout);
    if (!status.ok()) {
      refused.Update(status);
      continue;
    }
    if (kept != i) (*alerts)[kept] = std::move((*alerts)[i]);
    ++kept;
  }
  alerts->resize(kept);
  absl::StatusOr<News> news = Hear(*alerts, nullptr);
  if (!news.ok() || news->postings.empty()) return {AnswerOf(caller.identity, news.status(), refused), nullptr};
  const bool brief = news->postings.size() == 1 && !news->ended;
  auto wish = std::make_shared<AlertBook::Wish>(
      AlertBook::Wish{caller, source, std::move(news->postings), std::move(alerts)});
  return {std::nullopt, [this, wish = std::move(wish), refused, ended = news->ended](Answered answered) {
            const Identity sender = wish->caller.identity;
            if (ended) return answered(AnswerOf(sender, book_.Write(std::move(*wish)), refused));
            book_.WriteThen(std::move(*wish), [this, sender, refused, answered = std::move(answered)](const absl::Status& stored) {
              answered(AnswerOf(sender, stored, refused));
            });
          }, brief};
}

HttpAnswer AlertDesk::Desk::AnswerOf(const Identity& sender, const absl::Status& stored, const absl::Status& refused) const {
  if (!stored.ok()) {
    log_.Warning("alerts.not_stored", {{"source", sender.text()}, {"error", stored.ToString()}});
    return OfStatus(stored);
  }
  // Alertmanager answers a bare JSON string here, and its clients expect one.
  if (!refused.ok()) return {400, "application/json", StrCat(QuoteJson(MessageOf(refused)), "\n")};
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
