// What a puller trusts, whatever the server says: keys, authorities, every form of signature over every file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/signing/model_hash.h"
#include "firebreak/snapshots/signer_desk.h"
#include "tests/support/certificate_forge.h"
#include "tests/support/vault_fixture.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
using testing::CertificateForm;
using testing::DigestOf;
using testing::Files;
using testing::ForgedAuthority;
using testing::NewKey;
using testing::VaultFixture;
using testing::VaultPort;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PullSignature : public ::testing::Test {
 protected:
  std::string Bundle(const fs::path& folder, const EcPrivateKey& key, const ModelHashing& hashing = {},
                     const std::vector<std::string>& chain = {}, const std::vector<std::string>& ignored = {}) {
    const auto listing = ListModelFiles(folder, {.ignore_paths = ignored});
    OmsManifest manifest;
    manifest.model_name = "model";
    manifest.hash_type = hashing.hash_type;
    manifest.shard_size_bytes = hashing.shard_size_bytes;
    manifest.resources = *HashModel(*listing, hashing);
    manifest.ignore_paths = ignored;
    auto bundle = SignOmsManifest(key, chain, std::move(manifest));
    EXPECT_TRUE(bundle.ok()) << bundle.status();
    return bundle.value_or("");
  }
  v1::Snapshot Push(const fs::path& folder, const std::string& bundle) {
    PushOptions options = fixture.Options(folder, "m");
    options.signing_key.reset();
    options.bundle = std::make_shared<HeldText>(bundle);
    auto pushed = fixture.Push(options);
    EXPECT_TRUE(pushed.ok()) << pushed.status();
    return pushed.ok() ? pushed->snapshot : v1::Snapshot();
  }
  absl::StatusOr<PullResult> Pull(const v1::Snapshot& snapshot, const SignatureTrust& trust, const std::string& instead = "") {
    VaultPort port = fixture.Port();
    if (!instead.empty()) {   // a server that hands out what it likes
      port.alter_bundle = [&](v1::GetBundleResponse& response) {
        response.set_data(instead);
        response.set_total_bytes(instead.size());
      };
    }
    PullOptions options;
    options.trust = trust;
    target = fixture.NewPath();
    return PullSnapshot(port, DigestOf(snapshot), target, options);
  }
  SignatureTrust Keys(const EcPrivateKey& key) { return {.keys = {key.public_key()}, .roots_pem = "", .now = fixture.base.clock.Now()}; }
  void ExpectRefused(const absl::StatusOr<PullResult>& pulled, const std::string& why) {
    EXPECT_EQ(pulled.status().code(), absl::StatusCode::kDataLoss) << pulled.status();
    EXPECT_THAT(std::string(MessageOf(pulled.status())), HasSubstr(why));
    EXPECT_FALSE(fs::exists(target));
  }

  VaultFixture fixture;
  fs::path target;
};

