#include "firebreak/base/json.h"

#include <gtest/gtest.h>

#include "firebreak/base/text.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {
namespace {

std::string Reprinted(std::string_view text) {
  const auto value = ParseJson(text);
  return value.ok() ? PrintJson(*value) : value.status().ToString();
}

TEST(Json, PrintsCompactInTheOrderOfNames) {
  EXPECT_EQ(Reprinted(R"( { "b" : [1, 2.5, -0, 1e2, true, null, "x"], "a": {} , "B":[]} )"),
            R"({"B":[],"a":{},"b":[1,2.5,0,100,true,null,"x"]})");
  for (const char* scalar : {"1", "\"x\"", "null", "true", "[]", "{}", "0.1", "9007199254740991", "-5"}) {
    EXPECT_EQ(Reprinted(scalar), scalar);
  }
}

TEST(Json, KeepsEveryNumberItCanHold) {
  EXPECT_EQ(Reprinted("0.1"), "0.1");
  EXPECT_EQ(Reprinted("8.0"), "8");
  EXPECT_EQ(Reprinted("1e300"), "1e+300");
  EXPECT_EQ(Reprinted("5e-324"), "5e-324");
  EXPECT_EQ(ParseJson("1e999").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Json, ReadsZerosWithAnExponentAndTheEndsOfTheRange) {
  for (const char* text : {"0e300", "-0e300", "0.000e-999", "1e-999"}) {
    const auto value = ParseJson(text);
    ASSERT_TRUE(value.ok()) << text << ": " << value.status();
    EXPECT_EQ(value->number_value(), 0) << text;
  }
  EXPECT_EQ(ParseJson("1.7976931348623157e308")->number_value(), 1.7976931348623157e308);
  EXPECT_EQ(ParseJson("-9007199254740991")->number_value(), -9007199254740991.0);
  for (const char* text : {"1e309", "-1e999", "01", "+1", ".5", "1.", "0x10", "NaN", "Infinity"}) EXPECT_FALSE(ParseJson(text).ok()) << text;
}

TEST(Json, RefusesWhatIsNotExactlyOneValue) {
  const std::string cases[] = {"", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "'x'", "01", "+1", "1.", ".5", "NaN", "Infinity",
                               "1 2", "{} x", "\"\x01\"", "\"\\x\"", "\"\\u12\"", "\"unclosed", "// c\n1", "\xef\xbb\xbf{}",
                               "tru", "nul", "[1 2]", "{\"a\" 1}", "\"\xff\"", "\"\xed\xa0\x80\"", "\"\\ud800\"",
                               "\"\\udc00\"", "\"\\ud800x\"", "{\"\\ud800\":1}", std::string("1\0", 2), std::string("1\0 2", 4)};
  for (const std::string& bad : cases) {
    EXPECT_EQ(ParseJson(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(Json, RefusesANameThatAppearsTwiceEvenWhenEscaped) {
  EXPECT_FALSE(ParseJson(R"({"a":1,"a":1})").ok());
  EXPECT_FALSE(ParseJson(R"({"a":1,"\u0061":2})").ok());
  EXPECT_FALSE(ParseJson(R"([{"x":{"a":1,"b":2,"a":3}}])").ok());
  EXPECT_TRUE(ParseJson(R"([{"a":1},{"a":1}])").ok());
  EXPECT_NE(MessageOf(ParseJson(R"({"a":1,"a":1})").status()).find("\"a\" appears twice"), std::string_view::npos);
}

TEST(Json, BoundsDepthAndSize) {
  const std::string deep = std::string(64, '[') + std::string(64, ']');
  EXPECT_TRUE(ParseJson(deep).ok());
  EXPECT_FALSE(ParseJson("[" + deep + "]").ok());
  EXPECT_FALSE(ParseJson(std::string(1000000, '[')).ok());
  EXPECT_FALSE(ParseJson("[[1]]", {.depth_max = 1}).ok());
  EXPECT_TRUE(ParseJson("[1,{\"a\":2}]", {.values_max = 4}).ok());
  EXPECT_FALSE(ParseJson("[1,{\"a\":2}]", {.values_max = 3}).ok());
  EXPECT_FALSE(ParseJson("[1,2]", {.size_bytes_max = 4}).ok());
  EXPECT_TRUE(ParseJson("[1,2]", {.size_bytes_max = 5}).ok());
}

TEST(Json, QuotesEverythingSoThatItReadsBack) {
  const std::string all("\"\\/\b\f\n\r\t\x01\x1f\x7f \xf0\x9f\x94\xa5\0z", 18);
  const auto value = ParseJson(QuoteJson(all));
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->string_value(), all);
  EXPECT_EQ(QuoteJson("a\xff" "b\xe2\x82"), "\"a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(Json, IndentsForPeople) {
  EXPECT_EQ(PrintJsonPretty(*ParseJson(R"({"b":[1,{}],"a":[]})")), "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ]\n}");
}

TEST(MessageJson, UsesTheNamesOfTheSchemaBothWays) {
  v1::Envelope envelope;
  envelope.set_payload_type("t");
  envelope.set_payload("\x01\x02");
  envelope.add_signatures()->set_key_id("k");
  const std::string json = MessageToJson(envelope);
  EXPECT_EQ(json, R"({"payload":"AQI=","payload_type":"t","signatures":[{"key_id":"k"}]})");
  v1::Envelope back;
  ASSERT_TRUE(JsonToMessage(json, back).ok());
  EXPECT_EQ(back.SerializeAsString(), envelope.SerializeAsString());
  ASSERT_TRUE(JsonToMessage(MessageToJsonPretty(envelope), back).ok());
  EXPECT_EQ(back.SerializeAsString(), envelope.SerializeAsString());
}

TEST(MessageJson, RefusesMembersThatAreUnknownOrTwice) {
  v1::Envelope envelope;
  EXPECT_EQ(JsonToMessage(R"({"payload_typo":"t"})", envelope).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JsonToMessage(R"({"payload_type":"t","payload_type":"u"})", envelope).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JsonToMessage(R"({"payload_type":5})", envelope).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JsonToMessage("", envelope).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JsonToMessage("[]", envelope).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace firebreak
