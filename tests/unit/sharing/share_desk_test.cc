// Destinations, previews, requests and decisions.
#include "firebreak/sharing/second_lock.h"
#include "firebreak/crypto/hash.h"
#include "tests/unit/sharing/share_fixture.h"

namespace firebreak {
namespace {

using ::firebreak::testing::ShareTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ShareTest, PreviewsTheExactBytesThatAreRequestedAndLaterSent) {
  const v1::PreviewShareResponse preview = Preview();
  EXPECT_EQ(Sha256(preview.bundle()).text(), preview.bundle_digest());
  EXPECT_TRUE(CheckLeavingBytes(preview.bundle()).ok());
  const v1::Share share = Approved();
  EXPECT_EQ(share.bundle(), preview.bundle());
  Deliver();
  ASSERT_EQ(receiver_.posts, 1);
  EXPECT_THAT(preview.bundle(), HasSubstr(receiver_.requests[0].body.substr(11, receiver_.requests[0].body.size() - 12)));
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_DELIVERED);
}

TEST_F(ShareTest, SaysThatTheReceiverSeesTheSender) {
  EXPECT_THAT(Preview().sender_notice(), IsEmpty());
  PutTaxii("known", "our-account");
  EXPECT_THAT(Preview("known").sender_notice(), HasSubstr("our-account"));
}

