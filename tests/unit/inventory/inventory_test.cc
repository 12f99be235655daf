// What exists, who signed and validated it, where it serves: each filter alone, together, and over pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/inventory/inventory_desk.h"
#include "tests/unit/lineage/lineage_fixture.h"

namespace firebreak {
namespace {

using testing::DeskFixture;
using testing::DigestOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct InventoryTest : public ::testing::Test {
  InventoryTest() {
    data = fixture.With(v1::SNAPSHOT_KIND_DATASET, "claims", {});
    model = fixture.With(v1::SNAPSHOT_KIND_MODEL, "fraud", {{v1::LINEAGE_RELATION_TRAINED_ON, "dataset/claims"}});
    other = fixture.With(v1::SNAPSHOT_KIND_MODEL, "other", {});
    fixture.Deploy("fraud-prod", {DeskFixture::Release(model)});
  }
  v1::ListInventoryResponse List(const v1::ListInventoryRequest& asked) {
    auto response = desk.ListInventory(fixture.caller, asked);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : v1::ListInventoryResponse();
  }
  std::vector<std::string> Names(const v1::ListInventoryRequest& asked) {
    std::vector<std::string> names;
    const v1::ListInventoryResponse response = List(asked);
    for (const v1::InventoryItem& item : response.items()) names.push_back(SnapshotName(item.snapshot()));
    return names;
  }
  DeskFixture fixture;
  InventoryDesk desk{*fixture.base.ledger, fixture.vault, fixture.desk, fixture.base.clock};
  v1::Snapshot data, model, other;
  v1::ListInventoryRequest request;
};

TEST_F(InventoryTest, SaysWhoSignedAndValidatedAndWhereItServes) {
  fixture.base.clock.Advance(absl::Hours(1));
  ASSERT_TRUE(fixture.vault.Verify(DigestOf(model), Identity("auditor")).ok());
  request.set_name("fraud");
  const v1::ListInventoryResponse response = List(request);
  ASSERT_EQ(response.items_size(), 1);
  const v1::InventoryItem& item = response.items(0);
  ASSERT_EQ(item.signers_size(), 1);
  EXPECT_EQ(item.signers(0).signer(), "release");
  EXPECT_FALSE(item.signers(0).revoked());
  EXPECT_EQ(item.proven_by(), "auditor");
  EXPECT_TRUE(item.proven_intact());
  EXPECT_EQ(FromProto(item.proven_at()), fixture.base.clock.Now());
  EXPECT_THAT(item.serving(), ElementsAre("fraud-prod"));
  EXPECT_EQ(item.snapshot().lineage_size(), 1);
  request.set_name("other");
  EXPECT_EQ(List(request).items(0).proven_by(), "alice");   // who pushed it
}

TEST_F(InventoryTest, FiltersByEachFact) {
  EXPECT_THAT(Names(request), ElementsAre("dataset/claims@1", "model/fraud@1", "model/other@1"));
  request.set_kind(v1::SNAPSHOT_KIND_MODEL);
  EXPECT_THAT(Names(request), ElementsAre("model/fraud@1", "model/other@1"));
  request.set_serving("fraud-prod");
  EXPECT_THAT(Names(request), ElementsAre("model/fraud@1"));
  request.set_serving("elsewhere");
  EXPECT_THAT(Names(request), IsEmpty());
  request.Clear();
  request.set_quarantined(true);
  EXPECT_THAT(Names(request), IsEmpty());
  ASSERT_TRUE(fixture.Quarantine("dataset/claims").ok());
  EXPECT_THAT(Names(request), ElementsAre("dataset/claims@1", "model/fraud@1"));
  request.Clear();
  request.set_signer("release");
  EXPECT_EQ(Names(request).size(), 3u);
  request.set_signer(fixture.key.public_key().key_id());
  EXPECT_EQ(Names(request).size(), 3u);
  request.set_signer("somebody");
  EXPECT_THAT(Names(request), IsEmpty());
}

TEST_F(InventoryTest, FindsWhatWasNotProvenIntactForLong) {
  *request.mutable_unproven_for() = ToProto(absl::Hours(24 * 7));
  EXPECT_THAT(Names(request), IsEmpty());
  fixture.base.clock.Advance(absl::Hours(24 * 8));
  EXPECT_EQ(Names(request).size(), 3u);
  ASSERT_TRUE(fixture.vault.Verify(DigestOf(model), Identity("auditor")).ok());
  EXPECT_THAT(Names(request), ElementsAre("dataset/claims@1", "model/other@1"));
  // Looked at a moment ago and found damaged is not proven intact.
  ASSERT_TRUE(fixture.chunks.Corrupt(Sha256("fraud")));
  ASSERT_TRUE(fixture.vault.Verify(DigestOf(model), Identity("auditor")).ok());
  EXPECT_EQ(Names(request).size(), 3u);
}

TEST_F(InventoryTest, FiltersByEveryLabelGiven) {
  PushOptions options = fixture.Options(fixture.NewFolder({{"data", "labelled"}}), "labelled");
  options.labels = {{"team", "risk"}, {"tier", "1"}};
  ASSERT_TRUE(fixture.Push(options).ok());
  (*request.mutable_labels())["team"] = "risk";
  EXPECT_THAT(Names(request), ElementsAre("model/labelled@1"));
  (*request.mutable_labels())["tier"] = "2";
  EXPECT_THAT(Names(request), IsEmpty());
}

TEST_F(InventoryTest, ComesInPages) {
  for (int i = 0; i < 7; ++i) fixture.Add(v1::SNAPSHOT_KIND_MODEL, "many", {}, StrCat(i));
  request.set_page_size(3);
  std::vector<std::string> names;
  int pages = 0;
  do {
    const v1::ListInventoryResponse page = List(request);
    for (const v1::InventoryItem& item : page.items()) names.push_back(SnapshotName(item.snapshot()));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && ++pages < 10);
  EXPECT_EQ(names.size(), 10u);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 10u);
  request.set_page_token("AAAA");
  EXPECT_EQ(desk.ListInventory(fixture.caller, request).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace firebreak
