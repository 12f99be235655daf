#include "firebreak/incidents/incident_desk.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/base/text.h"
#include "firebreak/incidents/lifecycle.h"
#include "firebreak/storage/keys/incidents.h"
#include "tests/support/ledger_fixture.h"

namespace firebreak {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Starts RUN-n for every incident of kind "poisoning", keeping its record in the draft as the real one does.
class FakeStarter final : public RunStarter {
 public:
  absl::StatusOr<std::optional<v1::PlaybookRun>> StartTriggered(Draft& draft, const v1::Incident& incident) override {
    if (incident.kind() != "poisoning") return std::optional<v1::PlaybookRun>();
    ASSIGN_OR_RETURN(const uint64_t number, draft.NextNumber("run"));
    v1::PlaybookRun run;
    run.set_id(NumberedId("RUN", number));
    run.set_playbook("poisoned-model");
    return std::optional<v1::PlaybookRun>(run);
  }
  absl::StatusOr<std::optional<std::string>> PreviewTriggered(const v1::Incident& incident) const override {
    if (incident.kind() != "poisoning") return std::optional<std::string>();
    return std::optional<std::string>("poisoned-model");
  }
  absl::StatusOr<bool> HasActiveRun(Draft&, const v1::Incident&) const override { return active.load(); }
  // What it started goes on for the length of a test; alerts that join start nothing.
  absl::StatusOr<bool> HasActiveRunOn(Draft&, const v1::Incident& incident, const std::string&) const override {
    return !incident.runs().empty();
  }

  std::atomic<bool> active{false};
};

class IncidentDeskTest : public ::testing::Test {
 protected:
  IncidentDeskTest() { caller_.identity = Identity("alice"); }

  static v1::OpenIncidentRequest Wish(std::string kind = "drift") {
    v1::OpenIncidentRequest request;
    request.set_title("accuracy fell");
    request.set_severity(2);
    request.set_kind(std::move(kind));
    request.set_model("fraud");
    request.set_environment("prod");
    return request;
  }
  std::string Open(std::string kind = "drift") {
    auto opened = desk_.OpenIncident(caller_, Wish(std::move(kind)));
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->incident().id() : "";
  }
  absl::StatusOr<v1::Incident> Move(const std::string& id, v1::IncidentState state, std::string reason = "because") {
    v1::AdvanceIncidentRequest request;
    request.set_incident(id);
    request.set_state(state);
    request.set_reason(std::move(reason));
    ASSIGN_OR_RETURN(v1::AdvanceIncidentResponse response, desk_.AdvanceIncident(caller_, request));
    return response.incident();
  }
  absl::Status Mark(const std::string& id, std::string alert, AlertMark now, const AlertMark* before = nullptr) {
    return fixture_.ledger
        ->Transact([&](Draft& draft) -> absl::Status {
          desk_.MarkAlert(draft, IncidentId(id), Fingerprint(alert), fixture_.clock.Now() - absl::Minutes(3), now, before);
          draft.Record(testing::TestEntry());
          return absl::OkStatus();
        })
        .status();
  }
  std::vector<std::string> Timeline(const std::string& id) {
    v1::GetTimelineRequest request;
    request.set_incident(id);
    auto timeline = desk_.GetTimeline(caller_, request);
    EXPECT_TRUE(timeline.ok()) << timeline.status();
    std::vector<std::string> actions;
    if (timeline.ok()) {
      for (const auto& entry : timeline->entries()) actions.push_back(entry.action());
    }
    return actions;
  }
  v1::Incident Get(const std::string& id) { return desk_.Load(IncidentId(id)).value(); }

