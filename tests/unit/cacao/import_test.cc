#include "firebreak/cacao/import.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "firebreak/base/json.h"
#include "firebreak/cacao/export.h"
#include "firebreak/cacao/print_yaml.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

using ::google::protobuf::Value;
using ::testing::Contains;
using ::testing::HasSubstr;

std::string Findings(const std::vector<CacaoFinding>& findings) {
  std::string all;
  for (const CacaoFinding& finding : findings) all += FormatCacaoFinding("x", finding) + "\n";
  return all;
}

// A playbook around these steps: each {id, members}. The first follows the start.
std::string Around(const std::string& steps, const std::string& first, const std::string& more = "") {
  return R"({"type":"playbook","spec_version":"cacao-2.0","id":"playbook--11111111-1111-4111-8111-111111111111","name":"Block an address",
 "created_by":"identity--22222222-2222-4222-8222-222222222222","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",
 "agent_definitions":{"group--33333333-3333-4333-8333-333333333333":{"type":"group","name":"desk"}},
 "target_definitions":{"http-api--44444444-4444-4444-8444-444444444444":{"type":"http-api","name":"Fire Wall","address":{"dname":["fw.example"]}}},)" + more + R"(
 "workflow_start":"start--55555555-5555-4555-8555-555555555555","workflow":{
 "start--55555555-5555-4555-8555-555555555555":{"type":"start","on_completion":")" + first + "\"}," + steps + R"(,
 "end--66666666-6666-4666-8666-666666666666":{"type":"end"}}})";
}

std::string Id(const std::string& type, char digit) { return type + "--" + std::string(8, digit) + "-aaaa-4aaa-8aaa-aaaaaaaaaaaa"; }
const char kEnd[] = "end--66666666-6666-4666-8666-666666666666";

std::string Action(char digit, const std::string& name, const std::string& command, const std::string& rest) {
  return "\"" + Id("action", digit) + "\":{\"type\":\"action\",\"name\":\"" + name + "\",\"agent\":\"group--33333333-3333-4333-8333-333333333333\",\"targets\":[\"http-api--44444444-4444-4444-8444-444444444444\"],\"commands\":[" + command + "]," + rest + "}";
}

const char kVariables[] = R"("playbook_variables":{"__ip__":{"type":"ipv4-addr","external":true,"value":"10.0.0.1"},"__count__":{"type":"integer","value":"3"},"__sure__":{"type":"bool","value":"true"}},)";

TEST(Import, TranslatesHttpAndManualCommandsAndAsksAboutAllOthers) {
  const std::string json = Around(
      Action('a', "Block it", R"({"type":"http-api","command":"POST /v1/block/__ip__:value HTTP/1.1","headers":{"Authorization":["x"]},"content":"{\"ip\":\"__ip__:value\"}"})",
             "\"on_completion\":\"" + Id("action", 'b') + "\",\"timeout\":60000") + "," +
          Action('b', "Tell", R"({"type":"manual","command":"Tell the owner of __ip__:value"})", "\"on_completion\":\"" + Id("action", 'c') + "\"") + "," +
          Action('c', "Clean", R"({"type":"ssh","command":"rm -rf /tmp/x"})", "\"on_completion\":\"" + std::string(kEnd) + "\""),
      Id("action", 'a'), kVariables);
  const CacaoImport made = ImportCacao(json);
  ASSERT_TRUE(made.ok()) << Findings(made.findings);
  EXPECT_FALSE(made.own);
  EXPECT_EQ(made.playbook.name(), "block-an-address");
  EXPECT_THAT(made.hooks, Contains("fire-wall"));
  EXPECT_THAT(made.yaml, HasSubstr("do: http.call"));
  EXPECT_THAT(made.yaml, HasSubstr("value1: $ip"));
  EXPECT_THAT(made.yaml, HasSubstr("/v1/block/{{value1}}"));
  EXPECT_THAT(made.yaml, HasSubstr("Tell the owner of {$ip}"));
  EXPECT_THAT(made.yaml, HasSubstr("never run by Firebreak): rm -rf /tmp/x"));
  const std::string findings = Findings(made.findings);
  EXPECT_THAT(findings, HasSubstr("[disabled-command]"));
  EXPECT_THAT(findings, HasSubstr("header Authorization is not sent"));
}

