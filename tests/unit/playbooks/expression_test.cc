#include "firebreak/playbooks/expression.h"

#include <gtest/gtest.h>

#include <map>

#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/question.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

Value Text(std::string text) {
  Value value;
  value.set_string_value(std::move(text));
  return value;
}
Value Number(double number) {
  Value value;
  value.set_number_value(number);
  return value;
}

std::variant<DataType, ExpressionFault> TypeOf(const Reference& reference) {
  static const std::map<std::string, DataType> types = {
      {"$mode", DataType::EnumOf({"warn", "block"})},
      {"$decision", DataType::EnumOf({"approve", "deny"})},
      {"$models", DataType::ListOf(ValueType::kSnapshot)},
      {"$name", ValueType::kString},         {"$count", ValueType::kInt},
      {"$ratio", ValueType::kNumber},        {"$ok", ValueType::kBool},
      {"$wait", ValueType::kDuration},       {"$step.list", ValueType::kList},
      {"incident.kind", ValueType::kString}, {"$place", ValueType::kDeployment},
      {"$model", ValueType::kSnapshot}};
  const auto found = types.find(reference.text());
  if (found != types.end()) return found->second;
  return ExpressionFault{0, "unknown-reference", reference.text(), ""};
}

absl::StatusOr<Value> ValueOf(const Reference& reference) {
  if (reference.text() == "$name") return Text("100");
  if (reference.text() == "$count") return Number(50);
  if (reference.text() == "$wait") return Text("90s");
  if (reference.text() == "incident.kind") return Text("drift");
  return absl::FailedPreconditionError(reference.text() + " has no value");
}

std::string Check(std::string_view text) {
  auto parsed = ParseExpression(text);
  if (auto* fault = std::get_if<ExpressionFault>(&parsed))
    return StrCat(fault->rule, "@", fault->offset, ": ", fault->message);
  auto type = CheckExpression(std::get<ParsedExpression>(parsed), TypeOf);
  if (auto* fault = std::get_if<ExpressionFault>(&type))
    return StrCat(fault->rule, "@", fault->offset, ": ", fault->message);
  return TypeName(std::get<DataType>(type));
}

TEST(Expression, KnowsItsTypeOrSaysWhereItIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"$name", "string"},
      {"$count < 5", "bool"},
      {"$count < 5.5", "bool"},
      {"$wait >= 10m", "bool"},
      {"$name == \"a\" and ($ok or not $count != 3)", "bool"},
      {"incident.kind == \"x\"", "bool"},
      {"$place == $name", "bool"},
      {"$place == $model", "type@7: cannot compare deployment with snapshot"},
      {"$mode == \"warn\"", "bool"},
      {"$mode == \"war\"", "never-equal@9: \"war\" is no enum<warn|block>"},
      {"\"war\" != $mode", "never-equal@0: \"war\" is no enum<warn|block>"},
      {"$mode == $decision", "never-equal@6: enum<warn|block> and enum<approve|deny> have no value in common"},
      {"$mode == $name", "bool"},
      {"$mode in [\"warn\", $name]", "bool"},
      {"$mode in [\"warm\"]", "never-equal@10: \"warm\" is no enum<warn|block>"},
      {"$model in $models and \"x\" in $step.list", "bool"},
      {"$place in $models", "type@7: deployment is never in a list<snapshot>"},
      {"$count in [1, 2.5]", "bool"},
      {"$count in [1, \"2\"]", "type@14: a list of int holds no string"},
      {"$name in []", "bool"},
      {"[[1]] == 1", "type@1: a list holds no lists"},
      {"count($models) + 1", "syntax@15: a character that no expression has"},
      {"count($models)", "int"},
      {"empty($models)", "bool"},
      {"count $models", "syntax@6: 'count' needs a list in parentheses"},
      {"empty($name)", "type@6: 'empty' needs a list, this is string"},
      {"[1, 2", "syntax@0: '[' without its ']'"},
      {"$wait == 90s", "bool"},
      {"$wait == $wait", "type@6: two durations may be equal though they are written differently (60s and 1m)"},
      {"$name < $name", "type@6: values of type string have no order"},
      {"$name == 5", "type@6: cannot compare string with int"},
      {"\"100\" < \"50\"",
       "type@6: \"100\" and \"50\" are texts, and texts have no order (letter by letter \"100\" would come before \"50\")"},
      {"$ok and $count", "type@8: 'and' needs a bool, this is int"},
      {"not $name", "type@4: 'not' needs a bool, this is string"},
      {"$step.list == $step.list", "type@11: lists cannot be compared"},
      {"$nobody == 1", "unknown-reference@0: $nobody"},
      {"$wait < 3", "type@6: cannot compare duration with int"},
      {"", "syntax@0: a value is missing before 'end of the expression'"},
      {"$", "syntax@0: '$' needs a name after it"},
      {"$a.", "syntax@3: '$a.' needs a field name after the dot"},
      {"gate.decision == \"x\"", "syntax@0: 'gate.decision' is not a value"},
      {"gate", "syntax@0: 'gate' is not a value"},
      {"$count = 3", "syntax@7: '=' compares nothing"},
      {"$ok && $ok", "syntax@4: '&' is not an operator"},
      {"($ok", "syntax@0: '(' without its ')'"},
      {"$ok)", "syntax@3: unexpected ')'"},
      {"\"open", "syntax@0: text without its closing quote"},
      {"$count == 5x", "syntax@10: '5x' is neither a number nor a duration"},
      {"1 < 2 < 3", "syntax@6: unexpected '<'"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(Check(text), expected) << text;
}

