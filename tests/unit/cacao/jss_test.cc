#include "firebreak/cacao/jss.h"

#include <gmock/gmock.h>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/cacao/check.h"
#include "firebreak/cacao/export.h"
#include "firebreak/crypto/hash.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

using ::google::protobuf::Value;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1763632800);

Value Document() {
  v1::Playbook playbook;
  playbook.set_name("small");
  playbook.set_title("Small");
  v1::Step& step = *playbook.add_steps();
  step.set_name("note");
  step.mutable_do_()->set_action("incident.note");
  return *ExportCacao(playbook, {});
}

JosePrivateKey Key(std::string_view kind) {
  auto key = JosePrivateKey::Generate(kind);
  EXPECT_TRUE(key.ok()) << key.status();
  return *std::move(key);
}

JssWish Wish(std::string signee = "riley") {
  JssWish wish;
  wish.signee = std::move(signee);
  wish.now = kNow;
  return wish;
}

Value& Member(Value& value, const std::string& name) { return (*value.mutable_struct_value()->mutable_fields())[name]; }
Value& Signature(Value& document, int index) { return *Member(document, "signatures").mutable_list_value()->mutable_values(index); }

std::vector<JssVerdict> Verdicts(const Value& document, std::vector<JosePublicKey> known, absl::Time now = kNow) {
  auto verdicts = VerifyCacao(document, known, now);
  EXPECT_TRUE(verdicts.ok()) << verdicts.status();
  return verdicts.ok() ? *verdicts : std::vector<JssVerdict>();
}

TEST(Jss, VerifiesThePublishedVector) {
  REQUIRE_VECTORS(folder, "cacao/playbooks/oasis-tcs");
  const Value vector = *ParseJson(testing::ReadFile(folder / "signature-rs256-vector.json"));
  const auto text = [&](const char* name) { return vector.struct_value().fields().at(name).string_value(); };
  Value document = *ParseCacao(text("jcs"));
  EXPECT_EQ(*JssMessage(document, Signature(document, 0)), text("sha256_hex"));
  Member(Signature(document, 0), "value").set_string_value(text("signature_b64url"));
  EXPECT_EQ(*JssMessage(document, Signature(document, 0)), text("sha256_hex")) << "a signature does not cover its own value";
  const auto known = JosePublicKey::FromPem(text("public_key_pem"));
  ASSERT_TRUE(known.ok()) << known.status();
  absl::Time then;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, "2023-03-01T00:00:00Z", &then, nullptr));
  auto verdicts = Verdicts(document, {*known}, then);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_TRUE(verdicts[0].good()) << verdicts[0].reason;
  EXPECT_EQ(verdicts[0].signee, "ACME Cyber Company");

  verdicts = Verdicts(document, {*known}, kNow);
  EXPECT_TRUE(verdicts[0].intact);
  EXPECT_FALSE(verdicts[0].good()) << "it ended in June 2023";
  Member(document, "name").set_string_value("Playbook 2");
  EXPECT_FALSE(Verdicts(document, {*known}, then)[0].intact);
}

TEST(Jss, SignsWithEveryAlgorithmAndNoticesEveryChange) {
  for (const auto& [kind, algorithm] : std::vector<std::pair<std::string, std::string>>{{"RSA", "RS256"}, {"RSA", "RS384"}, {"RSA", "RS512"}, {"RSA", "PS256"},
                                                                                       {"P-256", "ES256"}, {"P-384", "ES384"}, {"P-521", "ES512"}, {"ED25519", "Ed25519"}}) {
    SCOPED_TRACE(algorithm);
    const JosePrivateKey key = Key(kind);
    JssWish wish = Wish();
    wish.algorithm = algorithm;
    if (algorithm == "ES512") wish.hash_algorithm = "sha-512";
    const auto made = SignCacao(Document(), key, wish);
    ASSERT_TRUE(made.ok()) << made.status();
    const Value signed_document = *ParseCacao(PrintJsonPretty(*made));   // however it is written down
    EXPECT_TRUE(CheckCacao(signed_document).empty());
    EXPECT_TRUE(Verdicts(signed_document, {key.public_key()})[0].good()) << Verdicts(signed_document, {key.public_key()})[0].reason;
    for (const char* name : {"name", "severity", "modified"}) {
      Value changed = signed_document;
      Member(changed, name).set_string_value("changed");
      EXPECT_FALSE(Verdicts(changed, {key.public_key()})[0].intact) << name;
    }
    Value changed = signed_document;
    Member(Signature(changed, 0), "signee").set_string_value("somebody else");
    EXPECT_FALSE(Verdicts(changed, {key.public_key()})[0].intact) << "who signed is covered, too";
  }
}