TEST(Import, TranslatesConditionsWithTheirTypes) {
  const auto with = [](const std::string& condition) {
    return Around("\"" + Id("if-condition", 'd') + "\":{\"type\":\"if-condition\",\"name\":\"Many\",\"condition\":\"" + condition + "\",\"on_true\":\"" + Id("action", 'a') +
                      "\",\"on_false\":\"" + Id("action", 'b') + "\"}," + Action('a', "Then", R"({"type":"manual","command":"then"})", "\"on_completion\":\"" + Id("action", 'c') + "\"") +
                      "," + Action('b', "Otherwise", R"({"type":"manual","command":"else"})", "\"on_completion\":\"" + Id("action", 'c') + "\"") + "," +
                      Action('c', "Both", R"({"type":"manual","command":"both"})", "\"on_completion\":\"" + std::string(kEnd) + "\""),
                  Id("if-condition", 'd'), kVariables);
  };
  const CacaoImport made = ImportCacao(with("__count__:value >= 3 AND (__sure__:value = 'true' OR NOT __ip__:value = '10.0.0.1')"));
  ASSERT_TRUE(made.ok()) << Findings(made.findings);
  EXPECT_THAT(made.yaml, HasSubstr("if: $count >= 3 and ($sure == true or not $ip == \"10.0.0.1\")"));
  // The paths meet again: the last question is asked once, behind both.
  ASSERT_EQ(made.playbook.steps_size(), 3);
  EXPECT_EQ(made.playbook.steps(1).name(), "both");
  for (const auto& [condition, message] : std::vector<std::pair<std::string, std::string>>{
           {"__ip__:value < '100'", "texts have no order"},
           {"__count__:value = 'many'", "a int is compared"},
           {"__count__:value LIKE '1%'", "LIKE is not supported"},
           {"__nobody__:value = '1'", "is not declared"},
           {"__count__:value = 1 AND", "begins with a variable"},
           {"true", "begins with a variable"}}) {
    const CacaoImport bad = ImportCacao(with(condition));
    EXPECT_FALSE(bad.ok()) << condition;
    EXPECT_THAT(Findings(bad.findings), HasSubstr(message)) << condition;
    EXPECT_TRUE(bad.yaml.empty());
  }
}

TEST(Import, AFailureThatLeadsElsewhereBecomesABranch) {
  const std::string json = Around(
      Action('a', "Try", R"({"type":"http-api","command":"POST /x HTTP/1.1"})", "\"on_success\":\"" + Id("action", 'c') + "\",\"on_failure\":\"" + Id("action", 'b') + "\"") + "," +
          Action('b', "Repair", R"({"type":"manual","command":"repair"})", "\"on_completion\":\"" + Id("action", 'c') + "\"") + "," +
          Action('c', "Go on", R"({"type":"manual","command":"go on"})", "\"on_completion\":\"" + std::string(kEnd) + "\""),
      Id("action", 'a'));
  const CacaoImport made = ImportCacao(json);
  ASSERT_TRUE(made.ok()) << Findings(made.findings);
  EXPECT_THAT(made.yaml, HasSubstr("on_failure: continue"));
  EXPECT_THAT(made.yaml, HasSubstr("if: not ($try.ok)"));
}