TEST(Expression, RefusesWhatIsTooLongOrTooDeep) {
  EXPECT_EQ(Check(std::string(5000, ' ')), "limit@0: expression is longer than 4096 bytes");
  EXPECT_NE(Check(std::string(100, '(') + "$ok" + std::string(100, ')')).find("nested"), std::string::npos);
  std::string nots;
  for (int i = 0; i < 100; ++i) nots += "not ";
  EXPECT_NE(Check(nots + "$ok").find("nested"), std::string::npos);
}

TEST(Expression, ComparesNumbersAsNumbersAndDurationsAsTime) {
  const std::pair<const char*, bool> cases[] = {{"$count < 100", true},
                                                {"100 < $count", false},
                                                {"$wait == \"90s\"", true},
                                                {"$wait < 2m", true},
                                                {"$wait >= 1m30s", true},
                                                {"incident.kind != \"x\"", true},
                                                {"not (1 == 1)", false},
                                                {"1 == 1 or $nothing == 1", true},
                                                {"1 == 2 and $nothing == 1", false},
                                                {"-3 < 2", true},
                                                {"true == true", true},
                                                {"$wait == 1m30s", true},
                                                {"$wait != 90000ms", false},
                                                {"\"90s\" == \"1m30s\"", false},
                                                {"$name in [\"1\", \"100\"]", true},
                                                {"$count in [49, 51]", false},
                                                {"count([1, 2, 3]) == 3", true},
                                                {"empty([]) and not empty([1])", true},
                                                {"\"x\" in []", false},
                                                {"$wait in [1m, 90000ms]", true},
                                                {"1m in [61s]", false}};
  for (const auto& [text, expected] : cases) {
    const absl::StatusOr<Value> value = EvaluateText(text, ValueOf);
    ASSERT_TRUE(value.ok()) << text << ": " << value.status();
    EXPECT_EQ(value->bool_value(), expected) << text;
  }
}

TEST(Expression, IsParsedOnceAndEvaluatedOften) {
  const ParsedExpression parsed = std::get<ParsedExpression>(ParseExpression("$count < 60 and incident.kind == \"drift\""));
  const ParsedExpression copy = parsed;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(EvaluateCondition(parsed, ValueOf).value(), true);
    EXPECT_EQ(EvaluateCondition(copy, ValueOf).value(), true);
  }
  const ParsedExpression number = std::get<ParsedExpression>(ParseExpression("$count"));
  EXPECT_EQ(EvaluateCondition(number, ValueOf).status().code(), absl::StatusCode::kInvalidArgument);
}

std::string Implications(std::string_view text, bool holds) {
  const Implied implied = ImpliedBy(std::get<ParsedExpression>(ParseExpression(text)), holds);
  std::string all;
  for (const std::string& name : implied.approved) StrAppend(&all, name, "! ");
  for (const std::string& name : implied.done) StrAppend(&all, name, " ");
  return all;
}

TEST(Expression, KnowsWhichApprovalsAConditionMakesSure) {
  EXPECT_EQ(Implications("$a.approved", true), "a! ");
  EXPECT_EQ(Implications("$a.approved", false), "");
  EXPECT_EQ(Implications("not $a.approved", false), "a! ");
  EXPECT_EQ(Implications("$a.approved and $b.decision == \"approve\" and $c.ok", true), "a! b! c ");
  EXPECT_EQ(Implications("$a.approved or $b.approved", true), "");
  EXPECT_EQ(Implications("$a.approved or ($b.ok and $a.approved)", true), "a! ");
  EXPECT_EQ(Implications("not ($a.approved and $b.approved)", false), "a! b! ");
  EXPECT_EQ(Implications("not $a.approved or not $b.ok", false), "a! b ");
  EXPECT_EQ(Implications("$a.decision != \"deny\"", true), "a! ");
  EXPECT_EQ(Implications("\"deny\" == $a.decision", true), "");
  EXPECT_EQ(Implications("\"deny\" == $a.decision", false), "a! ");
  EXPECT_EQ(Implications("$a.approved == false", false), "a! ");
  EXPECT_EQ(Implications("$approved", true), "");
}

