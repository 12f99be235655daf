#include "tests/unit/alerts/alert_fixture.h"

#include <atomic>
#include <optional>
#include <thread>

#include "firebreak/base/json.h"
#include "firebreak/ledger/entries.h"

namespace firebreak {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(AlertDeskTest, ANewAlertIsStoredWithItsIncidentAndRunBeforeTheAnswer) {
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  const v1::Alert alert = Only();
  EXPECT_EQ(alert.state(), v1::ALERT_STATE_FIRING);
  EXPECT_EQ(alert.incident(), "INC-1");
  EXPECT_EQ(alert.source(), "prometheus");
  EXPECT_EQ(alert.intake(), "alertmanager-v2");
  EXPECT_TRUE(alert.ends_at_is_timeout());
  const v1::Incident incident = Incident("INC-1");
  EXPECT_THAT(incident.runs(), ElementsAre("RUN-1"));
  EXPECT_EQ(incident.firing_alerts(), 1U);
  EXPECT_EQ(incident.opened_by(), "prometheus");
  EXPECT_EQ(entries(), 2U);   // opened, raised: one commit
  auto timeline = ListEntriesBySubject(ledger_->store(), StrCat("alert/", alert.fingerprint()), 0, 10);
  ASSERT_TRUE(timeline.ok());
  ASSERT_THAT(timeline->entries, SizeIs(1));
  EXPECT_EQ(timeline->entries[0].action(), "alert.raised");
}

TEST_F(AlertDeskTest, HeartbeatsCostNoCommitAndExtendTheLease) {
  ASSERT_EQ(Post(Body("Drift", Spans(absl::ZeroDuration(), absl::Minutes(4)))).status, 200);
  const uint64_t size = entries();
  const uint64_t commits = store_.commits();
  const absl::Time start = now();
  for (int i = 0; i < 100; ++i) {
    fixture_.clock.Advance(absl::Minutes(1));
    ASSERT_EQ(Post(Body("Drift", Spans(start - now(), absl::Minutes(4)))).status, 200);
    ASSERT_EQ(desk_->ExpireOverdue(now()).value(), 0U);
  }
  EXPECT_EQ(entries(), size);
  EXPECT_EQ(store_.commits(), commits);
  EXPECT_EQ(FromProto(Only().ends_at()), now() + absl::Minutes(4));
  EXPECT_EQ(desk_->firing(), 1U);
}

TEST_F(AlertDeskTest, OnlyBodiesOfHeartbeatsAreAnsweredWithoutTheStore) {
  const auto begin = [&](const std::string& body) { return desk_->BeginAlertmanagerV2(caller_, "application/json", body); };
  const std::string known = Body("Drift", Spans(absl::ZeroDuration(), absl::Minutes(4)));
  EXPECT_FALSE(begin(known).answer.has_value());
  EXPECT_EQ(entries(), 0U);
  ASSERT_EQ(Post(known).status, 200);
  const uint64_t commits = store_.commits();
  const absl::Time start = now();
  fixture_.clock.Advance(absl::Minutes(1));
  const std::string heartbeat = Body("Drift", Spans(start - now(), absl::Minutes(4)));
  const std::optional<HttpAnswer> answer = begin(heartbeat).answer;
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, Post(heartbeat).body);
  EXPECT_EQ(FromProto(Only().ends_at()), now() + absl::Minutes(4));
  const std::string mixed = heartbeat.substr(0, heartbeat.size() - 1) + "," + Body("Skew").substr(1);
  const std::string left_to_the_store[] = {mixed, Body("Skew"), Body("Drift", R"(,"annotations":{"value":"2"})"),
                                           Body("Drift", Spans(-absl::Minutes(2), -absl::Seconds(1))),
                                           heartbeat + std::string(64 << 10, ' ')};
  for (const std::string& body : left_to_the_store) {
    EXPECT_FALSE(begin(body).answer.has_value()) << body.substr(0, 200);
  }
  for (const std::string& body : {std::string("["), std::string(R"([{"labels":{}}])")}) {
    const std::optional<HttpAnswer> refused = begin(body).answer;
    ASSERT_TRUE(refused.has_value()) << body;
    EXPECT_EQ(refused->status, 400);
    EXPECT_EQ(refused->body, Post(body).body);
  }
  fixture_.clock.Advance(absl::Minutes(5));   // the lease is over: the store decides
  EXPECT_FALSE(begin(heartbeat).answer.has_value());
  EXPECT_EQ(store_.commits(), commits);
}