TEST(Import, SaysWhereAndWhatIsWrong) {
  const std::string good = Around(Action('a', "A", R"({"type":"manual","command":"x"})", "\"on_completion\":\"" + std::string(kEnd) + "\""), Id("action", 'a'));
  ASSERT_TRUE(ImportCacao(good).ok()) << Findings(ImportCacao(good).findings);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = good;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    return changed;
  };
  struct Case {
    std::string json, pointer, rule;
  };
  const std::vector<Case> cases = {
      {"{\"type\":\"playbook\",\"type\":\"playbook\"}", "", "json"},
      {"not json", "", "json"},
      {"[1]", "", "type"},
      {std::string(40, '[') + std::string(40, ']'), "", "json"},
      {with("\"spec_version\":\"cacao-2.0\",", ""), "/spec_version", "value"},
      {with("cacao-2.0", "1.0"), "/spec_version", "value"},
      {with("playbook--11111111-1111-4111-8111-111111111111", "playbook--11111111-1111-7111-8111-111111111111"), "/id", "id"},
      {with("2026-01-01T00:00:00.000Z", "yesterday"), "/created", "timestamp"},
      {with("\"type\":\"action\"", "\"type\":\"decision\""), "/workflow/" + Id("action", 'a') + "/type", "step-type"},
      {with("\"on_completion\":\"end--", "\"next_step\":\"end--"), "/workflow/end--66666666-6666-4666-8666-666666666666", "unreachable-step"},
      {with("\"agent\":\"group--3", "\"agent\":\"group--9"), "/workflow/" + Id("action", 'a') + "/agent", "dangling-definition"},
      {with("\"on_completion\":\"end--6", "\"on_completion\":\"end--7"), "/workflow/" + Id("action", 'a') + "/on_completion", "dangling-step"},
      {with("\"on_completion\":\"" + std::string(kEnd) + "\"", "\"on_completion\":\"" + Id("action", 'a') + "\""), "/workflow/" + Id("action", 'a') + "/on_completion", "endless-loop"},
      {with("\"command\":\"x\"", "\"command\":5"), "/workflow/" + Id("action", 'a') + "/commands/0/command", "type"},
      {with("\"command\":\"x\"", "\"command\":\"__who__:value\""), "/workflow/" + Id("action", 'a') + "/commands/0/command", "undeclared-variable"},
  };
  for (const Case& one : cases) {
    const CacaoImport made = ImportCacao(one.json);
    EXPECT_FALSE(made.ok()) << one.rule << " " << one.json.substr(0, 60);
    const bool found = std::any_of(made.findings.begin(), made.findings.end(), [&](const CacaoFinding& finding) { return finding.error && finding.pointer == one.pointer && finding.rule == one.rule; });
    EXPECT_TRUE(found) << one.rule << " at " << one.pointer << " in\n" << Findings(made.findings);
  }
}

TEST(Import, ReadsPublishedStockOrSaysPreciselyWhyNot) {
  REQUIRE_VECTORS(folder, "cacao/playbooks");
  int good = 0, bad = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    const CacaoImport made = ImportCacao(testing::ReadFile(entry.path()));
    SCOPED_TRACE(entry.path().string());
    if (made.ok()) {
      ++good;
      EXPECT_FALSE(made.yaml.empty());
    } else {
      ++bad;
      for (const CacaoFinding& finding : made.findings) EXPECT_FALSE(finding.rule.empty() || finding.message.empty());
    }
  }
  EXPECT_GE(good, 7);
  EXPECT_GE(bad, 5);
  // What is valid and within our reach is read.
  for (const char* name : {"soarca-examples/http-playbook.json", "soarca-examples/openc2-playbook.json", "soarca-examples/manual-playbook.json", "soarca-examples/ssh-playbook.json",
                           "soarca-examples/powershell-playbook.json", "oasis-tcs/Examples/CACAO-2.0/basic-example-1.json", "oasis-tcs/Examples/CACAO-2.0/locky-bart-mbc-examples.json"}) {
    const CacaoImport made = ImportCacao(testing::ReadFile(folder / name));
    EXPECT_TRUE(made.ok()) << name << "\n" << Findings(made.findings);
  }
  const CacaoImport docs = ImportCacao(testing::ReadFile(folder / "soarca-examples/docs-example-if-while-openc2.json"));
  EXPECT_THAT(Findings(docs.findings), HasSubstr("needs the member agent [missing-member]"));
}

