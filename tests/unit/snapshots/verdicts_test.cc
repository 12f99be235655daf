// What a gate may rely on when it is asked again, and what it may not.
#include "services/snapshots/verdicts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/crypto/hash.h"
#include "tests/unit/snapshots/signers_fixture.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;

class RememberedVerdict : public testing::SignersFixture {
 protected:
  // Signed content whose bundle the store can no longer answer.
  v1::Snapshot WithLostBundle() {
    const auto folder = fixture.NewFolder({{"data", "weights"}});
    const std::string bundle = Bundle(folder, fixture.key);
    auto pushed = Push(folder, "m", bundle);
    EXPECT_TRUE(pushed.ok()) << pushed.status();
    EXPECT_TRUE(Passes(*pushed));
    std::string other = bundle;
    other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
    EXPECT_TRUE(fixture.chunks.Replace({{Sha256(bundle), other}}).ok());
    return *std::move(pushed);
  }
};

TEST_F(RememberedVerdict, SpareGatesTheBundle) {
  const v1::Snapshot snapshot = WithLostBundle();
  EXPECT_TRUE(Passes(snapshot));
}

TEST_F(RememberedVerdict, IsNotWhatAFullCheckReliesOn) {
  const v1::Snapshot snapshot = WithLostBundle();
  std::string evidence;
  const auto holds = fixture.vault.CheckSignatures(testing::DigestOf(snapshot), &evidence);
  ASSERT_TRUE(holds.ok()) << holds.status();
  EXPECT_FALSE(*holds);
  EXPECT_THAT(evidence, HasSubstr("do not match its digest"));
}

TEST_F(RememberedVerdict, EndsWhenAnyKeyComes) {
  const v1::Snapshot snapshot = WithLostBundle();
  v1::TrustSignerRequest request;
  request.set_name("somebody");
  request.set_public_key_pem(testing::NewKey().public_key().pem());
  ASSERT_TRUE(fixture.vault.TrustSigner(fixture.caller, request).ok());
  EXPECT_FALSE(Passes(snapshot));
}

TEST_F(RememberedVerdict, SaysNothingOfRevocation) {
  const v1::Snapshot snapshot = WithLostBundle();
  ASSERT_TRUE(Revoke(fixture.key.public_key().key_id(), 0).ok());
  const v1::GateResult gate = Gate(snapshot);
  EXPECT_EQ(gate.verdict(), v1::GATE_VERDICT_FAIL);
  EXPECT_THAT(gate.evidence(), HasSubstr("revoked"));
}

TEST(Verdicts, AreForgottenAllAtOnceWhenTheyAreTooMany) {
  Verdicts verdicts;
  CheckedBundle checked;
  checked.signer.set_key_id("k");
  checked.signature.model_name = std::string(1 << 20, 'm');
  const std::vector<v1::TrustedSigner> signers = {checked.signer};
  for (size_t i = 0; i < Verdicts::kMax; ++i) verdicts.Remember(std::to_string(i), checked);
  ASSERT_TRUE(verdicts.Find("0", signers).has_value());
  EXPECT_TRUE(verdicts.Find("0", signers)->signature.model_name.empty()) << "what is long is not kept";
  EXPECT_FALSE(verdicts.Find("0", {}).has_value()) << "its signer is gone";
  verdicts.Remember("one more", checked);
  EXPECT_FALSE(verdicts.Find("0", signers).has_value());
  EXPECT_TRUE(verdicts.Find("one more", signers).has_value());
}

}  // namespace
}  // namespace firebreak