// The deployment is named, so that joining depends on nothing but records: then it is remembered.
std::string OfADeployment(std::string_view name, std::string_view severity) {
  return StrCat(R"([{"labels":{"alertname":")", name, R"(","model_name":"fraud","deployment":"fraud-prod","severity":")", severity,
                R"("}}])");
}

TEST_F(AlertDeskTest, AnIncidentIsJoinedFromMemoryOnlyAsLongAsItIsOpen) {
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Post(OfADeployment(StrCat("Drift", i), "warning")).status, 200);
  EXPECT_THAT(List(v1::ALERT_STATE_FIRING, "INC-1"), SizeIs(5));
  v1::AdvanceIncidentRequest close;
  close.set_incident("INC-1");
  close.set_state(v1::INCIDENT_STATE_CLOSED);
  close.set_reason("nothing there");
  const auto closed = incidents_->AdvanceIncident(caller_, close);
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_EQ(closed->incident().firing_alerts(), 5u) << "whoever closes it is told";
  for (int i = 5; i < 8; ++i) ASSERT_EQ(Post(OfADeployment(StrCat("Drift", i), "warning")).status, 200);
  EXPECT_THAT(List(v1::ALERT_STATE_FIRING, "INC-1"), SizeIs(5));
  EXPECT_THAT(List(v1::ALERT_STATE_FIRING, "INC-2"), SizeIs(3));
}

TEST_F(AlertDeskTest, AWorseAlertIsNotJoinedFromMemory) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(Post(OfADeployment(StrCat("Drift", i), "warning")).status, 200);
  EXPECT_EQ(incidents_->Load(IncidentId("INC-1"))->severity(), 3u);
  ASSERT_EQ(Post(OfADeployment("Drift9", "critical")).status, 200);
  EXPECT_EQ(incidents_->Load(IncidentId("INC-1"))->severity(), 1u);
}

TEST_F(AlertDeskTest, ChangedAnnotationsAreStored) {
  ASSERT_EQ(Post(Body("Drift", R"(,"annotations":{"value":"1"})")).status, 200);
  const uint64_t size = entries();
  ASSERT_EQ(Post(Body("Drift", R"(,"annotations":{"value":"2"})")).status, 200);
  EXPECT_EQ(entries(), size + 1);
  EXPECT_EQ(Only().annotations().at("value"), "2");
  ASSERT_EQ(Post(Body("Drift", R"(,"annotations":{"value":"2"})")).status, 200);
  EXPECT_EQ(entries(), size + 1);
}

TEST_F(AlertDeskTest, TheEarliestStartOfAnEpisodeWins) {
  ASSERT_EQ(Post(Body("Drift", Spans(-absl::Minutes(1), absl::Minutes(4)))).status, 200);
  ASSERT_EQ(Post(Body("Drift", Spans(-absl::Minutes(9), absl::Minutes(4)))).status, 200);
  ASSERT_EQ(Post(Body("Drift", Spans(-absl::Minutes(2), absl::Minutes(4)))).status, 200);
  EXPECT_EQ(FromProto(Only().starts_at()), now() - absl::Minutes(9));
}

TEST_F(AlertDeskTest, ALaterEndGivenByTheSourceRulesOverAnEarlierOne) {
  ASSERT_EQ(Post(Body("Drift", Spans(absl::ZeroDuration(), absl::Minutes(30)))).status, 200);
  ASSERT_EQ(Post(Body("Drift", Spans(absl::ZeroDuration(), absl::Minutes(4)))).status, 200);
  EXPECT_EQ(FromProto(Only().ends_at()), now() + absl::Minutes(30));
}

