// playbook test: the cases of a table, played by the engine itself in virtual time.
#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/str_join.h"
#include "clients/cli/command.h"
#include "clients/cli/playbook_files.h"
#include "clients/cli/session.h"
#include "firebreak/actions/specs.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/test_table.h"
#include "firebreak/rehearsal/rehearsal.h"

namespace firebreak::cli {
namespace playbook_test_command {
namespace {

struct TestOptions {
  std::string file;
  std::string table;
  std::string recorded;
  bool verbose = false;
};

namespace fs = std::filesystem;

absl::StatusOr<v1::Playbook> LoadPlaybook(Session& session, const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile(path));
  LintReport report = LintPlaybook(path.string(), yaml, BuiltinSpecs());
  if (report.ok()) return std::move(report.playbook);
  for (const v1::LintFinding& finding : report.findings) {
    if (finding.error()) session.out().Notice(FormatFinding(finding), Tone::kBad);
  }
  return absl::InvalidArgumentError(StrCat(path.string(), " has errors (next: firebreak playbook lint)"));
}

// Beside the playbook as NAME.test.yaml, or below it as tests/NAME.yaml.
absl::StatusOr<fs::path> FindTable(const fs::path& file) {
  const fs::path beside = file.parent_path() / StrCat(file.stem().string(), ".test.yaml");
  const fs::path below = file.parent_path() / "tests" / file.filename();
  for (const fs::path& path : {beside, below}) {
    if (fs::exists(path)) return path;
  }
  return absl::NotFoundError(StrCat("no table: neither ", beside.string(), " nor ", below.string(), " exists (next: --table)"));
}

absl::StatusOr<TestTable> LoadTable(Session& session, const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile(path));
  TestTable table = ReadTestTable(path.string(), yaml);
  for (const v1::LintFinding& finding : table.findings) session.out().Notice(FormatFinding(finding), Tone::kBad);
  if (!table.ok()) return absl::InvalidArgumentError(StrCat(path.string(), " has errors"));
  return table;
}

absl::StatusOr<TestTable> TableOfRecord(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  v1::GetRunResponse answer;
  if (absl::Status status = JsonToMessage(text, answer); !status.ok())
    return Annotate(status, StrCat(path.string(), " (next: firebreak run show RUN -o json)"));
  TestTable table;
  table.cases.push_back(CaseFromRun(answer.run()));
  return table;
}

std::string Clock(absl::Duration at) {
  const int64_t seconds = absl::ToInt64Seconds(at);
  const auto two = [](int64_t number) { return StrCat(number < 10 ? "0" : "", number); };
  return StrCat("+", seconds / 3600, ":", two(seconds / 60 % 60), ":", two(seconds % 60));
}

void PrintCase(Session& session, const RehearsalResult& result, bool verbose) {
  const bool ok = result.ok();
  session.out().Print(StrCat(session.out().Paint(ok ? "ok  " : "FAIL", ok ? Tone::kGood : Tone::kBad), "  ", result.name, "  (",
                             Count(static_cast<uint64_t>(result.run.steps_size()), "step"), ", ", Clock(result.took), ")"));
  for (const std::string& failure : result.failures) session.out().Print(StrCat("        ", failure));
  if (ok && !verbose) return;
  for (const RehearsalLine& line : result.lines) session.out().Print(StrCat("        ", Clock(line.at), "  ", line.text));
}

google::protobuf::Value Texts(const std::vector<std::string>& texts) {
  google::protobuf::Value list;
  list.mutable_list_value();
  for (const std::string& text : texts) list.mutable_list_value()->add_values()->set_string_value(text);
  return list;
}

void PrintJsonReport(Session& session, const std::vector<RehearsalResult>& results, const std::vector<std::string>& missed) {
  google::protobuf::Value report;
  auto& fields = *report.mutable_struct_value()->mutable_fields();
  fields["not_reached"] = Texts(missed);
  auto& cases = *fields["cases"].mutable_list_value();
  for (const RehearsalResult& result : results) {
    auto& one = *cases.add_values()->mutable_struct_value()->mutable_fields();
    one["name"].set_string_value(result.name);
    one["ok"].set_bool_value(result.ok());
    one["failures"] = Texts(result.failures);
    one["state"].set_string_value(ShortName(result.run.state()));
    one["took_seconds"].set_number_value(absl::ToDoubleSeconds(result.took));
    std::vector<std::string> lines;
    for (const RehearsalLine& line : result.lines) lines.push_back(StrCat(Clock(line.at), " ", line.text));
    one["lines"] = Texts(lines);
  }
  session.out().Print(PrintJsonPretty(report));
}

absl::Status Test(Session& session, const TestOptions& options) {
  const fs::path file(options.file);
  ASSIGN_OR_RETURN(const v1::Playbook playbook, LoadPlaybook(session, file));
  TestTable table;
  fs::path folder = file.parent_path();
  if (!options.recorded.empty()) {
    ASSIGN_OR_RETURN(table, TableOfRecord(options.recorded));
  } else {
    fs::path path(options.table);
    if (options.table.empty()) {
      ASSIGN_OR_RETURN(path, FindTable(file));
    }
    ASSIGN_OR_RETURN(table, LoadTable(session, path));
    folder = path.parent_path();
    if (fs::path(table.playbook).filename() != file.filename()) {
      return absl::InvalidArgumentError(StrCat(path.string(), " is a table for ", table.playbook, ", not for ", file.string()));
    }
  }
  Program::Children children;
  for (const std::string& other : table.playbooks) {
    ASSIGN_OR_RETURN(v1::Playbook child, LoadPlaybook(session, folder / other));
    children.emplace(child.digest(), std::move(child));
  }
  std::vector<RehearsalResult> results;
  for (const TestCase& one : table.cases) results.push_back(Rehearse(playbook, BuiltinSpecs(), children, one));
  const std::vector<std::string> missed = StepsNotReached(playbook, results);
  const auto failed = static_cast<size_t>(
      std::count_if(results.begin(), results.end(), [](const RehearsalResult& result) { return !result.ok(); }));
  const bool uncovered = table.cover_all && !missed.empty();
  if (session.out().format() == Format::kJson) {
    PrintJsonReport(session, results, missed);
  } else {
    for (const RehearsalResult& result : results) PrintCase(session, result, options.verbose);
    if (!missed.empty() && options.recorded.empty())
      session.out().Print(StrCat(uncovered ? "FAIL  " : "      ", "no case reaches ", absl::StrJoin(missed, ", ")));
    session.out().Print(StrCat(results.size() - failed, " passed, ", failed, " failed"));
  }
  if (failed > 0) return absl::UnknownError(StrCat(Count(failed, "case"), " failed"));
  if (uncovered) return absl::UnknownError("a step is reached by no case");
  return absl::OkStatus();
}

}  // namespace
}  // namespace playbook_test_command

void AddPlaybookTestCommand(CLI::App& playbook, Chosen& chosen, Session& session) {
  using namespace playbook_test_command;
  AddCommand<TestOptions>(playbook, chosen, "test", "Play a playbook against declared or recorded outcomes, in virtual time",
                          [](CLI::App& command, TestOptions& options) {
                            command.add_option("file", options.file, "YAML of the playbook")->required();
                            CLI::Option* table = command.add_option("--table", options.table, "Cases; NAME.test.yaml or tests/NAME.yaml beside it when left out");
                            command.add_option("--recorded", options.recorded, "A run that happened, as `run show -o json` writes it")->excludes(table);
                            command.add_flag("-v,--verbose", options.verbose, "What happened, also of cases that passed");
                          },
                          Test, session);
}

}  // namespace firebreak::cli
