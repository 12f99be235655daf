#include "firebreak/crypto/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/ca.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;

std::string Der(const std::string& pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----\n";
  const size_t begin = pem.find(kBegin) + kBegin.size();
  std::string text = pem.substr(begin, pem.find("-----END", begin) - begin);
  std::erase(text, '\n');
  return *FromBase64(text);
}

// A root, an intermediate and a code-signing leaf on P-384, all valid from May 2025 to April 2035.
class Chain : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_VECTORS(folder, "oms/fixtures/keys/certificate");
    root_ = testing::ReadFile(folder / "ca-cert.pem");
    chain_ = {Der(testing::ReadFile(folder / "signing-key-cert.pem")), Der(testing::ReadFile(folder / "int-ca-cert.pem"))};
    key_pem_ = testing::ReadFile(folder / "signing-key-pub.pem");
  }
  absl::Status Verify(const std::vector<std::string>& chain, const std::string& roots, absl::Time now) {
    return VerifySigningChain(chain, roots, now).status();
  }

  std::string root_;
  std::vector<std::string> chain_;
  std::string key_pem_;
  const absl::Time now_ = absl::FromCivil(absl::CivilSecond(2026, 11, 20), absl::UTCTimeZone());
};

TEST_F(Chain, AnswersTheLeafsKeyWhenThePathIsGood) {
  const auto leaf = VerifySigningChain(chain_, root_, now_);
  ASSERT_TRUE(leaf.ok()) << leaf.status();
  EXPECT_EQ(leaf->key.key_id(), EcPublicKey::FromPem(key_pem_)->key_id());
  EXPECT_EQ(leaf->common_name, "intermediate-ca");
  EXPECT_EQ(Der(leaf->pem), chain_[0]);
}

TEST_F(Chain, IsRefusedBeforeAndAfterItsTime) {
  const absl::Status late = Verify(chain_, root_, now_ + absl::Hours(24 * 365 * 10));
  EXPECT_EQ(late.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(MessageOf(late)), HasSubstr("expired"));
  const absl::Status early = Verify(chain_, root_, now_ - absl::Hours(24 * 365 * 2));
  EXPECT_EQ(early.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(MessageOf(early)), HasSubstr("not yet valid"));
}

TEST_F(Chain, IsRefusedWithoutItsIntermediateOrItsRoot) {
  EXPECT_EQ(Verify({chain_[0]}, root_, now_).code(), absl::StatusCode::kPermissionDenied);
  const auto other = CertificateAuthority::Create("root-ca", now_, absl::Hours(24));
  EXPECT_EQ(Verify(chain_, other->cert_pem(), now_).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(Verify(chain_, other->cert_pem() + root_, now_).ok());
}

TEST_F(Chain, DoesNotTrustARootThatItBroughtAlong) {
  const auto other = CertificateAuthority::Create("other", now_, absl::Hours(24));
  EXPECT_EQ(Verify({chain_[0], chain_[1], Der(root_)}, other->cert_pem(), now_).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(Chain, IsRefusedWhenABitOfTheLeafChanged) {
  std::vector<std::string> chain = chain_;
  chain[0][chain[0].size() - 5] ^= 1;
  EXPECT_EQ(Verify(chain, root_, now_).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(Chain, IsRefusedWhenTheLeafMayNotSign) {
  const auto ca = CertificateAuthority::Create("ca", now_, absl::Hours(24));
  const auto server = ca->IssueServer({.names = {"localhost"}, .not_before = now_, .lifetime = absl::Hours(1)});
  const absl::Status status = Verify({Der(server->cert_pem)}, ca->cert_pem(), now_);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(MessageOf(status)), HasSubstr("not codeSigning"));
  // The authority's own certificate: keyCertSign only.
  EXPECT_EQ(Verify({Der(ca->cert_pem())}, ca->cert_pem(), now_).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(Chain, IsRefusedWhenSomethingDoesNotParse) {
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(Verify({}, root_, now_).code(), invalid);
  EXPECT_EQ(Verify(std::vector<std::string>(11, chain_[0]), root_, now_).code(), invalid);
  EXPECT_EQ(Verify({""}, root_, now_).code(), invalid);
  EXPECT_EQ(Verify({chain_[0] + "x", chain_[1]}, root_, now_).code(), invalid);
  EXPECT_EQ(Verify({chain_[0], "noise"}, root_, now_).code(), invalid);
  EXPECT_EQ(Verify(chain_, "", now_).code(), invalid);
  EXPECT_EQ(Verify(chain_, "noise", now_).code(), invalid);
  EXPECT_EQ(Verify(chain_, root_ + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", now_).code(), invalid);
}

}  // namespace
}  // namespace firebreak
