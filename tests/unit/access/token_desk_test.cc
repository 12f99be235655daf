#include "firebreak/access/token_desk.h"

#include "firebreak/base/text.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/storage/keys/access.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TokenDeskTest : public ::testing::Test {
 protected:
  TokenDeskTest() {
    ledger_ = Ledger::Open(store_, clock_, *log_, key_, {.origin = "firebreak.test/audit"}).value();
    desk_ = std::make_unique<TokenDesk>(*ledger_, clock_, random_);
    admin_.identity = Identity("root");
    admin_.roles = {v1::ROLE_ADMIN};
  }
  v1::CreateTokenResponse Create(std::string identity, std::vector<v1::Role> roles, int64_t ttl_seconds = 0) {
    v1::CreateTokenRequest request;
    request.set_identity(std::move(identity));
    for (v1::Role role : roles) request.add_roles(role);
    request.set_ttl_seconds(ttl_seconds);
    auto created = desk_->CreateToken(admin_, request);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.value_or(v1::CreateTokenResponse());
  }
  absl::Status Revoke(const std::string& id) {
    v1::RevokeTokenRequest request;
    request.set_id(id);
    request.set_reason("left the team");
    return desk_->RevokeToken(admin_, request).status();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  SeededRandom random_{7};
  std::unique_ptr<Log> log_ = Log::Silent();
  MemoryMetaStore store_;
  Ed25519Key key_ = Ed25519Key::Generate().value();
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<TokenDesk> desk_;
  Caller admin_;
};

TEST_F(TokenDeskTest, ATokenStandsForItsIdentityAndRoles) {
  v1::CreateTokenResponse created = Create("alice", {v1::ROLE_RESPONDER, v1::ROLE_VIEWER, v1::ROLE_VIEWER});
  EXPECT_THAT(created.secret(), ::testing::StartsWith(StrCat("fbt_", created.token().id(), "_")));
  for (int i = 0; i < 2; ++i) {  // from the store, then from memory
    auto caller = desk_->Authenticate(created.secret());
    ASSERT_TRUE(caller.ok()) << caller.status();
    EXPECT_EQ(caller->identity.text(), "alice");
    EXPECT_THAT(caller->roles, ::testing::ElementsAre(v1::ROLE_VIEWER, v1::ROLE_RESPONDER));
    EXPECT_TRUE(caller->agent.empty());
  }
}

TEST_F(TokenDeskTest, TheSecretIsNotOnDisk) {
  v1::CreateTokenResponse created = Create("alice", {v1::ROLE_VIEWER});
  std::string secret = created.secret().substr(created.secret().size() - 43);
  auto rows = store_.List("", "", 1000).value();
  ASSERT_FALSE(rows.empty());
  for (const KeyValue& row : rows) EXPECT_THAT(row.value, Not(HasSubstr(secret)));
}

