// Bundles signed with certificates: hostile ones each have a valid signature of the leaf's key, so only the path decides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "firebreak/crypto/chain.h"
#include "firebreak/signing/oms.h"
#include "tests/support/certificate_forge.h"
#include "tests/support/vectors.h"
#include "tests/unit/signing/forge.h"

namespace firebreak {
namespace {

using testing::CertificateForm;
using ::testing::ElementsAre;
using testing::Forge;
using testing::ForgeCertificate;
using testing::Forged;
using testing::ForgedAuthority;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromCivil(absl::CivilSecond(2026, 11, 20), absl::UTCTimeZone());

std::string Bundle(const EcPrivateKey& signer, const std::vector<std::string>& chain) {
  Forged form;
  std::string certificates;
  for (const std::string& der : chain) {
    StrAppend(&certificates, certificates.empty() ? "" : ",", "{\"rawBytes\":\"", ToBase64(der), "\"}");
  }
  form.material = StrCat("\"x509CertificateChain\":{\"certificates\":[", certificates, "]},\"tlogEntries\":[]");
  return Forge(signer, form);
}

// Everything a case may bend before the chain is put together.
struct Scene {
  ForgedAuthority root{kNow};
  EcPrivateKey leaf_key = *EcPrivateKey::Generate(EcCurve::kP256);
  CertificateForm leaf = root.Form();
  std::vector<std::string> intermediates;
  std::string roots = root.pem();
  std::optional<std::string> leaf_der;                       // instead of issuing `leaf`
  std::optional<EcPrivateKey> signs_with;                    // instead of the leaf's key
  absl::Time at = kNow;

