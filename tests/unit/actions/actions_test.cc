// The built-in actions on real desks: what they do, that they wait for proof, and that asking again costs nothing.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "firebreak/actions/builtin.h"
#include "tests/unit/reports/desks_fixture.h"

namespace firebreak {
namespace {

using ::firebreak::testing::Desks;
using ::firebreak::testing::Must;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class NobodyOutside final : public HttpClient {
 public:
  absl::StatusOr<HttpResponse> Send(const HttpRequest&) override { return absl::UnavailableError("nobody is outside"); }
};

class ActionsTest : public ::testing::Test {
 protected:
  ActionsTest() {
    desks_.ServeASuspect();
    AddBuiltinActions(catalogue_, {*desks_.base.ledger, desks_.vault, desks_.fleet, desks_.incidents, desks_.reports, sharing_});
  }

  ActionCall Call(const std::string& effect, std::map<std::string, std::string> inputs = {}) {
    ActionCall call;
    call.effect = EffectId(std::string(32 - effect.size(), '0') + effect);
    call.incident = IncidentId("INC-1");
    call.deployment = DeploymentName("fraud-prod");
    call.run = RunId("RUN-1");
    call.started_by = Identity("prometheus");
    for (const auto& [name, value] : inputs) (*call.inputs.mutable_fields())[name].set_string_value(value);
    return call;
  }
  absl::StatusOr<ActionResult> Perform(const std::string& action, const ActionCall& call) {
    Action* found = catalogue_.Find(action);
    FIREBREAK_CHECK(found != nullptr);
    return found->Perform(call);
  }
  google::protobuf::Struct Done(const std::string& action, const ActionCall& call) {
    ActionResult result = Must(Perform(action, call));
    EXPECT_TRUE(std::holds_alternative<ActionDone>(result)) << action << " is pending";
    return std::holds_alternative<ActionDone>(result) ? std::get<ActionDone>(result).outputs : google::protobuf::Struct();
  }
  // Done, then done again with the same outputs and without a single entry in the log.
  google::protobuf::Struct DoneTwice(const std::string& action, const ActionCall& call) {
    const google::protobuf::Struct first = Done(action, call);
    const uint64_t size = desks_.base.ledger->size();
    EXPECT_EQ(PrintJson(Done(action, call)), PrintJson(first)) << action;
    EXPECT_EQ(desks_.base.ledger->size(), size) << action << " committed again";
    return first;
  }
  static std::string TextOf(const google::protobuf::Struct& fields, const std::string& name) { return fields.fields().at(name).string_value(); }
  static std::vector<std::string> ListOf(const google::protobuf::Struct& fields, const std::string& name) {
    std::vector<std::string> list;
    for (const auto& value : fields.fields().at(name).list_value().values()) list.push_back(value.string_value());
    return list;
  }
  int Count(const std::string& action) {
    const std::vector<std::string> actions = desks_.Actions();
    return static_cast<int>(std::count(actions.begin(), actions.end(), action));
  }
  google::protobuf::Struct Contain(const std::string& effect = "c1") {
    const ActionCall call = Call(effect, {{"deployment", "fraud-prod"}, {"reason", "suspected poisoning"}});
    Must(Perform("fleet.contain", call));
    desks_.ProveNewest();
    return DoneTwice("fleet.contain", call);
  }
  ActionCall Quarantine(bool with_parents) {
    ActionCall call = Call("d1", {{"snapshot", "model/fraud@2"}});
    (*call.inputs.mutable_fields())["with_parents"].set_bool_value(with_parents);
    return call;
  }
  std::set<std::string> Quarantined() {
    std::set<std::string> names;
    for (const char* name : {"dataset/clean@1", "dataset/claims@1", "model/fraud@1", "model/fraud@2"}) {
      if (Must(desks_.vault.Resolve(name)).has_quarantine()) names.insert(name);
    }
    return names;
  }

