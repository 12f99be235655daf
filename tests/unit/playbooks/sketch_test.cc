#include "firebreak/playbooks/sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "firebreak/playbooks/lint.h"
#include "tests/support/vectors.h"
#include "tests/unit/playbooks/specs.h"

namespace firebreak {
namespace {

v1::Playbook Load(const char* file) {
  const auto path = std::filesystem::path(FIREBREAK_SOURCE_DIR) / "tests/unit/playbooks/lint_cases" / file;
  return LintPlaybook(file, testing::ReadFile(path), testing::LanguageSpecPointers()).playbook;
}

TEST(Sketch, IsATreeThatShowsEveryKindOfStep) {
  EXPECT_EQ(SketchText(Load("clean_all_kinds.yaml"), testing::LanguageSpecPointers()),
            R"(all-kinds  Every kind of step
starts on incident.opened when incident.severity <= 2 and incident.kind in ["poisoning", "drift"]
├─ contain   fleet.contain  [within 5m, up to 3 retries]
├─ evidence  at the same time; all must be done
│  ├─ quarantine  snapshot.quarantine
│  └─ probing
│     ├─ probe  health.probe  [goes on when it fails]
│     └─ look   incident.note
├─ tell      if $probe.ok and not $probe.healthy
│  └─ then:
│     └─ note  incident.note
├─ sweep     for each $child of $quarantine.deployments · at most 100
│  └─ contain_child  fleet.contain
├─ settle    while $again.count > 3 and $sweep.count >= 0 · at most 10 rounds
│  └─ again  health.probe  [waits 30s]
├─ by_mode   switch $mode
│  ├─ warn:
│  │  └─ warned  incident.note
│  └─ block:
│     └─ blocked  incident.note
├─ watchers  if count($watched) > 0 and not empty($quarantine.tainted) and $deployment in $watched and $settle.rounds < 9
│  └─ then:
│     └─ note_watchers  incident.note
└─ last  [always]
   └─ report  incident.note
when a step has failed:
└─ sorry  incident.note
)");
}

size_t Count(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

TEST(Sketch, IsAPictureWithEveryStepInIt) {
  const std::string svg = SketchSvg(Load("clean_all_kinds.yaml"), testing::LanguageSpecPointers());
  for (const char* name : {"contain", "probe", "look", "sweep", "again", "blocked", "note_watchers", "report", "sorry"})
    EXPECT_EQ(Count(svg, std::string("class=\"name\">") + name + "<"), 1u) << name;
  EXPECT_EQ(Count(svg, "<svg "), 1u);
  EXPECT_EQ(Count(svg, "</svg>"), 1u);
  EXPECT_EQ(Count(svg, "class=\"frame\""), 4u);  // while, for_each, two groups
  EXPECT_NE(svg.find("incident.severity &lt;= 2"), std::string::npos);
}

TEST(Sketch, BreaksLongConditionsInsteadOfCuttingThem) {
  const std::string svg = SketchSvg(Load("clean_all_kinds.yaml"), testing::LanguageSpecPointers());
  EXPECT_NE(svg.find(">if count($watched) &gt; 0 and not<"), std::string::npos) << svg;
  EXPECT_NE(svg.find("$settle.rounds &lt; 9<"), std::string::npos);
}

TEST(Sketch, EscapesWhatPeopleWrite) {
  v1::Playbook playbook = Load("clean.yaml");
  playbook.set_title("<script>alert(1)</script> & \"x\"");
  playbook.mutable_steps(0)->set_about("a \"quoted\" <b>\nline");
  const std::string svg = SketchSvg(playbook, {});
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  EXPECT_NE(svg.find("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;"), std::string::npos);
  const std::string dot = SketchDot(playbook, {});
  EXPECT_NE(dot.find("a \\\"quoted\\\" <b> line"), std::string::npos);
  EXPECT_EQ(Count(dot, "{"), Count(dot, "}"));
}

TEST(Sketch, DrawsEdgesBetweenStepsInDot) {
  const std::string dot = SketchDot(Load("clean.yaml"), testing::LanguageSpecPointers());
  for (const char* edge : {"start -> s1", "s1 -> s2", "s3 -> s4", "s4 -> s5 [label=\"then\"]", "s4 -> end", "s5 -> end"})
    EXPECT_NE(dot.find(edge), std::string::npos) << edge << "\n" << dot;
}

}  // namespace
}  // namespace firebreak