TEST(Expression, KnowsWhatIsTheSameWhateverTheValuesAre) {
  const auto constant = [](std::string_view text) {
    return ConstantCondition(std::get<ParsedExpression>(ParseExpression(text)));
  };
  EXPECT_EQ(constant("true"), true);
  EXPECT_EQ(constant("1 < 2 and not false"), true);
  EXPECT_EQ(constant("$x and false"), false);
  EXPECT_EQ(constant("$x or 1 == 1"), true);
  EXPECT_EQ(constant("3 in [1, 2]"), false);
  EXPECT_EQ(constant("$x"), std::nullopt);
  EXPECT_EQ(constant("$x and true"), std::nullopt);
}

TEST(Expression, NeverTreatsTextAsCode) {
  const auto lookup = [](const Reference&) -> absl::StatusOr<Value> { return Text("\" or true or \""); };
  const absl::StatusOr<Value> value = EvaluateText("$name == \"x\"", lookup);
  ASSERT_TRUE(value.ok());
  EXPECT_FALSE(value->bool_value());
}

TEST(Expression, SaysWhatHasNoValue) {
  EXPECT_EQ(EvaluateText("$gone == 1", ValueOf).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(EvaluateText("$name == 1", ValueOf).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Question, ShowsValuesAndLeavesOtherBracesAlone) {
  EXPECT_EQ(ResolveText("Roll {$name} back? {incident.kind} {x} {$gone}", ValueOf),
            "Roll 100 back? drift {x} (unknown)");
  EXPECT_EQ(ResolveText("{$name}{$count}", ValueOf), "10050");
  EXPECT_EQ(ResolveText("", ValueOf), "");
  EXPECT_TRUE(std::holds_alternative<ExpressionFault>(ReferencesInText("Roll {$name")));
  EXPECT_EQ(std::get<ExpressionFault>(ReferencesInText("Roll {$name")).offset, 5u);
}

TEST(ValueTypes, ReadDurationsExactly) {
  EXPECT_EQ(ParseSpan("1h30m"), absl::Minutes(90));
  EXPECT_EQ(ParseSpan("500ms"), absl::Milliseconds(500));
  for (const char* bad : {"", "10", "m", "-1s", "1.5h", "1y", "31d", "99999999999s", "1s1"})
    EXPECT_FALSE(ParseSpan(bad)) << bad;
}

TEST(ValueTypes, TakeTextForReferencesButNeverOneReferenceForAnother) {
  EXPECT_TRUE(Accepts(ValueType::kSnapshot, ValueType::kString));
  EXPECT_TRUE(Accepts(ValueType::kString, ValueType::kDeployment));
  EXPECT_TRUE(Accepts(ValueType::kNumber, ValueType::kInt));
  EXPECT_FALSE(Accepts(ValueType::kInt, ValueType::kNumber));
  EXPECT_FALSE(Accepts(ValueType::kSnapshot, ValueType::kDeployment));
  EXPECT_FALSE(ValueMatches(Number(1.5), ValueType::kInt));
  EXPECT_FALSE(ValueMatches(Text(""), ValueType::kDeployment));
  EXPECT_TRUE(Accepts(ValueType::kString, DataType::EnumOf({"a"})));
  EXPECT_FALSE(Accepts(DataType::EnumOf({"a"}), ValueType::kString));
  EXPECT_TRUE(Accepts(DataType::EnumOf({"a", "b"}), DataType::EnumOf({"a"})));
  EXPECT_FALSE(Accepts(DataType::EnumOf({"a"}), DataType::EnumOf({"a", "b"})));
  EXPECT_TRUE(Accepts(DataType::ListOf(ValueType::kSnapshot), DataType::ListOf(ValueType::kString)));
  EXPECT_FALSE(Accepts(DataType::ListOf(ValueType::kSnapshot), DataType::ListOf(ValueType::kDeployment)));
}

TEST(ValueTypes, AreWrittenAsTheyAreRead) {
  for (const char* text : {"int", "list<snapshot>", "enum<approve|deny>", "enum<one>", "deployment"}) {
    const std::optional<DataType> type = ParseType(text);
    ASSERT_TRUE(type) << text;
    EXPECT_EQ(TypeName(*type), text);
  }
  EXPECT_EQ(*ParseType("list"), DataType::ListOf(ValueType::kString));
  for (const char* bad : {"", "text", "list<", "list<x>", "list<list>", "list<list<int>>", "enum<>", "enum<a|>", "int<a>"})
    EXPECT_FALSE(ParseType(bad)) << bad;
  Value list;
  *list.mutable_list_value()->add_values() = Text("a");
  EXPECT_TRUE(ValueMatches(list, *ParseType("list")));
  EXPECT_FALSE(ValueMatches(list, *ParseType("list<int>")));
  EXPECT_TRUE(ValueMatches(Text("a"), *ParseType("enum<a|b>")));
  EXPECT_FALSE(ValueMatches(Text("c"), *ParseType("enum<a|b>")));
}

}  // namespace
}  // namespace firebreak
