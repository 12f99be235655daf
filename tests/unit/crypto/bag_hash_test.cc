#include "firebreak/crypto/bag_hash.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "firebreak/crypto/hash_stream.h"
#include "firebreak/crypto/sign.h"

namespace firebreak {
namespace {

BagSum SumOf(const BagKey& key, const std::vector<const char*>& elements) {
  BagSum sum;
  for (const char* element : elements) sum.Add(key.Hash(element));
  return sum;
}

TEST(BagHash, TellsWhatIsInABagAndNotItsOrder) {
  const BagKey key;
  EXPECT_EQ(SumOf(key, {"a", "b", "c"}), SumOf(key, {"c", "a", "b"}));
  EXPECT_EQ(SumOf(key, {"a", "a", "b"}), SumOf(key, {"a", "b", "a"}));
  EXPECT_NE(SumOf(key, {"a", "a", "b"}), SumOf(key, {"a", "b"}));
  EXPECT_NE(SumOf(key, {"a", "a", "b"}), SumOf(key, {"a", "b", "b"}));
  EXPECT_NE(SumOf(key, {"a", "a"}), SumOf(key, {"b", "b"}));
  EXPECT_NE(SumOf(key, {"a"}), SumOf(key, {}));
  EXPECT_NE(SumOf(key, {"a"}), SumOf(BagKey(), {"a"}));
}

TEST(BagHash, CarriesFromWordToWord) {
  constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();
  BagSum sum;
  sum.Add({kAll, kAll, kAll, 1});
  sum.Add({1, 0, 0, 0});
  EXPECT_EQ(sum.sum, (BagElement{0, 0, 0, 2}));
  sum.Add({kAll, kAll, kAll, kAll});
  sum.Add({kAll, kAll, kAll, kAll});
  EXPECT_EQ(sum.sum, (BagElement{kAll - 1, kAll, kAll, 1}));
}

TEST(EcKeys, SignAndVerifyWhatWasHashedBeforeAsTheyDoTheMessage) {
  for (const EcCurve curve : {EcCurve::kP256, EcCurve::kP384, EcCurve::kP521}) {
    const EcPrivateKey key = *EcPrivateKey::Generate(curve);
    HashStream stream(HashOf(curve));
    stream.Update("mess");
    stream.Update("age");
    const std::string hash = stream.Finish();
    EXPECT_TRUE(key.public_key().VerifyHashed(hash, *key.Sign("message")).ok());
    EXPECT_TRUE(key.public_key().Verify("message", *key.SignHashed(hash)).ok());
    EXPECT_EQ(key.public_key().VerifyHashed(hash, *key.Sign("another")).code(), absl::StatusCode::kDataLoss);
    EXPECT_FALSE(key.public_key().VerifyHashed(hash.substr(1), *key.Sign("message")).ok());
    EXPECT_FALSE(key.public_key().VerifyHashed("", *key.Sign("message")).ok());
    EXPECT_FALSE(key.SignHashed(hash + "x").ok());
    EXPECT_FALSE(EcPrivateKey::Generate(curve)->public_key().VerifyHashed(hash, *key.Sign("message")).ok());
  }
}

}  // namespace
}  // namespace firebreak
