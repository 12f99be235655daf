// Documents made to mislead or to keep the reader busy for ever. Where a limit is missing, these do not end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/cacao/check.h"
#include "firebreak/cacao/import.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;

std::string Id(const std::string& type, int number) {
  return StrCat(type, "--", absl::StrFormat("%08d", number), "-aaaa-4aaa-8aaa-aaaaaaaaaaaa");
}
const std::string kEnd = Id("end", 1);

// Steps by id, as JSON; the first one follows the start.
struct Document {
  std::map<std::string, std::string> steps;
  std::string first;
  std::string more;              // members of the playbook, each with its comma
  std::string name = "hostile";

  std::string json() const {
    std::vector<std::string> all;
    for (const auto& [id, step] : steps) all.push_back(StrCat("\"", id, "\":", step));
    all.push_back(StrCat("\"", Id("start", 1), "\":{\"type\":\"start\",\"on_completion\":\"", first, "\"}"));
    all.push_back(StrCat("\"", kEnd, "\":{\"type\":\"end\"}"));
    return StrCat("{\"type\":\"playbook\",\"spec_version\":\"cacao-2.0\",\"id\":\"", Id("playbook", 1), "\",\"name\":\"", name,
                  "\",\"created_by\":\"", Id("identity", 1), "\",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",",
                  "\"agent_definitions\":{\"", Id("group", 1), "\":{\"type\":\"group\",\"name\":\"desk\"}},", more, "\"workflow_start\":\"",
                  Id("start", 1), "\",\"workflow\":{", absl::StrJoin(all, ","), "}}");
  }
};

std::string Manual(const std::string& commands, const std::string& after = kEnd) {
  return StrCat("{\"type\":\"action\",\"agent\":\"", Id("group", 1), "\",\"commands\":[", commands, "],\"on_completion\":\"", after, "\"}");
}
Document One(const std::string& commands) {
  Document document;
  document.first = Id("action", 1);
  document.steps[document.first] = Manual(commands);
  return document;
}
const char kTell[] = R"({"type":"manual","command":"x"})";

// 250 members that nobody knows, each worth a warning.
std::string Warnings() {
  std::string members;
  for (int i = 0; i < 250; ++i) StrAppend(&members, "\"x", i, "\":1,");
  return members;
}

bool HasError(const std::vector<CacaoFinding>& findings, std::string_view rule) {
  return std::any_of(findings.begin(), findings.end(), [&](const CacaoFinding& one) { return one.error && one.rule == rule; });
}
std::vector<CacaoFinding> Check(const Document& document) {
  const auto parsed = ParseCacao(document.json());
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() ? CheckCacao(*parsed) : std::vector<CacaoFinding>();
}

TEST(Hostile, WarningsNeverHideAnError) {
  Document document = One(kTell);
  ASSERT_TRUE(ImportCacao(document.json()).ok());
  document.more = Warnings();
  EXPECT_TRUE(ImportCacao(document.json()).ok()) << "warnings alone are no reason";

  Document endless = document;
  endless.steps[Id("action", 1)] = Manual(kTell, Id("action", 1));
  EXPECT_TRUE(HasError(Check(endless), "endless-loop"));
  Document large = document;
  for (int i = 0; i < 1100; ++i) large.steps[Id("action", 1000 + i)] = Manual(kTell);
  EXPECT_TRUE(HasError(Check(large), "limit"));
  EXPECT_LE(Check(large).size(), kCacaoFindingsMax);
  EXPECT_FALSE(ImportCacao(large.json()).ok());
}

TEST(Hostile, ManyStepsThatDoNotExistAreAnswered) {
  Document document;
  for (int i = 0; i < 900; ++i) document.steps[Id("end", 1000 + i)] = R"({"type":"end"})";
  std::vector<std::string> next;
  for (int i = 0; i < 20'000; ++i) next.push_back(StrCat("\"", Id("action", 100'000 + i), "\""));
  document.first = Id("parallel", 1);
  document.steps[document.first] = StrCat("{\"type\":\"parallel\",\"next_steps\":[", absl::StrJoin(next, ","), "],\"on_completion\":\"", kEnd, "\"}");
  EXPECT_TRUE(HasError(Check(document), "dangling-step"));
}

