// POST /v1/actions/{name}:run over the real door, table, desk and ledger; the actions themselves are made up. And how long what was
// asked for is remembered.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firebreak/actions/action_desk.h"
#include "firebreak/doors/http_door.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/actions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/ledger_fixture.h"
#include "tests/unit/doors/door_house.h"
#include "tests/unit/doors/http_client.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;
using testing::HttpResult;

const char kJson[] = "Content-Type: application/json";
const char kResponder[] = "Authorization: Bearer responder";
const char kViewer[] = "Authorization: Bearer viewer";
const char kNote[] = "/v1/actions/incident.note:run";

class CountingAction final : public Action {
 public:
  explicit CountingAction(std::string name, ActionClass action_class) {
    spec_.name = std::move(name);
    spec_.action_class = action_class;
    spec_.inputs = {{"text", "string", true, "what"}};
    spec_.outputs = {{"echo", "string", true, "the same"}};
  }
  const ActionSpec& spec() const override { return spec_; }
  absl::StatusOr<ActionResult> Perform(const ActionCall& call) override {
    ++performed;
    const std::string text = call.inputs.fields().at("text").string_value();
    if (text == "fail") return absl::FailedPreconditionError("it does not work");
    if (text == "long") {
      std::string why;
      for (int i = 0; i < 700; ++i) why += "é";
      return absl::FailedPreconditionError("!" + why);
    }
    if (text == "later" && performed == 1) return ActionResult(ActionPending{absl::Seconds(7), "somebody"});
    ActionDone done;
    (*done.outputs.mutable_fields())["echo"].set_string_value(StrCat(text, " ", performed));
    return ActionResult(std::move(done));
  }
  int performed = 0;

 private:
  ActionSpec spec_;
};

class ActionRoute : public ::testing::Test {
 protected:
  ActionRoute() {
    auto note = std::make_unique<CountingAction>("incident.note", ActionClass::kKeyed);
    note_ = note.get();
    catalogue_.Add(std::move(note));
    catalogue_.Add(std::make_unique<CountingAction>("fleet.contain", ActionClass::kConverge));
    ActionDeskOptions desk_options;
    desk_options.sweep_rows = 100;
    desk_ = std::make_unique<ActionDesk>(*base_.ledger, base_.clock, catalogue_, std::move(desk_options));
    house_.table.Unary("/firebreak.v1.Actions/RunAction", Permission::kRead, *desk_, &ActionDesk::RunAction,
                       {.request_bytes_max = size_t{512} << 10});
    HttpDoorOptions options;
    options.tls = false;
    auto started = HttpDoor::Start({house_.table, house_.desk, intake_pool_, house_.metrics, {}, [] { return true; }}, std::move(options));
    EXPECT_TRUE(started.ok()) << started.status();
    door_ = *std::move(started);
    client_ = std::make_unique<testing::HttpClient>(StrCat("http://127.0.0.1:", door_->port()));
  }
  ~ActionRoute() override {
    client_.reset();
    door_->Stop(absl::Seconds(1));
    house_.pool.Stop();
    intake_pool_.Stop();
    door_.reset();
  }
  HttpResult Post(const std::string& path, std::vector<std::string> headers, const std::string& body) {
    headers.push_back(kJson);
    return client_->Do("POST", path, headers, body);
  }
  HttpResult Note(const std::string& key, const std::string& text) {
    return Post(kNote, {kResponder, "Idempotency-Key: " + key}, "{\"text\":\"" + text + "\"}");
  }
  size_t Remembered() { return ListRecords(base_.ledger->store(), keys::ActionRequests(), "", 1000)->records.size(); }

  testing::LedgerFixture base_;
  ActionCatalogue catalogue_;
  CountingAction* note_ = nullptr;
  std::unique_ptr<ActionDesk> desk_;
  testing::DoorHouse house_;
  WorkerPool intake_pool_{{.threads = 2, .queue_max = 8}};
  std::unique_ptr<HttpDoor> door_;
  std::unique_ptr<testing::HttpClient> client_;
};