TEST(Jss, AGoodSignatureOfAStrangerIsNotGood) {
  const auto made = SignCacao(Document(), Key("P-256"), Wish());
  const auto verdicts = Verdicts(*made, {Key("P-256").public_key()});
  EXPECT_TRUE(verdicts[0].intact);
  EXPECT_FALSE(verdicts[0].known_key);
  EXPECT_FALSE(verdicts[0].good());
  EXPECT_THAT(verdicts[0].reason, HasSubstr("anybody"));
}

TEST(Jss, SignaturesDoNotCoverOneAnother) {
  const JosePrivateKey first = Key("P-256"), second = Key("ED25519");
  Value document = *SignCacao(*SignCacao(Document(), first, Wish()), second, Wish("sam"));
  auto verdicts = Verdicts(document, {first.public_key(), second.public_key()});
  ASSERT_EQ(verdicts.size(), 2u);
  EXPECT_TRUE(verdicts[0].good()) << verdicts[0].reason;
  EXPECT_TRUE(verdicts[1].good()) << verdicts[1].reason;
  Member(Signature(document, 0), "value").set_string_value("AAAA");
  verdicts = Verdicts(document, {first.public_key(), second.public_key()});
  EXPECT_FALSE(verdicts[0].intact);
  EXPECT_TRUE(verdicts[1].good());
}

TEST(Jss, ACountersignatureCoversTheOneItConfirms) {
  const JosePrivateKey first = Key("P-256"), second = Key("RSA");
  Value document = *SignCacao(Document(), first, Wish());
  const std::string id = Member(Signature(document, 0), "id").string_value();
  const auto made = CountersignCacao(document, id, second, Wish("sam"));
  ASSERT_TRUE(made.ok()) << made.status();
  const auto verdicts = Verdicts(*made, {first.public_key(), second.public_key()});
  ASSERT_EQ(verdicts.size(), 2u);
  EXPECT_EQ(verdicts[1].pointer, "/signatures/0/signature");
  EXPECT_TRUE(verdicts[0].good()) << verdicts[0].reason;
  EXPECT_TRUE(verdicts[1].good()) << verdicts[1].reason;
  Value changed = *made;
  Member(Signature(changed, 0), "value").set_string_value("AAAA");
  EXPECT_FALSE(Verdicts(changed, {first.public_key(), second.public_key()})[1].intact) << "it confirmed another value";
  EXPECT_EQ(CountersignCacao(*made, id, second, Wish()).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CountersignCacao(*made, "jss--x", second, Wish()).status().code(), absl::StatusCode::kNotFound);
}

TEST(Jss, IsNotGoodOutsideItsTimeOrRevokedOrForAnotherVersion) {
  const JosePrivateKey key = Key("P-256");
  Value document = *SignCacao(Document(), key, Wish());
  EXPECT_FALSE(Verdicts(document, {key.public_key()}, kNow + absl::Hours(24 * 366))[0].current);
  EXPECT_FALSE(Verdicts(document, {key.public_key()}, kNow - absl::Seconds(1))[0].current);
  Value other = document;
  Member(Signature(other, 0), "related_version").set_string_value("2020-01-01T00:00:00.000Z");
  EXPECT_THAT(Verdicts(other, {key.public_key()})[0].reason, HasSubstr("another version"));
  EXPECT_TRUE(VerifyCacao(Document(), {}, kNow)->empty());
  Value many = Document();
  for (int i = 0; i < 17; ++i) *Member(many, "signatures").mutable_list_value()->add_values() = Signature(document, 0);
  EXPECT_EQ(VerifyCacao(many, {}, kNow).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace firebreak
