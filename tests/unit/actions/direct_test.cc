// Actions that the sixteen runbooks need, and the desk that has any action done by itself.
#include <gmock/gmock.h>

#include <set>

#include "firebreak/actions/action_desk.h"
#include "firebreak/actions/builtin.h"
#include "firebreak/crypto/hash.h"
#include "tests/unit/reports/desks_fixture.h"

namespace firebreak {
namespace {

using ::firebreak::testing::Desks;
using ::firebreak::testing::Must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Recorder final : public HttpClient {
 public:
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    requests.push_back(request);
    return answer;
  }
  std::string HeaderOf(const std::string& name) const {
    for (const auto& [header, value] : requests.back().headers) {
      if (header == name) return value;
    }
    return "";
  }
  std::vector<HttpRequest> requests;
  absl::StatusOr<HttpResponse> answer = HttpResponse{200, "{\"ok\":true}", {}};
};

constexpr char kHooks[] = R"({"hooks": [
  {"name": "limiter", "url": "https://gateway.example/limits/", "methods": ["POST", "DELETE"]},
  {"name": "secret", "url": "https://gateway.example", "credential": "token"},
  {"name": "pager", "url": "https://pager.example/v2"}]})";

class DirectTest : public ::testing::Test {
 protected:
  DirectTest() {
    desks_.ServeASuspect();
    AddBuiltinActions(catalogue_, {*desks_.base.ledger, desks_.vault, desks_.fleet, desks_.incidents, desks_.reports, sharing_, &http_, &hooks_, &desks_.base.clock});
    desk_ = std::make_unique<ActionDesk>(*desks_.base.ledger, desks_.base.clock, catalogue_);
    lead_.identity = Identity("lee");
    lead_.roles = {v1::ROLE_SECURITY_LEAD};
    responder_.identity = Identity("riley");
    responder_.roles = {v1::ROLE_RESPONDER};
  }

  ActionCall Call(const std::string& effect, const std::string& inputs) {
    ActionCall call;
    call.effect = EffectId(std::string(32 - effect.size(), '0') + effect);
    call.incident = IncidentId("INC-1");
    call.deployment = DeploymentName("fraud-prod");
    call.run = RunId("RUN-1");
    call.started_by = Identity("prometheus");
    call.inputs = Must(ParseJson(inputs)).struct_value();
    return call;
  }
  absl::StatusOr<ActionResult> Perform(const std::string& action, const ActionCall& call) { return catalogue_.Find(action)->Perform(call); }
  google::protobuf::Struct Done(const std::string& action, const ActionCall& call) {
    const ActionResult result = Must(Perform(action, call));
    EXPECT_TRUE(std::holds_alternative<ActionDone>(result)) << action;
    return std::holds_alternative<ActionDone>(result) ? std::get<ActionDone>(result).outputs : google::protobuf::Struct();
  }
  static std::string TextOf(const google::protobuf::Struct& fields, const std::string& name) { return fields.fields().at(name).string_value(); }
  static std::vector<std::string> ListOf(const google::protobuf::Struct& fields, const std::string& name) {
    std::vector<std::string> list;
    for (const auto& value : fields.fields().at(name).list_value().values()) list.push_back(value.string_value());
    return list;
  }

  absl::StatusOr<v1::RunActionResponse> Run(const Caller& caller, const std::string& action, const std::string& key, const std::string& inputs) {
    v1::RunActionRequest request;
    request.set_action(action);
    request.set_idempotency_key(key);
    *request.mutable_inputs() = Must(ParseJson(inputs)).struct_value();
    *request.mutable_wait() = ToProto(absl::ZeroDuration());
    return desk_->RunAction(caller, request);
  }
  int Count(const std::string& action) {
    const std::vector<std::string> actions = desks_.Actions();
    return static_cast<int>(std::count(actions.begin(), actions.end(), action));
  }

  Desks desks_;
  Recorder http_;
  HookBook hooks_ = Must(HookBook::Parse(kHooks, desks_.scratch.path()));
  ShareDesk sharing_{ShareParts{*desks_.base.ledger, desks_.incidents, desks_.runs, http_, desks_.base.clock, desks_.random, *desks_.base.log, desks_.scratch.path()}};
  ActionCatalogue catalogue_;
  std::unique_ptr<ActionDesk> desk_;
  Caller lead_, responder_;
};