TEST_F(ShareTest, RefusesARequestForOtherBytesThanTheRecordIsNow) {
  const v1::RequestShareRequest request = RequestOf();
  v1::SetSeverityRequest severity;
  severity.set_incident("INC-1");
  severity.set_severity(1);
  severity.set_reason("worse than thought");
  ASSERT_TRUE(incidents_->SetSeverity(lead_, severity).ok());
  EXPECT_EQ(desk_->RequestShare(Person("robin"), request).status().code(), absl::StatusCode::kAborted);
  v1::RequestShareRequest blind = RequestOf();
  blind.clear_bundle_digest();
  EXPECT_EQ(desk_->RequestShare(Person("robin"), blind).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ShareTest, AnswersTheSameRequestWithTheSameShareEvenWhenTheIncidentMovedOn) {
  const v1::RequestShareRequest request = RequestOf("exchange", "r-1");
  const auto first = desk_->RequestShare(Person("robin"), request);
  ASSERT_TRUE(first.ok()) << first.status();
  v1::AcknowledgeIncidentRequest acknowledge;
  acknowledge.set_incident("INC-1");
  ASSERT_TRUE(incidents_->AcknowledgeIncident(lead_, acknowledge).ok());
  v1::SetSeverityRequest severity;
  severity.set_incident("INC-1");
  severity.set_severity(1);
  severity.set_reason("worse than thought");
  ASSERT_TRUE(incidents_->SetSeverity(lead_, severity).ok());
  const uint64_t commits = faulty_.commits();
  const auto again = desk_->RequestShare(Person("robin"), request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->share().SerializeAsString(), first->share().SerializeAsString());
  EXPECT_EQ(faulty_.commits(), commits);

  PutTaxii("other");
  EXPECT_EQ(desk_->RequestShare(Person("robin"), RequestOf("other", "r-1")).status().code(), absl::StatusCode::kAlreadyExists);
  const auto of_another_person = desk_->RequestShare(Person("sam"), RequestOf("exchange", "r-1"));
  ASSERT_TRUE(of_another_person.ok()) << of_another_person.status();
  EXPECT_EQ(of_another_person->share().id(), "SHR-2");
}

TEST_F(ShareTest, TheRequesterCannotDecide) {
  const v1::Share share = Request();
  for (const bool approve : {true, false}) {
    EXPECT_EQ(Decide("robin", share, approve).status().code(), absl::StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_PROPOSED);
}

TEST_F(ShareTest, ApprovalIsForExactlyTheBytesNamed) {
  v1::Share share = Request();
  share.set_bundle_digest(Sha256("other bytes").text());
  EXPECT_EQ(Decide("lena", share).status().code(), absl::StatusCode::kAborted);
  share.clear_bundle_digest();
  EXPECT_EQ(Decide("lena", share).status().code(), absl::StatusCode::kAborted);
  Deliver();
  EXPECT_EQ(receiver_.posts, 0);
}

TEST_F(ShareTest, ADecisionIsMadeOnceAndAnsweredAgainAlike) {
  const v1::Share share = Request();
  ASSERT_TRUE(Decide("lena", share).ok());
  const uint64_t commits = faulty_.commits();
  EXPECT_TRUE(Decide("lena", share).ok());
  EXPECT_EQ(faulty_.commits(), commits);
  EXPECT_EQ(Decide("lena", share, false).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Decide("mia", share).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(ActionsOf(), ElementsAre("share.proposed", "share.approved"));
}

TEST_F(ShareTest, WhatWasRefusedOrNeverDecidedNeverLeaves) {
  const v1::Share share = Request();
  Deliver();
  ASSERT_TRUE(Decide("lena", share, false).ok());
  for (int i = 0; i < 3; ++i) {
    base_.clock.Advance(absl::Hours(48));
    Deliver();
    StopAll();
    Start();
  }
  EXPECT_EQ(receiver_.requests.size(), 0u);
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_REFUSED);
}

TEST_F(ShareTest, ADestinationThatChangedAfterTheApprovalGetsNothing) {
  Approved();
  ASSERT_TRUE(Put("exchange", v1::DESTINATION_KIND_TAXII21, "https://elsewhere.example/api1/collections/1/").ok());
  Deliver();
  EXPECT_EQ(receiver_.requests.size(), 0u);
  EXPECT_EQ(Get().state(), v1::SHARE_STATE_FAILED);
  EXPECT_THAT(Get().last_error(), HasSubstr("not the one that was approved"));
}

TEST_F(ShareTest, KeepsADestinationsKeyWhenItIsPutAgain) {
  const std::string before = Preview().bundle();
  PutTaxii("exchange", "a-credential");
  EXPECT_EQ(Preview().bundle(), before);
  PutTaxii("second");
  EXPECT_NE(Preview("second").record().record_id(), Preview().record().record_id());
}

TEST_F(ShareTest, RefusesDestinationsItCouldNotOrMayNotSendTo) {
  EXPECT_EQ(Put("Bad Name", v1::DESTINATION_KIND_FILE_DROP, "/tmp").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put("x", v1::DESTINATION_KIND_TAXII21, "http://exchange.example/api1/collections/1/").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put("x", v1::DESTINATION_KIND_TAXII21, "https://u:p@exchange.example/collections/1/").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put("x", v1::DESTINATION_KIND_TAXII21, "https://exchange.example/").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put("x", v1::DESTINATION_KIND_FILE_DROP, "relative/folder").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put("x", v1::DESTINATION_KIND_UNSPECIFIED, "/tmp").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put("x", v1::DESTINATION_KIND_FILE_DROP, "/tmp", "../../etc/passwd").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Put("x", v1::DESTINATION_KIND_FILE_DROP, "/tmp", "", "purple").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Put("x", v1::DESTINATION_KIND_FILE_DROP, "/tmp", "", "").ok());
}

TEST_F(ShareTest, NamesTheNearestDestinationAndTheMissingThing) {
  v1::PreviewShareRequest request;
  request.set_incident("INC-1");
  request.set_destination("exchnage");
  const absl::Status nearest = desk_->PreviewShare(lead_, request).status();
  EXPECT_EQ(nearest.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(nearest.message()), HasSubstr("did you mean exchange"));
  request.set_destination("exchange");
  request.set_incident("INC-9");
  EXPECT_EQ(desk_->PreviewShare(lead_, request).status().code(), absl::StatusCode::kNotFound);
  v1::GetShareRequest get;
  for (const char* bad : {"", "SHR-", "SHR-0", "SHR-x", "INC-1", "SHR--1"}) {
    get.set_share(bad);
    EXPECT_EQ(desk_->GetShare(lead_, get).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  get.set_share("SHR-99");
  EXPECT_EQ(desk_->GetShare(lead_, get).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ShareTest, ListsSharesWithoutTheirBytes) {
  Request();
  Request();
  v1::ListSharesRequest request;
  request.set_incident("INC-1");
  const auto response = desk_->ListShares(lead_, request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->shares_size(), 2);
  EXPECT_EQ(response->shares(1).id(), "SHR-2");
  EXPECT_TRUE(response->shares(0).bundle().empty());
  EXPECT_FALSE(response->shares(0).bundle_digest().empty());
  request.set_incident("INC-2");
  EXPECT_EQ(desk_->ListShares(lead_, request)->shares_size(), 0);
}

}  // namespace
}  // namespace firebreak
