#include "firebreak/base/jcs.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>

#include "firebreak/base/json.h"

namespace firebreak {
namespace {

std::string Canonical(std::string_view text) {
  const auto value = ParseJson(text);
  EXPECT_TRUE(value.ok()) << value.status();
  const auto canonical = CanonicalJson(*value);
  EXPECT_TRUE(canonical.ok()) << canonical.status();
  return canonical.ok() ? *canonical : "";
}

// RFC 8785, appendix B.
TEST(CanonicalNumber, IsWrittenAsTheTableOfTheRfcSays) {
  const std::pair<uint64_t, std::string> table[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& [bits, text] : table) EXPECT_EQ(CanonicalNumber(std::bit_cast<double>(bits)), text);
}

TEST(CanonicalJson, GivesTheBytesOfTheExampleInTheRfc) {
  EXPECT_EQ(Canonical(R"({"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]})"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

// Section 3.2.3: a character beyond the BMP sorts by its surrogates, before U+FB33, although its code point is larger.
TEST(CanonicalJson, SortsMembersByUtf16CodeUnits) {
  EXPECT_EQ(Canonical(R"({"\u20ac":"Euro","\r":"CR","\ufb33":"Dalet","1":"One","\ud83d\ude00":"Grin","\u0080":"Control","\u00f6":"o"})"),
            "{\"\\r\":\"CR\",\"1\":\"One\",\"\xC2\x80\":\"Control\",\"ö\":\"o\",\"€\":\"Euro\",\"😀\":\"Grin\",\"\xEF\xAC\xB3\":\"Dalet\"}");
}

TEST(CanonicalJson, RefusesWhatHasNoCanonicalForm) {
  google::protobuf::Value value;
  value.set_number_value(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(CanonicalJson(value).status().code(), absl::StatusCode::kInvalidArgument);
  value.set_number_value(std::numeric_limits<double>::infinity());
  EXPECT_EQ(CanonicalJson(value).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace firebreak
