#include <gmock/gmock.h>

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "firebreak/actions/specs.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/cacao/export.h"
#include "firebreak/cacao/import.h"
#include "firebreak/cacao/print_yaml.h"
#include "firebreak/playbooks/lint.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

using ::firebreak::testing::ReadFile;

std::vector<std::filesystem::path> Runbooks() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(FIREBREAK_SOURCE_DIR) / "runbooks/playbooks")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string Findings(const std::vector<CacaoFinding>& findings) {
  std::string all;
  for (const CacaoFinding& finding : findings) all += FormatCacaoFinding("x", finding) + "\n";
  return all;
}

TEST(Runbooks, AreWrittenInTheCanonicalForm) {
  ASSERT_GE(Runbooks().size(), 2u);
  for (const auto& file : Runbooks()) {
    const std::string yaml = ReadFile(file);
    const LintReport report = LintPlaybook(file.filename().string(), yaml, BuiltinSpecs());
    std::string findings;
    for (const auto& finding : report.findings) findings += FormatFinding(finding) + "\n";
    ASSERT_TRUE(report.ok()) << findings;
    EXPECT_EQ(findings, "") << file;
    EXPECT_EQ(PrintPlaybook(report.playbook), yaml) << file;
  }
}

TEST(Runbooks, ComeBackFromCacaoByteForByteAndPassEveryCheck) {
  for (const auto& file : Runbooks()) {
    SCOPED_TRACE(file.filename().string());
    const std::string yaml = ReadFile(file);
    const LintReport report = LintPlaybook(file.filename().string(), yaml, BuiltinSpecs());
    ASSERT_TRUE(report.ok());
    const auto document = ExportCacao(report.playbook, {});
    ASSERT_TRUE(document.ok()) << document.status();
    EXPECT_EQ(Findings(CheckCacao(*document)), "");
    EXPECT_EQ(PrintJson(*ExportCacao(report.playbook, {})), PrintJson(*document)) << "an export is repeatable";
    const CacaoImport again = ImportCacao(PrintJsonPretty(*document));
    EXPECT_TRUE(again.ok()) << Findings(again.findings);
    EXPECT_TRUE(again.own);
    EXPECT_EQ(again.yaml, PrintPlaybook(report.playbook));
  }
}

TEST(Runbooks, PassTheOasisSchemas) {
  REQUIRE_VECTORS(schemas, "cacao/schemas/schemas");
  const testing::ScratchFolder scratch;
  std::string command = StrCat("/usr/bin/python3 ", FIREBREAK_SOURCE_DIR, "/tests/unit/cacao/check_oasis.py ", schemas.string());
  for (const auto& file : Runbooks()) {
    const LintReport report = LintPlaybook(file.filename().string(), ReadFile(file), BuiltinSpecs());
    const std::string path = StrCat(scratch.path(), "/", file.stem().string(), ".json");
    std::ofstream(path) << PrintJsonPretty(*ExportCacao(report.playbook, {}));
    StrAppend(&command, " ", path);
  }
  const int code = WEXITSTATUS(std::system(command.c_str()));
  if (code == 77) GTEST_SKIP() << "python3-jsonschema is not installed";
  EXPECT_EQ(code, 0);
}

TEST(Runbooks, AreOneForEveryKindOfIncident) {
  std::map<std::string, std::vector<std::string>> by_kind;
  for (const auto& file : Runbooks()) {
    const std::string yaml = ReadFile(file);
    const LintReport report = LintPlaybook(file.filename().string(), yaml, BuiltinSpecs());
    EXPECT_EQ(report.playbook.name(), file.stem().string());
    EXPECT_FALSE(report.playbook.subcategories().empty()) << file;
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(file).replace_extension(".md"))) << "half a page for people: " << file;
    EXPECT_TRUE(std::filesystem::exists(file.parent_path() / "tests" / file.filename())) << "a drill: " << file;
    const std::string when = report.playbook.trigger().when().text();
    constexpr std::string_view kIs = "incident.kind == \"";
    for (size_t at = when.find(kIs); at != std::string::npos; at = when.find(kIs, at + 1)) {
      const size_t from = at + kIs.size();
      by_kind[when.substr(from, when.find('"', from) - from)].push_back(report.playbook.name());
    }
  }
  for (const auto& [kind, names] : by_kind) EXPECT_EQ(names.size(), 1u) << kind << " starts " << names.front() << " and " << names.back();
  for (const char* kind : {"model-poisoning", "data-poisoning", "supply-chain", "backdoor", "drift", "adversarial-evasion", "prompt-injection", "index-poisoning", "memory-poisoning",
                           "data-leakage", "model-theft", "harmful-output", "credential-compromise", "bad-deploy", "performance"}) {
    EXPECT_TRUE(by_kind.contains(kind)) << kind;
  }
}

// Evidence is captured before anything is changed, and its failure holds nothing up.
TEST(Runbooks, CaptureEvidenceBeforeTheyContain) {
  for (const auto& file : Runbooks()) {
    const LintReport report = LintPlaybook(file.filename().string(), ReadFile(file), BuiltinSpecs());
    ASSERT_FALSE(report.playbook.steps().empty());
    const v1::Step& first = report.playbook.steps(0);
    EXPECT_EQ(first.do_().action(), "evidence.capture") << file;
    EXPECT_TRUE(first.continue_on_failure()) << file;
  }
}

}  // namespace
}  // namespace firebreak
