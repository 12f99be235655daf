// Reports are composed from stored facts, signed, stored, and read back exactly.
#include <gmock/gmock.h>

#include "firebreak/crypto/hash.h"
#include "firebreak/storage/keys/reports.h"
#include "tests/unit/reports/desks_fixture.h"

namespace firebreak {
namespace {

using ::firebreak::testing::Desks;
using ::firebreak::testing::Must;
using ::testing::Contains;
using ::testing::HasSubstr;

class ReportTest : public ::testing::Test {
 protected:
  ReportTest() {
    desks_.ServeASuspect();
    desks_.base.clock.Advance(absl::Seconds(4));
    v1::ContainRequest contain;
    contain.set_deployment("fraud-prod");
    contain.set_reason("suspected poisoning");
    contain.set_incident("INC-1");
    desks_.Prove(Must(desks_.fleet.Contain(desks_.caller, contain)).decision());
  }

  v1::StoredReport Build(const std::string& effect = "") {
    return Must(desks_.reports.Build({IncidentId("INC-1"), Identity("alice"), EffectId(effect)}));
  }
  absl::StatusOr<v1::ExportReportResponse> Export(const std::string& report, v1::ReportFormat format) {
    v1::ExportReportRequest request;
    request.set_report(report);
    request.set_format(format);
    return desks_.reports.ExportReport(desks_.caller, request);
  }
  v1::ReportDocument Document(const std::string& report) {
    v1::ReportDocument document;
    EXPECT_TRUE(JsonToMessage(Must(Export(report, v1::REPORT_FORMAT_JSON)).content(), document).ok());
    return document;
  }