TEST_F(ActionRoute, GivesTheSameAnswerForTheSameKeyAndBodyAndDoesItOnce) {
  const HttpResult first = Note("k1", "hello");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.body, "{\"echo\":\"hello 1\"}");
  EXPECT_THAT(first.headers, HasSubstr("Idempotent-Effect: "));
  const HttpResult again = Post(kNote, {kResponder, "Idempotency-Key: k1"}, " { \"text\" : \"hello\" } ");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
  const auto effect_of = [](const HttpResult& result) {
    const size_t at = result.headers.find("Idempotent-Effect: ");
    return result.headers.substr(at, result.headers.find('\r', at) - at);
  };
  EXPECT_EQ(effect_of(again), effect_of(first));
  EXPECT_EQ(note_->performed, 1);
  // Another caller's key of the same name is another key.
  EXPECT_EQ(Post(kNote, {"Authorization: Bearer security-lead", "Idempotency-Key: k1"}, "{\"text\":\"hello\"}").body, "{\"echo\":\"hello 2\"}");
  EXPECT_EQ(Note("k2", "hello").body, "{\"echo\":\"hello 3\"}");
}

TEST_F(ActionRoute, RefusesAKnownKeyWithAnotherBodyOrAction) {
  ASSERT_EQ(Note("k1", "hello").status, 200);
  const HttpResult other = Note("k1", "other");
  EXPECT_EQ(other.status, 409);
  EXPECT_THAT(other.body, HasSubstr("idempotency key k1 was used for incident.note with other inputs"));
  EXPECT_THAT(other.body, HasSubstr("take a new key"));
  EXPECT_EQ(Post("/v1/actions/fleet.contain:run", {kResponder, "Idempotency-Key: k1"}, "{\"text\":\"hello\"}").status, 409);
  EXPECT_EQ(note_->performed, 1);
}

TEST_F(ActionRoute, RefusesWhatItCannotRead) {
  const std::string key = "Idempotency-Key: k";
  const std::string body = "{\"text\":\"x\"}";
  const HttpResult get = client_->Do("GET", kNote, {kResponder, key}, "");
  EXPECT_EQ(get.status, 405);
  EXPECT_THAT(get.headers, HasSubstr("Allow: POST"));
  const HttpResult text = client_->Do("POST", kNote, {kResponder, key, "Content-Type: text/plain"}, body);
  EXPECT_EQ(text.status, 415);
  EXPECT_THAT(text.headers, HasSubstr("Accept-Post: application/json"));
  const HttpResult no_key = Post(kNote, {kResponder}, body);
  EXPECT_EQ(no_key.status, 400);
  EXPECT_THAT(no_key.body, HasSubstr("header Idempotency-Key is missing"));
  EXPECT_THAT(Post(kNote, {kResponder, "Idempotency-Key: " + std::string(201, 'x')}, body).body, HasSubstr("1 to 200"));
  const HttpResult unknown = Post("/v1/actions/incident.noet:run", {kResponder, key}, body);
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("action incident.noet does not exist"));
  EXPECT_THAT(unknown.body, HasSubstr("did you mean incident.note"));
  for (const char* bad : {"[]", "\"x\"", "{\"text\":", "{\"text\":1,\"text\":2}", "{\"txet\":\"x\"}", "{}"}) {
    EXPECT_EQ(Post(kNote, {kResponder, key}, bad).status, 400) << bad;
  }
  EXPECT_EQ(Post(kNote, {kResponder, key}, "{\"text\":\"" + std::string(size_t{256} << 10, 'x') + "\"}").status, 413);
  std::string deep = "1";
  for (int i = 0; i < 20; ++i) deep = "[" + deep + "]";
  EXPECT_EQ(Post(kNote, {kResponder, key}, "{\"text\":" + deep + "}").status, 400);
  EXPECT_EQ(note_->performed, 0);
  EXPECT_EQ(Remembered(), 0u) << "what was refused left no trace";
}

TEST_F(ActionRoute, NeedsThePermissionOfTheActionAndNotOnlyOfTheDoor) {
  const std::string key = "Idempotency-Key: k";
  const std::string body = "{\"text\":\"x\"}";
  EXPECT_EQ(Post(kNote, {key}, body).status, 401);
  EXPECT_EQ(Post(kNote, {"Authorization: Bearer who", key}, body).status, 401);
  const HttpResult viewer = Post(kNote, {kViewer, key}, body);
  EXPECT_EQ(viewer.status, 403);
  EXPECT_THAT(viewer.body, HasSubstr("incident.note"));
  EXPECT_EQ(note_->performed, 0);
  EXPECT_EQ(Remembered(), 0u);
}

