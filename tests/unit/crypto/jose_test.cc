#include "firebreak/crypto/jose.h"

#include <gtest/gtest.h>

#include "firebreak/base/bytes.h"
#include "firebreak/crypto/uuid.h"

namespace firebreak {
namespace {

std::string KindOf(const std::string& algorithm) {
  if (algorithm == "ES256") return "P-256";
  if (algorithm == "ES384") return "P-384";
  if (algorithm == "ES512") return "P-521";
  if (algorithm == "Ed25519") return "ED25519";
  if (algorithm == "Ed448") return "ED448";
  return "RSA";
}

TEST(Jose, SignsAndVerifiesWithEveryAlgorithmAndWithNoOther) {
  for (const std::string& algorithm : JoseAlgorithms()) {
    SCOPED_TRACE(algorithm);
    const auto key = JosePrivateKey::Generate(KindOf(algorithm));
    ASSERT_TRUE(key.ok()) << key.status();
    const auto signature = key->Sign(algorithm, "message");
    ASSERT_TRUE(signature.ok()) << signature.status();
    const JosePublicKey published = key->public_key();
    EXPECT_TRUE(published.Verify(algorithm, "message", *signature).ok());
    EXPECT_EQ(published.Verify(algorithm, "massage", *signature).code(), absl::StatusCode::kDataLoss);
    std::string damaged = *signature;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    EXPECT_EQ(published.Verify(algorithm, "message", damaged).code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(published.Verify(algorithm, "message", "").code(), absl::StatusCode::kDataLoss);
    for (const std::string& other : JoseAlgorithms()) {
      if (other == algorithm) continue;
      EXPECT_FALSE(published.Verify(other, "message", *signature).ok()) << other;
    }
    const auto again = JosePrivateKey::FromPem(key->ToPem());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->public_key().key_id(), published.key_id());
  }
}

TEST(Jose, WritesEcdsaAsTwoNumbersOfFixedWidth) {
  const auto key = JosePrivateKey::Generate("P-521");
  ASSERT_TRUE(key.ok());
  for (int i = 0; i < 8; ++i) EXPECT_EQ(key->Sign("ES512", std::string(1, static_cast<char>('a' + i)))->size(), 132u);
  EXPECT_EQ(key->default_algorithm(), "ES512");
}

TEST(Jose, RefusesAlgorithmsItDoesNotKnowAndKeysThatAreNone) {
  const auto key = JosePrivateKey::Generate("P-256");
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->Sign("none", "x").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(key->Sign("ES384", "x").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JosePublicKey::FromDer("nonsense").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JosePublicKey::FromPem("nonsense").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JosePublicKey::FromCertificate("nonsense").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JosePublicKey::FromDer(key->public_key().der() + "x").status().code(), absl::StatusCode::kInvalidArgument);
}

// RFC 9562, appendix A.4: www.example.com in the DNS namespace.
TEST(NameUuid, IsTheOneOfTheRfc) {
  EXPECT_EQ(NameUuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

}  // namespace
}  // namespace firebreak
