#include "firebreak/base/base64_reader.h"

#include <gtest/gtest.h>

#include "firebreak/base/bytes.h"
#include "firebreak/base/random.h"

namespace firebreak {
namespace {

// As text, or as its refusal.
std::string ReadIn(std::string_view text, size_t piece_bytes) {
  Base64Reader reader;
  std::string out;
  for (size_t at = 0; at < text.size(); at += piece_bytes) {
    const absl::Status status = reader.Add(text.substr(at, piece_bytes), out);
    if (!status.ok()) return "refused: " + std::string(status.message());
  }
  const absl::Status status = reader.Finish();
  return status.ok() ? out : "refused: " + std::string(status.message());
}

TEST(Base64Reader, GivesTheSameWhereverItsPiecesAreCut) {
  SeededRandom random(7);
  std::vector<std::string> texts = {"", "A", "AA", "AA=", "AA==", "AA===", "A===", "AAA=", "AAAA=", "AA==AAAA", "AB==", "AAB=", "AAAA====",
                                    "AA A", "AAAA\n", "=", "==", "====", "AAAA.AAA", "+_+_", "\xff\xff\xff\xff"};
  for (size_t size = 0; size < 40; ++size) {
    texts.push_back(ToBase64(random.Bytes(size)));
    texts.push_back(ToBase64Url(random.Bytes(size)));
  }
  for (const std::string& text : texts) {
    const std::string whole = ReadIn(text, text.size() + 1);
    for (size_t bytes = 1; bytes <= text.size(); ++bytes) EXPECT_EQ(ReadIn(text, bytes), whole) << text << " in " << bytes;
    const absl::StatusOr<std::string> at_once = FromBase64(text);
    EXPECT_EQ(at_once.ok() ? *at_once : "refused: " + std::string(at_once.status().message()), whole) << text;
  }
}

TEST(Base64Reader, NoticesBothAlphabetsInOneText) {
  for (const auto& [text, mixes] : std::vector<std::pair<std::string, bool>>{
           {"AAAA+AAA/AAA", false}, {"AAAA-AAA_AAA", false}, {"AAAA+AAAAAAA-AAA", true}, {"AA+_", true}, {"A_+A", true}}) {
    for (size_t bytes = 1; bytes <= text.size(); ++bytes) {
      Base64Reader reader;
      std::string out;
      for (size_t at = 0; at < text.size(); at += bytes) ASSERT_TRUE(reader.Add(text.substr(at, bytes), out).ok());
      EXPECT_EQ(reader.mixes_alphabets(), mixes) << text;
    }
  }
}

}  // namespace
}  // namespace firebreak
