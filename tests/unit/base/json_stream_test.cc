#include "firebreak/base/json_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "firebreak/base/text.h"

namespace firebreak {
namespace {

using google::protobuf::Value;
using ::testing::HasSubstr;

struct Read {
  absl::StatusOr<JsonDocument> document;
  std::vector<std::string> elements;
};

// In pieces of so many bytes.
Read ReadIn(std::string_view text, size_t piece_bytes, const JsonLimits& limits = {}) {
  Read read{absl::UnknownError(""), {}};
  JsonParts parts;
  parts.list_path = {"a", "list"};
  parts.element = [&](const Value& element) {
    read.elements.push_back(PrintJson(element));
    return absl::OkStatus();
  };
  parts.text_path = {"b", "long"};
  std::string piece;   // a copy, so that whoever keeps a look at an earlier one is caught
  size_t at = 0;
  read.document = ReadJson(
      [&]() -> absl::StatusOr<std::string_view> {
        piece = std::string(text.substr(at, piece_bytes));
        at += piece.size();
        return std::string_view(piece);
      },
      limits, parts);
  return read;
}

constexpr std::string_view kText =
    R"( {"x":[1,{"list":[2]}],"a":{"é":"ü\u00e4😀","list":[{"n":"\"]}"},[],7,"s",null,{"list":[1,2]}],"after":[true]},)"
    R"("b":{"list":["kept"],"long":"quo\"te \\ \/ \u0041 ü","more":"\\"}} )";

TEST(ReadJson, GivesTheSameWhereverItsPiecesAreCut) {
  const Read whole = ReadIn(kText, kText.size());
  ASSERT_TRUE(whole.document.ok()) << whole.document.status();
  EXPECT_EQ(PrintJson(whole.document->root),
            R"({"a":{"after":[true],"list":[],"é":"üä😀"},"b":{"list":["kept"],"long":"","more":"\\"},"x":[1,{"list":[2]}]})");
  EXPECT_THAT(whole.elements, ::testing::ElementsAre(R"({"n":"\"]}"})", "[]", "7", R"("s")", "null", R"({"list":[1,2]})"));
  EXPECT_EQ(whole.document->elements, 6u);
  ASSERT_TRUE(whole.document->text);
  const JsonPlace place = *whole.document->text;
  EXPECT_EQ(kText.substr(place.begin, place.end - place.begin), R"(quo\"te \\ \/ \u0041 ü)");
  for (size_t bytes = 1; bytes < kText.size(); ++bytes) {
    const Read cut = ReadIn(kText, bytes);
    ASSERT_TRUE(cut.document.ok()) << bytes << cut.document.status();
    EXPECT_EQ(PrintJson(cut.document->root), PrintJson(whole.document->root)) << bytes;
    EXPECT_EQ(cut.elements, whole.elements) << bytes;
    EXPECT_EQ(cut.document->text->begin, place.begin) << bytes;
    EXPECT_EQ(cut.document->text->end, place.end) << bytes;
  }
}

TEST(ReadJson, RefusesTheSameWhereverItsPiecesAreCut) {
  const std::vector<std::pair<std::string, const char*>> cases = {
      {"", "json at byte 0"},
      {R"({"a":{"list":[1,2)", "json at byte"},
      {R"({"a":{"list":[1,]}})", "json at byte"},
      {R"({"a":{"list":[{"x":1,"x":2}]}})", "appears twice"},
      {R"({"a":{"list":[],"list":[]}})", "appears twice"},
      {R"({"b":{"long":"x","long":"y"}})", "appears twice"},
      {R"({"b":{"long":"x","l\u006fng":"y"}})", "appears twice"},
      {R"({"b":{"long":"never ended)", "json at byte"},
      {R"({"b":{"long":"never ended\"})", "json at byte"},
      {"{\"b\":{\"long\":\"line\nfeed\"}}", "json at byte"},
      {R"({"a":1}{"a":1})", "json at byte"},
      {"{\"a\":\"\xc3\"}", "json"},   // not UTF-8, or not a string's end, whichever shows first
      {"{\"b\":{\"long\":\"\xc3\"}}", "not valid UTF-8"},
      {"{\"a\":1} \xe2\x82", "json"},
      {std::string("{\"a\":1}\0", 8), "zero byte"},
      {std::string("{\"b\":{\"long\":\"\0\"}}", 18), "zero byte"},
      {R"({"a":{"list":["\ud800"]}})", "surrogate"},
      {R"({"a":{"list":[)" + std::string(70, '[') + std::string(70, ']') + "]}}", "nested deeper"},
  };
  for (const auto& [text, refusal] : cases) {
    for (size_t bytes = 1; bytes <= text.size() + 1; ++bytes) {
      const absl::Status status = ReadIn(text, bytes).document.status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text << bytes;
      EXPECT_THAT(std::string(status.message()), HasSubstr(refusal)) << text << bytes;
    }
  }
}

