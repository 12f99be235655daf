// What the linter says when it can ask a shelf and knows who holds which role; and how findings are written for machines.
#include <gtest/gtest.h>

#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "tests/unit/playbooks/specs.h"

namespace firebreak {
namespace {

const std::string kDigest = StrCat("sha256:", std::string(64, '1'));
const std::string kOther = StrCat("sha256:", std::string(64, '2'));

std::string RunOf(std::string_view name, std::string_view digest, std::string_view with) {
  return StrCat("playbook: outer\ntitle: Outer\ninputs:\n  deployment: {type: deployment, from: incident.deployment}\nsteps:\n"
                "- inner: {run: ", name, "@", digest, ", with: ", with, "}\n");
}

v1::Playbook Inner(std::string_view yaml) { return LintPlaybook("inner", yaml, testing::LanguageSpecPointers()).playbook; }

constexpr char kInner[] = R"(playbook: inner
title: Inner
inputs:
  where: {type: deployment}
  tone: {type: enum, of: [warn, block], default: warn}
steps:
- contain: {do: fleet.contain, with: {deployment: $where, reason: $tone}}
)";

std::vector<std::string> Findings(std::string_view yaml, const std::map<std::string, v1::Playbook>& shelf) {
  LintSurroundings surroundings;
  surroundings.actions = testing::LanguageSpecPointers();
  surroundings.find_playbook = [&shelf](const std::string& digest) {
    const auto found = shelf.find(digest);
    return found == shelf.end() ? std::nullopt : std::optional<v1::Playbook>(found->second);
  };
  std::vector<std::string> lines;
  for (const v1::LintFinding& finding : LintPlaybook("p.yaml", yaml, surroundings).findings)
    lines.push_back(FormatFinding(finding));
  return lines;
}

using Lines = std::vector<std::string>;

TEST(LintWithAShelf, ChecksTheInputsOfTheOtherPlaybookAndCountsWhatItChanges) {
  const std::map<std::string, v1::Playbook> shelf = {{kDigest, Inner(kInner)}};
  const std::string no_lock =
      "p.yaml:6:16: warning: this changes production without a lock: two runs may act on one deployment [no-lock] "
      "(run: {lock: deployment/$deployment})";
  EXPECT_EQ(Findings(RunOf("inner", kDigest, "{where: $deployment, tone: block}"), shelf), Lines{no_lock});
  EXPECT_EQ(Findings(RunOf("inner", kDigest, "{were: $deployment, tone: blok}"), shelf),
            (Lines{"p.yaml:6:16: error: step inner: inner needs where (deployment) [missing-argument]", no_lock,
                   "p.yaml:6:102: error: step inner: inner takes no 'were' [unknown-argument] (did you mean where)",
                   "p.yaml:6:121: error: step inner: tone must be enum<warn|block>, this is \"blok\" [type] (did you mean block)"}));
}

TEST(LintWithAShelf, RefusesDigestsThatAreNotStoredOrBelongToAnother) {
  const std::map<std::string, v1::Playbook> shelf = {{kDigest, Inner(kInner)}};
  const Lines unknown = Findings(RunOf("inner", kOther, "{where: $deployment}"), shelf);
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown[0], StrCat("p.yaml:6:16: error: step inner: no playbook ", kOther,
                               " is stored [unknown-playbook] (firebreak playbook put, then its digest from firebreak "
                               "playbook list)"));
  const Lines renamed = Findings(RunOf("innner", kDigest, "{where: $deployment}"), shelf);
  ASSERT_EQ(renamed.size(), 2u);
  EXPECT_EQ(renamed[0],
            "p.yaml:6:16: error: step inner: the digest belongs to inner, not to innner [run-name] (inner)");
}

TEST(LintWithAShelf, RefusesAPlaybookThatComesBackToItself) {
  const std::string back = StrCat("playbook: inner\ntitle: Inner\nsteps:\n- again: {run: outer@", kOther, "}\n");
  const std::string outer = "playbook: outer\ntitle: Outer\nsteps:\n- n: {do: incident.note, with: {text: x}}\n";
  const std::map<std::string, v1::Playbook> shelf = {{kDigest, Inner(back)}, {kOther, Inner(outer)}};
  const Lines lines = Findings(RunOf("inner", kDigest, "{}"), shelf);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1], "p.yaml:6:16: error: step inner: outer would run itself [recursive-run]");
}

