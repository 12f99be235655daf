#include "firebreak/crypto/ca.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "firebreak/base/text.h"

namespace firebreak {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1763632800);
constexpr absl::Duration kDay = absl::Hours(24);

class Authority : public ::testing::Test {
 protected:
  const CertificateAuthority ca_ = *CertificateAuthority::Create("firebreak test", kStart, 100 * kDay);
  const EcPrivateKey agent_key_ = *EcPrivateKey::Generate(EcCurve::kP256);
  const std::string request_ = *MakeCertificateRequest(agent_key_, "whoever");
};

TEST_F(Authority, SaysWhatItIs) {
  const auto facts = ReadCertificate(ca_.cert_pem());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->common_name, "firebreak test");
  EXPECT_EQ(facts->issuer_common_name, "firebreak test");
  EXPECT_EQ(facts->not_before, kStart);
  EXPECT_EQ(facts->not_after, kStart + 100 * kDay);
  EXPECT_TRUE(facts->is_authority);
  EXPECT_THAT(facts->dns_names, IsEmpty());
  EXPECT_EQ(facts->serial.size(), 32u);
}

TEST_F(Authority, SurvivesPem) {
  const auto again = CertificateAuthority::FromPem(ca_.cert_pem(), ca_.key_pem());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->cert_pem(), ca_.cert_pem());
  EXPECT_TRUE(again->SignAgentRequest(request_, "web-1", kStart, kDay).ok());
}

