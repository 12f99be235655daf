#include "firebreak/snapshots/bundle_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;

struct Item {
  std::string name;
  std::string content;
  uint64_t start = 0;
  uint64_t end = 0;
};

OmsResource Signed(const Item& item) {
  OmsResource resource{item.name, "sha256", ToHex(Sha256(item.content).raw())};
  if (item.end > 0) {
    resource.shard_start = item.start;
    resource.shard_end = item.end;
  }
  return resource;
}

ContentPiece Piece(const Item& item) { return {item.name, ToHex(Sha256(item.content).raw()), item.start, item.end}; }

std::string Compare(const std::vector<Item>& listed, const std::vector<Item>& content) {
  BundleMatcher matcher;
  for (const Item& item : listed) matcher.AddSigned(Signed(item));
  for (const Item& item : content) matcher.AddContent(Piece(item));
  if (matcher.Equal()) return "";
  BundleDifference difference = matcher.Difference();
  for (const Item& item : listed) difference.AddSigned(Signed(item));
  for (const Item& item : content) difference.AddContent(Piece(item));
  const absl::Status status = difference.Finish();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(MessageOf(status));
}

TEST(BundleMatcher, TakesTheSameFilesInAnyOrder) {
  EXPECT_EQ(Compare({{"a", "1"}, {"b", "2"}, {"c/d", "3"}}, {{"c/d", "3"}, {"a", "1"}, {"b", "2"}}), "");
  EXPECT_EQ(Compare({{"a", "12", 0, 2}, {"a", "3", 2, 3}}, {{"a", "12", 0, 2}, {"a", "3", 2, 3}}), "");
  EXPECT_EQ(Compare({{".", "1"}}, {{"weights", "1"}}), "");
}

TEST(BundleMatcher, NamesWhatDiffers) {
  EXPECT_THAT(Compare({{"a", "1"}}, {{"a", "1"}, {"b", "2"}}), HasSubstr("file 'b' is not in the signature"));
  EXPECT_THAT(Compare({{"a", "1"}, {"b", "2"}}, {{"a", "1"}}), HasSubstr("signed file 'b' is missing from the content"));
  EXPECT_THAT(Compare({{"a", "1"}, {"b", "2"}}, {{"a", "1"}, {"b", "3"}}),
              HasSubstr(StrCat("file 'b' has sha256 ", ToHex(Sha256("3").raw()), ", signed was ", ToHex(Sha256("2").raw()))));
  EXPECT_THAT(Compare({{"a", "1"}, {"b", "2"}}, {{"a", "2"}, {"b", "1"}}), HasSubstr("file 'a' has sha256"));
  EXPECT_THAT(Compare({{"a", "1"}, {"a", "1"}}, {{"a", "1"}}), HasSubstr("the bundle lists 'a' twice"));
  EXPECT_THAT(Compare({{"a", "1"}, {"a", "1"}}, {{"a", "1"}, {"b", "1"}}), HasSubstr("'b' is not in the signature"));
  EXPECT_THAT(Compare({{"a", "12", 0, 2}}, {{"a", "12", 0, 2}, {"a", "3", 2, 3}}), HasSubstr("file 'a' is longer than signed, from byte 2"));
  EXPECT_THAT(Compare({{"a", "12", 0, 2}, {"a", "3", 2, 3}}, {{"a", "12", 0, 2}}), HasSubstr("file 'a' is shorter than signed, at byte 2"));
  EXPECT_THAT(Compare({{"a", "12", 0, 2}, {"a", "4", 2, 3}}, {{"a", "12", 0, 2}, {"a", "3", 2, 3}}), HasSubstr("from byte 2, signed was"));
  EXPECT_NE(Compare({{"a", "12", 0, 4}}, {{"a", "12", 0, 2}}), "");
  EXPECT_NE(Compare({{".", "1"}}, {{"a", "1"}, {"b", "1"}}), "");
  EXPECT_THAT(Compare({{".", "1"}}, {{"a", "2"}}), HasSubstr("file 'a' has sha256"));
}

TEST(BundleMatcher, ShowsTenDifferencesAndCountsTheRest) {
  std::vector<Item> listed, content;
  for (int i = 0; i < 25; ++i) listed.push_back({StrCat("f", i), "1"});
  for (int i = 0; i < 25; ++i) content.push_back({StrCat("f", i), "2"});
  const std::string all = Compare(listed, content);
  EXPECT_THAT(all, HasSubstr("; and 15 more"));
  EXPECT_EQ(std::count(all.begin(), all.end(), ';'), 10);
}

TEST(BundleMatcher, LooksAtASliceOfAListThatIsVeryLong) {
  constexpr int kFiles = 200'000;
  BundleMatcher matcher;
  OmsResource resource{"", "sha256", ToHex(Sha256("signed").raw())};
  ContentPiece piece{"", ToHex(Sha256("other").raw())};
  const auto name = [](int i) { return StrCat("f", i); };
  for (int i = 0; i < kFiles; ++i) {
    resource.name = name(i);
    matcher.AddSigned(resource);
    piece.path = resource.name;
    matcher.AddContent(piece);
  }
  ASSERT_FALSE(matcher.Equal());
  BundleDifference difference = matcher.Difference();
  for (int i = 0; i < kFiles; ++i) {
    resource.name = name(i);
    difference.AddSigned(resource);
  }
  EXPECT_GT(difference.files_held(), 40'000u);
  EXPECT_LE(difference.files_held(), 50'000u);
  for (int i = 0; i < kFiles; ++i) {
    resource.name = name(i);
    piece.path = resource.name;
    difference.AddContent(piece);
  }
  const std::string found(MessageOf(difference.Finish()));
  EXPECT_THAT(found, HasSubstr("signature and content differ: file 'f"));
  EXPECT_THAT(found, HasSubstr(" more; and others"));
}

}  // namespace
}  // namespace firebreak
