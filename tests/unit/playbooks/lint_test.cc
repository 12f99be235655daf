#include "firebreak/playbooks/lint.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "firebreak/actions/specs.h"
#include "firebreak/base/text.h"
#include "tests/support/vectors.h"
#include "tests/unit/playbooks/specs.h"

namespace firebreak {
namespace {

constexpr char kGood[] = R"(playbook: good
title: A good one
severity: 40
trigger: {event: incident.opened, when: incident.severity <= 2}
inputs:
  deployment: {type: deployment, from: incident.deployment}
run: {timeout: 1h, lock: deployment/$deployment, if_locked: wait}
steps:
- contain: {do: fleet.contain, with: {deployment: $deployment}}
- plan: {do: rollback.plan, with: {deployment: $deployment}}
- gate:
    ask: "Roll {$deployment} back?"
    who: {roles: [responder], need: 2, not: [trigger]}
    about: $plan.digest
- go:
    if: $gate.approved and $plan.eligible
    then:
    - note: {do: incident.note, with: {text: go}, retry: {times: 2, backoff: 1s..5s}}
)";

LintReport Lint(std::string_view yaml) { return LintPlaybook("p.yaml", yaml, testing::LanguageSpecPointers()); }

// kGood with `from` replaced by `to`.
std::string Good(std::string_view from, std::string_view to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

bool Has(const LintReport& report, std::string_view rule, std::string_view place = "") {
  for (const v1::LintFinding& finding : report.findings) {
    if (finding.rule() == rule &&
        (place.empty() || StrCat(finding.position().line(), ":", finding.position().column()) == place))
      return true;
  }
  return false;
}

std::string All(const LintReport& report) {
  std::string text;
  for (const v1::LintFinding& finding : report.findings) StrAppend(&text, FormatFinding(finding), "\n");
  return text;
}

TEST(Lint, ReadsAGoodPlaybookWhole) {
  const LintReport report = Lint(kGood);
  EXPECT_TRUE(report.findings.empty()) << All(report);
  EXPECT_EQ(report.playbook.name(), "good");
  EXPECT_EQ(report.playbook.steps_size(), 4);
  EXPECT_EQ(report.playbook.steps(2).ask().need(), 2u);
  EXPECT_EQ(report.playbook.steps(3).branch().then_steps(0).retry().times(), 2u);
  EXPECT_EQ(report.playbook.digest().substr(0, 7), "sha256:");
  EXPECT_EQ(report.playbook.if_locked(), "wait");
}

struct Bad {
  const char* from;
  const char* to;
  const char* rule;
  const char* place;  // line:column, or empty where several are right
};

TEST(Lint, FindsEachMistakeAtItsPlace) {
  const Bad cases[] = {
      {"fleet.contain", "fleet.contian", "unknown-action", "9:17"},
      {"{deployment: $deployment}}\n- plan", "{deploymnt: $deployment}}\n- plan", "unknown-argument", "9:39"},
      {"{deployment: $deployment}}\n- plan", "{reason: x}}\n- plan", "missing-argument", "9:17"},
      {"{deployment: $deployment}}\n- plan", "{deployment: 7}}\n- plan", "type", "9:39"},
      {"{deployment: $deployment}}\n- plan", "{deployment: $deploymnt}}\n- plan", "undeclared-input", "9:51"},
      {"about: $plan.digest", "about: $plan.dgest", "unknown-reference", "14:12"},
      {"about: $plan.digest", "about: $plans.digest", "unknown-reference", "14:12"},
      {"about: $plan.digest", "about: $note.digest", "later-reference", "14:12"},
      {"\"Roll {$deployment} back?\"", "\"Roll {$deploymant} back?\"", "undeclared-input", "12:17"},
      {"$gate.approved and $plan.eligible", "$gate.approved and $plan.digest", "type", "16:28"},
      {"$gate.approved and $plan.eligible", "$plan.eligible", "unheeded-ask", "11:3"},
      {"$gate.approved and $plan.eligible", "gate.approved", "syntax", "16:9"},
      {"roles: [responder]", "roles: [respnder]", "unknown-role", "13:19"},
      {"roles: [responder]", "roles: [viewer]", "unanswerable-ask", "13:18"},
      {"roles: [responder]", "roles: []", "unanswerable-ask", "13:18"},
      {"not: [trigger]", "not: [bob]", "value", "13:46"},
      {"incident.severity <= 2", "incident.sevrity <= 2", "unknown-reference", "4:41"},
      {"incident.severity <= 2", "incident.severity <= \"2\"", "type", "4:59"},
      {"incident.severity <= 2", "$deployment == \"x\"", "not-bound", "4:41"},
      {"incident.opened", "incident.closed", "value", "4:18"},
      {"from: incident.deployment", "from: incident.severity", "type", "6:40"},
      {"type: deployment", "type: deploy", "type", "6:22"},
      {"deployment/$deployment", "$deployment", "lock", "7:26"},
      {"if_locked: wait", "if_locked: maybe", "value", ""},
      {"timeout: 1h", "timeout: soon", "type", ""},
      {"backoff: 1s..5s", "backoff: 5s..1s", "type", ""},
      {"- go:", "- plan:", "duplicate-name", "15:3"},
      {"- go:", "- Go:", "name", "15:3"},
      {"- go:", "- undo:", "name", "15:3"},
      {"trigger:", "on:", "on-key", "4:1"},
      {"severity: 40", "severty: 40", "unknown-key", "3:1"},
      {"severity: 40", "severity: 400", "type", "3:11"},
      {"severity: 40", "severity: 40\nseverity: 41", "duplicate-key", "4:1"},
      {"title: A good one", "title: &a A good one", "anchor", ""},
      {"title: A good one", "title: *a", "yaml", ""},
      {"title: A good one", "title: !!str A good one", "tag", ""},
      {"title: A good one", "title: [", "yaml", ""},
      {"title: A good one", "title: A\tgood one", "yaml", "2:9"},
      {"do: incident.note, with: {text: go}, ", "", "shape", ""},
      {"playbook: good", "playbook: Not Good", "name", "1:11"},
  };
  for (const Bad& bad : cases) {
    const LintReport report = Lint(Good(bad.from, bad.to));
    EXPECT_TRUE(Has(report, bad.rule, bad.place))
        << bad.to << " should be " << bad.rule << " at " << bad.place << ", found:\n"
        << All(report);
    EXPECT_FALSE(report.ok()) << bad.to;
  }
}

TEST(Lint, NamesTheNearestValidName) {
  EXPECT_NE(All(Lint(Good("fleet.contain", "fleet.contian"))).find("did you mean fleet.contain"), std::string::npos);
  EXPECT_NE(All(Lint(Good("$plan.eligible", "$plan.eligibel"))).find("did you mean $plan.eligible"), std::string::npos);
  EXPECT_NE(All(Lint(Good("severity: 40", "severty: 40"))).find("did you mean severity"), std::string::npos);
}

TEST(Lint, FindsValuesThatAreUnsetOnSomePath) {
  const std::string after = std::string(kGood) + "- last: {do: incident.note, with: {text: $apply.release}}\n";
  const std::string with_apply = after;
  const size_t at = with_apply.find("    - note:");
  const std::string yaml =
      std::string(with_apply)
          .insert(at, "    - apply: {do: rollback.apply, with: {deployment: $deployment, plan: $plan.digest}}\n");
  EXPECT_TRUE(Has(Lint(yaml), "unset-on-some-path")) << All(Lint(yaml));
  const std::string always =
      std::string(kGood) + "- last: {do: incident.note, with: {text: $plan.digest}, always: true}\n";
  EXPECT_TRUE(Has(Lint(always), "unset-on-some-path")) << All(Lint(always));
  const std::string handler =
      std::string(kGood) + "on_failure:\n- tell: {do: incident.note, with: {text: $plan.digest}}\n";
  EXPECT_TRUE(Has(Lint(handler), "unset-on-some-path")) << All(Lint(handler));
}

TEST(Lint, WarnsWithoutRefusing) {
  const std::pair<std::string, std::string> cases[] = {
      {Good("run: {timeout: 1h, lock: deployment/$deployment, if_locked: wait}\n", ""), "no-lock"},
      {Good("inputs:\n", "inputs:\n  spare: {type: string, default: x}\n"), "unused-input"},
      {Good("    about: $plan.digest\n", ""), "unbound-ask"},
      {Good("text: go", "text: \"$plan.digest\""), "quoted-reference"},
      {std::string(kGood) + "    - shift: {do: fleet.shift, with: {deployment: $deployment, percent: 5}}\n", "no-undo"},
      {Good("with: {deployment: $deployment}}\n- plan",
            "with: {deployment: $deployment}, undo: {do: incident.note, with: {text: x}}}\n- plan"),
       "undo-ignored"},
  };
  for (const auto& [yaml, rule] : cases) {
    const LintReport report = Lint(yaml);
    EXPECT_TRUE(report.ok()) << All(report);
    EXPECT_TRUE(Has(report, rule)) << rule << ":\n" << All(report);
  }
}

TEST(Lint, KeepsItsLimits) {
  EXPECT_TRUE(Has(Lint(std::string(kPlaybookBytesMax + 1, '#')), "limit"));
  EXPECT_TRUE(Has(Lint(std::string(200, '[') + std::string(200, ']')), "limit"));
  EXPECT_TRUE(Has(Lint(std::string("a: \xff\n")), "yaml"));
  EXPECT_TRUE(Has(Lint(std::string("a: \0b\n", 6)), "yaml"));
  EXPECT_TRUE(Has(Lint("playbook: a\n---\nplaybook: b\n"), "yaml"));
  EXPECT_FALSE(Lint("").ok());
  std::string many = kGood;
  for (int i = 0; i < 201; ++i) many += StrCat("- s", i, ": {do: incident.note, with: {text: x}}\n");
  EXPECT_TRUE(Has(Lint(many), "limit"));
  std::string bad = kGood;
  for (int i = 0; i < 400; ++i) bad += StrCat("- S", i, ": {do: nothing}\n");
  EXPECT_LE(Lint(bad).findings.size(), static_cast<size_t>(kFindingsMax));
}

TEST(Lint, PassesEveryShippedRunbookWithoutAWarning) {
  int count = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(FIREBREAK_SOURCE_DIR) / "runbooks" / "playbooks")) {
    if (file.path().extension() != ".yaml") continue;
    ++count;
    const LintReport report =
        LintPlaybook(file.path().filename().string(), testing::ReadFile(file.path()), BuiltinSpecs());
    EXPECT_TRUE(report.findings.empty()) << All(report);
  }
  EXPECT_GE(count, 2);
}

}  // namespace
}  // namespace firebreak
