// One file per rule or group of rules in lint_cases/: the playbook, and behind it in comments ("#! …") every finding whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "tests/support/vectors.h"
#include "tests/unit/playbooks/specs.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string file;
  std::string yaml;
  std::vector<std::string> expected;
};

std::vector<Case> LoadCases() {
  std::vector<Case> cases;
  for (const auto& entry : fs::directory_iterator(fs::path(FIREBREAK_SOURCE_DIR) / "tests/unit/playbooks/lint_cases")) {
    Case one;
    one.file = entry.path().filename().string();
    std::istringstream lines(testing::ReadFile(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("#! ")) {
        one.expected.push_back(line.substr(3));
      } else {
        StrAppend(&one.yaml, line, "\n");
      }
    }
    cases.push_back(std::move(one));
  }
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.file < b.file; });
  return cases;
}

TEST(LintCases, EveryFindingHasExactlyItsPlaceRuleTextAndHint) {
  const std::vector<Case> cases = LoadCases();
  ASSERT_GE(cases.size(), 45u);
  for (const Case& one : cases) {
    std::vector<std::string> found;
    for (const v1::LintFinding& finding : LintPlaybook(one.file, one.yaml, testing::LanguageSpecPointers()).findings)
      found.push_back(FormatFinding(finding));
    EXPECT_EQ(found, one.expected) << one.file;
  }
}

TEST(LintCases, EveryRuleOfTheTableHasACaseAndEveryFindingARule) {
  // Rules that need a shelf or people are tested where those are: surroundings_test.cc.
  std::set<std::string> met = {"unknown-playbook", "run-name", "recursive-run", "role-nobody-holds", "too-few-people",
                               "role-cannot-answer"};
  for (const Case& one : LoadCases()) {
    for (const v1::LintFinding& finding : LintPlaybook(one.file, one.yaml, testing::LanguageSpecPointers()).findings)
      met.insert(finding.rule());
  }
  std::set<std::string> table;
  for (const LintRule& rule : LintRules()) table.insert(rule.name);
  EXPECT_EQ(met, table);
}

TEST(LintCases, TheDocumentationListsEveryRule) {
  const std::string text = testing::ReadFile(fs::path(FIREBREAK_SOURCE_DIR) / "include/firebreak/playbooks/README.md");
  for (const LintRule& rule : LintRules()) {
    EXPECT_NE(text.find(StrCat("| `", rule.name, "` | ", rule.error ? "error" : "warning", " | ", rule.meaning, " |")),
              std::string::npos)
        << rule.name;
  }
}

// Whatever is cut off or changed in a playbook: a report, no crash, every finding with a place.
TEST(LintCases, EveryTruncationAndEveryDroppedLineGivesAReport) {
  const std::vector<Case> cases = LoadCases();
  const auto whole = std::find_if(cases.begin(), cases.end(), [](const Case& one) { return one.file == "clean_all_kinds.yaml"; });
  ASSERT_NE(whole, cases.end());
  for (size_t size = 0; size < whole->yaml.size(); size += 3) {
    for (const v1::LintFinding& finding :
         LintPlaybook("p.yaml", whole->yaml.substr(0, size), testing::LanguageSpecPointers()).findings) {
      ASSERT_GE(finding.position().line(), 1u);
      ASSERT_GE(finding.position().column(), 1u);
    }
  }
  for (size_t start = 0; start < whole->yaml.size(); start = whole->yaml.find('\n', start) + 1) {
    std::string less = whole->yaml;
    less.erase(start, less.find('\n', start) - start + 1);
    LintPlaybook("p.yaml", less, testing::LanguageSpecPointers());
  }
}

}  // namespace
}  // namespace firebreak
