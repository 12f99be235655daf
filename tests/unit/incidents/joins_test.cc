// What happens when a signal meets an incident that is open, or was.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/base/text.h"
#include "firebreak/incidents/incident_desk.h"
#include "firebreak/storage/keys/incidents.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Starts a run for every incident of at least `severity`, and remembers what for.
class RecordingStarter final : public RunStarter {
 public:
  absl::StatusOr<std::optional<v1::PlaybookRun>> StartTriggered(Draft& draft, const v1::Incident& incident) override {
    calls.push_back(incident);
    if (incident.severity() > severity) return std::optional<v1::PlaybookRun>();
    ASSIGN_OR_RETURN(const uint64_t number, draft.NextNumber("run"));
    v1::PlaybookRun run;
    run.set_id(NumberedId("RUN", number));
    run.set_playbook("poisoned-model");
    if (attaches) run.add_attached(incident.id());
    active.insert(incident.deployment());
    return std::optional<v1::PlaybookRun>(run);
  }
  absl::StatusOr<bool> HasActiveRun(Draft&, const v1::Incident&) const override { return !active.empty(); }
  absl::StatusOr<bool> HasActiveRunOn(Draft&, const v1::Incident&, const std::string& deployment) const override {
    return active.count(deployment) > 0;
  }

  uint32_t severity = 5;
  bool attaches = false;
  std::vector<v1::Incident> calls;
  std::set<std::string> active;   // deployments with a run that has not ended
};

class JoinsTest : public ::testing::Test {
 protected:
  static IncidentSignal Signal(std::string deployment = "fraud-prod", uint32_t severity = 2) {
    IncidentSignal signal;
    signal.title = "accuracy fell";
    signal.model = "fraud";
    signal.environment = "prod";
    signal.kind = "poisoning";
    signal.deployment = std::move(deployment);
    signal.severity = severity;
    return signal;
  }
  // One alert: correlated and marked in one commit. Its own entry stands for the alert's.
  Correlation Alert(const IncidentSignal& signal) {
    Correlation correlation;
    const auto receipt = fixture_.ledger->Transact([&](Draft& draft) -> absl::Status {
      ASSIGN_OR_RETURN(correlation, desk_.Correlate(draft, ServiceCaller(), signal));
      incident_writes_ = draft.writes().count(keys::Incident(1).bytes);
      writes_ = draft.writes().size();
      desk_.MarkAlert(draft, correlation.incident, Fingerprint("aaaaaaaaaaaaaaaa"), fixture_.clock.Now(),
                      AlertMark::kFiring, nullptr);
      draft.Record(firebreak::testing::TestEntry());
      EXPECT_LE(draft.entries().size(), 8U);
      return absl::OkStatus();
    });
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return correlation;
  }
  void Resolve() {
    const auto receipt = fixture_.ledger->Transact([&](Draft& draft) -> absl::Status {
      const AlertMark firing = AlertMark::kFiring;
      desk_.MarkAlert(draft, IncidentId("INC-1"), Fingerprint("aaaaaaaaaaaaaaaa"), fixture_.clock.Now(),
                      AlertMark::kResolved, &firing);
      draft.Record(firebreak::testing::TestEntry());
      return desk_.SettleAlerts(draft, IncidentId("INC-1"));
    });
    EXPECT_TRUE(receipt.ok()) << receipt.status();
  }
  void Advance(v1::IncidentState state) {
    const auto receipt = fixture_.ledger->Transact([&](Draft& draft) {
      return desk_.Advance(draft, IncidentId("INC-1"), state, Identity("firebreak"), "step done");
    });
    EXPECT_TRUE(receipt.ok()) << receipt.status();
  }
  v1::Incident Get() { return desk_.Load(IncidentId("INC-1")).value(); }
  std::vector<v1::AuditEntry> Timeline(const std::string& action) {
    v1::GetTimelineRequest request;
    request.set_incident("INC-1");
    std::vector<v1::AuditEntry> found;
    const v1::GetTimelineResponse timeline = desk_.GetTimeline(ServiceCaller(), request).value();
    for (const auto& entry : timeline.entries()) {
      if (entry.action() == action) found.push_back(entry);
    }
    return found;
  }
  IncidentOptions Options() {
    IncidentOptions options;
    options.still_contained = [this](Draft&, const std::string& name) -> absl::StatusOr<bool> {
      return contained_.count(name) > 0;
    };
    options.containment_proved = [this](Draft&, const std::string& name) -> absl::StatusOr<bool> {
      return contained_.count(name) > 0 && proved_;
    };
    return options;
  }

