#include "firebreak/signing/oms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/signing/dsse.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string Hex(std::string_view content) { return ToHex(Sha256(content).raw()); }
OmsResource File(std::string name, std::string_view content) { return {std::move(name), "sha256", Hex(content), {}, {}}; }

class Oms : public ::testing::Test {
 protected:
  std::string Sign(std::vector<OmsResource> resources, std::vector<std::string> ignore_paths = {"model.sig", ".git"}) {
    auto bundle = SignOmsBundle(key_, "model", std::move(resources), std::move(ignore_paths));
    EXPECT_TRUE(bundle.ok()) << bundle.status();
    return bundle.value_or("");
  }
  const EcPrivateKey key_ = *EcPrivateKey::Generate(EcCurve::kP256);
};

TEST_F(Oms, VerifiesWhatItSigned) {
  const auto signature = VerifyOmsBundle(Sign({File("a/x", "1"), File("a-b", "2"), File("a.b", "3")}), key_.public_key());
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_EQ(signature->trust, OmsTrust::kKey);
  EXPECT_EQ(signature->key_id, key_.public_key().key_id());
  EXPECT_EQ(signature->model_name, "model");
  EXPECT_EQ(signature->method, OmsMethod::kFiles);
  EXPECT_EQ(signature->hash_type, "sha256");
  EXPECT_FALSE(signature->allow_symlinks);
  EXPECT_THAT(signature->ignore_paths, ::testing::ElementsAre(".git", "model.sig"));
  ASSERT_EQ(signature->resources.size(), 3u);
  // Code-point order of the whole name: '-' < '.' < '/'.
  EXPECT_EQ(signature->resources[0].name, "a-b");
  EXPECT_EQ(signature->resources[1].name, "a.b");
  EXPECT_EQ(signature->resources[2].name, "a/x");
  EXPECT_EQ(signature->root, Sha256(*FromHex(Hex("2")) + *FromHex(Hex("3")) + *FromHex(Hex("1"))));
}

TEST_F(Oms, WritesTheBytesOfTheSpec) {
  const std::string bundle = Sign({File("b", "2"), File("a", "1")}, {"model.sig"});
  const auto document = *ParseJson(bundle);
  const auto& envelope = document.struct_value().fields().at("dsseEnvelope").struct_value().fields();
  const std::string payload = *FromBase64(envelope.at("payload").string_value());
  const std::string root = ToHex(Sha256(*FromHex(Hex("1")) + *FromHex(Hex("2"))).raw());
  EXPECT_EQ(payload, R"({"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"model","digest":{"sha256":")" + root +
                         R"("}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":)" +
                         R"({"method":"files","hash_type":"sha256","allow_symlinks":false,"ignore_paths":["model.sig"]},)" +
                         R"("resources":[{"name":"a","algorithm":"sha256","digest":")" + Hex("1") +
                         R"("},{"name":"b","algorithm":"sha256","digest":")" + Hex("2") + R"("}]}})");
  const std::string signature = envelope.at("signatures").list_value().values(0).struct_value().fields().at("sig").string_value();
  EXPECT_EQ(bundle, R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":")" +
                        key_.public_key().key_id() + R"("},"tlogEntries":[]},"dsseEnvelope":{"payload":")" + ToBase64(payload) +
                        R"(","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":")" + signature +
                        R"(","keyid":""}]}})");
  EXPECT_TRUE(key_.public_key().Verify(PreAuthEncoding("application/vnd.in-toto+json", payload), *FromBase64(signature)).ok());
}

TEST_F(Oms, SignsNamesInAnyScriptExactly) {
  const std::string name = "d/\xc3\xa4 \"quoted\" \xf0\x9f\x94\xa5";
  const auto signature = VerifyOmsBundle(Sign({File(name, "1")}), key_.public_key());
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_EQ(signature->resources[0].name, name);
}