TEST_F(AlertDeskTest, TheLastAlertToResolveRecoversAContainedIncident) {
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  ASSERT_EQ(Post(Body("Skew")).status, 200);
  EXPECT_THAT(List(v1::ALERT_STATE_FIRING, "INC-1"), SizeIs(2));
  Contain("INC-1");
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("Drift", Ends(absl::ZeroDuration()))).status, 200);
  EXPECT_EQ(Incident("INC-1").state(), v1::INCIDENT_STATE_CONTAINED);
  const uint64_t size = entries();
  const uint64_t commits = store_.committed();
  ASSERT_EQ(Post(Body("Skew", Ends(absl::ZeroDuration()))).status, 200);
  EXPECT_EQ(Incident("INC-1").state(), v1::INCIDENT_STATE_RECOVERED);
  EXPECT_EQ(entries(), size + 2);   // resolved and advanced
  EXPECT_EQ(store_.committed(), commits + 1);
  EXPECT_EQ(Incident("INC-1").total_alerts(), 2U);
}

TEST_F(AlertDeskTest, AResolveBeforeContainmentLeavesTheIncidentToPeople) {
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("Drift", Ends(absl::ZeroDuration()))).status, 200);
  EXPECT_EQ(Incident("INC-1").state(), v1::INCIDENT_STATE_DETECTED);
}

TEST_F(AlertDeskTest, ALateFiringReportOfAnEndedEpisodeIsIgnored) {
  const std::string firing = Body("Drift", Spans(-absl::Minutes(5), absl::Minutes(4)));
  ASSERT_EQ(Post(firing).status, 200);
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("Drift", Ends(absl::ZeroDuration()))).status, 200);
  const uint64_t size = entries();
  fixture_.clock.Advance(absl::Seconds(10));
  ASSERT_EQ(Post(firing).status, 200);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_RESOLVED);
  EXPECT_EQ(entries(), size);
  Start();   // the store alone says the same
  ASSERT_EQ(Post(firing).status, 200);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_RESOLVED);
}

TEST_F(AlertDeskTest, ANewEpisodeFiresAgainAndTakesTheRecoveredIncidentUp) {
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  Contain("INC-1");
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("Drift", Ends(absl::ZeroDuration()))).status, 200);
  ASSERT_EQ(Incident("INC-1").state(), v1::INCIDENT_STATE_RECOVERED);
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_FIRING);
  EXPECT_EQ(Incident("INC-1").state(), v1::INCIDENT_STATE_TRIAGED);
  EXPECT_EQ(Incident("INC-1").firing_alerts(), 1U);
}

TEST_F(AlertDeskTest, ASourceThatInsistsIsBelievedAfterTheLateWindow) {
  const std::string start = StrCat(R"(,"startsAt":")", At(now()), "\"");
  ASSERT_EQ(Post(Body("Drift", start)).status, 200);
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("Drift", Ends(absl::ZeroDuration()))).status, 200);
  fixture_.clock.Advance(absl::Minutes(4));
  ASSERT_EQ(Post(Body("Drift", start + Ends(absl::Minutes(5)))).status, 200);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_RESOLVED);
  fixture_.clock.Advance(absl::Minutes(2));
  ASSERT_EQ(Post(Body("Drift", start + Ends(absl::Minutes(5)))).status, 200);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_FIRING);
}

TEST_F(AlertDeskTest, ASilentSourceMakesItsAlertsStaleAndRecoversNothing) {
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  Contain("INC-1");
  fixture_.clock.Advance(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 0U);
  fixture_.clock.Advance(absl::Seconds(1));
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 1U);
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 0U);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_STALE);
  EXPECT_EQ(Incident("INC-1").state(), v1::INCIDENT_STATE_CONTAINED);
  EXPECT_EQ(Incident("INC-1").firing_alerts(), 0U);
  EXPECT_EQ(Incident("INC-1").total_alerts(), 1U);
  EXPECT_EQ(desk_->firing(), 0U);
  ASSERT_EQ(Post(Body("Drift")).status, 200);   // it speaks again
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_FIRING);
  EXPECT_EQ(Incident("INC-1").firing_alerts(), 1U);
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("Drift", Ends(absl::ZeroDuration()))).status, 200);
  EXPECT_EQ(Incident("INC-1").state(), v1::INCIDENT_STATE_RECOVERED);
}