TEST(LintWithAShelf, EndsAtTheDepthOfRuns) {
  std::map<std::string, v1::Playbook> shelf;
  for (char level = '1'; level <= '6'; ++level) {
    const std::string next = StrCat("sha256:", std::string(64, static_cast<char>(level + 1)));
    shelf[StrCat("sha256:", std::string(64, level))] = Inner(
        StrCat("playbook: p", std::string(1, level), "\ntitle: P\nsteps:\n- go: {run: p", std::string(1, static_cast<char>(level + 1)), "@", next, "}\n"));
  }
  const Lines lines = Findings(RunOf("p1", kDigest, "{}"), shelf);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1], "p.yaml:6:16: error: step inner: playbooks run one another more than 4 deep [limit]");
}

Lines WithPeople(std::string_view who, std::map<std::string, std::set<std::string>> people) {
  LintSurroundings surroundings;
  surroundings.actions = testing::LanguageSpecPointers();
  surroundings.people = std::move(people);
  const std::string yaml = StrCat("playbook: p\ntitle: P\nsteps:\n- gate: {ask: \"Go?\", about: incident.id, who: ", who,
                                  "}\n- go: {if: $gate.approved, then: [{n: {do: incident.note, with: {text: x}}}]}\n");
  Lines lines;
  for (const v1::LintFinding& finding : LintPlaybook("p.yaml", yaml, surroundings).findings)
    lines.push_back(FormatFinding(finding));
  return lines;
}

TEST(LintWithPeople, WarnsOfApprovalsThatNobodyCanGiveNow) {
  EXPECT_EQ(WithPeople("{roles: [responder], need: 2}", {{"responder", {"ada", "bob"}}}), Lines{});
  EXPECT_EQ(WithPeople("{roles: [responder, security-lead], need: 2}", {{"responder", {"ada", "bob"}}}),
            (Lines{"p.yaml:4:67: warning: step gate: nobody holds role security-lead now [role-nobody-holds] (firebreak "
                   "token create --role security-lead)"}));
  EXPECT_EQ(WithPeople("{roles: [responder], need: 3}", {{"responder", {"ada", "bob"}}}),
            (Lines{"p.yaml:4:74: warning: step gate needs 3 people, and 2 could answer now [too-few-people] (more roles, or "
                   "a smaller need)"}));
  EXPECT_EQ(WithPeople("{roles: [responder], need: 2, not: [trigger]}", {{"responder", {"ada", "bob"}}}),
            (Lines{"p.yaml:4:74: warning: step gate needs 2 people, and 2 could answer now: too few when those under 'not' "
                   "are among them [too-few-people] (more roles, or a smaller need)"}));
  // One person with two roles is one person.
  EXPECT_EQ(WithPeople("{roles: [responder, security-lead], need: 2}", {{"responder", {"ada"}}, {"security-lead", {"ada"}}}),
            (Lines{"p.yaml:4:89: warning: step gate needs 2 people, and 1 could answer now [too-few-people] (more roles, or "
                   "a smaller need)"}));
  EXPECT_EQ(WithPeople("{roles: [responder, viewer]}", {{"responder", {"ada"}}, {"viewer", {"eve"}}}),
            (Lines{"p.yaml:4:67: warning: step gate: role viewer may not answer approvals [role-cannot-answer]"}));
}

v1::LintFinding Sample() {
  v1::LintFinding finding;
  finding.set_file("a,b.yaml");
  finding.mutable_position()->set_line(3);
  finding.mutable_position()->set_column(7);
  finding.set_rule("type");
  finding.set_message("100% wrong\nindeed: \"x\"");
  finding.set_hint("y");
  finding.set_error(true);
  return finding;
}

TEST(FindingFormats, AreWhatGithubAndGitlabRead) {
  v1::LintFinding finding = Sample();
  EXPECT_EQ(FormatFindingForGithub(finding),
            "::error file=a%2Cb.yaml,line=3,col=7,title=type::100%25 wrong%0Aindeed: \"x\" (y)");
  finding.set_error(false);
  EXPECT_EQ(FormatFindingForGithub(finding).substr(0, 10), "::warning ");
  const std::vector<v1::LintFinding> findings = {Sample(), Sample()};
  const auto report = ParseJson(FormatFindingsForGitlab(findings));
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->list_value().values_size(), 2);
  const auto& first = report->list_value().values(0).struct_value().fields();
  EXPECT_EQ(first.at("check_name").string_value(), "type");
  EXPECT_EQ(first.at("severity").string_value(), "major");
  EXPECT_EQ(first.at("fingerprint").string_value().size(), 64u);
  EXPECT_NE(first.at("fingerprint").string_value(),
            report->list_value().values(1).struct_value().fields().at("fingerprint").string_value());
  EXPECT_EQ(FormatFindingsForGitlab({}), "[]");
}

}  // namespace
}  // namespace firebreak