  absl::StatusOr<OmsSignature> Verify() const {
    std::vector<std::string> chain = {leaf_der.value_or(root.Issue(leaf, leaf_key.public_key()))};
    chain.insert(chain.end(), intermediates.begin(), intermediates.end());
    return VerifyOmsCertificateBundle(Bundle(signs_with.value_or(leaf_key), chain), roots, at);
  }
  // An authority between root and leaf, which from then on issues the leaf.
  void Intermediate(const std::function<void(CertificateForm&)>& change, EcCurve curve = EcCurve::kP256) {
    const EcPrivateKey key = *EcPrivateKey::Generate(curve);
    CertificateForm form = root.Form();
    form.subject = "middle";
    form.is_authority = true;
    form.key_usage = 0x04;
    form.extended.clear();
    change(form);
    intermediates.push_back(root.Issue(form, key.public_key()));
    leaf.issuer = "middle";
    leaf_der = ForgeCertificate(leaf, leaf_key.public_key(), key);
  }
};

struct Case {
  const char* name;
  const char* refusal;   // empty: accepted
  std::function<void(Scene&)> change;
};

std::vector<Case> GoodCases() {
  return {
      {"nothing wrong", "", [](Scene&) {}},
      {"nothing wrong, through an intermediate", "", [](Scene& s) { s.Intermediate([](CertificateForm&) {}); }},
      {"an intermediate alone is what is trusted", "",
       [](Scene& s) {
         s.Intermediate([](CertificateForm&) {});
         s.roots = testing::CertificatePem(s.intermediates[0]);
       }},
      {"leaf on P-384", "",
       [](Scene& s) { s.leaf_key = *EcPrivateKey::Generate(EcCurve::kP384); }},
      {"leaf on P-521 below an intermediate on P-384", "",
       [](Scene& s) {
         s.leaf_key = *EcPrivateKey::Generate(EcCurve::kP521);
         s.Intermediate([](CertificateForm&) {}, EcCurve::kP384);
       }},
      {"key usage alone", "", [](Scene& s) { s.leaf.extended.clear(); }},
      {"extended key usage alone", "", [](Scene& s) { s.leaf.key_usage.reset(); }},
      {"CA:TRUE but no right to issue, as reference keys have it", "", [](Scene& s) { s.leaf.is_authority = true; }},
  };
}

std::vector<Case> LeafCases() {
  return {
      {"expired", "certificate has expired", [](Scene& s) { s.leaf.not_after = kNow - absl::Seconds(1); }},
      {"not yet valid", "not yet valid", [](Scene& s) { s.leaf.not_before = kNow + absl::Seconds(1); }},
      {"valid when it signed, not now", "certificate has expired", [](Scene& s) { s.at = kNow + absl::Hours(24 * 181); }},
      {"intermediate expired", "entry 1 at",
       [](Scene& s) { s.Intermediate([](CertificateForm& f) { f.not_after = kNow - absl::Hours(1); }); }},
      {"root expired", "certificate has expired",
       [](Scene& s) {
         s.leaf.not_after = kNow + absl::Hours(24 * 400);
         s.at = kNow + absl::Hours(24 * 200);
       }},
      {"server certificate", "not codeSigning", [](Scene& s) { s.leaf.extended = {"2b06010505070301"}; }},
      {"any purpose", "not codeSigning", [](Scene& s) { s.leaf.extended = {"551d2500"}; }},
      {"key usage for encryption", "not digitalSignature", [](Scene& s) { s.leaf.key_usage = 0x20; }},
      {"no usage at all", "neither a key usage nor an extended key usage",
       [](Scene& s) {
         s.leaf.key_usage.reset();
         s.leaf.extended.clear();
       }},
      {"authority as leaf", "may issue certificates",
       [](Scene& s) {
         s.leaf.is_authority = true;
         s.leaf.key_usage = 0x84;
       }},
      {"authority without key usage as leaf", "may issue certificates",
       [](Scene& s) {
         s.leaf.is_authority = true;
         s.leaf.key_usage.reset();
       }},
      {"the root itself as leaf", "may issue certificates",
       [](Scene& s) {
         s.leaf_der = s.root.der;
         s.signs_with = s.root.key;
       }},
  };
}

std::vector<Case> PathCases() {
  return {
      {"signed with another key than the leaf's", "does not verify",
       [](Scene& s) { s.signs_with = *EcPrivateKey::Generate(EcCurve::kP256); }},
      {"signed with a key of a larger curve", "too large for the key's curve",
       [](Scene& s) { s.signs_with = *EcPrivateKey::Generate(EcCurve::kP521); }},
      {"below an unknown root", "unable to get local issuer certificate",
       [](Scene& s) { s.roots = ForgedAuthority(kNow, "somebody else").pem(); }},
      {"below a root of the same name with another key", "certificate signature failure",
       [](Scene& s) { s.roots = ForgedAuthority(kNow).pem(); }},
      {"self-signed and unknown", "self-signed certificate",
       [](Scene& s) {
         s.leaf.issuer = s.leaf.subject;
         s.leaf_der = ForgeCertificate(s.leaf, s.leaf_key.public_key(), s.leaf_key);
       }},
      {"brings its own root along", "self-signed certificate in certificate chain",
       [](Scene& s) {
         s.intermediates.push_back(s.root.der);
         s.roots = ForgedAuthority(kNow, "somebody else").pem();
       }},
      {"intermediate is no authority", "invalid CA certificate",
       [](Scene& s) {
         s.Intermediate([](CertificateForm& f) {
           f.is_authority = false;
           f.key_usage = 0x80;
         });
       }},
      {"intermediate without basic constraints", "invalid CA certificate",
       [](Scene& s) { s.Intermediate([](CertificateForm& f) { f.is_authority.reset(); }); }},
      {"intermediate may not sign certificates", "entry 1 at",
       [](Scene& s) { s.Intermediate([](CertificateForm& f) { f.key_usage = 0x80; }); }},
      {"path longer than the intermediate allows", "path length constraint exceeded",
       [](Scene& s) {
         s.Intermediate([](CertificateForm& f) { f.path_length = 0; });
         const EcPrivateKey first = *EcPrivateKey::Generate(EcCurve::kP256);
         const EcPrivateKey second = *EcPrivateKey::Generate(EcCurve::kP256);
         CertificateForm form = s.root.Form();
         form.is_authority = true;
         form.key_usage = 0x04;
         form.extended.clear();
         form.subject = "first";
         form.path_length = 0;
         s.intermediates = {"", s.root.Issue(form, first.public_key())};
         form.subject = "second";
         form.issuer = "first";
         s.intermediates[0] = ForgeCertificate(form, second.public_key(), first);
         s.leaf.issuer = "second";
         s.leaf_der = ForgeCertificate(s.leaf, s.leaf_key.public_key(), second);
       }},
      {"intermediate missing", "unable to get local issuer certificate",
       [](Scene& s) {
         s.Intermediate([](CertificateForm&) {});
         s.intermediates.clear();
       }},
      {"critical extension that nobody knows", "unhandled critical extension",
       [](Scene& s) { s.leaf.has_unknown_critical = true; }},
      {"one bit of the leaf turned", "certificate signature failure",
       [](Scene& s) {
         s.leaf_der = s.root.Issue(s.leaf, s.leaf_key.public_key());
         s.leaf_der->back() = static_cast<char>(s.leaf_der->back() ^ 1);
       }},
      {"bytes after the leaf", "entry 0 is not one DER certificate",
       [](Scene& s) { s.leaf_der = s.root.Issue(s.leaf, s.leaf_key.public_key()) + "x"; }},
      {"leaf that is no certificate", "entry 0 is not one DER certificate", [](Scene& s) { s.leaf_der = "noise"; }},
      {"eleven certificates", "has 12 certificates",
       [](Scene& s) { s.intermediates = std::vector<std::string>(11, s.root.der); }},
      {"no trusted root", "not PEM certificates", [](Scene& s) { s.roots = ""; }},
  };
}

TEST(HostileCertificate, IsRefusedForItsOwnReason) {
  std::vector<Case> cases = GoodCases();
  for (const auto& more : {LeafCases(), PathCases()}) cases.insert(cases.end(), more.begin(), more.end());
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    Scene scene;
    one.change(scene);
    const auto verified = scene.Verify();
    if (*one.refusal == '\0') {
      EXPECT_TRUE(verified.ok()) << verified.status();
      continue;
    }
    ASSERT_FALSE(verified.ok()) << "accepted";
    EXPECT_THAT(std::string(MessageOf(verified.status())), HasSubstr(one.refusal));
  }
}

TEST(CertificateBundle, SaysWhoSignedByAlternativeNamesBeforeTheCommonName) {
  Scene scene;
  EXPECT_THAT(scene.Verify()->certificate_identities, ElementsAre("leaf"));
  scene.leaf.emails = {"pat@example.org"};
  scene.leaf.uris = {"spiffe://example.org/pat"};
  scene.leaf.dns_names = {"pat.example.org"};
  const auto verified = scene.Verify();
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_THAT(verified->certificate_identities,
              ElementsAre("pat@example.org", "pat.example.org", "spiffe://example.org/pat"));
  EXPECT_EQ(verified->key_id, scene.leaf_key.public_key().key_id());
}

// "pat@example.org\0.evil.org" is one name in the certificate and another for a reader of C strings.
TEST(CertificateBundle, KnowsNoNameThatHidesAnother) {
  Scene scene;
  scene.leaf.emails = {std::string("pat@example.org\0.evil.org", 25), "pat @example.org"};
  const auto verified = scene.Verify();
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_THAT(verified->certificate_identities, ElementsAre("leaf"));
}

TEST(CertificateBundle, IsMadeForTheKeyOfItsLeafOnly) {
  Scene scene;
  const std::string leaf = scene.root.Issue(scene.leaf, scene.leaf_key.public_key());
  OmsManifest manifest;
  manifest.model_name = "model";
  manifest.resources = {{"a", "sha256", std::string(64, 'a'), {}, {}}};
  const auto bundle = SignOmsManifest(scene.leaf_key, {leaf, scene.root.der, leaf}, manifest);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  const auto verified = VerifyOmsCertificateBundle(*bundle, scene.roots, kNow);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->trust, OmsTrust::kCertificate);
  const auto other = SignOmsManifest(*EcPrivateKey::Generate(EcCurve::kP256), {leaf}, manifest);
  EXPECT_THAT(std::string(MessageOf(other.status())), HasSubstr("its key is"));
}