  firebreak::testing::LedgerFixture fixture_;
  RecordingStarter starter_;
  std::set<std::string> contained_;
  bool proved_ = false;
  std::map<std::string, std::string> serves_ = {{"fraud-prod", "model/fraud@8"}, {"fraud-eu", "model/fraud@8"}};
  size_t incident_writes_ = 0;
  size_t writes_ = 0;
  IncidentDesk desk_{*fixture_.ledger,
                     fixture_.clock,
                     *fixture_.log,
                     &starter_,
                     [this](const IncidentSignal& signal) -> std::optional<SuspectFacts> {
                       const auto served = serves_.find(signal.deployment);
                       if (served == serves_.end()) return std::nullopt;
                       return SuspectFacts{"fraud", served->second, StrCat("sha256:", served->second), signal.deployment};
                     },
                     Options()};
};

TEST_F(JoinsTest, ARelapseStartsThePlaybookAgain) {
  Alert(Signal());
  EXPECT_EQ(starter_.calls.at(0).snapshot(), "model/fraud@8");
  Advance(v1::INCIDENT_STATE_CONTAINED);
  const std::string contained_at = FormatRfc3339(FromProto(Get().contained_at()));
  starter_.active.clear();
  serves_["fraud-prod"] = "model/fraud@7";   // rolled back
  Resolve();
  ASSERT_EQ(Get().state(), v1::INCIDENT_STATE_RECOVERED);
  fixture_.clock.Advance(absl::Minutes(5));

  const Correlation relapse = Alert(Signal());
  EXPECT_TRUE(relapse.relapsed);
  EXPECT_EQ(relapse.run, "RUN-2");
  ASSERT_EQ(starter_.calls.size(), 2U);
  EXPECT_EQ(starter_.calls[1].snapshot(), "model/fraud@7");
  const v1::Incident incident = Get();
  EXPECT_EQ(incident.state(), v1::INCIDENT_STATE_TRIAGED);
  EXPECT_EQ(incident.snapshot(), "model/fraud@7");
  EXPECT_EQ(incident.snapshot_digest(), "sha256:model/fraud@7");
  EXPECT_THAT(incident.runs(), ElementsAre("RUN-1", "RUN-2"));
  EXPECT_FALSE(incident.has_contained_at());
  const auto relapsed = Timeline("incident.relapsed");
  ASSERT_EQ(relapsed.size(), 1U);
  EXPECT_EQ(relapsed[0].facts().at("contained_at"), contained_at);
  EXPECT_EQ(relapsed[0].facts().count("recovered_at"), 1U);

  Resolve();
  EXPECT_EQ(Get().state(), v1::INCIDENT_STATE_TRIAGED) << "its run is under way";
  starter_.active.clear();
  ASSERT_TRUE(desk_.ReconcileOpen().ok());
  EXPECT_EQ(Get().state(), v1::INCIDENT_STATE_RECOVERED);
}

TEST_F(JoinsTest, ARelapseSeenLaterStartsThePlaybookToo) {
  Alert(Signal());
  starter_.active.clear();
  Resolve();
  ASSERT_EQ(Get().state(), v1::INCIDENT_STATE_RECOVERED);
  const auto marked = fixture_.ledger->Transact([&](Draft& draft) -> absl::Status {
    desk_.MarkAlert(draft, IncidentId("INC-1"), Fingerprint("bbbbbbbbbbbbbbbb"), fixture_.clock.Now(),
                    AlertMark::kFiring, nullptr);
    draft.Record(firebreak::testing::TestEntry());
    return absl::OkStatus();
  });
  ASSERT_TRUE(marked.ok()) << marked.status();
  ASSERT_TRUE(desk_.ReconcileOpen().ok());
  EXPECT_EQ(Get().state(), v1::INCIDENT_STATE_TRIAGED);
  EXPECT_THAT(Get().runs(), ElementsAre("RUN-1", "RUN-2"));
}

TEST_F(JoinsTest, ASecondDeploymentOfTheSuspectIsContainedToo) {
  Alert(Signal());
  const Correlation second = Alert(Signal("fraud-eu"));
  EXPECT_EQ(second.incident.text(), "INC-1");
  EXPECT_EQ(second.run, "RUN-2");
  EXPECT_THAT(second.explanation, HasSubstr("started RUN-2"));
  ASSERT_EQ(starter_.calls.size(), 2U);
  EXPECT_EQ(starter_.calls[1].deployment(), "fraud-eu");
  EXPECT_EQ(starter_.calls[1].snapshot(), "model/fraud@8");
  const v1::Incident incident = Get();
  EXPECT_EQ(incident.deployment(), "fraud-prod");
  EXPECT_THAT(incident.affected(), ElementsAre("deployment/fraud-eu"));
  EXPECT_THAT(incident.runs(), ElementsAre("RUN-1", "RUN-2"));

  starter_.active.clear();
  contained_ = {"fraud-eu"};
  Resolve();
  EXPECT_EQ(Get().state(), v1::INCIDENT_STATE_DETECTED) << "the second deployment is still out of service";
  contained_.clear();
  ASSERT_TRUE(desk_.ReconcileOpen().ok());
  EXPECT_EQ(Get().state(), v1::INCIDENT_STATE_RECOVERED);
}