  Desks desks_;
};

TEST_F(ReportTest, IsSignedOverTheExactBytesItExports) {
  const v1::StoredReport report = Build();
  EXPECT_EQ(report.id(), "REP-1");
  const v1::ExportReportResponse exported = Must(Export("REP-1", v1::REPORT_FORMAT_JSON));
  EXPECT_EQ(Sha256(exported.content()).text(), report.digest());
  v1::Envelope envelope = exported.report().envelope();
  envelope.set_payload(exported.content());
  const std::string type = "application/vnd.firebreak.report.v1+json";
  EXPECT_TRUE(VerifyEnvelope(desks_.decision_key.public_key(), envelope, type).ok());
  envelope.set_payload(exported.content() + " ");
  EXPECT_FALSE(VerifyEnvelope(desks_.decision_key.public_key(), envelope, type).ok());
}

TEST_F(ReportTest, TellsWhatHappenedFromTheRecord) {
  const v1::ReportDocument document = Document(Build().id());
  EXPECT_EQ(document.incident().id(), "INC-1");
  ASSERT_EQ(document.decisions_size(), 1);
  EXPECT_EQ(document.decisions(0).decision().kind(), v1::DECISION_KIND_CONTAIN);
  ASSERT_EQ(document.proofs_size(), 1);
  EXPECT_EQ(document.proofs(0).proof().state(), v1::SERVING_STATE_CONTAINED);
  ASSERT_EQ(document.affected_snapshots_size(), 1);
  EXPECT_EQ(document.affected_snapshots(0).name(), "fraud");
  std::vector<std::string> actions;
  for (const v1::AuditEntry& entry : document.timeline()) actions.push_back(entry.action());
  EXPECT_THAT(actions, Contains("incident.opened"));
  EXPECT_THAT(actions, Contains("decision.issued"));
  EXPECT_FALSE(document.timeline_cut());
  // Nobody contained the incident itself, so that duration is unknown and not zero.
  EXPECT_FALSE(document.durations().has_time_to_contain_seconds());
}

TEST_F(ReportTest, EveryLineOfItsTimelineIsUnderItsCheckpoint) {
  const v1::ReportDocument document = Document(Build().id());
  const std::string& note = document.checkpoint();
  const size_t line = note.find('\n') + 1;
  const uint64_t size = std::stoull(note.substr(line, note.find('\n', line) - line));
  ASSERT_GT(document.timeline_size(), 0);
  for (const v1::AuditEntry& entry : document.timeline()) EXPECT_LT(entry.index(), size);
  EXPECT_EQ(document.verifier_key(), desks_.base.ledger->verifier_key());
}

TEST_F(ReportTest, TheSameEffectAnswersTheSameReportAndCommitsNothing) {
  const v1::StoredReport first = Build("00000000000000000000000000000001");
  const uint64_t size = desks_.base.ledger->size();
  desks_.base.clock.Advance(absl::Hours(1));
  EXPECT_EQ(Build("00000000000000000000000000000001").SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(desks_.base.ledger->size(), size);
  EXPECT_NE(Build("00000000000000000000000000000002").id(), first.id());
}

TEST_F(ReportTest, ALaterReportDoesNotReplaceAnEarlierOne) {
  const v1::StoredReport first = Build();
  desks_.base.clock.Advance(absl::Hours(1));
  const v1::StoredReport second = Build();
  EXPECT_NE(first.digest(), second.digest());
  EXPECT_EQ(Must(Export("REP-1", v1::REPORT_FORMAT_JSON)).report().digest(), first.digest());
  EXPECT_EQ(Must(Export("INC-1", v1::REPORT_FORMAT_JSON)).report().id(), second.id());
  v1::ListReportsRequest request;
  request.set_incident("INC-1");
  EXPECT_EQ(Must(desks_.reports.ListReports(desks_.caller, request)).reports_size(), 2);
}

TEST_F(ReportTest, ReadsNoReportWhoseStoredBytesChanged) {
  const v1::StoredReport report = Build();
  ASSERT_TRUE(desks_.chunks.Corrupt(*Digest::Parse(report.digest())));
  for (const v1::ReportFormat format : {v1::REPORT_FORMAT_JSON, v1::REPORT_FORMAT_HTML, v1::REPORT_FORMAT_MARKDOWN}) {
    EXPECT_EQ(Export("REP-1", format).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(ReportTest, ReadsNoReportWhoseBytesAreGone) {
  const Digest digest = *Digest::Parse(Build().digest());
  ASSERT_TRUE(desks_.chunks.Delete({&digest, 1}).ok());
  const absl::Status status = Export("REP-1", v1::REPORT_FORMAT_JSON).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("REP-1"));
}

// Somebody with access to the disk writes other bytes and their right digest: the signature still tells.
TEST_F(ReportTest, ReadsNoReportThatWasReplacedTogetherWithItsDigest) {
  v1::StoredReport report = Build();
  const std::string forged = "{}";
  const Digest digest = Sha256(forged);
  const ChunkView chunk{digest, forged};
  ASSERT_TRUE(desks_.chunks.Put({&chunk, 1}).ok());
  report.set_digest(digest.text());
  ASSERT_TRUE(desks_.base.ledger
                  ->Transact([&](Draft& draft) {
                    draft.Put(keys::Report(1), report);
                    draft.Record(testing::TestEntry());
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(Export("REP-1", v1::REPORT_FORMAT_JSON).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ReportTest, RendersEveryFormatAndRefusesOthers) {
  Build();
  EXPECT_THAT(Must(Export("REP-1", v1::REPORT_FORMAT_MARKDOWN)).content(), HasSubstr("# Post-incident report"));
  EXPECT_THAT(Must(Export("REP-1", v1::REPORT_FORMAT_HTML)).content(), HasSubstr("<!doctype html>"));
  EXPECT_EQ(Export("REP-1", v1::REPORT_FORMAT_UNSPECIFIED).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Export("REP-9", v1::REPORT_FORMAT_JSON).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Export("rubbish", v1::REPORT_FORMAT_JSON).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Export("INC-9", v1::REPORT_FORMAT_JSON).status().code(), absl::StatusCode::kNotFound);
  v1::BuildReportRequest unknown;
  unknown.set_incident("INC-9");
  EXPECT_EQ(desks_.reports.BuildReport(desks_.caller, unknown).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ReportTest, SaysThatThereIsNoReportYet) {
  const absl::Status status = Export("INC-1", v1::REPORT_FORMAT_JSON).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("firebreak report build INC-1"));
}

}  // namespace
}  // namespace firebreak