  firebreak::testing::LedgerFixture fixture_;
  FakeStarter starter_;
  Caller caller_;
  IncidentDesk desk_{*fixture_.ledger, fixture_.clock, *fixture_.log, &starter_, nullptr};
};

TEST_F(IncidentDeskTest, OpensAnIncidentWithItsFirstEntryInTheTimeline) {
  const std::string id = Open();
  EXPECT_EQ(id, "INC-1");
  const v1::Incident incident = Get(id);
  EXPECT_EQ(incident.state(), v1::INCIDENT_STATE_DETECTED);
  EXPECT_EQ(incident.severity(), 2U);
  EXPECT_EQ(incident.opened_by(), "alice");
  EXPECT_TRUE(incident.has_detected_at());
  EXPECT_FALSE(incident.has_acknowledged_at());
  EXPECT_THAT(Timeline(id), ElementsAre("incident.opened"));
}

TEST_F(IncidentDeskTest, StartsThePlaybookInTheSameCommit) {
  const uint64_t before = fixture_.ledger->size();
  const v1::OpenIncidentResponse opened = desk_.OpenIncident(caller_, Wish("poisoning")).value();
  EXPECT_EQ(opened.run(), "RUN-1");
  EXPECT_THAT(opened.incident().runs(), ElementsAre("RUN-1"));
  EXPECT_EQ(fixture_.ledger->size(), before + 1);
}

TEST_F(IncidentDeskTest, AnotherReportOfTheSameKeyJoins) {
  const std::string first = Open();
  auto second = desk_.OpenIncident(caller_, Wish());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->already_open());
  EXPECT_EQ(second->incident().id(), first);
  EXPECT_EQ(Open("latency"), "INC-2");
}

TEST_F(IncidentDeskTest, AClosedIncidentIsNotJoined) {
  const std::string first = Open();
  ASSERT_TRUE(Move(first, v1::INCIDENT_STATE_CLOSED).ok());
  EXPECT_EQ(Open(), "INC-2");
}

TEST_F(IncidentDeskTest, ARecoveredIncidentIsTakenUpAgainWithinTheWindowOnly) {
  const std::string first = Open();
  ASSERT_TRUE(Move(first, v1::INCIDENT_STATE_RECOVERED).ok());
  fixture_.clock.Advance(absl::Minutes(59));
  EXPECT_EQ(Open(), first);
  EXPECT_EQ(Get(first).state(), v1::INCIDENT_STATE_TRIAGED);
  EXPECT_FALSE(Get(first).has_recovered_at());
  ASSERT_TRUE(Move(first, v1::INCIDENT_STATE_RECOVERED).ok());
  fixture_.clock.Advance(absl::Minutes(61));
  EXPECT_EQ(Open(), "INC-2");
}

