// An AlertDesk over an IncidentDesk over a ledger in memory, with a clock the test moves.
#ifndef FIREBREAK_TESTS_UNIT_ALERTS_ALERT_FIXTURE_H_
#define FIREBREAK_TESTS_UNIT_ALERTS_ALERT_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/alerts/alert_desk.h"
#include "firebreak/base/text.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/storage_wrap/faults.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak {

// Starts RUN-n for every incident.
class CountingStarter final : public RunStarter {
 public:
  absl::StatusOr<std::optional<v1::PlaybookRun>> StartTriggered(Draft& draft, const v1::Incident&) override {
    ASSIGN_OR_RETURN(const uint64_t number, draft.NextNumber("run"));
    v1::PlaybookRun run;
    run.set_id(NumberedId("RUN", number));
    run.set_playbook("poisoned-model");
    return std::optional<v1::PlaybookRun>(run);
  }
  // A run goes on until its incident is contained, and keeps its deployment to itself for as long as the test lasts.
  absl::StatusOr<bool> HasActiveRun(Draft&, const v1::Incident& incident) const override {
    return !incident.runs().empty() && incident.state() < v1::INCIDENT_STATE_CONTAINED;
  }
  absl::StatusOr<bool> HasActiveRunOn(Draft&, const v1::Incident& incident, const std::string&) const override {
    return !incident.runs().empty();
  }
  absl::StatusOr<std::optional<std::string>> PreviewTriggered(const v1::Incident&) const override {
    return std::optional<std::string>("poisoned-model");
  }
};

class AlertDeskTest : public ::testing::Test {
 protected:
  AlertDeskTest() { Start(); }

  // Opens everything over the same store again, as a restart does.
  void Start() {
    desk_.reset();
    incidents_.reset();
    ledger_.reset();
    ledger_ = fixture_.Open(store_);
    incidents_ = std::make_unique<IncidentDesk>(*ledger_, fixture_.clock, *fixture_.log, &starter_, nullptr);
    auto desk = AlertDesk::Open(*ledger_, fixture_.clock, *fixture_.log, *incidents_, options_);
    FIREBREAK_CHECK(desk.ok());
    desk_ = *std::move(desk);
  }

  HttpAnswer Post(std::string_view body) { return desk_->PostAlertmanagerV2(caller_, "application/json", body); }
  HttpAnswer Webhook(std::string_view body) { return desk_->PostAlertmanagerWebhook(caller_, "application/json", body); }
  absl::Time now() const { return fixture_.clock.Now(); }
  uint64_t entries() const { return ledger_->size(); }

  static std::string At(absl::Time time) { return FormatRfc3339(time); }
  // One alert of model fraud in prod; `more` goes in beside the labels.
  static std::string Body(std::string_view name, std::string_view more = "", std::string_view model = "fraud") {
    return StrCat(R"([{"labels":{"alertname":")", name, R"(","model_name":")", model, R"(","env":"prod"})", more, "}]");
  }
  std::string Ends(absl::Duration from_now) const { return StrCat(R"(,"endsAt":")", At(now() + from_now), "\""); }
  std::string Spans(absl::Duration starts, absl::Duration ends) const {
    return StrCat(R"(,"startsAt":")", At(now() + starts), R"(","endsAt":")", At(now() + ends), "\"");
  }

  std::vector<v1::Alert> List(v1::AlertState state = v1::ALERT_STATE_UNSPECIFIED, std::string incident = "") {
    v1::ListAlertsRequest request;
    request.set_state(state);
    request.set_incident(std::move(incident));
    request.set_page_size(500);
    auto response = desk_->ListAlerts(caller_, request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return {};
    return {response->alerts().begin(), response->alerts().end()};
  }
  // The only alert there is.
  v1::Alert Only() {
    const std::vector<v1::Alert> all = List();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? v1::Alert() : all.front();
  }
  v1::Incident Incident(std::string id) { return incidents_->Load(IncidentId(std::move(id))).value(); }
  void Contain(std::string id) {
    v1::AdvanceIncidentRequest request;
    request.set_incident(std::move(id));
    request.set_state(v1::INCIDENT_STATE_CONTAINED);
    ASSERT_TRUE(incidents_->AdvanceIncident(caller_, request).ok());
  }

  firebreak::testing::LedgerFixture fixture_;
  FaultyMetaStore store_{fixture_.store};
  CountingStarter starter_;
  AlertOptions options_;
  Caller caller_ = [] {
    Caller caller;
    caller.identity = Identity("prometheus");
    return caller;
  }();
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<IncidentDesk> incidents_;
  std::unique_ptr<AlertDesk> desk_;
};

}  // namespace firebreak

#endif  // FIREBREAK_TESTS_UNIT_ALERTS_ALERT_FIXTURE_H_
