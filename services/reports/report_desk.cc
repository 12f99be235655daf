#include "firebreak/reports/report_desk.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/read.h"
#include "firebreak/reports/document.h"
#include "firebreak/signing/dsse.h"
#include "firebreak/storage/keys/reports.h"

namespace firebreak {
namespace {

constexpr std::string_view kReportType = "application/vnd.firebreak.report.v1+json";
constexpr size_t kTimelineMax = 2000;      // entries in one report; the whole log can be exported beside it
constexpr int kAffectedMax = 256;
constexpr size_t kReportsPage = 1000;      // reports of one incident in one answer

// Gathers what each named thing is now; a name that no longer resolves is left out of the tables but stays in the incident.
struct Gatherer {
  const ReportSources& sources;
  v1::ReportDocument& report;
  std::set<std::string> asked;     // names and digests looked up
  std::set<std::string> digests;   // snapshots already in the report

  void Snapshot(const std::string& name) {
    if (name.empty() || !asked.insert(name).second || report.affected_snapshots_size() >= kAffectedMax) return;
    auto snapshot = sources.vault.Resolve(name);
    if (snapshot.ok() && digests.insert(snapshot->digest()).second) *report.add_affected_snapshots() = *std::move(snapshot);
  }

  void Deployment(const std::string& name, const Caller& caller) {
    if (name.empty() || !asked.insert(StrCat("deployment/", name)).second) return;
    auto deployment = sources.fleet.LoadDeployment(DeploymentName(name));
    if (!deployment.ok()) return;
    for (const v1::AgentStatus& agent : deployment->agents()) *report.add_proofs() = agent;
    *report.add_affected_deployments() = *std::move(deployment);
    v1::ListDecisionsRequest request;
    request.set_deployment(name);
    auto decisions = sources.fleet.ListDecisions(caller, request);
    if (!decisions.ok()) return;
    for (v1::IssuedDecision& issued : *decisions->mutable_decisions()) {
      if (issued.decision().incident() == report.incident().id()) *report.add_decisions() = std::move(issued);
    }
  }
};

// The stored form keeps the payload in the chunk store only.
v1::StoredReport WithoutPayload(v1::StoredReport report) {
  report.mutable_envelope()->clear_payload();
  return report;
}

}  // namespace

ReportDesk::ReportDesk(const ReportSources& sources, EcPrivateKey signing_key)
    : sources_(sources), signing_key_(std::move(signing_key)) {}

absl::StatusOr<v1::ReportDocument> ReportDesk::Compose(const ReportWish& wish) {
  v1::ReportDocument report;
  ASSIGN_OR_RETURN(*report.mutable_incident(), sources_.incidents.Load(wish.incident));
  const Caller service = ServiceCaller();
  v1::ListRunsRequest runs;
  runs.set_incident(wish.incident.text());
  runs.set_page_size(50);
  ASSIGN_OR_RETURN(v1::ListRunsResponse listed, sources_.runs.ListRuns(service, runs));
  report.mutable_runs()->Swap(listed.mutable_runs());

  Gatherer gatherer{sources_, report, {}, {}};
  gatherer.Snapshot(report.incident().snapshot_digest().empty() ? report.incident().snapshot() : report.incident().snapshot_digest());
  gatherer.Deployment(report.incident().deployment(), service);
  const v1::Incident incident = report.incident();
  for (const std::string& name : incident.affected()) {
    if (absl::StartsWith(name, "deployment/")) {
      gatherer.Deployment(std::string(absl::StripPrefix(name, "deployment/")), service);
    } else {
      gatherer.Snapshot(name);
    }
  }
  // Only entries under the checkpoint are told: every line of the timeline can be proved with it.
  const uint64_t size = sources_.ledger.size();
  ASSIGN_OR_RETURN(*report.mutable_checkpoint(), sources_.ledger.SignCheckpointAt(size));
  report.set_verifier_key(sources_.ledger.verifier_key());
  ASSIGN_OR_RETURN(EntryPage page, ListEntriesBySubject(sources_.ledger.store(), StrCat("incident/", wish.incident.text()), 0, kTimelineMax));
  for (v1::AuditEntry& entry : page.entries) {
    if (entry.index() < size) *report.add_timeline() = std::move(entry);
  }
  report.set_timeline_cut(page.more && page.next_index < size);
  *report.mutable_durations() = MeasureDurations(report);
  *report.mutable_composed_at() = ToProto(sources_.clock.Now());
  report.set_composed_by(wish.composed_by.text());
  report.set_service_version(sources_.service_version);
  return report;
}

absl::StatusOr<v1::StoredReport> ReportDesk::Build(const ReportWish& wish) {
  if (!wish.effect.empty()) {
    ASSIGN_OR_RETURN(auto known, FindRecord(sources_.ledger.store(), keys::ReportOfEffect(wish.effect)));
    if (known) return *known;
  }
  ASSIGN_OR_RETURN(v1::ReportDocument document, Compose(wish));
  v1::StoredReport report;
  report.set_incident(wish.incident.text());
  const std::string payload = MessageToJson(document);
  ASSIGN_OR_RETURN(*report.mutable_envelope(), SignEnvelope(signing_key_, kReportType, payload));
  const Digest digest = Sha256(payload);
  report.set_digest(digest.text());
  *report.mutable_stored_at() = document.composed_at();
  const ChunkView chunk{digest, payload};
  RETURN_IF_ERROR(sources_.chunks.Put({&chunk, 1}));
  RETURN_IF_ERROR(sources_.chunks.Sync());
  const absl::Status stored = sources_.ledger
                                  .Transact([&](Draft& draft) -> absl::Status {
                                    if (!wish.effect.empty()) {
                                      ASSIGN_OR_RETURN(auto known, draft.Find(keys::ReportOfEffect(wish.effect)));
                                      if (known) {   // built by another attempt meanwhile
                                        report = *known;
                                        return absl::OkStatus();
                                      }
                                    }
                                    ASSIGN_OR_RETURN(uint64_t number, draft.NextNumber("report"));
                                    report.set_id(NumberedId("REP", number));
                                    const v1::StoredReport record = WithoutPayload(report);
                                    draft.Put(keys::Report(number), record);
                                    draft.Put(keys::ReportOfIncident(wish.incident, number), record);
                                    if (!wish.effect.empty()) draft.Put(keys::ReportOfEffect(wish.effect), record);
                                    v1::AuditEntry entry;
                                    entry.set_actor(wish.composed_by.text());
                                    entry.set_action("report.stored");
                                    entry.add_subjects(StrCat("incident/", wish.incident.text()));
                                    entry.add_subjects(StrCat("report/", report.id()));
                                    entry.set_summary(StrCat("Report ", report.id(), " was composed, signed and stored"));
                                    entry.set_payload_digest(report.digest());
                                    draft.Record(std::move(entry));
                                    return absl::OkStatus();
                                  })
                                  .status();
  RETURN_IF_ERROR(stored);
  return WithoutPayload(std::move(report));
}

absl::StatusOr<v1::StoredReport> ReportDesk::Load(const std::string& id) {
  const std::string_view rest = id;
  uint64_t number = 0;
  if (absl::StartsWith(id, "INC-")) {
    RETURN_IF_ERROR(sources_.incidents.Load(IncidentId(id)).status());
    std::string newest, after;
    do {
      ASSIGN_OR_RETURN(auto page, ListRecords(sources_.ledger.store(), keys::ReportsOfIncident(IncidentId(id)), after, kReportsPage));
      if (!page.records.empty()) newest = page.records.back().second.id();
      after = page.next_after;
    } while (!after.empty());
    if (newest.empty()) return absl::NotFoundError(StrCat("no report of ", id, " is stored (next: firebreak report build ", id, ")"));
    return Load(newest);
  }
  if (rest.substr(0, 4) != "REP-" || !absl::SimpleAtoi(ToAbsl(rest.substr(4)), &number)) {
    return absl::InvalidArgumentError(StrCat("report ", id, ": give REP-3, or INC-42 for its newest report"));
  }
  ASSIGN_OR_RETURN(v1::StoredReport report, LoadRecord(sources_.ledger.store(), keys::Report(number), StrCat("report ", id)));
  ASSIGN_OR_RETURN(Digest digest, Digest::Parse(report.digest()));
  auto payload = sources_.chunks.Get(digest);
  if (absl::IsNotFound(payload.status())) return absl::DataLossError(StrCat("report ", id, ": its stored bytes are gone"));
  if (!payload.ok()) return Annotate(payload.status(), StrCat("report ", id));
  if (Sha256(*payload) != digest) return absl::DataLossError(StrCat("report ", id, ": stored bytes do not match their digest"));
  report.mutable_envelope()->set_payload(*std::move(payload));
  const absl::Status signature = VerifyEnvelope(signing_key_.public_key(), report.envelope(), kReportType);
  if (!signature.ok()) return Annotate(signature, StrCat("report ", id));
  return report;
}

absl::StatusOr<v1::BuildReportResponse> ReportDesk::BuildReport(const Caller& caller, const v1::BuildReportRequest& request) {
  v1::BuildReportResponse response;
  ASSIGN_OR_RETURN(*response.mutable_report(), Build({IncidentId(request.incident()), caller.identity, EffectId()}));
  return response;
}

absl::StatusOr<v1::ListReportsResponse> ReportDesk::ListReports(const Caller&, const v1::ListReportsRequest& request) {
  RETURN_IF_ERROR(sources_.incidents.Load(IncidentId(request.incident())).status());
  v1::ListReportsResponse response;
  ASSIGN_OR_RETURN(auto page, ListRecords(sources_.ledger.store(), keys::ReportsOfIncident(IncidentId(request.incident())), "", kReportsPage));
  for (auto& [key, report] : page.records) *response.add_reports() = std::move(report);
  return response;
}

absl::StatusOr<v1::ExportReportResponse> ReportDesk::ExportReport(const Caller&, const v1::ExportReportRequest& request) {
  v1::ExportReportResponse response;
  ASSIGN_OR_RETURN(v1::StoredReport report, Load(request.report()));
  v1::ReportDocument document;
  RETURN_IF_ERROR(JsonToMessage(report.envelope().payload(), document));
  switch (request.format()) {
    case v1::REPORT_FORMAT_MARKDOWN:
      response.set_content(RenderMarkdown(ComposeDocument(document)));
      response.set_media_type("text/markdown; charset=utf-8");
      break;
    case v1::REPORT_FORMAT_HTML:
      response.set_content(RenderHtml(ComposeDocument(document)));
      response.set_media_type("text/html; charset=utf-8");
      break;
    case v1::REPORT_FORMAT_JSON:
      // The signed bytes themselves, so that digest and signature can be checked against the file.
      response.set_content(report.envelope().payload());
      response.set_media_type("application/json");
      break;
    default:
      return absl::InvalidArgumentError("format: give markdown, html or json");
  }
  *response.mutable_report() = WithoutPayload(std::move(report));
  return response;
}

}  // namespace firebreak
