#include "firebreak/playbooks/playbook_shelf.h"

#include <gtest/gtest.h>

#include <fstream>

#include "firebreak/access/permissions.h"
#include "firebreak/access/role_holders.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/storage/keys/access.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/scratch_folder.h"
#include "tests/unit/playbooks/specs.h"

namespace firebreak {
namespace {

constexpr char kInner[] = "playbook: inner\ntitle: Inner\nsteps:\n- note: {do: incident.note, with: {text: x}}\n";

std::string Outer(std::string_view digest) {
  return StrCat("playbook: an-outer\ntitle: Outer\nsteps:\n- go: {run: inner@", digest, "}\n");
}

constexpr char kAsking[] =
    "playbook: asking\ntitle: Asking\nsteps:\n"
    "- gate: {ask: \"Go?\", about: incident.id, who: {roles: [security-lead], need: 1}}\n"
    "- go: {if: $gate.approved, then: [{n: {do: incident.note, with: {text: x}}}]}\n";

class ShelfTest : public ::testing::Test {
 protected:
  absl::StatusOr<v1::PutPlaybookResponse> Put(const std::string& yaml, bool validate_only = false) {
    v1::PutPlaybookRequest request;
    request.set_yaml(yaml);
    request.set_validate_only(validate_only);
    return shelf_.PutPlaybook(ServiceCaller(), request);
  }

  void AddToken(const std::string& id, const std::string& identity, v1::Role role, bool revoked = false) {
    store::v1::TokenRecord record;
    record.mutable_token()->set_id(id);
    record.mutable_token()->set_identity(identity);
    record.mutable_token()->add_roles(role);
    if (revoked) *record.mutable_token()->mutable_revoked_at() = ToProto(base_.clock.Now());
    *record.mutable_token()->mutable_expires_at() = ToProto(base_.clock.Now() + absl::Hours(1));
    ASSERT_TRUE(base_.ledger
                    ->Transact([&](Draft& draft) -> absl::Status {
                      draft.Put(TokenKey(id), record);
                      draft.Record(testing::TestEntry());
                      return absl::OkStatus();
                    })
                    .ok());
  }

  testing::LedgerFixture base_;
  PlaybookShelf shelf_{*base_.ledger, base_.clock, *base_.log, testing::LanguageSpecPointers()};
};

TEST_F(ShelfTest, StoresWhatLintsAndRefusesTheRest) {
  ASSERT_TRUE(Put(kInner).ok());
  EXPECT_EQ(shelf_.Resolve("inner")->playbook().digest(), Sha256(kInner).text());
  const auto refused = Put("playbook: inner\ntitle: Inner\nsteps:\n- note: {do: incident.note}\n");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(refused.status().message().find("playbook.yaml:4:14: error"), std::string::npos) << refused.status();
  const auto looked_at = Put("playbook: inner\ntitle: Inner\nsteps:\n- note: {do: incident.note}\n", true);
  ASSERT_TRUE(looked_at.ok());
  EXPECT_EQ(looked_at->findings_size(), 1);
  EXPECT_EQ(shelf_.Resolve("inner")->playbook().digest(), Sha256(kInner).text());
}

TEST_F(ShelfTest, RunsOnlyWhatIsStored) {
  const std::string outer = Outer(Sha256(kInner).text());
  EXPECT_EQ(Put(outer).status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(Put(kInner).ok());
  EXPECT_TRUE(Put(outer).ok());
}

TEST_F(ShelfTest, SaysThatNobodyCouldAnswerNow) {
  auto answer = Put(kAsking, true);
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->findings_size(), 2);
  EXPECT_EQ(answer->findings(0).rule(), "role-nobody-holds");
  EXPECT_EQ(answer->findings(1).rule(), "too-few-people");
  AddToken("one", "ada", v1::ROLE_SECURITY_LEAD, /*revoked=*/true);
  EXPECT_EQ(Put(kAsking, true)->findings_size(), 2);
  AddToken("two", "ada", v1::ROLE_SECURITY_LEAD);
  EXPECT_EQ(Put(kAsking, true)->findings_size(), 0);
  const auto holders = RoleHolders(base_.store, base_.clock.Now());
  ASSERT_TRUE(holders.ok());
  EXPECT_EQ(holders->at("security-lead"), std::set<std::string>{"ada"});
  EXPECT_TRUE(RoleHolders(base_.store, base_.clock.Now() + absl::Hours(2))->empty());
}

TEST_F(ShelfTest, LoadsAFolderWhosePlaybooksRunOneAnother) {
  const testing::ScratchFolder folder;
  std::ofstream(folder.path() + "/a.yaml") << Outer(Sha256(kInner).text());  // before the one it runs
  std::ofstream(folder.path() + "/b.yaml") << kInner;
  ASSERT_TRUE(shelf_.LoadFolder(folder.path()).ok());
  EXPECT_EQ(shelf_.Newest()->size(), 2u);
  std::ofstream(folder.path() + "/c.yaml") << Outer(Sha256("something else").text());
  EXPECT_EQ(shelf_.LoadFolder(folder.path()).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace firebreak