Value OneStep() {
  v1::Playbook playbook;
  playbook.set_name("one");
  playbook.set_title("One");
  v1::Step& step = *playbook.add_steps();
  step.set_name("note");
  step.mutable_do_()->set_action("incident.note");
  v1::Argument& argument = *step.mutable_do_()->add_with();
  argument.set_name("text");
  argument.mutable_literal()->set_string_value("hello");
  return *ExportCacao(playbook, {});
}

TEST(Import, RefusesAnExportWhoseWorkflowWasChanged) {
  const std::string json = PrintJson(OneStep());
  ASSERT_TRUE(ImportCacao(json).ok()) << Findings(ImportCacao(json).findings);
  std::string changed = json;
  const size_t at = changed.find("incident.note:run");
  ASSERT_NE(at, std::string::npos);
  changed.replace(at, 17, "fleet.release:run");
  const CacaoImport made = ImportCacao(changed);
  EXPECT_FALSE(made.ok());
  EXPECT_THAT(Findings(made.findings), HasSubstr("[changed-export]"));
  EXPECT_THAT(Findings(made.findings), HasSubstr("/commands/0/command"));
}

TEST(Import, TakesAnotherName) {
  CacaoImportOptions options;
  options.name = "two";
  const CacaoImport made = ImportCacao(PrintJson(OneStep()), options);
  ASSERT_TRUE(made.ok()) << Findings(made.findings);
  EXPECT_EQ(made.yaml.rfind("playbook: two\n", 0), 0u);
  options.name = "Two Words";
  EXPECT_FALSE(ImportCacao(PrintJson(OneStep()), options).ok());
}

TEST(Print, WritesWhatAReaderCouldMistakeInQuotes) {
  v1::Playbook playbook;
  playbook.set_name("quoting");
  playbook.set_title("yes");
  v1::Step& step = *playbook.add_steps();
  step.set_name("note");
  step.mutable_do_()->set_action("incident.note");
  const std::vector<std::string> texts = {"plain text", "true", "no", "12", "1.5", "~", "a: b", "a #b", "$plan.digest", "incident.kind", "[x]", "{y}", "- z", "", " ", "line\nbreak",
                                          "quote \" and ' and \\", "ünï", "10m", "0x1F", "2026-01-01", "*a", "&a", "!t", "%d", "@x", "`x", "|", ">", "null", "a,b"};
  for (size_t i = 0; i < texts.size(); ++i) {
    v1::Argument& argument = *step.mutable_do_()->add_with();
    argument.set_name("a" + std::to_string(i));
    argument.mutable_literal()->set_string_value(texts[i]);
  }
  const std::string yaml = PrintPlaybook(playbook);
  for (const char* quoted : {"\"true\"", "\"no\"", "\"12\"", "\"1.5\"", "\"~\"", "\"a: b\"", "\"a #b\"", "\"$plan.digest\"", "\"incident.kind\"", "\"[x]\"", "\"\"", "\"line\\nbreak\"", "\"2026-01-01\"", "\"null\"", "\"a,b\""}) {
    EXPECT_THAT(yaml, HasSubstr(quoted));
  }
  EXPECT_THAT(yaml, HasSubstr("title: \"yes\""));
  EXPECT_THAT(yaml, HasSubstr(": plain text"));
  EXPECT_THAT(yaml, HasSubstr(": 10m"));
}

TEST(Print, WritesDurationsInTheLargestUnits) {
  EXPECT_EQ(PrintSpan(absl::Minutes(90)), "1h30m");
  EXPECT_EQ(PrintSpan(absl::Hours(49)), "2d1h");
  EXPECT_EQ(PrintSpan(absl::Milliseconds(1500)), "1s500ms");
  EXPECT_EQ(PrintSpan(absl::ZeroDuration()), "0s");
}

}  // namespace
}  // namespace firebreak
