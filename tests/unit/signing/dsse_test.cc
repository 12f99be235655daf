#include "firebreak/signing/dsse.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

constexpr char kType[] = "application/vnd.firebreak.decision+protobuf";

class Dsse : public ::testing::Test {
 protected:
  const EcPrivateKey key_ = *EcPrivateKey::Generate(EcCurve::kP256);
  const v1::Envelope envelope_ = *SignEnvelope(key_, kType, std::string("raw\0bytes", 9));
};

TEST_F(Dsse, EncodesAsTheProtocolSays) {
  EXPECT_EQ(PreAuthEncoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(PreAuthEncoding("", ""), "DSSEv1 0  0 ");
  EXPECT_NE(PreAuthEncoding("a 1", "b"), PreAuthEncoding("a", "1 b"));
}

TEST_F(Dsse, VerifiesItsOwnSignature) {
  EXPECT_TRUE(VerifyEnvelope(key_.public_key(), envelope_, kType).ok());
  EXPECT_EQ(envelope_.payload(), std::string("raw\0bytes", 9));
  EXPECT_EQ(envelope_.signatures(0).key_id(), key_.public_key().key_id());
}

TEST_F(Dsse, RefusesEverythingElse) {
  const EcPrivateKey other = *EcPrivateKey::Generate(EcCurve::kP256);
  const auto refused = [&](const v1::Envelope& envelope, const char* why) {
    EXPECT_EQ(VerifyEnvelope(key_.public_key(), envelope, kType).code(), absl::StatusCode::kDataLoss) << why;
  };
  v1::Envelope changed = envelope_;
  changed.mutable_payload()->push_back('x');
  refused(changed, "longer payload");
  changed = envelope_;
  changed.set_payload_type("application/other");
  refused(changed, "other type");
  refused(*SignEnvelope(key_, "application/other", envelope_.payload()), "validly signed, for another purpose");
  changed = envelope_;
  *changed.add_signatures() = envelope_.signatures(0);
  refused(changed, "two signatures");
  changed = envelope_;
  changed.clear_signatures();
  refused(changed, "no signature");
  changed = envelope_;
  changed.mutable_signatures(0)->set_key_id(other.public_key().key_id());
  refused(changed, "names another key");
  changed = envelope_;
  changed.mutable_signatures(0)->clear_sig();
  refused(changed, "empty signature");
  refused(*SignEnvelope(other, kType, envelope_.payload()), "another key");
  changed = *SignEnvelope(other, kType, envelope_.payload());
  changed.mutable_signatures(0)->clear_key_id();
  refused(changed, "another key that does not say so");
  // A signature for one type must not serve another even when the verifier asks for that other.
  changed = envelope_;
  changed.set_payload_type("application/other");
  EXPECT_FALSE(VerifyEnvelope(key_.public_key(), changed, "application/other").ok());
  EXPECT_FALSE(SignEnvelope(key_, "", "x").ok());
}

// 32 bytes of a decimal number.
std::string BigEndian(const std::string& decimal) {
  std::string bytes(32, '\0');
  for (const char digit : decimal) {
    int carry = digit - '0';
    for (size_t at = bytes.size(); at-- > 0;) {
      const int value = static_cast<unsigned char>(bytes[at]) * 10 + carry;
      bytes[at] = static_cast<char>(value & 0xff);
      carry = value >> 8;
    }
  }
  return bytes;
}

// The example has its signature as two bare numbers.
std::string DerInteger(std::string number) {
  while (number.size() > 1 && number[0] == '\0') number.erase(0, 1);
  if (static_cast<unsigned char>(number[0]) >= 0x80) number.insert(0, 1, '\0');
  return "\x02" + std::string(1, static_cast<char>(number.size())) + number;
}

TEST_F(Dsse, VerifiesTheExampleOfTheProtocol) {
  REQUIRE_VECTORS(folder, "dsse");
  const auto document = ParseJson(testing::ReadFile(folder / "protocol_vector.json"));
  ASSERT_TRUE(document.ok()) << document.status();
  const auto& fields = document->struct_value().fields();
  const std::string encoded =
      PreAuthEncoding(fields.at("payloadType").string_value(), fields.at("payload_utf8").string_value());
  EXPECT_EQ(encoded, fields.at("pae_utf8").string_value());
  const auto& point = fields.at("p256").struct_value().fields();
  const std::string spki = *FromHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") +
                           BigEndian(point.at("x").string_value()) + BigEndian(point.at("y").string_value());
  const std::string raw = *FromBase64(fields.at("signature_b64").string_value());
  const std::string body = DerInteger(raw.substr(0, 32)) + DerInteger(raw.substr(32));
  const auto key = EcPublicKey::FromDer(spki);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(key->Verify(encoded, "\x30" + std::string(1, static_cast<char>(body.size())) + body).ok());
}

int RunCommand(const std::string& command) { return std::system(command.c_str()); }

TEST_F(Dsse, IsVerifiedByTheOpensslCommand) {
  if (RunCommand("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl command on this machine";
  std::string pattern = (std::filesystem::temp_directory_path() / "firebreak-dsse-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path folder = pattern;
  std::ofstream(folder / "key.pem") << key_.public_key().pem();
  std::ofstream(folder / "pae") << PreAuthEncoding(envelope_.payload_type(), envelope_.payload());
  std::ofstream(folder / "sig") << envelope_.signatures(0).sig();
  const std::string command = "cd " + folder.string() + " && openssl dgst -sha256 -verify key.pem -signature sig pae >/dev/null 2>&1";
  EXPECT_EQ(RunCommand(command), 0);
  std::ofstream(folder / "pae", std::ios::app) << "x";
  EXPECT_NE(RunCommand(command), 0);
  // The key id is what the command prints for the key, hashed.
  std::ofstream(folder / "private.pem") << key_.ToPem();
  EXPECT_EQ(RunCommand("cd " + folder.string() + " && test \"$(openssl pkey -in private.pem -pubout | sha256sum | cut -c1-64)\" = " +
                key_.public_key().key_id()),
            0);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace firebreak
