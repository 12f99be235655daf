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

std::variant<ValueType, ExpressionFault> TypeOf(const Reference& reference) {
  static const std::map<std::string, ValueType> types = {
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
  return std::string(TypeName(std::get<ValueType>(type)));
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
      {"$place == $model", "bool"},
      {"$name < $name", "type@6: values of type string have no order"},
      {"$name == 5", "type@6: cannot compare string with int"},
      {"\"100\" < \"50\"", "type@6: values of type string have no order"},
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
                                                {"true == true", true}};
  for (const auto& [text, expected] : cases) {
    const absl::StatusOr<Value> value = EvaluateText(text, ValueOf);
    ASSERT_TRUE(value.ok()) << text << ": " << value.status();
    EXPECT_EQ(value->bool_value(), expected) << text;
  }
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
}

}  // namespace
}  // namespace firebreak