TEST_F(Oms, SignsNothingThatItWouldNotAccept) {
  const auto refused = [&](std::vector<OmsResource> resources, std::vector<std::string> ignore_paths) {
    return SignOmsBundle(key_, "model", std::move(resources), std::move(ignore_paths)).status().code() ==
           absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused({}, {}));
  EXPECT_TRUE(refused({File("a", "1"), File("a", "1")}, {}));
  for (const char* name : {"", ".", "..", "/a", "a/", "a//b", "./a", "a/../b", "a\xff"}) {
    EXPECT_TRUE(refused({File(name, "1")}, {})) << name;
    EXPECT_TRUE(refused({File("f", "1")}, {name})) << name;
  }
  EXPECT_TRUE(refused({{"a", "md5", std::string(64, 'a'), {}, {}}}, {}));
  EXPECT_TRUE(refused({{"a", "sha256", std::string(64, 'A'), {}, {}}}, {}));
  EXPECT_TRUE(refused({{"a", "sha256", std::string(62, 'a'), {}, {}}}, {}));
  EXPECT_TRUE(refused({{"a", "sha256", std::string(64, 'a'), 0, 8}}, {}));
  EXPECT_FALSE(SignOmsBundle(key_, "", {File("a", "1")}, {}).ok());
  EXPECT_FALSE(SignOmsBundle(key_, "\xff", {File("a", "1")}, {}).ok());
}

TEST_F(Oms, RefusesABundleWithAnyCharacterChanged) {
  const std::string bundle = Sign({File("a", "1")});
  const EcPublicKey key = key_.public_key();
  int accepted = 0;
  for (size_t at = 0; at < bundle.size(); ++at) {
    std::string changed = bundle;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    accepted += VerifyOmsBundle(changed, key).ok() ? 1 : 0;
  }
  // Only the name of the unused member "tlogEntries" may change.
  EXPECT_EQ(accepted, 11);
}

TEST_F(Oms, RefusesEveryCutBundle) {
  const std::string bundle = Sign({File("a", "1")});
  for (size_t size = 0; size < bundle.size(); ++size) {
    ASSERT_FALSE(VerifyOmsBundle(bundle.substr(0, size), key_.public_key()).ok()) << size;
  }
}

TEST_F(Oms, RefusesAnotherKey) {
  const auto status = VerifyOmsBundle(Sign({File("a", "1")}), EcPrivateKey::Generate(EcCurve::kP256)->public_key()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(MessageOf(status)), HasSubstr("not with the given key"));
}

TEST_F(Oms, SignsAndVerifiesManyFiles) {
  std::vector<OmsResource> resources;
  for (int i = 0; i < 20000; ++i) resources.push_back(File(StrCat("shard/", i % 100, "/file-", i), StrCat(i)));
  const auto signature = VerifyOmsBundle(Sign(std::move(resources)), key_.public_key());
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_EQ(signature->resources.size(), 20000u);
}

// Every listed file of the fixture has the digest that was signed.
void ExpectFilesMatch(const OmsSignature& signature, const fs::path& folder) {
  for (const OmsResource& resource : signature.resources) {
    const fs::path file = resource.name == "." ? folder / signature.model_name : folder / resource.name;
    EXPECT_EQ(resource.digest_hex, Hex(testing::ReadFile(file))) << file;
  }
}

TEST(OmsFixtures, WithAKeyVerifyFromVersion031On) {
  REQUIRE_VECTORS(folder, "oms/fixtures");
  const auto key = EcPublicKey::FromPem(testing::ReadFile(folder / "keys/certificate/signing-key-pub.pem"));
  ASSERT_TRUE(key.ok()) << key.status();
  for (const char* version : {"v0.3.1", "v1.0.0", "v1.0.1", "v1.1.0"}) {
    SCOPED_TRACE(version);
    const fs::path model = folder / (std::string(version) + "-elliptic-key");
    const auto signature = VerifyOmsBundle(testing::ReadFile(model / "model.sig"), *key);
    ASSERT_TRUE(signature.ok()) << signature.status();
    ExpectFilesMatch(*signature, model);
    EXPECT_FALSE(VerifyOmsBundle(testing::ReadFile(model / "model.sig"),
                                 EcPrivateKey::Generate(EcCurve::kP384)->public_key()).ok());
  }
}

