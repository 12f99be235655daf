// A ShareDesk over a ledger whose store can be made to fail, with one incident, and a receiver the test writes.
#ifndef FIREBREAK_TESTS_UNIT_SHARING_SHARE_FIXTURE_H_
#define FIREBREAK_TESTS_UNIT_SHARING_SHARE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firebreak/ledger/entries.h"
#include "firebreak/playbooks/playbook_shelf.h"
#include "firebreak/sharing/share_desk.h"
#include "firebreak/storage_wrap/faults.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/scratch_folder.h"

namespace firebreak::testing {

// Answers what the test says and keeps what it was sent.
class FakeReceiver final : public HttpClient {
 public:
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    requests.push_back(request);
    if (request.method == HttpMethod::kPost) ++posts;
    return answer(request);
  }
  static HttpResponse Complete() {
    return {202, R"({"id":"s-1","status":"complete","total_count":8,"success_count":8,"failure_count":0,"pending_count":0})", {}};
  }
  static HttpResponse Pending() { return {202, R"({"id":"s-1","status":"pending","success_count":0,"failure_count":0,"pending_count":8})", {}}; }

  std::function<absl::StatusOr<HttpResponse>(const HttpRequest&)> answer = [](const HttpRequest&) { return Complete(); };
  std::vector<HttpRequest> requests;
  int posts = 0;
};

class ShareTest : public ::testing::Test {
 protected:
  ShareTest() {
    Start();
    v1::OpenIncidentRequest open;
    open.set_title("accuracy fell");
    open.set_severity(2);
    open.set_kind("model-poisoning");
    open.set_model("fraud-detector");
    open.set_environment("prod");
    EXPECT_TRUE(incidents_->OpenIncident(lead_, open).ok());
    PutTaxii("exchange");
  }

  // A process: everything but the store and the folder.
  void Start() {
    faulty_.Restart();
    base_.ledger.reset();
    ledger_ = base_.Open(faulty_);
    shelf_ = std::make_unique<PlaybookShelf>(*ledger_, base_.clock, *base_.log, std::vector<const ActionSpec*>());
    runs_ = std::make_unique<RunDesk>(*ledger_, base_.clock, *base_.log, *shelf_, std::vector<const ActionSpec*>());
    incidents_ = std::make_unique<IncidentDesk>(*ledger_, base_.clock, *base_.log, nullptr, SuspectFinder());
    desk_ = std::make_unique<ShareDesk>(ShareParts{*ledger_, *incidents_, *runs_, receiver_, base_.clock, random_, *base_.log, scratch_.path()});
  }
  void StopAll() {
    desk_.reset();
    incidents_.reset();
    runs_.reset();
    shelf_.reset();
    ledger_.reset();
  }

  static Caller Person(const std::string& name) {
    Caller caller;
    caller.identity = Identity(name);
    caller.roles = {v1::ROLE_SECURITY_LEAD};
    return caller;
  }

  absl::Status Put(const std::string& name, v1::DestinationKind kind, const std::string& url, const std::string& credential = "",
                   const std::string& tlp = "amber") {
    v1::PutDestinationRequest request;
    request.mutable_destination()->set_name(name);
    request.mutable_destination()->set_kind(kind);
    request.mutable_destination()->set_url(url);
    request.mutable_destination()->set_credential_ref(credential);
    request.mutable_destination()->set_tlp(tlp);
    return desk_->PutDestination(lead_, request).status();
  }
  void PutTaxii(const std::string& name, const std::string& credential = "") {
    const absl::Status status = Put(name, v1::DESTINATION_KIND_TAXII21, "https://exchange.example/api1/collections/1/", credential);
    ASSERT_TRUE(status.ok()) << status;
  }
  void WriteCredential(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = scratch_.path() + "/" + name;
    std::ofstream(path) << text;
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }

  v1::PreviewShareResponse Preview(const std::string& destination = "exchange") {
    v1::PreviewShareRequest request;
    request.set_incident("INC-1");
    request.set_destination(destination);
    const auto response = desk_->PreviewShare(lead_, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::PreviewShareResponse());
  }
  v1::RequestShareRequest RequestOf(const std::string& destination = "exchange", const std::string& request_id = "") {
    v1::RequestShareRequest request;
    request.set_incident("INC-1");
    request.set_destination(destination);
    request.set_bundle_digest(Preview(destination).bundle_digest());
    request.set_request_id(request_id);
    return request;
  }
  v1::Share Request(const std::string& destination = "exchange") {
    const auto response = desk_->RequestShare(Person("robin"), RequestOf(destination));
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::RequestShareResponse()).share();
  }
  absl::StatusOr<v1::DecideShareResponse> Decide(const std::string& who, const v1::Share& share, bool approve = true) {
    v1::DecideShareRequest request;
    request.set_share(share.id());
    request.set_bundle_digest(share.bundle_digest());
    request.set_approve(approve);
    return desk_->DecideShare(Person(who), request);
  }
  v1::Share Approved(const std::string& destination = "exchange") {
    const v1::Share share = Request(destination);
    const auto response = Decide("lena", share);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::DecideShareResponse()).share();
  }
  v1::Share Get(const std::string& id = "SHR-1") {
    v1::GetShareRequest request;
    request.set_share(id);
    const auto response = desk_->GetShare(lead_, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::GetShareResponse()).share();
  }
  void Deliver() {
    const absl::Status status = desk_->DeliverDue();
    EXPECT_TRUE(status.ok()) << status;
  }
  std::vector<std::string> ActionsOf(const std::string& share = "SHR-1") {
    std::vector<std::string> actions;
    const auto page = ListEntriesBySubject(base_.store, "share/" + share, 0, 1000);
    for (const v1::AuditEntry& entry : page.value_or(EntryPage()).entries) actions.push_back(entry.action());
    return actions;
  }

  LedgerFixture base_;
  FaultyMetaStore faulty_{base_.store};
  SeededRandom random_{11};
  ScratchFolder scratch_;
  FakeReceiver receiver_;
  Caller lead_ = Person("alice");
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<PlaybookShelf> shelf_;
  std::unique_ptr<RunDesk> runs_;
  std::unique_ptr<IncidentDesk> incidents_;
  std::unique_ptr<ShareDesk> desk_;
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_SHARING_SHARE_FIXTURE_H_