TEST_F(AlertDeskTest, AnAlertTheSourceResolvedNeverBecomesStale) {
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("Drift", Ends(absl::ZeroDuration()))).status, 200);
  fixture_.clock.Advance(absl::Hours(5));
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 0U);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_RESOLVED);
}

TEST_F(AlertDeskTest, AfterARestartMonitorsSpeakFirst) {
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  fixture_.clock.Advance(absl::Hours(3));   // down for long: the stored lease is over
  Start();
  EXPECT_EQ(desk_->firing(), 1U);
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 0U);
  fixture_.clock.Advance(absl::Minutes(4));
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 0U);
  const uint64_t size = entries();
  ASSERT_EQ(Post(Body("Drift")).status, 200);
  EXPECT_EQ(entries(), size) << "still a heartbeat";
  fixture_.clock.Advance(absl::Minutes(2));
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 0U);
  fixture_.clock.Advance(absl::Minutes(4));
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 1U);
}

TEST_F(AlertDeskTest, AnAlertWithoutModelIsKeptAndOpensNoIncident) {
  ASSERT_EQ(Post(R"([{"labels":{"alertname":"DiskFull"}}])").status, 200);
  EXPECT_EQ(Only().incident(), "");
  EXPECT_FALSE(incidents_->Load(IncidentId("INC-1")).ok());
}

TEST_F(AlertDeskTest, AnUnknownAlertThatEndedIsKeptAndOpensNoIncident) {
  ASSERT_EQ(Post(Body("Drift", Ends(-absl::Minutes(1)))).status, 200);
  EXPECT_EQ(Only().state(), v1::ALERT_STATE_RESOLVED);
  EXPECT_EQ(Only().incident(), "");
}

TEST_F(AlertDeskTest, OneBodyWithManyModelsOpensOneIncidentEach) {
  std::string body = "[";
  for (int i = 0; i < 60; ++i) {
    if (i > 0) body += ",";
    body += StrCat(R"({"labels":{"alertname":"A)", i, R"(","model_name":"m)", i % 6, R"("}})");
  }
  ASSERT_EQ(Post(body + "]").status, 200);
  EXPECT_THAT(List(v1::ALERT_STATE_FIRING), SizeIs(60));
  for (int i = 1; i <= 6; ++i) EXPECT_EQ(Incident(StrCat("INC-", i)).firing_alerts(), 10U);
  EXPECT_FALSE(incidents_->Load(IncidentId("INC-7")).ok());
}

TEST_F(AlertDeskTest, AHundredNewAlertsAreAtMostFourCommits) {
  std::string body = "[";
  for (int i = 0; i < 100; ++i) {
    if (i > 0) body += ",";
    body += StrCat(R"({"labels":{"alertname":"A)", i, R"(","model_name":"m"}})");
  }
  const uint64_t commits = store_.committed();
  ASSERT_EQ(Post(body + "]").status, 200);
  EXPECT_GT(store_.committed(), commits);
  EXPECT_LE(store_.committed(), commits + 4) << "drafts that wait together share one";
}

TEST_F(AlertDeskTest, TheLargestAlertsStillFitTheirDrafts) {
  std::string body = "[";
  for (int i = 0; i < 50; ++i) {
    if (i > 0) body += ",";
    body += StrCat(R"({"labels":{"alertname":"A)", i, R"(","model_name":"m"},"annotations":{"a":")", std::string(8000, 'x'),
                   R"(","b":")", std::string(8000, 'y'), R"(","c":")", std::string(8000, 'z'), R"("}})");
  }
  ASSERT_EQ(Post(body + "]").status, 200);
  EXPECT_THAT(List(), SizeIs(50));
}