TEST_F(Authority, RefusesAKeyThatIsNotItsOwnAndALeafAsAuthority) {
  const auto other = CertificateAuthority::Create("other", kStart, kDay);
  EXPECT_EQ(CertificateAuthority::FromPem(ca_.cert_pem(), other->key_pem()).status().code(),
            absl::StatusCode::kInvalidArgument);
  const auto leaf = ca_.IssueServer({.names = {"localhost"}, .not_before = kStart, .lifetime = kDay});
  ASSERT_TRUE(leaf.ok()) << leaf.status();
  EXPECT_EQ(CertificateAuthority::FromPem(leaf->cert_pem, leaf->key_pem).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CertificateAuthority::FromPem("", "").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(Authority, IssuesServersWithNamesAndAddresses) {
  const auto issued = ca_.IssueServer(
      {.names = {"firebreak.example", "*.fleet.example", "127.0.0.1", "::1"}, .not_before = kStart, .lifetime = kDay});
  ASSERT_TRUE(issued.ok()) << issued.status();
  const auto facts = ReadCertificate(issued->cert_pem);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->common_name, "firebreak.example");
  EXPECT_EQ(facts->issuer_common_name, "firebreak test");
  EXPECT_THAT(facts->dns_names, ElementsAre("firebreak.example", "*.fleet.example"));
  EXPECT_THAT(facts->ip_addresses, ElementsAre("127.0.0.1", "::1"));
  EXPECT_FALSE(facts->is_authority);
  EXPECT_EQ(facts->not_after, kStart + kDay);
  EXPECT_EQ(EcPrivateKey::FromPem(issued->key_pem)->public_key().pem(), facts->public_key_pem);
}

TEST_F(Authority, RefusesServerNamesThatAreNone) {
  for (const char* bad : {"", "a b", "a,DNS:evil", "http://x", "a..b", ".a", "*", "a\nb", "x*"}) {
    EXPECT_EQ(ca_.IssueServer({.names = {bad}, .not_before = kStart, .lifetime = kDay}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
  EXPECT_FALSE(ca_.IssueServer({.names = {}, .not_before = kStart, .lifetime = kDay}).ok());
  EXPECT_TRUE(ca_.IssueServer({.names = {std::string(100, 'a')}, .not_before = kStart, .lifetime = kDay}).ok());
}

TEST_F(Authority, NamesAnAgentWhateverItsRequestSays) {
  const auto cert = ca_.SignAgentRequest(request_, "web-1", kStart + kDay, kDay);
  ASSERT_TRUE(cert.ok()) << cert.status();
  const auto facts = ReadCertificate(*cert);
  EXPECT_EQ(facts->common_name, "web-1");
  EXPECT_EQ(facts->public_key_pem, agent_key_.public_key().pem());
  EXPECT_EQ(facts->not_before, kStart + kDay - absl::Minutes(5));
  EXPECT_EQ(facts->not_after, kStart + 2 * kDay);
  EXPECT_FALSE(facts->is_authority);
  EXPECT_NE(ReadCertificate(*ca_.SignAgentRequest(request_, "web-1", kStart, kDay))->serial, facts->serial);
}

TEST_F(Authority, NeverOutlivesItself) {
  EXPECT_EQ(ReadCertificate(*ca_.SignAgentRequest(request_, "web-1", kStart + 99 * kDay, 30 * kDay))->not_after,
            kStart + 100 * kDay);
  EXPECT_EQ(ReadCertificate(*ca_.SignAgentRequest(request_, "web-1", kStart, kDay))->not_before, kStart);
  EXPECT_EQ(ca_.SignAgentRequest(request_, "web-1", kStart + 101 * kDay, kDay).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(Authority, RefusesBadRequestsNamesAndLifetimes) {
  const auto code = [&](const std::string& csr, const char* name, absl::Duration lifetime) {
    return ca_.SignAgentRequest(csr, name, kStart, lifetime).status().code();
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code("", "web-1", kDay), invalid);
  EXPECT_EQ(code(ca_.cert_pem(), "web-1", kDay), invalid);
  EXPECT_EQ(code(request_, "", kDay), invalid);
  EXPECT_EQ(code(request_, "Web 1", kDay), invalid);
  EXPECT_EQ(code(request_, "web-1", absl::ZeroDuration()), invalid);
  EXPECT_EQ(code(request_, "web-1", absl::InfiniteDuration()), invalid);
  EXPECT_EQ(code(*MakeCertificateRequest(*EcPrivateKey::Generate(EcCurve::kP384), "x"), "web-1", kDay), invalid);
  std::string tampered = request_;
  const size_t at = tampered.find("-----END") - 12;  // inside the signature
  tampered[at] = tampered[at] == 'A' ? 'B' : 'A';
  EXPECT_EQ(code(tampered, "web-1", kDay), invalid);
}

TEST_F(Authority, RequestsNeedAUsableName) {
  for (const std::string& bad : {std::string(), std::string(65, 'a'), std::string("a\nb"), std::string("\xff")}) {
    EXPECT_EQ(MakeCertificateRequest(agent_key_, bad).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(Certificate, CannotBeReadFromNoise) {
  for (const char* noise : {"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_EQ(ReadCertificate(noise).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(Authority, IsAcceptedByTheOpensslCommand) {
  if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl command on this machine";
  std::string pattern = (std::filesystem::temp_directory_path() / "firebreak-ca-XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path folder = pattern;
  std::ofstream(folder / "ca.pem") << ca_.cert_pem();
  std::ofstream(folder / "server.pem")
      << ca_.IssueServer({.names = {"localhost", "127.0.0.1"}, .not_before = kStart, .lifetime = kDay})->cert_pem;
  std::ofstream(folder / "agent.pem") << *ca_.SignAgentRequest(request_, "web-1", kStart, kDay);
  const auto verifies = [&](const std::string& options) {
    return std::system(("cd " + folder.string() + " && openssl verify -x509_strict -attime " +
                        std::to_string(absl::ToUnixSeconds(kStart + absl::Hours(1))) + " -CAfile ca.pem " + options +
                        " >/dev/null 2>&1").c_str()) == 0;
  };
  EXPECT_TRUE(verifies("-purpose sslserver -verify_hostname localhost server.pem"));
  EXPECT_TRUE(verifies("-purpose sslserver -verify_ip 127.0.0.1 server.pem"));
  EXPECT_FALSE(verifies("-purpose sslserver -verify_hostname elsewhere server.pem"));
  EXPECT_FALSE(verifies("-purpose sslclient server.pem"));
  EXPECT_TRUE(verifies("-purpose sslclient agent.pem"));
  EXPECT_FALSE(verifies("-purpose sslserver agent.pem"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace firebreak
