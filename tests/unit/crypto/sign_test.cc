#include "firebreak/crypto/sign.h"

#include <gtest/gtest.h>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

constexpr EcCurve kCurves[] = {EcCurve::kP256, EcCurve::kP384, EcCurve::kP521};

TEST(EcKey, SignsWhatItsPublicHalfVerifiesOnEveryCurve) {
  for (const EcCurve curve : kCurves) {
    const EcPrivateKey key = *EcPrivateKey::Generate(curve);
    const std::string signature = *key.Sign("message");
    EXPECT_EQ(key.public_key().curve(), curve);
    EXPECT_TRUE(key.public_key().Verify("message", signature).ok());
    EXPECT_EQ(key.public_key().Verify("massage", signature).code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(key.public_key().Verify("", signature).code(), absl::StatusCode::kDataLoss);
    EXPECT_TRUE(key.public_key().Verify("", *key.Sign("")).ok());
  }
}

TEST(EcKey, RefusesChangedCutAndForeignSignatures) {
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  const std::string signature = *key.Sign("message");
  for (size_t at = 0; at < signature.size(); ++at) {
    std::string changed = signature;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(key.public_key().Verify("message", changed).ok()) << at;
    EXPECT_FALSE(key.public_key().Verify("message", signature.substr(0, at)).ok()) << at;
  }
  EXPECT_FALSE(key.public_key().Verify("message", signature + '\0').ok());
  EXPECT_FALSE(EcPrivateKey::Generate(EcCurve::kP256)->public_key().Verify("message", signature).ok());
}

TEST(EcKey, SurvivesPemAndKeepsItsId) {
  for (const EcCurve curve : kCurves) {
    const EcPrivateKey key = *EcPrivateKey::Generate(curve);
    const auto again = EcPrivateKey::FromPem(key.ToPem());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->public_key().key_id(), key.public_key().key_id());
    const auto public_key = EcPublicKey::FromPem("a comment\n" + key.public_key().pem());
    ASSERT_TRUE(public_key.ok()) << public_key.status();
    EXPECT_EQ(public_key->key_id(), key.public_key().key_id());
    EXPECT_TRUE(public_key->Verify("m", *again->Sign("m")).ok());
  }
}

TEST(EcKey, NamesItsAlgorithm) {
  EXPECT_EQ(EcPrivateKey::Generate(EcCurve::kP256)->public_key().algorithm(), "ecdsa-p256-sha256");
  EXPECT_EQ(EcPrivateKey::Generate(EcCurve::kP384)->public_key().algorithm(), "ecdsa-p384-sha384");
  EXPECT_EQ(EcPrivateKey::Generate(EcCurve::kP521)->public_key().algorithm(), "ecdsa-p521-sha512");
}