TEST(OmsFixtures, WithACertificateVerifyAgainstTheirRootWhileItIsValid) {
  REQUIRE_VECTORS(folder, "oms/fixtures");
  const std::string roots = testing::ReadFile(folder / "keys/certificate/ca-cert.pem");
  const absl::Time now = absl::FromCivil(absl::CivilSecond(2026, 11, 20), absl::UTCTimeZone());
  for (const char* version : {"v0.3.1", "v1.0.0", "v1.0.1", "v1.1.0"}) {
    SCOPED_TRACE(version);
    const fs::path model = folder / (std::string(version) + "-certificate");
    const std::string bundle = testing::ReadFile(model / "model.sig");
    const auto signature = VerifyOmsCertificateBundle(bundle, roots, now);
    ASSERT_TRUE(signature.ok()) << signature.status();
    EXPECT_EQ(signature->trust, OmsTrust::kCertificate);
    EXPECT_EQ(signature->certificate_name, "intermediate-ca");
    ExpectFilesMatch(*signature, model);
    EXPECT_EQ(VerifyOmsCertificateBundle(bundle, roots, now + absl::Hours(24 * 3650)).status().code(),
              absl::StatusCode::kPermissionDenied);
    const auto key = EcPublicKey::FromPem(testing::ReadFile(folder / "keys/certificate/signing-key-pub.pem"));
    EXPECT_EQ(VerifyOmsBundle(bundle, *key).status().code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST(OmsFixtures, OfTheFirstFormatAreRefused) {
  REQUIRE_VECTORS(folder, "oms/fixtures");
  const std::string roots = testing::ReadFile(folder / "keys/certificate/ca-cert.pem");
  const absl::Time now = absl::FromCivil(absl::CivilSecond(2026, 11, 20), absl::UTCTimeZone());
  EXPECT_FALSE(VerifyOmsCertificateBundle(testing::ReadFile(folder / "v0.2.0-certificate/model.sig"), roots, now).ok());
}

TEST(OmsFixtures, WithoutAKeyAreRefusedClearly) {
  REQUIRE_VECTORS(folder, "oms/fixtures");
  const EcPublicKey key = EcPrivateKey::Generate(EcCurve::kP256)->public_key();
  for (const char* version : {"v1.0.0", "v1.1.0"}) {
    const std::string bundle = testing::ReadFile(folder / (std::string(version) + "-sigstore") / "model.sig");
    const auto status = VerifyOmsBundle(bundle, key).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr("keyless"));
  }
}

TEST(OmsSpecVectors, AreAcceptedOrRefusedAsTheySay) {
  REQUIRE_VECTORS(folder, "oms");
  const auto key = EcPublicKey::FromPem(testing::ReadFile(folder / "fixtures/keys/certificate/signing-key-pub.pem"));
  ASSERT_TRUE(key.ok()) << key.status();
  const fs::path vectors = folder / "spec/test-vectors";
  int refused = 0;
  for (const char* kind : {"invalid", "invalid-payload"}) {
    for (const auto& entry : fs::directory_iterator(vectors / kind)) {
      const auto status = VerifyOmsBundle(testing::ReadFile(entry.path()), *key).status();
      EXPECT_FALSE(status.ok()) << entry.path();
      ++refused;
    }
  }
  EXPECT_EQ(refused, 5);
  const auto valid = VerifyOmsBundle(testing::ReadFile(vectors / "valid/key.bundle.json"), *key);
  EXPECT_TRUE(valid.ok()) << valid.status();
}

}  // namespace
}  // namespace firebreak
