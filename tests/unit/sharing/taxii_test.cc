// The TAXII client, byte for byte, against a server in another process that answers as real ones do.
#include "services/sharing/taxii.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "firebreak/base/json.h"
#include "firebreak/sharing/record.h"
#include "firebreak/sharing/stix.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/vectors.h"
#include "tests/unit/sharing/child_process.h"
#include "tests/unit/sharing/sample_incident.h"

namespace firebreak {
namespace {

using ::firebreak::testing::AwaitFile;
using ::firebreak::testing::ChildProcess;
using ::firebreak::testing::ReadFile;
using ::firebreak::testing::SampleIncident;
using ::firebreak::testing::ScratchFolder;
using ::testing::HasSubstr;

constexpr char kCredential[] = "firebreak:opensesame";

std::string Bundle() {
  const auto sample = SampleIncident();
  const std::string key(32, 'k');
  return *WriteStixBundle(BuildSharedRecord(sample.incident, sample.runs, key), "amber", key);
}
std::string Envelope() { return *TaxiiEnvelope(Bundle()); }

class TaxiiTest : public ::testing::Test {
 protected:
  // Answers the collection; skips the test where there is no Python.
  v1::Destination Serve(const std::vector<std::string>& options = {}) {
    const std::filesystem::path folder = scratch_.path();
    std::ofstream(folder / "password") << "opensesame";
    std::vector<std::string> words = {"/usr/bin/python3", std::string(FIREBREAK_SOURCE_DIR) + "/tests/e2e/main_job/taxii_server.py",
                                      "--ready-file", (folder / "ready").string(), "--store", (folder / "store").string(),
                                      "--password-file", (folder / "password").string()};
    words.insert(words.end(), options.begin(), options.end());
    server_ = std::make_unique<ChildProcess>(words);
    EXPECT_TRUE(AwaitFile(folder / "ready"));
    v1::Destination destination;
    destination.set_name("exchange");
    destination.set_kind(v1::DESTINATION_KIND_TAXII21);
    destination.set_url(ReadFile(folder / "ready"));
    return destination;
  }
  std::string Received(int number) { return ReadFile(std::filesystem::path(scratch_.path()) / "store" / StrCat("body-", number, ".json")); }

  ScratchFolder scratch_;
  std::unique_ptr<HttpClient> http_ = MakeHttpClient();
  std::unique_ptr<ChildProcess> server_;
};

TEST_F(TaxiiTest, DeliversTheBundlesObjectsByteForByteAndTwiceWithoutHarm) {
  const v1::Destination destination = Serve();
  const auto first = PostToTaxii(*http_, destination, kCredential, Envelope());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->complete);
  EXPECT_EQ(first->accepted, static_cast<uint32_t>(ParseJson(Bundle())->struct_value().fields().at("objects").list_value().values_size()));
  EXPECT_EQ(first->refused, 0u);
  EXPECT_EQ(Received(1), Envelope());
  EXPECT_NE(Bundle().find(Envelope().substr(11, Envelope().size() - 12)), std::string::npos);
  const auto second = PostToTaxii(*http_, destination, kCredential, Envelope());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->accepted, first->accepted);
  EXPECT_EQ(Received(2), Received(1));
}

TEST_F(TaxiiTest, AcceptsACollectionAddressWithAndWithoutItsLastSlash) {
  v1::Destination destination = Serve();
  std::string url = destination.url();
  url.pop_back();
  destination.set_url(url);
  EXPECT_TRUE(PostToTaxii(*http_, destination, kCredential, Envelope()).ok());
}

TEST_F(TaxiiTest, AsksAfterAPendingPostUntilItIsComplete) {
  const v1::Destination destination = Serve({"--pending", "2"});
  const auto posted = PostToTaxii(*http_, destination, kCredential, Envelope());
  ASSERT_TRUE(posted.ok()) << posted.status();
  EXPECT_FALSE(posted->complete);
  const auto first = AskTaxiiStatus(*http_, destination, kCredential, posted->status_url);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->complete);
  const auto second = AskTaxiiStatus(*http_, destination, kCredential, posted->status_url);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->complete);
  EXPECT_GT(second->accepted, 0u);
}

TEST_F(TaxiiTest, CountsWhatTheReceiverRefused) {
  const auto outcome = PostToTaxii(*http_, Serve({"--reject", "task"}), kCredential, Envelope());
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->complete);
  EXPECT_EQ(outcome->refused, 4u);
  EXPECT_GT(outcome->accepted, 0u);
  EXPECT_THAT(outcome->first_failure, HasSubstr("objects of type task are not accepted here"));
}

