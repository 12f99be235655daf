#include "firebreak/crypto/seal.h"

#include <gtest/gtest.h>

#include "firebreak/base/bytes.h"

namespace firebreak {
namespace {

TEST(Seal, OpensToWhatWasSealed) {
  SeededRandom random(1);
  const std::string key = NewSealKey(random);
  for (const std::string& plain : {std::string(), std::string("x"), std::string("\0secret", 7), std::string(100000, 'a')}) {
    for (const char* place : {"", "destination/siem"}) {
      const auto sealed = Seal(key, plain, place, random);
      ASSERT_TRUE(sealed.ok()) << sealed.status();
      EXPECT_EQ(sealed->size(), plain.size() + 28);
      const auto opened = Open(key, *sealed, place);
      ASSERT_TRUE(opened.ok()) << opened.status();
      EXPECT_EQ(*opened, plain);
    }
  }
}

TEST(Seal, NeverGivesTheSameTextTwice) {
  SeededRandom random(1);
  const std::string key = NewSealKey(random);
  EXPECT_NE(*Seal(key, "same", "", random), *Seal(key, "same", "", random));
}

TEST(Seal, NoticesEveryChangedBit) {
  SeededRandom random(2);
  const std::string key = NewSealKey(random);
  const std::string sealed = *Seal(key, "token", "place", random);
  for (size_t at = 0; at < sealed.size() * 8; ++at) {
    std::string changed = sealed;
    changed[at / 8] = static_cast<char>(changed[at / 8] ^ (1 << (at % 8)));
    EXPECT_EQ(Open(key, changed, "place").status().code(), absl::StatusCode::kDataLoss) << at;
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(Open(key, sealed.substr(0, size), "place").status().code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(Open(key, sealed + "x", "place").status().code(), absl::StatusCode::kDataLoss);
}

TEST(Seal, BelongsToItsKeyAndItsPlace) {
  SeededRandom random(3);
  const std::string key = NewSealKey(random);
  const std::string sealed = *Seal(key, "token", "place", random);
  EXPECT_EQ(Open(NewSealKey(random), sealed, "place").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Open(key, sealed, "elsewhere").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Open("short", sealed, "place").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Seal("short", "x", "", random).status().code(), absl::StatusCode::kInvalidArgument);
}

// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14: key, nonce and block of zeros.
TEST(Seal, IsAes256Gcm) {
  const std::string sealed = std::string(12, '\0') + *FromHex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  EXPECT_EQ(*Open(std::string(32, '\0'), sealed, ""), std::string(16, '\0'));
}

}  // namespace
}  // namespace firebreak