TEST_F(PullSignature, OfBlake2bAndShardsIsHeldAgainstEveryByteThatCame) {
  const Files files = {{"a", std::string(300'000, 'a')}, {"d/b", "b"}, {"e", ""}};
  for (const ModelHashing& hashing : {ModelHashing{"blake2b", 0, 0}, ModelHashing{"sha256", 100'000, 0}, ModelHashing{"blake2b", 70'001, 0}}) {
    Files own = files;
    own["n"] = hashing.hash_type + std::to_string(hashing.shard_size_bytes);
    const auto folder = fixture.NewFolder(own);
    const v1::Snapshot snapshot = Push(folder, Bundle(folder, fixture.key, hashing));
    const auto pulled = Pull(snapshot, Keys(fixture.key));
    ASSERT_TRUE(pulled.ok()) << pulled.status();
    EXPECT_EQ(pulled->signer_key_id, fixture.key.public_key().key_id());
    EXPECT_EQ(testing::ReadFiles(target), own);

    ExpectRefused(Pull(snapshot, Keys(NewKey())), "verifies with none of the 1 trusted keys");
    // The server hands out other content than the trusted key signed, with that key's signature over something like it.
    for (const auto& [path, content] : Files{{"a", std::string(299'999, 'a') + "b"}, {"a", std::string(299'999, 'a')}, {"n", "more"}, {"new", "x"}}) {
      Files other = own;
      other[path] = content;
      ExpectRefused(Pull(snapshot, Keys(fixture.key), Bundle(fixture.NewFolder(other), fixture.key, hashing)), "signature and content differ");
    }
    Files fewer = own;
    fewer.erase("d/b");
    ExpectRefused(Pull(snapshot, Keys(fixture.key), Bundle(fixture.NewFolder(fewer), fixture.key, hashing)), "d/b");
  }
}

TEST_F(PullSignature, LeavesNoFileOutWhateverTheSignerIgnored) {
  const ModelHashing blake2b{"blake2b", 0, 0};
  const auto folder = fixture.NewFolder({{"a", "1"}, {"extra/run.sh", "rm"}});
  const v1::Snapshot snapshot = Push(folder, Bundle(folder, fixture.key));
  ExpectRefused(Pull(snapshot, Keys(fixture.key), Bundle(folder, fixture.key, blake2b, {}, {"extra"})), "extra/run.sh");
}

// Files that every signing tool passes over must not slip in unsigned either.
TEST_F(PullSignature, CoversFilesThatSigningToolsPassOver) {
  const Files files = {{".gitattributes", "* filter=evil"}, {"a", "1"}};
  v1::BeginPushRequest begin;
  begin.set_kind(v1::SNAPSHOT_KIND_MODEL);
  begin.set_name("m");
  begin.set_request_id("by hand");
  const std::string push_id = fixture.vault.BeginPush(fixture.caller, begin)->push_id();
  v1::PutChunksRequest put;
  put.set_push_id(push_id);
  v1::PutFilesRequest page;
  page.set_push_id(push_id);
  std::vector<OmsResource> resources;
  for (const auto& [path, content] : files) {
    v1::FileEntry& file = *page.add_files();
    file.set_path(path);
    file.set_size_bytes(content.size());
    file.set_digest(Sha256(content).raw());
    file.add_chunks()->set_digest(file.digest());
    file.mutable_chunks(0)->set_size_bytes(content.size());
    put.add_chunks()->set_digest(file.digest());
    put.mutable_chunks(put.chunks_size() - 1)->set_data(content);
    resources.push_back({path, "sha256", ToHex(file.digest())});
  }
  ASSERT_TRUE(fixture.vault.PutChunks(fixture.caller, put).ok());
  ASSERT_TRUE(fixture.vault.PutFiles(fixture.caller, page).ok());
  v1::CommitPushRequest commit;
  commit.set_push_id(push_id);
  commit.set_bundle(*SignOmsBundle(fixture.key, "m", resources, {}));
  const auto pushed = fixture.vault.CommitPush(fixture.caller, commit);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_TRUE(Pull(pushed->snapshot(), Keys(fixture.key)).ok());
  const std::string partial = Bundle(fixture.NewFolder({{"a", "1"}}), fixture.key, {"blake2b", 0, 0});
  ExpectRefused(Pull(pushed->snapshot(), Keys(fixture.key), partial), "file \".gitattributes\" is not in the signature");
}

TEST_F(PullSignature, OfACertificateCountsBelowATrustedAuthorityWhileItIsValid) {
  const ForgedAuthority authority(fixture.base.clock.Now());
  const ForgedAuthority other(fixture.base.clock.Now(), "other");
  v1::TrustSignerRequest trust_authority;
  trust_authority.set_name("acme");
  trust_authority.set_ca_certificate_pem(authority.pem());
  trust_authority.add_identities("*");
  ASSERT_TRUE(fixture.vault.TrustSigner(fixture.caller, trust_authority).ok());
  const EcPrivateKey pat = NewKey();
  CertificateForm form = authority.Form();
  form.emails = {"pat@example.org"};
  const auto folder = fixture.NewFolder({{"a", "1"}});
  const v1::Snapshot snapshot = Push(folder, Bundle(folder, pat, {}, {authority.Issue(form, pat.public_key())}));

  SignatureTrust trust{.keys = {}, .roots_pem = authority.pem(), .now = fixture.base.clock.Now()};
  const auto pulled = Pull(snapshot, trust);
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_THAT(pulled->signer_identities, ElementsAre("pat@example.org"));
  trust.now += absl::Hours(24 * 365 * 20);
  ExpectRefused(Pull(snapshot, trust), "verifies below no trusted authority");
  ExpectRefused(Pull(snapshot, {.keys = {}, .roots_pem = other.pem(), .now = fixture.base.clock.Now()}), "verifies below no trusted authority");
  ExpectRefused(Pull(snapshot, Keys(fixture.key)), "signed with a certificate, and no authority is trusted");
  // The bare key that the certificate certifies is not what was trusted, and a bare key is no certificate.
  ExpectRefused(Pull(snapshot, Keys(pat)), "signed with a certificate, and no authority is trusted");
  trust.now = fixture.base.clock.Now();
  ExpectRefused(Pull(snapshot, trust, Bundle(folder, pat)), "signed with a bare key, and only authorities are trusted");
}

TEST_F(PullSignature, IsThatOfTheTrustedKeyAmongSeveral) {
  const EcPrivateKey bob = NewKey();
  fixture.Trust(bob, "bob");
  const auto folder = fixture.NewFolder({{"a", "1"}});
  const v1::Snapshot snapshot = Push(folder, Bundle(folder, fixture.key));
  SignerDesk desk(fixture.vault);
  v1::AddSignatureRequest add;
  add.set_snapshot(snapshot.digest());
  add.set_bundle(Bundle(folder, bob));
  ASSERT_TRUE(desk.AddSignature(fixture.caller, add).ok());
  for (const EcPrivateKey& key : {bob, fixture.key}) {
    const auto pulled = Pull(snapshot, Keys(key));
    ASSERT_TRUE(pulled.ok()) << pulled.status();
    EXPECT_EQ(pulled->signer_key_id, key.public_key().key_id());
  }
}

TEST_F(PullSignature, ThatNoLongerCountsIsToldSoWhenItIsRefused) {
  const auto folder = fixture.NewFolder({{"a", "1"}});
  const v1::Snapshot snapshot = Push(folder, Bundle(folder, fixture.key));
  v1::RevokeSignerRequest revoke;
  revoke.set_key_id(fixture.key.public_key().key_id());
  revoke.set_reason("stolen");
  ASSERT_TRUE(fixture.vault.RevokeSigner(fixture.caller, revoke).ok());
  ExpectRefused(Pull(snapshot, Keys(NewKey())), "was revoked");
}

}  // namespace
}  // namespace firebreak