TEST_F(DirectTest, EveryActionHasAPermission) {
  for (const ActionSpec* spec : BuiltinSpecs()) EXPECT_TRUE(PermissionOfAction(spec->name).has_value()) << spec->name;
  EXPECT_FALSE(PermissionOfAction("").has_value());
}

// Whatever a playbook needs an approval for, a viewer or monitor cannot do by hand, nor anybody who could not do it through the CLI.
TEST_F(DirectTest, WhatNeedsApprovalNeedsAStrongPermissionByHand) {
  Caller viewer;
  viewer.identity = Identity("vi");
  viewer.roles = {v1::ROLE_VIEWER};
  for (const ActionSpec* spec : BuiltinSpecs()) {
    if (!spec->needs_approval && !spec->keeps_on_failure && !spec->changes_production) continue;
    EXPECT_EQ(Run(viewer, spec->name, "k-" + spec->name, "{}").status().code(), absl::StatusCode::kPermissionDenied) << spec->name;
  }
  EXPECT_EQ(Run(responder_, "snapshot.lift", "k", R"({"snapshot":"model/fraud@2","reason":"x"})").status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Run(lead_, "signer.revoke", "k", R"({"signer":"x","reason":"x"})").status().code(), absl::StatusCode::kPermissionDenied) << "an administrator's";
  EXPECT_EQ(Count("action.requested"), 0) << "what was refused left no trace";
}