TEST_F(TaxiiTest, TellsWhatPassesFromWhatDoesNot) {
  const v1::Destination destination = Serve({"--unavailable", "1"});
  EXPECT_EQ(PostToTaxii(*http_, destination, kCredential, Envelope()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(PostToTaxii(*http_, destination, "firebreak:wrong", Envelope()).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(PostToTaxii(*http_, destination, "", Envelope()).status().code(), absl::StatusCode::kUnauthenticated);
  const absl::Status malformed = PostToTaxii(*http_, destination, kCredential, "{\"objects\":[{}]}").status();
  EXPECT_EQ(malformed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(malformed.message()), HasSubstr("422 (it says: not a valid envelope)"));
  v1::Destination other = destination;
  const std::string collection = "91a7b528-80eb-42ed-a74d-c6fbd5a26116";
  const auto point_at = [&](const std::string& id) {
    std::string url = destination.url();
    url.replace(url.find(collection), collection.size(), id);
    other.set_url(url);
  };
  point_at("64993447-4d7e-4f70-b94d-d7f33742ee63");   // read only
  EXPECT_EQ(PostToTaxii(*http_, other, kCredential, Envelope()).status().code(), absl::StatusCode::kPermissionDenied);
  point_at("00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(PostToTaxii(*http_, other, kCredential, Envelope()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(AskTaxiiStatus(*http_, destination, kCredential, destination.url().substr(0, destination.url().find("collections/")) + "status/0/").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_TRUE(PostToTaxii(*http_, destination, kCredential, Envelope()).ok());
}

TEST_F(TaxiiTest, ARecordTooLargeForTheReceiverIsRefusedForGood) {
  EXPECT_EQ(PostToTaxii(*http_, Serve({"--max-content-length", "100"}), kCredential, Envelope()).status().code(), absl::StatusCode::kOutOfRange);
}

// The server is as strict as we believe: what our client sets is what makes it accept.
TEST_F(TaxiiTest, TheServerInsistsOnVersionedMediaTypes) {
  const v1::Destination destination = Serve();
  const auto post = [&](const std::string& accept, const std::string& content) {
    HttpRequest request;
    request.method = HttpMethod::kPost;
    request.url = destination.url() + "objects/";
    request.headers = {{"Accept", accept}, {"Content-Type", content}};
    request.body = Envelope();
    request.user_and_password = kCredential;
    const auto response = http_->Send(request);
    return response.ok() ? response->status : -1;
  };
  const std::string versioned = "application/taxii+json;version=2.1";
  EXPECT_EQ(post(versioned, versioned), 202);
  EXPECT_EQ(post("application/taxii+json", versioned), 406);
  EXPECT_EQ(post(versioned, "application/taxii+json"), 415);
}

TEST(TaxiiEnvelope, TakesOnlyBundlesWeWrote) {
  EXPECT_EQ(TaxiiEnvelope("{}").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(TaxiiEnvelope("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(TaxiiEnvelope(Bundle().substr(1)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(TaxiiEnvelope(Bundle() + "\n").status().code(), absl::StatusCode::kDataLoss);
}

TEST(WriteStixBundle, HasTheFieldsStixRequires) {
  const auto bundle = ParseJson(Bundle());
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  const auto& fields = bundle->struct_value().fields();
  EXPECT_EQ(fields.at("type").string_value(), "bundle");
  std::vector<std::string> ids = {fields.at("id").string_value()};
  for (const auto& object : fields.at("objects").list_value().values()) {
    const auto& members = object.struct_value().fields();
    for (const char* name : {"type", "spec_version", "id", "created"}) ASSERT_TRUE(members.contains(name)) << name;
    EXPECT_EQ(members.at("spec_version").string_value(), "2.1");
    EXPECT_EQ(members.at("id").string_value().rfind(members.at("type").string_value() + "--", 0), 0u);
    EXPECT_FALSE(members.contains("created_by_ref")) << "the creator is anonymous";
    EXPECT_FALSE(members.contains("description")) << "no free text";
    ids.push_back(members.at("id").string_value());
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end()) << "an id was used twice";
  EXPECT_EQ(Bundle(), Bundle());
  EXPECT_EQ(WriteStixBundle(v1::SharedRecord(), "purple", "key").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(WriteStixBundle, IsValidByThePublishedSchemasOfBothShapes) {
  REQUIRE_VECTORS(stix, "sharing/stix");
  ScratchFolder scratch;
  const std::string key(32, 'k');
  std::vector<std::string> words = {"/usr/bin/python3", std::string(FIREBREAK_SOURCE_DIR) + "/tests/unit/sharing/check_stix.py", stix.string()};
  auto sample = SampleIncident();
  for (const char* tlp : {"clear", "green", "amber", "amber+strict", "red"}) {
    words.push_back(scratch.path() + "/" + tlp + ".json");
    std::ofstream(words.back()) << *WriteStixBundle(BuildSharedRecord(sample.incident, sample.runs, key), tlp, key);
  }
  for (int state = v1::INCIDENT_STATE_DETECTED; state <= v1::INCIDENT_STATE_CLOSED; ++state) {
    sample.incident.set_state(static_cast<v1::IncidentState>(state));
    sample.incident.set_false_positive(state == v1::INCIDENT_STATE_CLOSED);
    sample.incident.clear_techniques();
    sample.incident.set_severity(static_cast<uint32_t>(state));
    sample.runs.clear();
    words.push_back(StrCat(scratch.path(), "/state-", state, ".json"));
    std::ofstream(words.back()) << *WriteStixBundle(BuildSharedRecord(sample.incident, sample.runs, key), "amber", key);
  }
  const int code = ChildProcess(words).Wait();
  if (code == 77) GTEST_SKIP() << "python3-jsonschema is not installed";
  EXPECT_EQ(code, 0) << "see the faults above";
}

}  // namespace
}  // namespace firebreak