TEST_F(IncidentDeskTest, ARequestIdGivesTheSameAnswerAndNeverAnother) {
  v1::OpenIncidentRequest request = Wish();
  request.set_request_id("req-1");
  const v1::OpenIncidentResponse first = desk_.OpenIncident(caller_, request).value();
  const uint64_t size = fixture_.ledger->size();
  const v1::OpenIncidentResponse again = desk_.OpenIncident(caller_, request).value();
  EXPECT_EQ(again.incident().id(), first.incident().id());
  EXPECT_EQ(again.already_open(), first.already_open());
  EXPECT_EQ(fixture_.ledger->size(), size);
  request.set_title("something else");
  EXPECT_EQ(desk_.OpenIncident(caller_, request).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(IncidentDeskTest, RefusesWhatIsNoIncident) {
  v1::OpenIncidentRequest request = Wish();
  request.clear_model();
  EXPECT_EQ(desk_.OpenIncident(caller_, request).status().code(), absl::StatusCode::kInvalidArgument);
  request = Wish();
  request.set_severity(6);
  EXPECT_EQ(desk_.OpenIncident(caller_, request).status().code(), absl::StatusCode::kInvalidArgument);
  request = Wish();
  request.set_model("Fraud Model");
  EXPECT_EQ(desk_.OpenIncident(caller_, request).status().code(), absl::StatusCode::kInvalidArgument);
  request = Wish();
  request.set_title(std::string(201, 'x'));
  EXPECT_EQ(desk_.OpenIncident(caller_, request).status().code(), absl::StatusCode::kInvalidArgument);
  for (const char* id : {"", "INC-", "INC-0", "INC-01", "INC-x", "inc-1", "INC--1", "INC-99999999999999999999999"}) {
    EXPECT_EQ(desk_.Load(IncidentId(id)).status().code(), absl::StatusCode::kInvalidArgument) << id;
  }
  EXPECT_EQ(desk_.Load(IncidentId("INC-9")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(IncidentDeskTest, OnlyTheFirstAcknowledgementCounts) {
  const std::string id = Open();
  v1::AcknowledgeIncidentRequest request;
  request.set_incident(id);
  const v1::Incident first = desk_.AcknowledgeIncident(caller_, request).value().incident();
  fixture_.clock.Advance(absl::Minutes(1));
  Caller bob;
  bob.identity = Identity("bob");
  const v1::Incident second = desk_.AcknowledgeIncident(bob, request).value().incident();
  EXPECT_EQ(second.acknowledged_by(), "alice");
  EXPECT_EQ(second.acknowledged_at().seconds(), first.acknowledged_at().seconds());
  EXPECT_THAT(Timeline(id), ElementsAre("incident.opened", "incident.acknowledged"));
}

TEST_F(IncidentDeskTest, RolesSeverityAndNotesAreOnTheTimeline) {
  const std::string id = Open();
  v1::AssignRoleRequest role;
  role.set_incident(id);
  role.set_role("commander");
  role.set_identity("bob");
  EXPECT_EQ(desk_.AssignRole(caller_, role).value().incident().roles().at("commander"), "bob");
  v1::SetSeverityRequest severity;
  severity.set_incident(id);
  severity.set_severity(1);
  EXPECT_FALSE(desk_.SetSeverity(caller_, severity).ok());   // no reason
  severity.set_reason("customers are hurt");
  EXPECT_EQ(desk_.SetSeverity(caller_, severity).value().incident().severity(), 1U);
  v1::AddNoteRequest note;
  note.set_incident(id);
  note.set_text(std::string(2048, 'n'));
  EXPECT_TRUE(desk_.AddNote(caller_, note).ok());
  EXPECT_THAT(Timeline(id), ElementsAre("incident.opened", "incident.role_assigned", "incident.severity_set", "incident.noted"));
}

TEST_F(IncidentDeskTest, NotesAreTextOfABoundedLength) {
  v1::AddNoteRequest note;
  note.set_incident(Open());
  for (const std::string& text : {std::string(), std::string(2049, 'n'), std::string("\xff\xfe")}) {
    note.set_text(text);
    EXPECT_EQ(desk_.AddNote(caller_, note).status().code(), absl::StatusCode::kInvalidArgument);
  }
  note.set_incident("INC-7");
  note.set_text("hello");
  EXPECT_EQ(desk_.AddNote(caller_, note).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(IncidentDeskTest, ClosingNeedsAReasonAndMayCallItAFalsePositive) {
  const std::string id = Open();
  v1::AdvanceIncidentRequest request;
  request.set_incident(id);
  request.set_state(v1::INCIDENT_STATE_CLOSED);
  EXPECT_EQ(desk_.AdvanceIncident(caller_, request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_reason("the test set was broken");
  request.set_false_positive(true);
  const v1::Incident closed = desk_.AdvanceIncident(caller_, request).value().incident();
  EXPECT_TRUE(closed.false_positive());
  EXPECT_EQ(closed.close_reason(), "the test set was broken");
  EXPECT_TRUE(closed.has_closed_at());
  EXPECT_EQ(Move(id, v1::INCIDENT_STATE_TRIAGED).status().code(), absl::StatusCode::kFailedPrecondition);
  const uint64_t size = fixture_.ledger->size();
  EXPECT_TRUE(desk_.AdvanceIncident(caller_, request).ok());   // closed already: nothing to do
  EXPECT_EQ(fixture_.ledger->size(), size);
}

TEST_F(IncidentDeskTest, AdvanceInADraftIsIdempotentAndNeverGoesBack) {
  const std::string id = Open();
  auto advance = [&](v1::IncidentState state) {
    return fixture_.ledger
        ->Transact([&](Draft& draft) -> absl::Status {
          draft.Record(firebreak::testing::TestEntry());
          return desk_.Advance(draft, IncidentId(id), state, Identity("firebreak"), "step done");
        })
        .status();
  };
  ASSERT_TRUE(advance(v1::INCIDENT_STATE_CONTAINED).ok());
  ASSERT_TRUE(advance(v1::INCIDENT_STATE_CONTAINED).ok());
  ASSERT_TRUE(advance(v1::INCIDENT_STATE_TRIAGED).ok());
  EXPECT_EQ(Get(id).state(), v1::INCIDENT_STATE_CONTAINED);
  EXPECT_THAT(Timeline(id), ElementsAre("incident.opened", "incident.advanced"));
}

TEST_F(IncidentDeskTest, AffectedNamesAreKeptOnce) {
  const std::string id = Open();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(fixture_.ledger
                    ->Transact([&](Draft& draft) -> absl::Status {
                      draft.Record(firebreak::testing::TestEntry());
                      return desk_.AddAffected(draft, IncidentId(id), {"model/fraud@2", "deployment/fraud-prod"});
                    })
                    .ok());
  }
  EXPECT_THAT(Get(id).affected(), ElementsAre("model/fraud@2", "deployment/fraud-prod"));
  EXPECT_THAT(Timeline(id), ElementsAre("incident.opened", "incident.affected"));
}

TEST_F(IncidentDeskTest, SettlesWhenNothingFiresAndTheIncidentWasContained) {
  const std::string id = Open();
  const AlertMark firing = AlertMark::kFiring;
  ASSERT_TRUE(Mark(id, "aaaaaaaaaaaaaaaa", AlertMark::kFiring).ok());
  ASSERT_TRUE(Mark(id, "bbbbbbbbbbbbbbbb", AlertMark::kFiring).ok());
  EXPECT_EQ(Get(id).firing_alerts(), 2U);
  ASSERT_TRUE(Move(id, v1::INCIDENT_STATE_CONTAINED).ok());
  ASSERT_TRUE(Mark(id, "aaaaaaaaaaaaaaaa", AlertMark::kResolved, &firing).ok());
  ASSERT_TRUE(desk_.Reconcile(IncidentId(id)).ok());
  EXPECT_EQ(Get(id).state(), v1::INCIDENT_STATE_CONTAINED);
  ASSERT_TRUE(Mark(id, "bbbbbbbbbbbbbbbb", AlertMark::kResolved, &firing).ok());
  starter_.active = true;
  ASSERT_TRUE(desk_.Reconcile(IncidentId(id)).ok());
  EXPECT_EQ(Get(id).state(), v1::INCIDENT_STATE_CONTAINED) << "a run is active: silence is no proof of health";
  starter_.active = false;
  ASSERT_TRUE(desk_.ReconcileOpen().ok());
  const v1::Incident settled = Get(id);
  EXPECT_EQ(settled.state(), v1::INCIDENT_STATE_RECOVERED);
  EXPECT_EQ(settled.recovered_by(), "firebreak");
  EXPECT_EQ(settled.firing_alerts(), 0U);
  EXPECT_EQ(settled.total_alerts(), 2U);
  EXPECT_EQ(FromProto(settled.began_at()), fixture_.clock.Now() - absl::Minutes(3));
}

TEST_F(IncidentDeskTest, AStaleAlertIsNoRecovery) {
  const std::string id = Open();
  ASSERT_TRUE(Move(id, v1::INCIDENT_STATE_CONTAINED).ok());
  ASSERT_TRUE(Mark(id, "aaaaaaaaaaaaaaaa", AlertMark::kStale).ok());
  ASSERT_TRUE(Mark(id, "bbbbbbbbbbbbbbbb", AlertMark::kResolved).ok());
  ASSERT_TRUE(desk_.Reconcile(IncidentId(id)).ok());
  EXPECT_EQ(Get(id).state(), v1::INCIDENT_STATE_CONTAINED);
}

TEST_F(IncidentDeskTest, RecoveryByTheServiceIsTakenBackWhenAnAlertFiresButAPersonsIsNot) {
  const std::string id = Open();
  ASSERT_TRUE(Move(id, v1::INCIDENT_STATE_CONTAINED).ok());
  ASSERT_TRUE(Mark(id, "bbbbbbbbbbbbbbbb", AlertMark::kResolved).ok());
  ASSERT_TRUE(desk_.Reconcile(IncidentId(id)).ok());
  ASSERT_EQ(Get(id).state(), v1::INCIDENT_STATE_RECOVERED);
  ASSERT_TRUE(Mark(id, "aaaaaaaaaaaaaaaa", AlertMark::kFiring).ok());
  ASSERT_TRUE(desk_.Reconcile(IncidentId(id)).ok());
  EXPECT_EQ(Get(id).state(), v1::INCIDENT_STATE_TRIAGED);
  ASSERT_TRUE(Move(id, v1::INCIDENT_STATE_RECOVERED).ok());
  ASSERT_TRUE(desk_.Reconcile(IncidentId(id)).ok());
  EXPECT_EQ(Get(id).state(), v1::INCIDENT_STATE_RECOVERED);
}

TEST_F(IncidentDeskTest, AnIncidentWithoutAlertsIsNotSettled) {
  const std::string id = Open();
  ASSERT_TRUE(Move(id, v1::INCIDENT_STATE_CONTAINED).ok());
  ASSERT_TRUE(desk_.ReconcileOpen().ok());
  EXPECT_EQ(Get(id).state(), v1::INCIDENT_STATE_CONTAINED);
}

TEST_F(IncidentDeskTest, ListsNewestFirstInPagesAndLeavesClosedOnesOut) {
  for (int i = 0; i < 5; ++i) Open(StrCat("kind-", i));
  ASSERT_TRUE(Move("INC-3", v1::INCIDENT_STATE_CLOSED).ok());
  std::vector<std::string> ids;
  v1::ListIncidentsRequest request;
  request.set_page_size(2);
  do {
    auto page = desk_.ListIncidents(caller_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->incidents_size(), 2);
    for (const auto& incident : page->incidents()) ids.push_back(incident.id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ElementsAre("INC-5", "INC-4", "INC-2", "INC-1"));
  request.set_page_token("not hex");
  EXPECT_FALSE(desk_.ListIncidents(caller_, request).ok());
}

TEST_F(IncidentDeskTest, TwoWritersOpeningTheSameIncidentEndInOne) {
  std::atomic<int> opened{0};
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([&] {
      auto response = desk_.OpenIncident(caller_, Wish("poisoning"));
      EXPECT_TRUE(response.ok()) << response.status();
      if (response.ok() && !response->already_open()) ++opened;
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(opened.load(), 1);
  EXPECT_THAT(Get("INC-1").runs(), ElementsAre("RUN-1"));
  EXPECT_EQ(desk_.Load(IncidentId("INC-2")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(IncidentDeskTest, PreviewSaysWhatWouldHappenAndWritesNothing) {
  IncidentSignal signal;
  signal.model = "fraud";
  signal.kind = "poisoning";
  const uint64_t size = fixture_.ledger->size();
  const Correlation preview = desk_.Preview(signal).value();
  EXPECT_TRUE(preview.opened);
  EXPECT_THAT(preview.explanation, HasSubstr("start playbook poisoned-model"));
  EXPECT_EQ(fixture_.ledger->size(), size);
}

TEST(IncidentDesk, TheSuspectComesFromWhatTheVaultAndTheFleetKnow) {
  firebreak::testing::LedgerFixture fixture;
  IncidentDesk desk(*fixture.ledger, fixture.clock, *fixture.log, nullptr,
                    [](const IncidentSignal&) -> std::optional<SuspectFacts> {
                      return SuspectFacts{"fraud", "model/fraud@8", "sha256:00", "fraud-prod"};
                    });
  v1::OpenIncidentRequest request;
  request.set_title("x");
  request.set_deployment("fraud-prod");
  const v1::Incident incident = desk.OpenIncident(ServiceCaller(), request).value().incident();
  EXPECT_EQ(incident.model(), "fraud");
  EXPECT_EQ(incident.snapshot(), "model/fraud@8");
  EXPECT_EQ(incident.snapshot_digest(), "sha256:00");
  EXPECT_EQ(incident.kind(), "performance");
}

}  // namespace
}  // namespace firebreak