  Desks desks_;
  NobodyOutside http_;
  ShareDesk sharing_{ShareParts{*desks_.base.ledger, desks_.incidents, desks_.runs, http_, desks_.base.clock, desks_.random, *desks_.base.log,
                                desks_.scratch.path()}};
  ActionCatalogue catalogue_;
};

TEST_F(ActionsTest, EverySpecHasAnActionAndTheOtherWayRound) {
  std::set<std::string> declared, made;
  for (const ActionSpec* spec : BuiltinSpecs()) declared.insert(spec->name);
  for (const ActionSpec* spec : catalogue_.Specs()) made.insert(spec->name);
  EXPECT_EQ(declared, made);
  EXPECT_EQ(declared.size(), 31u);
  EXPECT_TRUE(catalogue_.Find("fleet.contain")->spec().keeps_on_failure);
  EXPECT_TRUE(catalogue_.Find("snapshot.quarantine")->spec().keeps_on_failure);
}

TEST_F(ActionsTest, ContainWaitsForProofAndThenMarksTheIncident) {
  const ActionCall call = Call("c1", {{"deployment", "fraud-prod"}});
  const ActionResult first = Must(Perform("fleet.contain", call));
  ASSERT_TRUE(std::holds_alternative<ActionPending>(first));
  EXPECT_THAT(std::get<ActionPending>(first).waiting_for, HasSubstr("web-1"));
  EXPECT_NE(desks_.Incident().state(), v1::INCIDENT_STATE_CONTAINED) << "nothing is contained before it is proved";
  const uint64_t size = desks_.base.ledger->size();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(std::holds_alternative<ActionPending>(Must(Perform("fleet.contain", call))));
  EXPECT_EQ(desks_.base.ledger->size(), size) << "waiting costs no commit";

  desks_.ProveNewest();
  const google::protobuf::Struct done = DoneTwice("fleet.contain", call);
  EXPECT_EQ(done.fields().at("epoch").number_value(), 3);
  EXPECT_THAT(ListOf(done, "proven"), ElementsAre("web-1"));
  EXPECT_EQ(TextOf(done, "previous_release"), "model/fraud@2");
  EXPECT_EQ(TextOf(done, "decision").rfind("sha256:", 0), 0u);
  EXPECT_EQ(desks_.Incident().state(), v1::INCIDENT_STATE_CONTAINED);
  EXPECT_THAT(desks_.Incident().affected(), Contains("deployment/fraud-prod"));
  EXPECT_TRUE(Must(desks_.fleet.LoadDeployment(DeploymentName("fraud-prod"))).contained());
}

TEST_F(ActionsTest, ContainNamesWhatItWasGivenWhenItIsUnknown) {
  const absl::Status status = Perform("fleet.contain", Call("c1", {{"deployment", "fraud-prd"}})).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("fraud-prod"));
}

TEST_F(ActionsTest, AnUndoLeavesADecisionAloneThatSomebodyMadeSince) {
  Contain();   // epoch 3
  ActionCall release = Call("e1", {{"deployment", "fraud-prod"}, {"reason", "false positive"}});
  release.approved_by = {"lena"};
  Must(Perform("fleet.release", release));   // 4
  desks_.ProveNewest();
  ActionCall undo = Call("u1", {{"deployment", "fraud-prod"}, {"reason", "not confirmed"}});
  undo.undoes.emplace();
  (*undo.undoes->mutable_fields())["epoch"].set_number_value(3);
  const absl::Status refused = Perform("fleet.contain", undo).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("somebody has decided about it since"));
  EXPECT_EQ(Must(desks_.fleet.LoadDeployment(DeploymentName("fraud-prod"))).epoch(), 4u);
  (*undo.undoes->mutable_fields())["epoch"].set_number_value(4);
  Must(Perform("fleet.contain", undo));
  EXPECT_EQ(Must(desks_.fleet.LoadDeployment(DeploymentName("fraud-prod"))).epoch(), 5u);
}

TEST_F(ActionsTest, ReleaseLiftsAContainmentOnceProved) {
  Contain();
  ActionCall call = Call("e1", {{"deployment", "fraud-prod"}, {"reason", "false positive"}});
  call.approved_by = {"lena"};
  EXPECT_TRUE(std::holds_alternative<ActionPending>(Must(Perform("fleet.release", call))));
  desks_.ProveNewest();
  EXPECT_EQ(DoneTwice("fleet.release", call).fields().at("epoch").number_value(), 4);
  EXPECT_FALSE(Must(desks_.fleet.LoadDeployment(DeploymentName("fraud-prod"))).contained());
}

TEST_F(ActionsTest, QuarantineWithParentsSparesTheDataOfTheLastHealthyRelease) {
  Contain();
  const google::protobuf::Struct done = DoneTwice("snapshot.quarantine", Quarantine(true));
  EXPECT_EQ(TextOf(done, "snapshot"), "model/fraud@2");
  EXPECT_THAT(ListOf(done, "parents"), ElementsAre("dataset/claims@1"));
  EXPECT_THAT(ListOf(done, "tainted"), ElementsAre("model/fraud@2"));
  EXPECT_THAT(ListOf(done, "deployments"), ElementsAre("fraud-prod"));
  EXPECT_THAT(Quarantined(), UnorderedElementsAre("dataset/claims@1", "model/fraud@2"));
  EXPECT_THAT(desks_.Incident().affected(), Contains("dataset/claims@1"));
  EXPECT_EQ(Count("snapshot.quarantined"), 2);
  EXPECT_EQ(Count("snapshot.quarantine_confirmed"), 0);
}

