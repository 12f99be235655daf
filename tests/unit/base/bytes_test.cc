#include "firebreak/base/bytes.h"

#include <gtest/gtest.h>

#include "firebreak/base/random.h"

namespace firebreak {
namespace {

TEST(Hex, WritesLowercaseAndReadsOnlyThat) {
  EXPECT_EQ(ToHex(std::string("\x00\xff\x1a", 3)), "00ff1a");
  EXPECT_EQ(*FromHex("00ff1a"), std::string("\x00\xff\x1a", 3));
  EXPECT_EQ(*FromHex(""), "");
  for (const char* bad : {"0", "0g", "FF", " 0", "0x"}) EXPECT_FALSE(FromHex(bad).ok()) << bad;
}

TEST(Base64, FollowsTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},  {"foob", "Zm9vYg=="},  {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(ToBase64(plain), encoded);
    EXPECT_EQ(*FromBase64(encoded), plain);
  }
}

TEST(Base64, ReadsBothAlphabetsWithAndWithoutPadding) {
  const std::string bytes("\xfb\xff\xfe\x01", 4);
  EXPECT_EQ(ToBase64(bytes), "+//+AQ==");
  EXPECT_EQ(ToBase64Url(bytes), "-__-AQ");
  for (const char* text : {"+//+AQ==", "-__-AQ==", "+//+AQ", "-__-AQ"}) EXPECT_EQ(*FromBase64(text), bytes) << text;
}

TEST(Base64, RefusesTextThatStandsForNothing) {
  for (const char* bad : {"A", "AAAAA", "AA=A", "AA===", "====", "=", "AAA==", "A A=", "AA==\n", "AB==", "AAB=", "Zg=", "A.==",
                          "\xc3\xa4" "AA"}) {
    EXPECT_FALSE(FromBase64(bad).ok()) << bad;
  }
}

TEST(Base64, ReturnsEveryRandomValueUnchanged) {
  SeededRandom random(20261120);
  for (size_t size = 0; size < 100; ++size) {
    const std::string bytes = random.Bytes(size);
    EXPECT_EQ(*FromBase64(ToBase64(bytes)), bytes);
    EXPECT_EQ(*FromBase64(ToBase64Url(bytes)), bytes);
    EXPECT_EQ(*FromHex(ToHex(bytes)), bytes);
  }
}

TEST(BigEndian, SortsAsTheNumber) {
  EXPECT_EQ(ToBigEndian64(0x0102030405060708), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_LT(ToBigEndian64(255), ToBigEndian64(256));
  EXPECT_LT(ToBigEndian64(1), ToBigEndian64(UINT64_MAX));
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_EQ(FromBigEndian64(ToBigEndian64(value)), value);
  }
}

TEST(Utf8, AcceptsExactlyTheWellFormed) {
  for (const char* good : {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\xa5", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf4\x8f\xbf\xbf", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"}) {
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "ok\xe2\x82", "\xe2\x28\xa1", "\xf0\x9f\x94"}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << ToHex(bad);
  }
}

TEST(NearestName, FindsTheClosestAndNothingFarAway) {
  EXPECT_EQ(NearestName("fraud-prd", {"claims-prod", "fraud-prod", "fraud-test"}), "fraud-prod");
  EXPECT_EQ(NearestName("fraud", {"fraud"}), "fraud");
  EXPECT_EQ(NearestName("zzzz", {"fraud-prod"}), "");
  EXPECT_EQ(NearestName("", {"a"}), "");
  EXPECT_EQ(NearestName("a", {}), "");
  EXPECT_EQ(NearestName("ab", {"ax"}), "ax");
  EXPECT_EQ(NearestName("ab", {"xy"}), "");
}

}  // namespace
}  // namespace firebreak