TEST(ReadJson, LeavesOnlyATextAtThePathAndOnlyAListThere) {
  EXPECT_FALSE(ReadIn(R"({"b":{"long":7,"next":"kept"}})", 3).document->text);
  EXPECT_EQ(PrintJson(ReadIn(R"({"b":{"long":{"k":"kept"}}})", 3).document->root), R"({"b":{"long":{"k":"kept"}}})");
  EXPECT_EQ(PrintJson(ReadIn(R"({"b":[{"long":"kept"}]})", 3).document->root), R"({"b":[{"long":"kept"}]})");
  EXPECT_EQ(PrintJson(ReadIn(R"({"a":{"list":"kept"}})", 3).document->root), R"({"a":{"list":"kept"}})");
  EXPECT_EQ(PrintJson(ReadIn(R"({"a":[{"list":[1]}]})", 3).document->root), R"({"a":[{"list":[1]}]})");
}

TEST(ReadJson, HoldsNoMoreThanItsLimitOfWhatItWasNotAskedToLeave) {
  JsonLimits limits;
  limits.size_bytes_max = 1000;
  limits.values_max = 50;
  std::string many = R"({"a":{"list":[)";
  for (int i = 0; i < 5000; ++i) many += StrCat(i == 0 ? "" : ",", R"({"n":)", i, R"(,"m":["x","y"]})");
  many += "]}}";
  const std::string text = StrCat(R"({"b":{"long":")", std::string(50'000, 'x'), "\"}}");
  const std::string element = StrCat(R"({"a":{"list":[")", std::string(2000, 'x'), "\"]}}");
  const std::string other = StrCat(R"({"c":")", std::string(2000, 'x'), "\"}");
  const std::string key = StrCat("{\"", std::string(2000, 'x'), "\":1}");
  const std::string blank = StrCat("{", std::string(2000, ' '), "\"x\":1}");
  const std::string number = StrCat("[0.", std::string(2000, '0'), "]");
  for (const size_t bytes : {size_t{1}, size_t{100}, size_t{1} << 20}) {
    const Read good = ReadIn(many, bytes, limits);
    EXPECT_TRUE(good.document.ok()) << good.document.status();
    EXPECT_EQ(good.elements.size(), 5000u);
    EXPECT_TRUE(ReadIn(text, bytes, limits).document.ok());
    for (const std::string& bad : {element, other, key, blank, number}) {
      EXPECT_THAT(std::string(ReadIn(bad, bytes, limits).document.status().message()), HasSubstr("would have to be held")) << bytes;
    }
  }
  std::string values = "[0";
  for (int i = 0; i < 60; ++i) values += ",0";
  EXPECT_THAT(std::string(ReadIn(values + "]", 7, limits).document.status().message()), HasSubstr("more than 50 values"));
  EXPECT_THAT(std::string(ReadIn(R"({"a":{"list":[)" + values + "]]}}", 7, limits).document.status().message()),
              HasSubstr("more than 50 values"));
}

TEST(ReadJson, AnswersTheErrorsOfWhoeverGivesAndTakes) {
  int given = 0;
  const auto broken = [&]() -> absl::StatusOr<std::string_view> {
    if (given++ == 0) return std::string_view("{\"a\":");
    return absl::UnavailableError("the disk is gone");
  };
  EXPECT_EQ(ReadJson(broken, {}, {}).status().message(), "the disk is gone");
  JsonParts parts;
  parts.list_path = {"a"};
  int taken = 0;
  parts.element = [&](const Value&) { return ++taken == 2 ? absl::AbortedError("enough") : absl::OkStatus(); };
  bool given_once = false;
  const auto text = [&]() -> absl::StatusOr<std::string_view> {
    return std::exchange(given_once, true) ? std::string_view() : std::string_view(R"({"a":[1,2,3]})");
  };
  EXPECT_EQ(ReadJson(text, {}, parts).status(), absl::AbortedError("enough"));
  EXPECT_EQ(taken, 2);
}

TEST(ReadJson, CountsElementsThatNobodyTakesWithoutTakingBadOnes) {
  const auto count = [](std::string_view whole) -> absl::StatusOr<uint64_t> {
    bool given = false;
    JsonParts parts;
    parts.list_path = {"a"};
    const absl::StatusOr<JsonDocument> document = ReadJson(
        [&]() -> absl::StatusOr<std::string_view> { return std::exchange(given, true) ? std::string_view() : whole; }, {}, parts);
    if (!document.ok()) return document.status();
    return document->elements;
  };
  EXPECT_EQ(*count(R"({"a":[{"x":[{"y":1}]},[[]],3],"b":4})"), 3u);
  EXPECT_EQ(*count(R"({"a":[]})"), 0u);
  EXPECT_FALSE(count(R"({"a":[{"x":1,}]})").ok());
  EXPECT_FALSE(count(R"({"a":[)" + std::string(100, '[') + std::string(100, ']') + "]}").ok());
  EXPECT_FALSE(count(R"({"a":["\ud800"]})").ok());
}

}  // namespace
}  // namespace firebreak
