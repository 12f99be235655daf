// Incidents that meet a deployment another run has in its hands.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "firebreak/runs/apply.h"
#include "tests/unit/runs/desk_fixture.h"

namespace firebreak::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

class AttachTest : public DeskFixture {
 protected:
  static v1::Incident Opened(const std::string& id, const std::string& kind) {
    v1::Incident incident;
    incident.set_id(id);
    incident.set_severity(2);
    incident.set_kind(kind);
    incident.set_deployment("fraud-prod");
    incident.set_opened_by("prometheus");
    return incident;
  }
  // A playbook for incidents of `kind` that waits for people.
  void PutFor(const std::string& name, const std::string& kind) {
    Put(name, "attach", StrCat("trigger: {event: incident.opened, when: incident.kind == \"", kind, "\"}\n", kAskSteps));
  }
  v1::PlaybookRun Trigger(const std::string& id, const std::string& kind) {
    std::optional<v1::PlaybookRun> run;
    const auto receipt = ledger().Transact([&](Draft& draft) -> absl::Status {
      ASSIGN_OR_RETURN(run, desk_->StartTriggered(draft, Opened(id, kind)));
      EXPECT_LE(draft.writes().size(), 20u);
      EXPECT_LE(draft.entries().size(), 4u);
      actions_.clear();
      for (const v1::AuditEntry& entry : draft.entries()) actions_.push_back(entry.action());
      draft.Record(TestEntry());   // as the incident's own
      return absl::OkStatus();
    });
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return run.value_or(v1::PlaybookRun());
  }
  void Cancel(const std::string& id) {
    v1::CancelRunRequest cancel;
    cancel.set_run(id);
    cancel.set_reason("enough");
    ASSERT_TRUE(desk_->CancelRun(Person("bob"), cancel).ok());
  }

  std::vector<std::string> actions_;   // of the newest draft
};

TEST_F(AttachTest, AnotherPlaybooksRunIsWaitedForNotJoined) {
  PutFor("poisoned", "poisoning");
  PutFor("slow", "latency");
  EXPECT_EQ(Trigger("INC-1", "latency").id(), "RUN-1");
  const v1::PlaybookRun waits = Trigger("INC-2", "poisoning");
  EXPECT_EQ(waits.id(), "RUN-2");
  EXPECT_EQ(waits.state(), v1::RUN_STATE_WAITING_FOR_LOCK);
  EXPECT_EQ(Run("RUN-1").attached_size(), 0);

  const v1::PlaybookRun joined = Trigger("INC-3", "poisoning");
  EXPECT_EQ(joined.id(), "RUN-2") << "a run in line is joined, not stood behind";
  EXPECT_THAT(joined.attached(), ElementsAre("INC-3"));

  Cancel("RUN-1");
  EXPECT_TRUE(Drive("RUN-1").ended);
  Drive("RUN-2");
  EXPECT_EQ(Run("RUN-2").fence(), 2u);
}

TEST_F(AttachTest, AttachedIncidentsSettleWhenTheRunEnds) {
  PutFor("poisoned", "poisoning");
  Trigger("INC-1", "poisoning");
  Drive("RUN-1");
  const v1::PlaybookRun joined = Trigger("INC-2", "poisoning");
  EXPECT_EQ(joined.id(), "RUN-1");
  EXPECT_THAT(joined.attached(), ElementsAre("INC-2"));
  EXPECT_THAT(actions_, ElementsAre("run.attached"));
  Trigger("INC-2", "poisoning");
  EXPECT_THAT(Run("RUN-1").attached(), ElementsAre("INC-2")) << "joining twice is joining once";
  v1::Incident second = Opened("INC-2", "poisoning");
  second.add_runs("RUN-1");
  Draft draft(fixture_.store);
  EXPECT_TRUE(*desk_->HasActiveRunOn(draft, second, "fraud-prod"));
  EXPECT_FALSE(*desk_->HasActiveRunOn(draft, second, "fraud-eu"));
  EXPECT_TRUE(ended_incidents_.empty());

  Cancel("RUN-1");
  EXPECT_TRUE(Drive("RUN-1").ended);
  EXPECT_THAT(ended_incidents_, IsSupersetOf({"INC-1", "INC-2"}));
}

TEST_F(AttachTest, ARunThatIsBeingCancelledIsNotJoined) {
  PutFor("poisoned", "poisoning");
  Trigger("INC-1", "poisoning");
  Cancel("RUN-1");
  EXPECT_EQ(Trigger("INC-2", "poisoning").id(), "RUN-2");
  EXPECT_EQ(Run("RUN-2").state(), v1::RUN_STATE_WAITING_FOR_LOCK);
}

TEST_F(AttachTest, TheJournalTellsOfJoining) {
  PutFor("poisoned", "poisoning");
  Trigger("INC-1", "poisoning");
  Trigger("INC-2", "poisoning");
  v1::PlaybookRun replayed;
  for (uint64_t sequence = 1; sequence <= Run("RUN-1").sequence(); ++sequence) {
    const auto record = FindRecord(fixture_.store, keys::RunRecord(RunId("RUN-1"), sequence));
    ASSERT_TRUE(record.ok() && *record);
    replayed = ApplyRecord(std::move(replayed), **record);
  }
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(replayed, Run("RUN-1")));
}

}  // namespace
}  // namespace firebreak::testing