TEST_F(ActionsTest, QuarantineWithoutParentsTouchesOnlyTheSuspect) {
  const google::protobuf::Struct done = DoneTwice("snapshot.quarantine", Quarantine(false));
  EXPECT_THAT(ListOf(done, "parents"), IsEmpty());
  EXPECT_THAT(Quarantined(), ElementsAre("model/fraud@2"));
}

TEST_F(ActionsTest, VerifySaysIntactOrDamaged) {
  EXPECT_EQ(TextOf(Done("snapshot.verify", Call("v1", {{"snapshot", "model/fraud@1"}})), "verdict"), "intact");
  v1::ListFilesRequest list;
  list.set_snapshot("model/fraud@1");
  const v1::ListFilesResponse files = Must(desks_.vault.ListFiles(desks_.caller, list));
  ASSERT_TRUE(desks_.chunks.Corrupt(Digest::FromRaw(files.files(0).chunks(0).digest())));
  const google::protobuf::Struct damaged = Done("snapshot.verify", Call("v2", {{"snapshot", "model/fraud@1"}}));
  EXPECT_EQ(TextOf(damaged, "verdict"), "damaged");
  EXPECT_FALSE(ListOf(damaged, "findings").empty());
}

TEST_F(ActionsTest, RollsBackToExactlyThePlanAndConfirmsItsProof) {
  Contain();
  Done("snapshot.quarantine", Quarantine(true));
  const google::protobuf::Struct plan = DoneTwice("rollback.plan", Call("p1", {{"deployment", "fraud-prod"}}));
  EXPECT_TRUE(plan.fields().at("eligible").bool_value());
  EXPECT_EQ(TextOf(plan, "target"), "model/fraud@1");
  ActionCall call = Call("a1", {{"deployment", "fraud-prod"}, {"plan", TextOf(plan, "digest")}});
  call.approved_by = {"lena"};
  const google::protobuf::Struct applied = DoneTwice("rollback.apply", call);
  EXPECT_EQ(TextOf(applied, "release"), "model/fraud@1");
  const v1::IssuedDecision issued = Must(desks_.fleet.LoadDecision(DeploymentName("fraud-prod"), Epoch{4}));
  EXPECT_THAT(issued.decision().approved_by(), ElementsAre("lena"));
  EXPECT_EQ(issued.decision().incident(), "INC-1");

  ActionCall confirm = Call("f1", {{"deployment", "fraud-prod"}});
  (*confirm.inputs.mutable_fields())["epoch"].set_number_value(4);
  EXPECT_TRUE(std::holds_alternative<ActionPending>(Must(Perform("rollback.confirm", confirm))));
  desks_.ProveNewest();
  const google::protobuf::Struct confirmed = DoneTwice("rollback.confirm", confirm);
  EXPECT_THAT(ListOf(confirmed, "proven"), ElementsAre("web-1"));
  EXPECT_EQ(TextOf(confirmed, "snapshot"), TextOf(plan, "target_digest"));
}