TEST(EcKey, RefusesOtherKeysAndNoise) {
  const Ed25519Key other = *Ed25519Key::Generate();
  EXPECT_EQ(EcPrivateKey::FromPem(other.ToPem()).status().code(), absl::StatusCode::kInvalidArgument);
  const EcPrivateKey key = *EcPrivateKey::Generate(EcCurve::kP256);
  for (const std::string& noise : {std::string(), std::string("x"), key.public_key().pem()}) {
    EXPECT_EQ(EcPrivateKey::FromPem(noise).status().code(), absl::StatusCode::kInvalidArgument);
  }
  for (const std::string& noise : {std::string(), std::string("x"), key.ToPem(), key.public_key().pem().substr(0, 80)}) {
    EXPECT_EQ(EcPublicKey::FromPem(noise).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(EcPublicKey::FromDer(noise).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

// Made with: openssl ecparam -name secp256k1 -genkey | openssl pkey -pubout
constexpr char kSecp256k1[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEu/aFXN3fjxS+W0W/BhyZjQEsWwESerCj\n"
    "sT4rfN9weFaSED5z/8yptA3WaD4RwOM826YuQ0fQEjijZN3xXhxBFQ==\n"
    "-----END PUBLIC KEY-----\n";
// The P-256 curve spelled out instead of named.
constexpr char kExplicit[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA\n"
    "AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////\n"
    "///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd\n"
    "NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5\n"
    "RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA\n"
    "//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABKN96h8sJAsEvArcDfy6+GGr\n"
    "OhDhy5JEZC0p1QaE40nh/ju1RZQS3WsLO3IR3QykBEBxZoQ5WGXRLa0Ndjb5hpQ=\n"
    "-----END PUBLIC KEY-----\n";
// Password "open sesame".
constexpr char kEncrypted[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAibjGq6Ka+GlwICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEECduFtc6suq/mfqEZVeKwmQEgZD6\n"
    "znCKWgqY0PolOlYQWW5oxaoS/6GNQx7EXAtDUhsY5rWO7oRu5Rl82KQ0Qs9hv65N\n"
    "nOsl8ff/c1wRP248ju2/9uRu6gwiqddVtPlXO7RcTjv1z2Iy7yys5IHQhvoVu327\n"
    "ZYNo9uRXxue8/bOBWrjI5mbYZpJuNn/Cw2DMUVeoPvaFbdcbh9zI4b4wV8zggRs=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

TEST(EcKey, RefusesOtherCurvesAndExplicitParameters) {
  EXPECT_EQ(EcPublicKey::FromPem(kSecp256k1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EcPublicKey::FromPem(kExplicit).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(EcKey, OpensWithItsPasswordOnlyAndNeverAsks) {
  EXPECT_TRUE(EcPrivateKey::FromPem(kEncrypted, "open sesame").ok());
  EXPECT_EQ(EcPrivateKey::FromPem(kEncrypted, "open barley").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EcPrivateKey::FromPem(kEncrypted).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EcPrivateKey::FromPem(kEncrypted, std::string(5000, 'x')).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(EcKey, HasTheKeyIdThatModelSigningExpects) {
  REQUIRE_VECTORS(folder, "oms/fixtures/keys/certificate");
  const auto key = EcPublicKey::FromPem(testing::ReadFile(folder / "signing-key-pub.pem"));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->key_id(), "e8450dec4eb99dae995da9af1bc2cc9f76ed669ee2e744f57abba763df3e3f8e");
}

// RFC 8032 section 7.1, test 2.
TEST(Ed25519, FollowsRfc8032) {
  const std::string public_key = *FromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const std::string signature = *FromHex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
      "387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(VerifyEd25519(public_key, "\x72", signature).ok());
  EXPECT_EQ(VerifyEd25519(public_key, "\x73", signature).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(VerifyEd25519(public_key, "\x72", signature.substr(1)).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(VerifyEd25519(public_key.substr(1), "\x72", signature).code(), absl::StatusCode::kInvalidArgument);
}

TEST(Ed25519, SignsWhatItsPublicHalfVerifies) {
  const Ed25519Key key = *Ed25519Key::Generate();
  const Ed25519Key again = *Ed25519Key::FromPem(key.ToPem());
  EXPECT_EQ(again.public_key(), key.public_key());
  EXPECT_EQ(again.public_key().size(), 32u);
  for (const char* message : {"", "checkpoint"}) {
    const std::string signature = *again.Sign(message);
    EXPECT_EQ(signature.size(), 64u);
    EXPECT_EQ(signature, *key.Sign(message));
    EXPECT_TRUE(VerifyEd25519(key.public_key(), message, signature).ok());
    EXPECT_FALSE(VerifyEd25519(Ed25519Key::Generate()->public_key(), message, signature).ok());
  }
}

TEST(Ed25519, RefusesOtherKeysAndNoise) {
  EXPECT_FALSE(Ed25519Key::FromPem("").ok());
  EXPECT_FALSE(Ed25519Key::FromPem(EcPrivateKey::Generate(EcCurve::kP256)->ToPem()).ok());
}

// Where implementations differ: we compare the recomputed R byte by byte without multiplying by the cofactor, as Go does.
TEST(Ed25519, DecidesTheEdgeCasesAsTheCofactorlessRuleSays) {
  REQUIRE_VECTORS(folder, "ed25519");
  const auto vectors = ParseJson(testing::ReadFile(folder / "ed25519vectors.json"));
  ASSERT_TRUE(vectors.ok()) << vectors.status();
  int verified = 0;
  for (const auto& entry : vectors->list_value().values()) {
    const auto& fields = entry.struct_value().fields();
    bool expected = true;
    std::string flags;
    if (fields.contains("flags")) {
      for (const auto& flag : fields.at("flags").list_value().values()) {
        flags += flag.string_value() + " ";
        if (flag.string_value() == "low_order_residue" || flag.string_value() == "non_canonical_R") expected = false;
      }
    }
    const auto status = VerifyEd25519(*FromHex(fields.at("key").string_value()), fields.at("msg").string_value(),
                                      *FromHex(fields.at("sig").string_value()));
    verified += status.ok() ? 1 : 0;
    EXPECT_EQ(status.ok(), expected) << fields.at("number").number_value() << " " << flags << status;
  }
  EXPECT_EQ(vectors->list_value().values_size(), 914);
  EXPECT_GT(verified, 0);
}

}  // namespace
}  // namespace firebreak