TEST_F(ActionRoute, KeepsAFailureThatWillNotGoAway) {
  const HttpResult failed = Note("k1", "fail");
  EXPECT_EQ(failed.status, 400);
  EXPECT_THAT(failed.body, HasSubstr("it does not work"));
  EXPECT_EQ(Note("k1", "fail").body, failed.body);
  EXPECT_EQ(note_->performed, 1);
}

// What is kept of a long message stays text, or the record could never be read again.
TEST_F(ActionRoute, KeepsALongFailureReadable) {
  EXPECT_EQ(Note("k1", "long").status, 400);
  const HttpResult again = Note("k1", "long");
  EXPECT_EQ(again.status, 400) << again.body;
  EXPECT_THAT(again.body, HasSubstr("failed_precondition"));
  EXPECT_EQ(note_->performed, 1);
}

TEST_F(ActionRoute, SaysWhatIsWaitedForAndWhenToAskAgain) {
  const std::vector<std::string> headers = {kResponder, "Idempotency-Key: k1", "Prefer: respond-async, wait=0"};
  const HttpResult waiting = Post(kNote, headers, "{\"text\":\"later\"}");
  EXPECT_EQ(waiting.status, 202);
  EXPECT_EQ(waiting.body, "{\"waiting_for\":\"somebody\"}");
  EXPECT_THAT(waiting.headers, HasSubstr("Retry-After: 7"));
  EXPECT_THAT(waiting.headers, HasSubstr("Location: /v1/actions/incident.note:run"));
  EXPECT_EQ(Post(kNote, headers, "{\"text\":\"later\"}").body, "{\"echo\":\"later 2\"}");
}

TEST_F(ActionRoute, ForgetsAKeySevenDaysAfterItsOutcomeAndNotBefore) {
  for (int i = 0; i < 120; ++i) ASSERT_EQ(Note(StrCat("old-", i), "hello").status, 200);
  base_.clock.Advance(absl::Hours(24 * 6));
  ASSERT_EQ(Note("young", "hello").status, 200);
  const uint64_t before = base_.ledger->size();
  ASSERT_TRUE(desk_->SweepRequests().ok());
  EXPECT_EQ(Remembered(), 121u);
  EXPECT_EQ(base_.ledger->size(), before) << "nothing to do leaves no entry";
  const int performed = note_->performed;
  EXPECT_EQ(Note("old-7", "hello").body, "{\"echo\":\"hello 8\"}");
  EXPECT_EQ(note_->performed, performed);

  base_.clock.Advance(absl::Hours(24) + absl::Seconds(1));
  // A turn looks at a hundred rows at most and the next one goes on from there.
  while (Remembered() > 1) {
    const size_t left = Remembered();
    ASSERT_TRUE(desk_->SweepRequests().ok());
    ASSERT_TRUE(desk_->SweepRequests().ok());
    ASSERT_LT(Remembered(), left);
  }
  EXPECT_EQ(Remembered(), 1u);
  EXPECT_EQ(Note("young", "hello").body, StrCat("{\"echo\":\"hello ", performed, "\"}"));
  EXPECT_EQ(Note("old-7", "other").status, 200) << "the key is free";
}

TEST_F(ActionRoute, NeverForgetsAnEffectNobodyKnowsTheOutcomeOf) {
  const auto put = [&](const std::string& key, bool once, bool done) {
    store::v1::ActionRequest record;
    record.set_identity("responder");
    record.set_key(key);
    record.set_once(once);
    record.set_done(done);
    *record.mutable_asked_at() = ToProto(base_.clock.Now());
    if (done) *record.mutable_ended_at() = ToProto(base_.clock.Now());
    Draft draft(base_.ledger->store());
    draft.Put(keys::ActionRequest("responder", key), record);
    draft.Record(testing::TestEntry());
    ASSERT_TRUE(base_.ledger->Commit(draft).ok());
  };
  for (int i = 0; i < 150; ++i) put(StrCat("in-doubt-", 100 + i), true, false);   // more than one turn looks at
  put("waiting", false, false);
  put("done", true, true);
  base_.clock.Advance(absl::Hours(24 * 400));
  ASSERT_TRUE(desk_->SweepRequests().ok());
  ASSERT_TRUE(desk_->SweepRequests().ok()) << "goes on where the first one stopped";
  const auto left = ListRecords(base_.ledger->store(), keys::ActionRequests(), "", 1000);
  ASSERT_EQ(left->records.size(), 150u);
  for (const auto& [key, record] : left->records) EXPECT_TRUE(record.key().starts_with("in-doubt")) << record.key();
}

}  // namespace
}  // namespace firebreak