TEST_F(AlertDeskTest, TheSameAlertTwiceInOneBodyIsOne) {
  const std::string one = R"({"labels":{"alertname":"A","model_name":"m"},"annotations":{"v":"1"}})";
  const std::string two = R"({"labels":{"alertname":"A","model_name":"m"},"annotations":{"v":"2"}})";
  ASSERT_EQ(Post(StrCat("[", one, ",", two, "]")).status, 200);
  EXPECT_EQ(Only().annotations().at("v"), "2");
  EXPECT_EQ(Only().incident(), "INC-1");
  EXPECT_EQ(Incident("INC-1").total_alerts(), 1U);
  EXPECT_EQ(desk_->firing(), 1U);
  EXPECT_EQ(entries(), 2U);   // opened and raised once
}

TEST_F(AlertDeskTest, FiringAndResolvedInOneBodyEndsResolvedInItsIncident) {
  ASSERT_EQ(Post(Body("B")).status, 200);
  fixture_.clock.Advance(absl::Minutes(1));
  const std::string labels = R"({"labels":{"alertname":"A","model_name":"fraud","env":"prod"})";
  const std::string body = StrCat("[", labels, Spans(-absl::Minutes(1), absl::Minutes(1)), "},", labels,
                                  Spans(-absl::Minutes(1), absl::ZeroDuration()), "}]");
  ASSERT_EQ(Post(body).status, 200);
  EXPECT_THAT(List(v1::ALERT_STATE_RESOLVED), SizeIs(1));
  EXPECT_EQ(desk_->firing(), 1U);
  EXPECT_EQ(Incident("INC-1").firing_alerts(), 1U);
  EXPECT_EQ(Incident("INC-1").total_alerts(), 1U);   // what fired and ended within one body opens and joins nothing
}

TEST_F(AlertDeskTest, WhatTheStoreLostIsNotAcknowledgedAndComesThroughOnTheNextTry) {
  ASSERT_EQ(Post(Body("First")).status, 200);
  store_.plan().FailAt(store_.commits() + 1, Fault::kDiskFull);
  const HttpAnswer refused = Post(Body("Drift"));
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_TRUE(ParseJson(refused.body).ok());
  EXPECT_THAT(List(), SizeIs(1));
  store_.plan().Heal();
  Start();
  EXPECT_EQ(Post(Body("Drift")).status, 200);
  EXPECT_THAT(List(), SizeIs(2));
}

TEST_F(AlertDeskTest, AnUnknownOutcomeIsNotAcknowledgedAndTheRepeatIsHarmless) {
  store_.plan().FailAt(store_.commits() + 1, Fault::kDoneButUnavailable);
  const HttpAnswer answer = Post(Body("Drift"));
  Start();
  EXPECT_EQ(Post(Body("Drift")).status, 200);
  EXPECT_EQ(Only().incident(), "INC-1");
  EXPECT_EQ(Incident("INC-1").runs_size(), 1);
  EXPECT_FALSE(incidents_->Load(IncidentId("INC-2")).ok());
  EXPECT_THAT(answer.status, ::testing::AnyOf(200, 503));   // the ledger may find out itself what became of it
}

