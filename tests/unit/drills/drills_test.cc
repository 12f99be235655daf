// The drill of every shipped runbook: its test table, run by the engine itself in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "firebreak/actions/specs.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/test_table.h"
#include "firebreak/rehearsal/rehearsal.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

std::vector<std::string> Runbooks() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(FIREBREAK_SOURCE_DIR) / "runbooks/playbooks")) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Drill : public ::testing::TestWithParam<std::string> {};

TEST_P(Drill, GoesAsItsTableSaysAndReachesEveryStep) {
  const std::filesystem::path folder = std::filesystem::path(FIREBREAK_SOURCE_DIR) / "runbooks/playbooks";
  const LintReport report = LintPlaybook(GetParam(), testing::ReadFile(folder / (GetParam() + ".yaml")), BuiltinSpecs());
  ASSERT_TRUE(report.ok());
  const TestTable table = ReadTestTable(GetParam(), testing::ReadFile(folder / "tests" / (GetParam() + ".yaml")));
  std::string findings;
  for (const v1::LintFinding& finding : table.findings) findings += FormatFinding(finding) + "\n";
  ASSERT_TRUE(table.ok()) << findings;
  ASSERT_GE(table.cases.size(), 3u);
  EXPECT_TRUE(table.cover_all);
  std::vector<RehearsalResult> results;
  for (const TestCase& one : table.cases) {
    results.push_back(Rehearse(report.playbook, BuiltinSpecs(), {}, one));
    std::string said;
    for (const std::string& failure : results.back().failures) said += failure + "\n";
    for (const RehearsalLine& line : results.back().lines) said += "    " + line.text + "\n";
    EXPECT_TRUE(results.back().ok()) << one.name << ": " << said;
  }
  std::string missed;
  for (const std::string& step : StepsNotReached(report.playbook, results)) missed += step + " ";
  EXPECT_EQ(missed, "") << "steps that no case reaches";
}

INSTANTIATE_TEST_SUITE_P(Runbooks, Drill, ::testing::ValuesIn(Runbooks()), [](const auto& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace firebreak
