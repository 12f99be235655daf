// report: build, list and export post-incident reports.
#include "clients/cli/command.h"
#include "clients/cli/names.h"
#include "clients/cli/session.h"
#include "firebreak/base/text.h"
#include "firebreak/v1/report.grpc.pb.h"

namespace firebreak::cli {
namespace report_commands {
namespace {

struct Id {
  std::string incident;
};
struct ExportOptions {
  std::string id;
  std::string format;
  std::string out;
};

absl::Status Build(Session& session, const Id& options) {
  v1::BuildReportRequest request;
  request.set_incident(options.incident);
  ASSIGN_OR_RETURN(v1::BuildReportResponse answer, session.Call<v1::Reports>(&v1::Reports::Stub::BuildReport, request));
  session.out().PrintAnswer(answer, StrCat(answer.report().id(), " of ", options.incident, " is stored and signed, ",
                                           ShortDigest(answer.report().digest()), " (next: firebreak report export ",
                                           answer.report().id(), " --format html --out FILE)"));
  return absl::OkStatus();
}

absl::Status List(Session& session, const Id& options) {
  v1::ListReportsRequest request;
  request.set_incident(options.incident);
  ASSIGN_OR_RETURN(v1::ListReportsResponse answer, session.Call<v1::Reports>(&v1::Reports::Stub::ListReports, request));
  if (session.out().format() == Format::kJson) {
    session.out().PrintMessage(answer);
    return absl::OkStatus();
  }
  Table table({"ID", "INCIDENT", "STORED", "DIGEST"});
  for (const v1::StoredReport& report : answer.reports()) {
    table.Add({report.id(), report.incident(), TimeText(report.has_stored_at(), report.stored_at()), ShortDigest(report.digest())});
  }
  session.out().PrintTable(table, StrCat("no reports of ", options.incident));
  return absl::OkStatus();
}

absl::Status Export(Session& session, const ExportOptions& options) {
  v1::ExportReportRequest request;
  request.set_report(options.id);
  ASSIGN_OR_RETURN(int format, ParseEnum(v1::ReportFormat_descriptor(), "format", options.format));
  request.set_format(static_cast<v1::ReportFormat>(format));
  ASSIGN_OR_RETURN(v1::ExportReportResponse answer, session.Call<v1::Reports>(&v1::Reports::Stub::ExportReport, request));
  if (options.out.empty() || options.out == "-") {
    session.out().PrintAnswer(answer, answer.content());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(WriteWholeFile(options.out, answer.content(), FileMode::kOrdinary));
  const std::string size = SizeText(answer.content().size());
  answer.clear_content();   // it is in the file
  session.out().PrintAnswer(answer, StrCat(answer.report().id(), " is in ", options.out, " (", size, ")"));
  return absl::OkStatus();
}

}  // namespace
}  // namespace report_commands

void AddReportCommands(CLI::App& app, Chosen& chosen, Session& session) {
  using namespace report_commands;
  CLI::App* report = AddGroup(app, "report", "Post-incident reports");
  const auto incident = [](CLI::App& command, Id& options) { command.add_option("incident", options.incident, "INC-42")->required(); };
  AddCommand<Id>(*report, chosen, "build", "Compose, sign and store a report from what the ledger holds now", incident, Build, session);
  AddCommand<Id>(*report, chosen, "list", "Stored reports of an incident", incident, List, session);
  AddCommand<ExportOptions>(*report, chosen, "export", "Write a report to a file",
                            [](CLI::App& command, ExportOptions& options) {
                              command.add_option("report", options.id, "REP-3, or INC-42 for its newest")->required();
                              command.add_option("--format", options.format, "markdown, html or json")->required();
                              command.add_option("--out", options.out, "File; default: standard output");
                            },
                            Export, session);
}

}  // namespace firebreak::cli