TEST_F(AlertDeskTest, AStormOfNewAlertsFromManySendersIsOneIncident) {
  constexpr int kSenders = 16;
  constexpr int kAlerts = 25;
  std::atomic<int> failed{0};
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&, sender] {
      for (int i = 0; i < kAlerts; ++i) {
        if (Post(Body(StrCat("own-", sender, "-", i))).status != 200) ++failed;
        if (Post(Body(StrCat("shared-", i))).status != 200) ++failed;
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(failed.load(), 0);
  EXPECT_EQ(desk_->firing(), static_cast<size_t>(kSenders * kAlerts + kAlerts));
  EXPECT_EQ(Incident("INC-1").firing_alerts(), static_cast<uint32_t>(kSenders * kAlerts + kAlerts));
  EXPECT_EQ(Incident("INC-1").runs_size(), 1);
  EXPECT_FALSE(incidents_->Load(IncidentId("INC-2")).ok());
}

TEST_F(AlertDeskTest, AlertsThatEndAtOnceStillRecoverTheirIncident) {
  constexpr int kAlerts = 16;
  for (int i = 0; i < kAlerts; ++i) ASSERT_EQ(Post(Body(StrCat("A", i))).status, 200);
  Contain("INC-1");
  fixture_.clock.Advance(absl::Minutes(1));
  std::vector<std::thread> senders;
  for (int i = 0; i < kAlerts; ++i) {
    senders.emplace_back([&, i] { EXPECT_EQ(Post(Body(StrCat("A", i), Ends(absl::ZeroDuration()))).status, 200); });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(Incident("INC-1").state(), v1::INCIDENT_STATE_RECOVERED);
}

TEST_F(AlertDeskTest, TooManyFiringAlertsAreRefusedButHeartbeatsAndEndsGoOn) {
  options_.known_max = 2;
  Start();
  ASSERT_EQ(Post(Body("A")).status, 200);
  ASSERT_EQ(Post(Body("B")).status, 200);
  EXPECT_EQ(Post(Body("C")).status, 503);
  EXPECT_EQ(Post(Body("A")).status, 200);
  fixture_.clock.Advance(absl::Minutes(1));
  EXPECT_EQ(Post(Body("B", Ends(absl::ZeroDuration()))).status, 200);
  EXPECT_EQ(Post(Body("C")).status, 200);
}

TEST_F(AlertDeskTest, TheGrpcDoorAnswersPerAlertAndExplains) {
  v1::RaiseAlertsRequest request;
  for (const char* name : {"A", "B"}) {
    v1::PostableAlert& alert = *request.add_alerts();
    (*alert.mutable_labels())["alertname"] = name;
    (*alert.mutable_labels())["model"] = "fraud";
  }
  request.set_validate_only(true);
  const v1::RaiseAlertsResponse preview = desk_->RaiseAlerts(caller_, request).value();
  EXPECT_THAT(preview.alerts(0).explanation(), HasSubstr("would open an incident"));
  EXPECT_THAT(preview.alerts(0).explanation(), HasSubstr("start playbook poisoned-model"));
  EXPECT_EQ(entries(), 0U);
  request.set_validate_only(false);
  const v1::RaiseAlertsResponse raised = desk_->RaiseAlerts(caller_, request).value();
  ASSERT_EQ(raised.alerts_size(), 2);
  EXPECT_TRUE(raised.alerts(0).opened_incident());
  EXPECT_FALSE(raised.alerts(1).opened_incident());
  EXPECT_EQ(raised.alerts(0).run(), "RUN-1");
  EXPECT_EQ(raised.alerts(1).incident(), "INC-1");
  EXPECT_EQ(raised.alerts(0).fingerprint().size(), 16U);
  const v1::RaiseAlertsResponse again = desk_->RaiseAlerts(caller_, request).value();
  EXPECT_EQ(again.alerts(1).incident(), "INC-1");
  EXPECT_THAT(again.alerts(1).explanation(), HasSubstr("known already"));
  request.set_validate_only(true);
  (*request.mutable_alerts(0)->mutable_labels())["alertname"] = "C";
  EXPECT_THAT(desk_->RaiseAlerts(caller_, request)->alerts(0).explanation(), HasSubstr("would join INC-1"));
}

TEST_F(AlertDeskTest, TheGrpcDoorStoresNothingWhenOneAlertIsBad) {
  v1::RaiseAlertsRequest request;
  (*request.add_alerts()->mutable_labels())["model"] = "fraud";
  (*request.add_alerts()->mutable_labels())["bad-name"] = "1";
  const absl::Status refused = desk_->RaiseAlerts(caller_, request).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(MessageOf(refused)), HasSubstr("alerts[1]"));
  EXPECT_THAT(List(), IsEmpty());
  request.clear_alerts();
  request.add_alerts()->mutable_starts_at()->set_seconds(1LL << 60);
  EXPECT_EQ(desk_->RaiseAlerts(caller_, request).status().code(), absl::StatusCode::kInvalidArgument);
  request.clear_alerts();
  for (int i = 0; i < 1001; ++i) (*request.add_alerts()->mutable_labels())["a"] = StrCat(i);
  EXPECT_EQ(desk_->RaiseAlerts(caller_, request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(AlertDeskTest, GetAndListFindAlerts) {
  for (int i = 0; i < 7; ++i) ASSERT_EQ(Post(Body(StrCat("A", i))).status, 200);
  fixture_.clock.Advance(absl::Minutes(1));
  ASSERT_EQ(Post(Body("A3", Ends(absl::ZeroDuration()))).status, 200);
  for (const std::string incident : {"", "INC-1"}) {
    std::vector<std::string> names;
    v1::ListAlertsRequest request;
    request.set_incident(incident);
    request.set_page_size(2);
    do {
      auto page = desk_->ListAlerts(caller_, request);
      ASSERT_TRUE(page.ok()) << page.status();
      EXPECT_LE(page->alerts_size(), 2);
      for (const v1::Alert& alert : page->alerts()) names.push_back(alert.labels().at("alertname"));
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_THAT(names, ::testing::UnorderedElementsAre("A0", "A1", "A2", "A3", "A4", "A5", "A6")) << incident;
  }
  EXPECT_THAT(List(v1::ALERT_STATE_RESOLVED, "INC-1"), SizeIs(1));
  v1::GetAlertRequest get;
  get.set_fingerprint("zz");
  EXPECT_EQ(desk_->GetAlert(caller_, get).status().code(), absl::StatusCode::kInvalidArgument);
  get.set_fingerprint("0123456789abcdef");
  EXPECT_EQ(desk_->GetAlert(caller_, get).status().code(), absl::StatusCode::kNotFound);
  get.set_fingerprint(List(v1::ALERT_STATE_RESOLVED).at(0).fingerprint());
  EXPECT_EQ(desk_->GetAlert(caller_, get)->alert().labels().at("alertname"), "A3");
}

TEST_F(AlertDeskTest, AlertmanagersReadersFindWhatTheyNeed) {
  ASSERT_EQ(Post(Body("Quote\\\"d")).status, 200);
  auto status = ParseJson(desk_->GetAlertmanagerStatus().body);
  ASSERT_TRUE(status.ok()) << status.status();
  for (const char* name : {"cluster", "config", "uptime", "versionInfo"}) {
    EXPECT_EQ(status->struct_value().fields().count(name), 1U) << name;
  }
  auto alerts = ParseJson(desk_->GetAlertmanagerAlerts().body);
  ASSERT_TRUE(alerts.ok()) << alerts.status();
  ASSERT_EQ(alerts->list_value().values_size(), 1);
  const auto& fields = alerts->list_value().values(0).struct_value().fields();
  EXPECT_EQ(fields.at("labels").struct_value().fields().at("alertname").string_value(), "Quote\"d");
  EXPECT_EQ(fields.at("status").struct_value().fields().at("state").string_value(), "active");
}

TEST_F(AlertDeskTest, AWebhooksAlertLivesLongerThanItsRepeatInterval) {
  const std::string body = R"({"version":"4","truncatedAlerts":3,"alerts":[{"status":"firing","labels":{"alertname":"A",)"
                           R"("model":"m"},"endsAt":"0001-01-01T00:00:00Z"}]})";
  ASSERT_EQ(Webhook(body).status, 200);
  auto page = ListEntriesBySubject(ledger_->store(), StrCat("alert/", Only().fingerprint()), 0, 10);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->entries.at(0).facts().at("truncated_alerts"), "3");
  fixture_.clock.Advance(absl::Hours(4));
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 0U);
  fixture_.clock.Advance(absl::Hours(9));
  EXPECT_EQ(desk_->ExpireOverdue(now()).value(), 1U);
}

}  // namespace
}  // namespace firebreak