TEST_F(TokenDeskTest, GarbageIsRefusedWithoutSayingWhatWasWrong) {
  std::string good = Create("alice", {v1::ROLE_VIEWER}).secret();
  std::string other_secret = good;
  other_secret.back() = other_secret.back() == 'A' ? 'B' : 'A';
  std::string other_id = good;
  other_id[5] = other_id[5] == '0' ? '1' : '0';
  for (const std::string& token : {std::string(), std::string("fbt_"), std::string("fbt_x_y"), good + "A",
                                   good.substr(0, good.size() - 1), std::string(10'000, 'f'), "FBT" + good.substr(3),
                                   std::string("fbt_") + std::string(16, '\0') + "_" + std::string(43, 'A')}) {
    EXPECT_TRUE(absl::IsUnauthenticated(desk_->Authenticate(token).status())) << token;
  }
  absl::Status wrong_secret = desk_->Authenticate(other_secret).status();
  EXPECT_TRUE(absl::IsUnauthenticated(wrong_secret));
  EXPECT_EQ(wrong_secret, desk_->Authenticate(other_id).status());
  EXPECT_TRUE(desk_->Authenticate(good).ok());
}

TEST_F(TokenDeskTest, ATokenExpiresAtItsTimeEvenWhenCached) {
  std::string token = Create("ci", {v1::ROLE_PUBLISHER}, 60).secret();
  clock_.Advance(absl::Seconds(59));
  EXPECT_TRUE(desk_->Authenticate(token).ok());
  clock_.Advance(absl::Seconds(1));
  absl::Status status = desk_->Authenticate(token).status();
  EXPECT_TRUE(absl::IsUnauthenticated(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("expired at"));
}

TEST_F(TokenDeskTest, ARevokedTokenIsRefusedAtOnceEvenWhenCached) {
  v1::CreateTokenResponse created = Create("alice", {v1::ROLE_VIEWER});
  ASSERT_TRUE(desk_->Authenticate(created.secret()).ok());
  ASSERT_TRUE(Revoke(created.token().id()).ok());
  absl::Status status = desk_->Authenticate(created.secret()).status();
  EXPECT_TRUE(absl::IsUnauthenticated(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("was revoked"));
  EXPECT_TRUE(Revoke(created.token().id()).ok()) << "revoking again answers the same";
  EXPECT_TRUE(absl::IsNotFound(Revoke("00")));
}

TEST_F(TokenDeskTest, AnotherDeskOnTheSameLedgerHearsOfARevocation) {
  TokenDesk other(*ledger_, clock_, random_);
  v1::CreateTokenResponse created = Create("alice", {v1::ROLE_VIEWER});
  ASSERT_TRUE(other.Authenticate(created.secret()).ok());
  ASSERT_TRUE(Revoke(created.token().id()).ok());
  // The watcher runs on the committer's thread; a later commit's return says the earlier one was told.
  Create("bob", {v1::ROLE_VIEWER});
  EXPECT_FALSE(other.Authenticate(created.secret()).ok());
}

TEST_F(TokenDeskTest, TheLastAdminTokenStays) {
  v1::CreateTokenResponse first = Create("root", {v1::ROLE_ADMIN});
  Create("shortlived", {v1::ROLE_ADMIN}, 10);
  clock_.Advance(absl::Seconds(11));
  EXPECT_TRUE(absl::IsFailedPrecondition(Revoke(first.token().id())));
  Create("second", {v1::ROLE_ADMIN});
  EXPECT_TRUE(Revoke(first.token().id()).ok());
}

TEST_F(TokenDeskTest, RefusesRolesAndNamesThatMakeNoSense) {
  struct {
    std::string identity;
    std::vector<int> roles;
    int64_t ttl;
  } cases[] = {{"", {v1::ROLE_VIEWER}, 0},
               {"Alice!", {v1::ROLE_VIEWER}, 0},
               {"firebreak", {v1::ROLE_VIEWER}, 0},
               {"alice", {}, 0},
               {"alice", {v1::ROLE_AGENT}, 0},
               {"alice", {v1::ROLE_UNSPECIFIED}, 0},
               {"alice", {99}, 0},
               {"alice", {v1::ROLE_VIEWER}, -1},
               {"alice", {v1::ROLE_VIEWER}, int64_t{1} << 60},
               {"agent/web-1", {v1::ROLE_VIEWER}, 0}};
  for (const auto& c : cases) {
    v1::CreateTokenRequest request;
    request.set_identity(c.identity);
    for (int role : c.roles) request.add_roles(static_cast<v1::Role>(role));
    request.set_ttl_seconds(c.ttl);
    EXPECT_TRUE(absl::IsInvalidArgument(desk_->CreateToken(admin_, request).status())) << request.ShortDebugString();
  }
  EXPECT_EQ(ledger_->size(), 0u);
}

TEST_F(TokenDeskTest, EveryChangeIsInTheAuditLogWithoutTheSecret) {
  v1::CreateTokenResponse created = Create("alice", {v1::ROLE_VIEWER});
  Create("root", {v1::ROLE_ADMIN});
  ASSERT_TRUE(Revoke(created.token().id()).ok());
  auto page = ListEntriesBySubject(store_, StrCat("token/", created.token().id()), 0, 10).value();
  ASSERT_EQ(page.entries.size(), 2u);
  EXPECT_EQ(page.entries[0].action(), "token.created");
  EXPECT_EQ(page.entries[0].actor(), "root");
  EXPECT_EQ(page.entries[1].action(), "token.revoked");
  EXPECT_EQ(page.entries[1].facts().at("reason"), "left the team");
}

TEST_F(TokenDeskTest, ListsOldestFirst) {
  Create("alice", {v1::ROLE_VIEWER});
  clock_.Advance(absl::Seconds(1));
  Create("bob", {v1::ROLE_VIEWER});
  auto listed = desk_->ListTokens(admin_, {}).value();
  ASSERT_EQ(listed.tokens_size(), 2);
  EXPECT_EQ(listed.tokens(0).identity(), "alice");
  EXPECT_EQ(listed.tokens(1).created_by(), "root");
}

}  // namespace
}  // namespace firebreak