TEST(Hostile, ManyVariablesAreAnswered) {
  std::string text;
  for (int i = 0; i < 90'000; ++i) StrAppend(&text, "__v", i, "__:value ");
  EXPECT_TRUE(HasError(Check(One(StrCat("{\"type\":\"manual\",\"command\":\"", text, "\"}"))), "undeclared-variable"));

  // All declared, all of one name once the characters we have no use for are gone.
  std::vector<std::string> declared, commands;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = StrCat("__v", std::string(static_cast<size_t>(i % 60), '-'), std::string(static_cast<size_t>(i / 60), '_'), "-__");
    declared.push_back(StrCat("\"", name, "\":{\"type\":\"string\"}"));
    commands.push_back(StrCat(R"({"type":"http-api","command":"GET /)", name, R"(:value HTTP/1.1"})"));
  }
  Document document = One(absl::StrJoin(commands, ","));
  document.more = StrCat("\"playbook_variables\":{", absl::StrJoin(declared, ","), "},");
  EXPECT_TRUE(HasError(ImportCacao(document.json()).findings, "undeclared-variable"));
}

TEST(Hostile, ManyCommandsOfOneNameAreAnswered) {
  const CacaoImport made = ImportCacao(One(absl::StrJoin(std::vector<std::string>(15'000, kTell), ",")).json());
  EXPECT_TRUE(HasError(made.findings, "limit"));
}

TEST(Hostile, StepsThatAllLeadToOneAnotherAreAnswered) {
  Document document;
  constexpr int kSteps = 900;
  const auto id = [](int number) { return number < kSteps ? Id("parallel", 1000 + number) : kEnd; };
  for (int i = 0; i < kSteps; ++i) {
    std::vector<std::string> next;
    for (int j = i + 1; j < i + 30; ++j) next.push_back(StrCat("\"", id(j), "\""));
    document.steps[id(i)] = StrCat("{\"type\":\"parallel\",\"next_steps\":[", absl::StrJoin(next, ","), "]}");
  }
  document.first = id(0);
  EXPECT_FALSE(ImportCacao(document.json()).ok());

  const std::string twice = StrCat("\"", Id("action", 1), "\"");
  Document branches = One(kTell);
  branches.first = Id("parallel", 1);
  branches.steps[branches.first] = StrCat("{\"type\":\"parallel\",\"next_steps\":[", absl::StrJoin(std::vector<std::string>(40'000, twice), ","), "]}");
  EXPECT_TRUE(HasError(ImportCacao(branches.json()).findings, "limit"));
}

TEST(Hostile, LongTextsAreRefusedBeforeAnythingIsReplacedInThem) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "__a__:value";
  Document document = One(StrCat(R"({"type":"http-api","command":"POST / HTTP/1.1","content":")", text, "\"}"));
  document.more = R"("playbook_variables":{"__a__":{"type":"string"}},)";
  EXPECT_TRUE(HasError(ImportCacao(document.json()).findings, "limit"));
  document = One(StrCat(R"({"type":"http-api","command":"POST /)", text, " HTTP/1.1\"}"));
  document.more = R"("playbook_variables":{"__a__":{"type":"string"}},)";
  EXPECT_TRUE(HasError(ImportCacao(document.json()).findings, "limit"));
}

TEST(Hostile, CasesOfANumberAreNumbers) {
  for (const char* name : {"nan", "inf", "-inf", "0x10", " 12", "12 ", "1e999", "", "1,2", "--1"}) {
    Document document = One(kTell);
    document.first = Id("switch-condition", 1);
    document.more = R"("playbook_variables":{"__n__":{"type":"integer"}},)";
    document.steps[document.first] = StrCat(R"({"type":"switch-condition","switch":"__n__:value","cases":{")", name, "\":\"", Id("action", 1),
                                            "\",\"7\":\"", Id("action", 2), "\"},\"on_completion\":\"", kEnd, "\"}");
    document.steps[Id("action", 2)] = Manual(kTell);
    EXPECT_TRUE(HasError(ImportCacao(document.json()).findings, "condition")) << name;
  }
}

// A name cut in the middle of a character would make a record that can never be read again.
TEST(Hostile, TextsAreCutAtCharacters) {
  std::string umlauts;
  for (int i = 0; i < 3000; ++i) umlauts += "ä";
  Document document = One(StrCat("{\"type\":\"manual\",\"command\":\"x", umlauts, "\"}"));
  document.name = "a" + umlauts;
  document.more = StrCat("\"description\":\"a", umlauts, "\",");
  const CacaoImport made = ImportCacao(document.json());
  ASSERT_TRUE(made.ok()) << FormatCacaoFinding("x", made.findings.front());
  EXPECT_TRUE(IsValidUtf8(made.playbook.title()));
  EXPECT_TRUE(IsValidUtf8(made.playbook.about()));
  v1::Playbook read;
  EXPECT_TRUE(read.ParseFromString(made.playbook.SerializeAsString()));
  Document dangling = document;
  dangling.first = "b" + umlauts;
  for (const CacaoFinding& finding : Check(dangling)) EXPECT_TRUE(IsValidUtf8(finding.message)) << finding.rule;
}

}  // namespace
}  // namespace firebreak