TEST_F(DirectTest, InARunNothingIsLoosenedWithoutAnApproval) {
  for (const auto& [action, inputs] : std::vector<std::pair<std::string, std::string>>{{"fleet.release", R"({"deployment":"fraud-prod","reason":"x"})"},
                                                                                      {"fleet.unfreeze", R"({"deployment":"fraud-prod","reason":"x"})"},
                                                                                      {"rollback.apply", R"({"deployment":"fraud-prod","plan":"x"})"},
                                                                                      {"snapshot.lift", R"({"snapshot":"model/fraud@2","reason":"x"})"},
                                                                                      {"signer.revoke", R"({"signer":"x","reason":"x"})"},
                                                                                      {"incident.close", R"({"reason":"x"})"}}) {
    EXPECT_TRUE(catalogue_.Find(action)->spec().needs_approval) << action;
    const absl::Status status = Perform(action, Call("1", inputs)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << action;
    EXPECT_THAT(std::string(status.message()), HasSubstr("needs the approval")) << action;
  }
}

TEST_F(DirectTest, EvidenceIsKeptByteForByteOncePerEffect) {
  const ActionCall call = Call("e1", R"({"deployment":"fraud-prod","snapshot":"model/fraud@2"})");
  const google::protobuf::Struct first = Done("evidence.capture", call);
  EXPECT_EQ(TextOf(first, "evidence"), "EVD-1");
  desks_.base.clock.Advance(absl::Minutes(1));
  EXPECT_EQ(PrintJson(Done("evidence.capture", call)), PrintJson(first));
  EXPECT_EQ(Count("evidence.captured"), 1);
  v1::GetEvidenceRequest get;
  get.set_evidence("EVD-1");
  const v1::Evidence evidence = Must(desk_->GetEvidence(lead_, get)).evidence();
  EXPECT_EQ(Sha256(evidence.json()).text(), TextOf(first, "digest"));
  const google::protobuf::Struct json = Must(ParseJson(evidence.json())).struct_value();
  for (const char* name : {"incident", "deployment", "decision", "snapshot", "log_root"}) EXPECT_TRUE(json.fields().contains(name)) << name;
  v1::ListEvidenceRequest list;
  list.set_incident("INC-1");
  ASSERT_EQ(Must(desk_->ListEvidence(lead_, list)).evidence_size(), 1);
  EXPECT_TRUE(Must(desk_->ListEvidence(lead_, list)).evidence(0).json().empty());
  get.set_evidence("EVD-x");
  EXPECT_EQ(desk_->GetEvidence(lead_, get).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DirectTest, ASweepNamesEveryChildAndWhereItServes) {
  const google::protobuf::Struct sweep = Done("lineage.sweep", Call("1", R"({"snapshot":"dataset/clean@1"})"));
  EXPECT_THAT(ListOf(sweep, "models"), ::testing::UnorderedElementsAre("model/fraud@1", "model/fraud@2"));
  EXPECT_THAT(ListOf(sweep, "deployments"), ElementsAre("fraud-prod"));
  EXPECT_EQ(sweep.fields().at("count").number_value(), 2);
  EXPECT_TRUE(sweep.fields().at("complete").bool_value());
}

TEST_F(DirectTest, WhatAKeySignedIsFoundAndRevokedOnlyWithAnApproval) {
  const google::protobuf::Struct origin = Done("snapshot.describe", Call("1", R"({"snapshot":"model/fraud@2"})"));
  const std::string key = TextOf(origin, "signer_key");
  ASSERT_FALSE(key.empty());
  EXPECT_EQ(Done("snapshot.signed_by", Call("2", "{\"signer\":\"" + key + "\"}")).fields().at("count").number_value(), 4);
  ActionCall revoke = Call("3", "{\"signer\":\"" + key + "\",\"reason\":\"stolen\"}");
  revoke.approved_by = {"lee"};
  EXPECT_THAT(ListOf(Done("signer.revoke", revoke), "deployments"), ElementsAre("fraud-prod"));
  EXPECT_FALSE(Must(desks_.fleet.MakePlan(DeploymentName("fraud-prod"), "")).has_target()) << "nothing it signed passes the gates";
  EXPECT_EQ(Perform("snapshot.signed_by", Call("4", R"({"signer":"nobody"})")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DirectTest, AFreezeHoldsAndLettingGoNeverLiftsAContainment) {
  EXPECT_EQ(TextOf(Done("fleet.freeze", Call("f1", R"({"deployment":"fraud-prod","reason":"watch"})")), "serving"), "model/fraud@2");
  EXPECT_TRUE(Must(desks_.fleet.LoadDeployment(DeploymentName("fraud-prod"))).frozen());
  Must(Perform("fleet.contain", Call("c1", R"({"deployment":"fraud-prod","reason":"x"})")));
  ActionCall free = Call("u1", R"({"deployment":"fraud-prod","reason":"x"})");
  free.approved_by = {"lee"};
  EXPECT_EQ(Perform("fleet.unfreeze", free).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Must(desks_.fleet.LoadDeployment(DeploymentName("fraud-prod"))).contained());
}

TEST_F(DirectTest, VerifySaysWhatTheAgentsProve) {
  EXPECT_EQ(TextOf(Done("fleet.verify", Call("1", R"({"deployment":"fraud-prod"})")), "verdict"), "proven");
  Must(Perform("fleet.contain", Call("c1", R"({"deployment":"fraud-prod","reason":"x"})")));
  EXPECT_EQ(TextOf(Done("fleet.verify", Call("2", R"({"deployment":"fraud-prod"})")), "verdict"), "waiting");
}

TEST_F(DirectTest, ALiftedQuarantineIsLiftedOnceAndNamesWhatStillTaints) {
  ActionCall quarantine = Call("q1", R"({"snapshot":"model/fraud@2","with_parents":true})");
  Done("snapshot.quarantine", quarantine);
  ActionCall lift = Call("l1", R"({"snapshot":"model/fraud@2","reason":"false positive"})");
  lift.approved_by = {"lee"};
  const google::protobuf::Struct lifted = Done("snapshot.lift", lift);
  EXPECT_FALSE(TextOf(lifted, "still_tainted_by").empty()) << "its dataset is still in quarantine";
  EXPECT_EQ(PrintJson(Done("snapshot.lift", lift)), PrintJson(lifted));
  EXPECT_EQ(Count("snapshot.quarantine_lifted"), 1);
}

TEST_F(DirectTest, CallsGoToConfiguredHooksAndNowhereElse) {
  const google::protobuf::Struct done = Done("http.call", Call("h1", R"({"hook":"limiter","path":"/v1/block/{{value1}}","body":"{\"ip\":\"{{value1}}\"}","value1":"a/../\"b"})"));
  ASSERT_EQ(http_.requests.size(), 1u);
  EXPECT_EQ(http_.requests[0].url, "https://gateway.example/limits/v1/block/a%2F..%2F%22b") << "a value stays one piece of the path";
  EXPECT_EQ(http_.requests[0].body, "{\"ip\":\"a/../\\\"b\"}") << "and one text of the body";
  EXPECT_EQ(http_.HeaderOf("Idempotency-Key"), std::string(30, '0') + "h1");
  EXPECT_EQ(done.fields().at("status").number_value(), 200);
  Done("http.call", Call("h1", R"({"hook":"limiter","path":"/v1/block/{{value1}}","body":"{\"ip\":\"{{value1}}\"}","value1":"a/../\"b"})"));
  EXPECT_EQ(http_.requests.size(), 1u) << "the same effect is not sent again";
  for (const auto& [inputs, code] : std::vector<std::pair<std::string, absl::StatusCode>>{
           {R"({"hook":"limitr"})", absl::StatusCode::kNotFound},
           {R"({"hook":"limiter","method":"PUT"})", absl::StatusCode::kFailedPrecondition},
           {R"({"hook":"limiter","path":"//evil.example/"})", absl::StatusCode::kInvalidArgument},
           {R"({"hook":"limiter","path":"/../admin"})", absl::StatusCode::kInvalidArgument},
           {R"({"hook":"limiter","path":"/%2e%2e/admin"})", absl::StatusCode::kInvalidArgument},
           {R"({"hook":"limiter","path":"/v1/block/{{value1}}","value1":".."})", absl::StatusCode::kInvalidArgument},
           {R"({"hook":"limiter","path":"/v1/{{value1}}/x","value1":"."})", absl::StatusCode::kInvalidArgument},
           {R"({"hook":"limiter","path":"@evil.example/"})", absl::StatusCode::kInvalidArgument},
           {R"({"hook":"limiter","path":"/a b"})", absl::StatusCode::kInvalidArgument},
           {R"({"hook":"limiter","body":"{{value2}}"})", absl::StatusCode::kInvalidArgument},
           {R"({"hook":"secret"})", absl::StatusCode::kFailedPrecondition}}) {
    EXPECT_EQ(Perform("http.call", Call("h2", inputs)).status().code(), code) << inputs;
  }
  EXPECT_EQ(http_.requests.size(), 1u);
  http_.answer = HttpResponse{503, "", {}};
  EXPECT_EQ(Perform("http.call", Call("h3", R"({"hook":"limiter"})")).status().code(), absl::StatusCode::kUnavailable);
  http_.answer = HttpResponse{404, "", {}};
  EXPECT_EQ(Perform("http.call", Call("h4", R"({"hook":"limiter"})")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DirectTest, ASecretIsReadWhenItIsSentAndStandsInNoRecord) {
  const std::string file = desks_.scratch.path() + "/token";
  std::ofstream(file) << "s3cr3t\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  Done("http.call", Call("h1", R"({"hook":"secret"})"));
  EXPECT_EQ(http_.HeaderOf("Authorization"), "Bearer s3cr3t");
  for (const v1::AuditEntry& entry : Must(ListEntries(desks_.base.store, 0, 1000)).entries) EXPECT_EQ(MessageToJson(entry).find("s3cr3t"), std::string::npos);
  std::filesystem::permissions(file, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_EQ(Perform("http.call", Call("h2", R"({"hook":"secret"})")).status().code(), absl::StatusCode::kFailedPrecondition) << "others can read it";
}

TEST_F(DirectTest, APageGoesOutOnceAndSaysWhatItIsAbout) {
  const ActionCall call = Call("p1", R"({"hook":"pager","role":"security-lead","text":"wake up"})");
  EXPECT_EQ(catalogue_.Find("notify.page")->spec().action_class, ActionClass::kOnce);
  Done("notify.page", call);
  Done("notify.page", call);
  ASSERT_EQ(http_.requests.size(), 1u);
  EXPECT_THAT(http_.requests[0].body, HasSubstr("\"incident\":\"INC-1\""));
  EXPECT_THAT(http_.requests[0].body, HasSubstr("wake up"));
}

TEST_F(DirectTest, HooksAreReadStrictly) {
  for (const char* bad : {"{}", "[]", R"({"hooks":[{"name":"a"}]})", R"({"hooks":[{"name":"a","url":"http://evil.example"}]})", R"({"hooks":[{"name":"a","url":"https://u:p@x"}]})",
                          R"({"hooks":[{"name":"a","url":"https://x","tiemout":"1s"}]})", R"({"hooks":[{"name":"a","url":"https://x"},{"name":"a","url":"https://x"}]})",
                          R"({"hooks":[{"name":"a","url":"https://x","header":"X: y"}]})", R"({"hooks":[{"name":"a","url":"https://x","timeout":"5m"}]})",
                          R"({"hooks":[{"name":"a","url":"https://x","credential":"../key"}]})", R"({"hooks":[{"name":"a","url":"https://x?q=1"}]})"}) {
    EXPECT_EQ(HookBook::Parse(bad, "").status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST_F(DirectTest, ASleepLivesInTheStore) {
  const ActionCall call = Call("s1", R"({"for":"10m"})");
  EXPECT_TRUE(std::holds_alternative<ActionPending>(Must(Perform("time.sleep", call))));
  desks_.base.clock.Advance(absl::Minutes(9));
  EXPECT_TRUE(std::holds_alternative<ActionPending>(Must(Perform("time.sleep", call))));
  desks_.base.clock.Advance(absl::Minutes(1));
  Done("time.sleep", call);
  EXPECT_EQ(Count("timer.set"), 1);
}

TEST_F(DirectTest, RequireFailsWithItsReason) {
  Done("run.require", Call("1", R"({"that":true,"reason":"x"})"));
  EXPECT_THAT(std::string(Perform("run.require", Call("2", R"({"that":false,"reason":"nobody did it"})")).status().message()), HasSubstr("nobody did it"));
}

TEST_F(DirectTest, TheSameKeyAnswersTheSameAndAnotherBodyIsRefused) {
  const auto first = Must(Run(responder_, "incident.note", "n-1", R"({"incident":"INC-1","text":"hello"})"));
  EXPECT_TRUE(first.done());
  const uint64_t size = desks_.base.ledger->size();
  EXPECT_EQ(Must(Run(responder_, "incident.note", "n-1", R"({"text":"hello","incident":"INC-1"})")).effect_id(), first.effect_id());
  EXPECT_EQ(desks_.base.ledger->size(), size) << "asked again, nothing is written";
  EXPECT_EQ(Run(responder_, "incident.note", "n-1", R"({"incident":"INC-1","text":"other"})").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Run(responder_, "incident.status", "n-1", R"({"incident":"INC-1"})").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(Must(Run(lead_, "incident.note", "n-1", R"({"incident":"INC-1","text":"hello"})")).effect_id(), first.effect_id()) << "a key counts per caller";
  EXPECT_EQ(Count("action.requested"), 2);
}

TEST_F(DirectTest, AnEffectUnderWayIsAskedForAgainWithTheSameKey) {
  const char* body = R"({"deployment":"fraud-prod","reason":"by hand","incident":"INC-1"})";
  const v1::RunActionResponse pending = Must(Run(responder_, "fleet.contain", "c-1", body));
  EXPECT_FALSE(pending.done());
  EXPECT_THAT(pending.waiting_for(), HasSubstr("web-1"));
  desks_.ProveNewest();
  const v1::RunActionResponse done = Must(Run(responder_, "fleet.contain", "c-1", body));
  EXPECT_TRUE(done.done());
  EXPECT_EQ(done.outputs().fields().at("epoch").number_value(), 3);
  EXPECT_EQ(Must(desks_.fleet.LoadDeployment(DeploymentName("fraud-prod"))).epoch(), 3u) << "one decision";
  EXPECT_EQ(Must(desks_.fleet.LoadDecision(DeploymentName("fraud-prod"), Epoch{3})).decision().decided_by(), "riley");
}

TEST_F(DirectTest, AFailureThatWillNotGoAwayIsAnsweredAgain) {
  EXPECT_EQ(Run(responder_, "rollback.apply", "r-1", R"({"deployment":"fraud-prod","plan":"sha256:no"})").status().code(),
            Run(responder_, "rollback.apply", "r-1", R"({"deployment":"fraud-prod","plan":"sha256:no"})").status().code());
  http_.answer = absl::UnavailableError("no answer");
  const char* call = R"({"hook":"limiter"})";
  EXPECT_EQ(Run(responder_, "http.call", "h-1", call).status().code(), absl::StatusCode::kUnavailable);
  http_.answer = HttpResponse{200, "", {}};
  EXPECT_TRUE(Must(Run(responder_, "http.call", "h-1", call)).done()) << "what may go away is tried again, under the same effect";
  EXPECT_EQ(http_.requests[0].headers, http_.requests[1].headers);
}

TEST_F(DirectTest, AnEffectThatMustNotHappenTwiceIsInDoubtAfterACrash) {
  http_.answer = absl::UnavailableError("no answer");
  const char* page = R"({"hook":"pager","role":"security-lead","text":"x"})";
  EXPECT_FALSE(Run(responder_, "notify.page", "p-1", page).ok());
  http_.answer = HttpResponse{200, "", {}};
  EXPECT_FALSE(Run(responder_, "notify.page", "p-1", page).ok()) << "it may have rung";
  EXPECT_EQ(http_.requests.size(), 1u);
}

// Anybody may have something read, and must not write into an incident's story by it.
TEST_F(DirectTest, WhatOnlyReadsIsNoPartOfAnIncidentsStory) {
  Caller viewer;
  viewer.identity = Identity("vi");
  viewer.roles = {v1::ROLE_VIEWER};
  const auto story = [this] {
    int told = 0;
    for (const v1::AuditEntry& entry : Must(ListEntries(desks_.base.store, 0, 1000)).entries) {
      EXPECT_EQ(entry.summary().find("lies"), std::string::npos) << entry.summary();
      told += static_cast<int>(std::count(entry.subjects().begin(), entry.subjects().end(), "incident/INC-1"));
    }
    return told;
  };
  const int before = story();
  EXPECT_TRUE(Must(Run(viewer, "incident.status", "s-1", R"({"incident":"INC-1"})")).done());
  EXPECT_EQ(Run(viewer, "snapshot.describe", "d-1", R"({"incident":"INC-1","snapshot":"model/lies@9"})").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Count("action.done"), 1);
  EXPECT_EQ(Count("action.failed"), 1);
  EXPECT_EQ(story(), before);
  EXPECT_EQ(Run(viewer, "run.require", "r-1", R"({"incident":"INC-1","that":false,"reason":"lies"})").status().code(), absl::StatusCode::kPermissionDenied)
      << "its reason is the caller's own text";
  Must(Run(responder_, "incident.note", "n-1", R"({"incident":"INC-1","text":"hello"})"));
  EXPECT_GT(story(), before) << "what changes something is told";
}

TEST_F(DirectTest, AnActionForAnIncidentThatDoesNotExistLeavesNoTrace) {
  ActionDeskOptions options;
  options.check_incident = [this](const IncidentId& id) { return desks_.incidents.Load(id).status(); };
  desk_ = std::make_unique<ActionDesk>(*desks_.base.ledger, desks_.base.clock, catalogue_, options);
  const uint64_t size = desks_.base.ledger->size();
  EXPECT_EQ(Run(responder_, "fleet.contain", "c-1", R"({"incident":"INC-99","deployment":"fraud-prod","reason":"x"})").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(desks_.base.ledger->size(), size);
  EXPECT_FALSE(Must(desks_.fleet.LoadDeployment(DeploymentName("fraud-prod"))).contained());
  EXPECT_TRUE(Run(responder_, "fleet.contain", "c-1", R"({"incident":"INC-1","deployment":"fraud-prod","reason":"x"})").ok());
}

TEST_F(DirectTest, InputsAreTypedAndTextsStandForThem) {
  EXPECT_EQ(Must(Run(responder_, "incident.severity", "s-1", R"({"incident":"INC-1","severity":"1","reason":"x"})")).outputs().fields().at("severity").number_value(), 1)
      << "CACAO variables are texts";
  for (const char* bad : {R"({"incident":"INC-1","severity":"high","reason":"x"})", R"({"incident":"INC-1","reason":"x"})", R"({"incident":"INC-1","severty":1,"reason":"x"})"}) {
    EXPECT_EQ(Run(responder_, "incident.severity", "s-2", bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(Run(responder_, "incident.severty", "s-3", "{}").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Run(responder_, "incident.status", "", "{}").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Run(responder_, "incident.status", std::string(201, 'x'), "{}").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DirectTest, EveryActionPreviewsWithoutWriting) {
  const uint64_t size = desks_.base.ledger->size();
  for (const auto& [action, inputs] : std::vector<std::pair<std::string, std::string>>{
           {"fleet.contain", R"({"deployment":"fraud-prod"})"}, {"fleet.freeze", R"({"deployment":"fraud-prod","reason":"x"})"}, {"snapshot.quarantine", R"({"snapshot":"model/fraud@2"})"},
           {"snapshot.lift", R"({"snapshot":"model/fraud@2","reason":"x"})"}, {"evidence.capture", R"({"deployment":"fraud-prod"})"}, {"http.call", R"({"hook":"limiter"})"}}) {
    const auto preview = catalogue_.Find(action)->Preview(Call("1", inputs));
    ASSERT_TRUE(preview.ok()) << action << preview.status();
    EXPECT_FALSE(preview->now.empty() || preview->then.empty()) << action;
  }
  EXPECT_EQ(desks_.base.ledger->size(), size);
  EXPECT_TRUE(http_.requests.empty());
  EXPECT_FALSE(catalogue_.Find("fleet.contain")->Preview(Call("1", R"({"deployment":"nowhere"})")).ok());
}

}  // namespace
}  // namespace firebreak