TEST_F(JoinsTest, ASecondDeploymentNoPlaybookWantsIsTriedOnce) {
  starter_.severity = 0;
  Alert(Signal());
  Alert(Signal("fraud-eu"));
  Alert(Signal("fraud-eu"));
  EXPECT_EQ(starter_.calls.size(), 2U);
  EXPECT_EQ(writes_, 0U);
}

TEST_F(JoinsTest, JoiningWhileARunIsActiveWritesNothing) {
  Alert(Signal());
  EXPECT_EQ(incident_writes_, 1U);
  Alert(Signal());
  EXPECT_EQ(writes_, 0U);
  IncidentSignal unnamed = Signal("");
  Alert(unnamed);
  EXPECT_EQ(writes_, 0U);
  starter_.active.clear();
  contained_ = {"fraud-prod"};
  Alert(Signal());
  EXPECT_EQ(writes_, 0U) << "the deployment is contained: there is nothing to do";
  EXPECT_EQ(starter_.calls.size(), 1U);
}

TEST_F(JoinsTest, AnAlertAfterTheRunsEndStartsThePlaybookAgain) {
  Alert(Signal());
  starter_.active.clear();
  EXPECT_EQ(Alert(Signal("")).run, "RUN-2") << "no deployment named means the incident's";
  EXPECT_EQ(starter_.calls.at(1).deployment(), "fraud-prod");
}

TEST_F(JoinsTest, AWorseAlertRaisesTheSeverityAndStartsThePlaybook) {
  starter_.severity = 1;
  EXPECT_EQ(Alert(Signal("fraud-prod", 3)).run, "");
  EXPECT_EQ(Alert(Signal("fraud-prod", 3)).run, "");
  EXPECT_EQ(writes_, 0U);
  EXPECT_EQ(starter_.calls.size(), 1U);
  EXPECT_EQ(Alert(Signal("fraud-prod", 1)).run, "RUN-1");
  EXPECT_EQ(starter_.calls.at(1).severity(), 1U);
  EXPECT_EQ(Get().severity(), 1U);
  EXPECT_EQ(Timeline("incident.severity_set").size(), 1U);
  EXPECT_EQ(Alert(Signal("fraud-prod", 4)).run, "");
  EXPECT_EQ(Get().severity(), 1U) << "a milder alert changes nothing";
}

TEST_F(JoinsTest, NoMoreThanThreeAutomaticRuns) {
  for (int i = 0; i < 6; ++i) {
    Alert(Signal());
    starter_.active.clear();
  }
  EXPECT_EQ(starter_.calls.size(), 3U);
  EXPECT_EQ(writes_, 0U);
  EXPECT_THAT(Get().runs(), ElementsAre("RUN-1", "RUN-2", "RUN-3"));
  const auto refused = Timeline("run.not_started");
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_THAT(refused[0].facts().at("reason"), HasSubstr("3 runs"));
  EXPECT_EQ(Alert(Signal("fraud-eu")).run, "RUN-4") << "another deployment has its own three";
}

TEST_F(JoinsTest, ARunOfAnotherIncidentIsJoinedNotStarted) {
  starter_.attaches = true;
  const Correlation opened = Alert(Signal());
  EXPECT_THAT(opened.explanation, HasSubstr("joined RUN-1"));
  EXPECT_THAT(opened.explanation, Not(HasSubstr("started RUN-1")));
  EXPECT_THAT(Get().runs(), ElementsAre("RUN-1"));
}

TEST_F(JoinsTest, AnIncidentWhoseDeploymentProvedToBeContainedIsContained) {
  Alert(Signal());
  contained_ = {"fraud-prod"};
  ASSERT_TRUE(desk_.ReconcileOpen().ok());
  EXPECT_EQ(Get().state(), v1::INCIDENT_STATE_DETECTED) << "decided, but not proved";
  proved_ = true;
  ASSERT_TRUE(desk_.ReconcileOpen().ok());
  EXPECT_EQ(Get().state(), v1::INCIDENT_STATE_CONTAINED);
}

TEST_F(JoinsTest, AnIncidentNobodyActedOnDoesNotSettleByItself) {
  starter_.severity = 0;
  Alert(Signal());
  Resolve();
  EXPECT_EQ(Get().state(), v1::INCIDENT_STATE_DETECTED);
  EXPECT_THAT(Get().runs(), IsEmpty());
}

}  // namespace
}  // namespace firebreak