TEST_F(ActionsTest, APlanThatNoLongerHoldsIsNotApplied) {
  Contain();
  const google::protobuf::Struct plan = Done("rollback.plan", Call("p1", {{"deployment", "fraud-prod"}}));
  ActionCall bad = Call("d2", {{"snapshot", "model/fraud@1"}});
  Done("snapshot.quarantine", bad);
  const uint64_t size = desks_.base.ledger->size();
  ActionCall call = Call("a1", {{"deployment", "fraud-prod"}, {"plan", TextOf(plan, "digest")}});
  call.approved_by = {"lena"};
  EXPECT_EQ(Perform("rollback.apply", call).status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(desks_.base.ledger->size(), size);
  const google::protobuf::Struct none = Done("rollback.plan", Call("p2", {{"deployment", "fraud-prod"}}));
  EXPECT_FALSE(none.fields().at("eligible").bool_value());
  EXPECT_EQ(TextOf(none, "target"), "");
  EXPECT_THAT(ListOf(none, "refused"), Contains(HasSubstr("quarantine")));
}

TEST_F(ActionsTest, ANoteIsWrittenOncePerEffect) {
  DoneTwice("incident.note", Call("n1", {{"text", "the roll-back was refused"}}));
  EXPECT_EQ(Count("incident.noted"), 1);
  DoneTwice("incident.note", Call("n2", {{"text", "the roll-back was refused"}}));
  EXPECT_EQ(Count("incident.noted"), 2);
  EXPECT_EQ(Perform("incident.note", Call("n3", {{"text", ""}})).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ActionsTest, AdvanceMovesForwardOnceAndOnlyToKnownStates) {
  DoneTwice("incident.advance", Call("s1", {{"state", "contained"}}));
  EXPECT_EQ(desks_.Incident().state(), v1::INCIDENT_STATE_CONTAINED);
  DoneTwice("incident.advance", Call("s2", {{"state", "triaged"}}));
  EXPECT_EQ(desks_.Incident().state(), v1::INCIDENT_STATE_CONTAINED) << "never back";
  for (const char* bad : {"closed", "detected", "", "gone"}) {
    EXPECT_EQ(Perform("incident.advance", Call("s3", {{"state", bad}})).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST_F(ActionsTest, BuildsOneReportPerEffect) {
  const google::protobuf::Struct first = DoneTwice("report.build", Call("r1"));
  EXPECT_EQ(TextOf(first, "report"), "REP-1");
  desks_.base.clock.Advance(absl::Minutes(5));
  EXPECT_EQ(TextOf(Done("report.build", Call("r1")), "digest"), TextOf(first, "digest"));
  EXPECT_EQ(Count("report.stored"), 1);
}

TEST_F(ActionsTest, ProposesOneSharePerEffectAndNothingLeaves) {
  v1::PutDestinationRequest put;
  put.mutable_destination()->set_name("exchange");
  put.mutable_destination()->set_kind(v1::DESTINATION_KIND_FILE_DROP);
  put.mutable_destination()->set_url(desks_.scratch.path() + "/drop");
  Must(sharing_.PutDestination(desks_.caller, put));
  const google::protobuf::Struct done = DoneTwice("share.request", Call("h1", {{"destination", "exchange"}}));
  EXPECT_EQ(TextOf(done, "share"), "SHR-1");
  DoneTwice("incident.advance", Call("s1", {{"state", "contained"}}));
  EXPECT_EQ(TextOf(Done("share.request", Call("h1", {{"destination", "exchange"}})), "share"), "SHR-1") << "the record moved on, the effect did not";
  ASSERT_TRUE(sharing_.DeliverDue().ok());
  EXPECT_FALSE(std::filesystem::exists(desks_.scratch.path() + "/drop"));
  EXPECT_EQ(Perform("share.request", Call("h2", {{"destination", "exchnage"}})).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ActionsTest, WhoeverStartedTheRunCannotDecideWhatItProposed) {
  v1::PutDestinationRequest put;
  put.mutable_destination()->set_name("exchange");
  put.mutable_destination()->set_kind(v1::DESTINATION_KIND_FILE_DROP);
  put.mutable_destination()->set_url(desks_.scratch.path() + "/drop");
  Must(sharing_.PutDestination(desks_.caller, put));
  ActionCall call = Call("h1", {{"destination", "exchange"}});
  call.started_by = Identity("lena");
  v1::DecideShareRequest decide;
  decide.set_share(TextOf(Done("share.request", call), "share"));
  v1::GetShareRequest get;
  get.set_share(decide.share());
  decide.set_bundle_digest(Must(sharing_.GetShare(desks_.caller, get)).share().bundle_digest());
  decide.set_approve(true);
  Caller lead;
  lead.identity = Identity("lena");
  lead.roles = {v1::ROLE_SECURITY_LEAD};
  EXPECT_EQ(sharing_.DecideShare(lead, decide).status().code(), absl::StatusCode::kPermissionDenied);
  lead.identity = Identity("sam");
  EXPECT_EQ(Must(sharing_.DecideShare(lead, decide)).share().requested_by(), "lena");
}

TEST_F(ActionsTest, WhatWritesToAnIncidentNeedsOne) {
  for (const char* action : {"incident.note", "incident.advance", "report.build", "share.request"}) {
    ActionCall call = Call("x1", {{"text", "t"}, {"state", "triaged"}, {"destination", "exchange"}});
    call.incident = IncidentId();
    EXPECT_EQ(Perform(action, call).status().code(), absl::StatusCode::kFailedPrecondition) << action;
  }
  ActionCall call = Quarantine(false);
  call.incident = IncidentId();
  Done("snapshot.quarantine", call);
  EXPECT_THAT(Must(desks_.vault.Resolve("model/fraud@2")).quarantine().reason(), HasSubstr("RUN-1"));
}

}  // namespace
}  // namespace firebreak