TEST(SigningLeaf, IsLookedAtBeforeItSigns) {
  Scene scene;
  const auto check = [&] { return CheckSigningLeaf(scene.root.Issue(scene.leaf, scene.leaf_key.public_key()), kNow).status(); };
  EXPECT_TRUE(check().ok());
  scene.leaf.not_after = kNow - absl::Seconds(1);
  EXPECT_THAT(std::string(MessageOf(check())), HasSubstr("is valid from"));
  EXPECT_THAT(std::string(MessageOf(CheckSigningLeaf(scene.root.der, kNow).status())), HasSubstr("may issue certificates"));
}

TEST(Authority, IsTrustedOnlyWhenItIsOne) {
  Scene scene;
  const auto read = ReadAuthorityCertificate(scene.root.pem());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->key_id, scene.root.key.public_key().key_id());
  const std::string leaf = testing::CertificatePem(scene.root.Issue(scene.leaf, scene.leaf_key.public_key()));
  EXPECT_THAT(std::string(MessageOf(ReadAuthorityCertificate(leaf).status())), HasSubstr("no authority"));
  scene.leaf.is_authority = true;
  const std::string odd = testing::CertificatePem(scene.root.Issue(scene.leaf, scene.leaf_key.public_key()));
  EXPECT_THAT(std::string(MessageOf(ReadAuthorityCertificate(odd).status())), HasSubstr("no authority"));
  EXPECT_THAT(std::string(MessageOf(ReadAuthorityCertificate(scene.root.pem() + leaf).status())), HasSubstr("2 where one"));
}

TEST(OmsFixtures, OfVersion02VerifyOnlyWhereTheyAreAskedFor) {
  REQUIRE_VECTORS(folder, "oms/fixtures");
  const std::string roots = testing::ReadFile(folder / "keys/certificate/ca-cert.pem");
  const std::string bundle = testing::ReadFile(folder / "v0.2.0-certificate/model.sig");
  const auto early = VerifyOms02CertificateBundle(bundle, roots, kNow);
  ASSERT_TRUE(early.ok()) << early.status();
  EXPECT_EQ(early->resources.size(), 2u);
  EXPECT_FALSE(VerifyOmsCertificateBundle(bundle, roots, kNow).ok());
  const std::string current = testing::ReadFile(folder / "v1.1.0-certificate/model.sig");
  EXPECT_FALSE(VerifyOms02CertificateBundle(current, roots, kNow).ok());
  EXPECT_FALSE(VerifyOms02CertificateBundle(bundle, ForgedAuthority(kNow).pem(), kNow).ok());
}

}  // namespace
}  // namespace firebreak
