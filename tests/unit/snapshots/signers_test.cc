// Whose signatures count: scope, authorities, thresholds, rotation, and revocation by position in the log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/snapshots/signers_fixture.h"

namespace firebreak {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::DigestOf;
using testing::Files;
using testing::ForgedAuthority;
using testing::NewKey;
using testing::VaultFixture;

class Signers : public testing::SignersFixture {};

TEST_F(Signers, SignOnlyTheNamesTheyAreTrustedFor) {
  const EcPrivateKey key = NewKey();
  v1::TrustSignerRequest request;
  request.set_name("fraud-team");
  request.set_public_key_pem(key.public_key().pem());
  request.add_names("fraud-*");
  request.add_names("shared");
  ASSERT_TRUE(fixture.vault.TrustSigner(fixture.caller, request).ok());
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const std::string bundle = Bundle(folder, key);
  EXPECT_TRUE(Push(folder, "fraud-detector", bundle).ok());
  EXPECT_TRUE(Push(folder, "shared", bundle).ok());
  for (const char* name : {"fraud", "my-fraud-detector", "sharedx"}) {
    const auto refused = Push(folder, name, bundle);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition) << name;
    EXPECT_THAT(std::string(MessageOf(refused.status())), HasSubstr("only fraud-*, shared")) << name;
  }
  EXPECT_EQ(fixture.vault.TrustSigner(fixture.caller, request)->signer().names_size(), 2);
  request.add_names("more");
  EXPECT_EQ(fixture.vault.TrustSigner(fixture.caller, request).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(Signers, BelowAnAuthorityCountByTheirIdentity) {
  const ForgedAuthority authority(Now());
  EXPECT_THAT(std::string(MessageOf(TrustAuthority(authority, "acme", {}).status())), HasSubstr("whose certificates count"));
  ASSERT_TRUE(TrustAuthority(authority, "acme", {"*@example.org"}).ok());
  const EcPrivateKey pat = NewKey();
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto pushed = Push(folder, "m", Bundle(folder, pat, {Certify(authority, pat, "pat@example.org")}));
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(pushed->signature().identity(), "pat@example.org");
  EXPECT_EQ(pushed->signature().signer(), "acme");
  EXPECT_EQ(pushed->signature().key_id(), pat.public_key().key_id());
  EXPECT_TRUE(Passes(*pushed)) << Gate(*pushed).evidence();

  const auto other = fixture.NewFolder({{"data", "2"}});
  const auto stranger = Push(other, "m", Bundle(other, pat, {Certify(authority, pat, "pat@example.org.evil")}));
  EXPECT_THAT(std::string(MessageOf(stranger.status())), HasSubstr("counts for *@example.org only"));
  const ForgedAuthority unknown(Now(), "unknown");
  const auto unknown_push = Push(other, "m", Bundle(other, pat, {Certify(unknown, pat, "pat@example.org")}));
  EXPECT_THAT(std::string(MessageOf(unknown_push.status())), HasSubstr("unable to get local issuer"));
  // A bare key that nobody trusts does not count because its certificate would.
  EXPECT_THAT(std::string(MessageOf(Push(other, "m", Bundle(other, pat)).status())), HasSubstr("which is not trusted"));
}

TEST_F(Signers, WithACertificateThatExpiredSinceGoOnCountingButSignNothingNew) {
  const ForgedAuthority authority(Now());
  ASSERT_TRUE(TrustAuthority(authority, "acme", {"*"}).ok());
  const EcPrivateKey pat = NewKey();
  const std::string certificate = Certify(authority, pat, "pat@example.org");
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto pushed = Push(folder, "m", Bundle(folder, pat, {certificate}));
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  fixture.base.clock.Advance(absl::Hours(24 * 365));
  EXPECT_TRUE(Passes(*pushed)) << Gate(*pushed).evidence();
  const auto later = fixture.NewFolder({{"data", "2"}});
  EXPECT_THAT(std::string(MessageOf(Push(later, "m", Bundle(later, pat, {certificate})).status())), HasSubstr("has expired"));
}

TEST_F(Signers, OfOneRevokedCertificateNoLongerCountWhileOthersBelowTheAuthorityDo) {
  const ForgedAuthority authority(Now());
  ASSERT_TRUE(TrustAuthority(authority, "acme", {"*@example.org"}).ok());
  const EcPrivateKey pat = NewKey();
  const EcPrivateKey kim = NewKey();
  const auto a = fixture.NewFolder({{"data", "a"}});
  const auto b = fixture.NewFolder({{"data", "b"}});
  const auto by_pat = Push(a, "m", Bundle(a, pat, {Certify(authority, pat, "pat@example.org")}));
  const auto by_kim = Push(b, "m", Bundle(b, kim, {Certify(authority, kim, "kim@example.org")}));
  const auto revoked = Revoke(pat.public_key().key_id(), 0);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(revoked->snapshots(), ElementsAre("model/m@1"));
  EXPECT_FALSE(Passes(*by_pat));
  EXPECT_TRUE(Passes(*by_kim)) << Gate(*by_kim).evidence();
  const auto again = fixture.NewFolder({{"data", "c"}});
  EXPECT_THAT(std::string(MessageOf(Push(again, "m", Bundle(again, pat, {Certify(authority, pat, "pat@example.org")})).status())),
              HasSubstr("was revoked"));
  // The whole authority: everything below it.
  const auto all = Revoke(authority.key.public_key().key_id(), 0);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(all->snapshots(), ::testing::UnorderedElementsAre("model/m@1", "model/m@2"));
  EXPECT_FALSE(Passes(*by_kim));
}

TEST_F(Signers, RevokedFromALogIndexCountForWhatWasLoggedBefore) {
  const EcPrivateKey key = NewKey();
  fixture.Trust(key, "pat");
  const v1::Snapshot before = PushWith(key, "m", "before");
  const uint64_t index = LogSize();
  const v1::Snapshot after = PushWith(key, "m", "after");
  const auto revoked = Revoke(key.public_key().key_id(), index);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(revoked->snapshots(), ElementsAre("model/m@2"));
  EXPECT_TRUE(Passes(before));
  EXPECT_THAT(Gate(before).evidence(), HasSubstr("this signature was logged at"));
  EXPECT_FALSE(Passes(after));
  // Exactly the index of the first push: then that does not count either.
  ASSERT_TRUE(Revoke(key.public_key().key_id(), index - 1).ok());
  EXPECT_FALSE(Passes(before));
  // Never less strict again.
  EXPECT_EQ(Revoke(key.public_key().key_id(), index + 1)->signer().revoked_from_index(), index - 1);
  EXPECT_FALSE(Passes(before));
}

// Signing again what a stolen key signed, after the fact, does not move its signature back in the log.
TEST_F(Signers, CannotLogASignatureBackwards) {
  const EcPrivateKey key = NewKey();
  fixture.Trust(key, "pat");
  const v1::Snapshot content = PushWith(fixture.key, "m", "content");
  const uint64_t index = LogSize();
  const auto folder = fixture.NewFolder({{"data", "content"}});
  ASSERT_TRUE(Sign(content, Bundle(folder, key)).ok());
  ASSERT_TRUE(Revoke(key.public_key().key_id(), index).ok());
  ASSERT_TRUE(Revoke(fixture.key.public_key().key_id(), 0).ok());
  EXPECT_FALSE(Passes(content)) << Gate(content).evidence();
  EXPECT_THAT(std::string(MessageOf(Sign(content, Bundle(folder, key)).status())), HasSubstr("was revoked"));
}

TEST_F(Signers, TogetherReachAThreshold) {
  const EcPrivateKey alice = NewKey(), bob = NewKey(), carol = NewKey();
  fixture.Trust(alice, "alice");
  fixture.Trust(bob, "bob");
  fixture.Trust(carol, "carol");
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, Policy("two-people", 2, {"fraud-*"}, {"alice", "bob"})).ok());
  const v1::Snapshot elsewhere = PushWith(alice, "other", "x");
  EXPECT_TRUE(Passes(elsewhere));
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto pushed = Push(folder, "fraud-m", Bundle(folder, alice));
  ASSERT_TRUE(pushed.ok()) << pushed.status();   // stored, and not good enough
  EXPECT_EQ(Gate(*pushed).verdict(), v1::GATE_VERDICT_FAIL);
  EXPECT_EQ(Gate(*pushed).evidence(), "policy two-people needs 2 signatures, 1 counts (alice); 1 more of: bob");
  // One more of the same, or of somebody the policy does not name, changes nothing.
  EXPECT_TRUE(Sign(*pushed, Bundle(folder, alice))->already_existed());
  ASSERT_TRUE(Sign(*pushed, Bundle(folder, carol)).ok());
  EXPECT_FALSE(Passes(*pushed));
  const auto signed_by_bob = Sign(*pushed, Bundle(folder, bob));
  ASSERT_TRUE(signed_by_bob.ok()) << signed_by_bob.status();
  EXPECT_FALSE(signed_by_bob->already_existed());
  EXPECT_TRUE(Passes(*pushed)) << Gate(*pushed).evidence();
  EXPECT_THAT(Gate(*pushed).evidence(), HasSubstr("policy two-people holds with 2 of 2"));

  v1::ListSignaturesRequest list;
  list.set_snapshot("model/fraud-m");
  const auto listed = desk.ListSignatures(fixture.caller, list);
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_EQ(listed->signatures_size(), 3);
  ASSERT_EQ(listed->policies_size(), 1);
  EXPECT_EQ(listed->policies(0).have(), 2u);
  // One of them is revoked: below the threshold again.
  ASSERT_TRUE(Revoke(bob.public_key().key_id(), 0).ok());
  EXPECT_THAT(Gate(*pushed).evidence(), HasSubstr("1 more of: bob"));
}

TEST_F(Signers, CountOnceOverTheirRotations) {
  const EcPrivateKey first = NewKey(), second = NewKey();
  fixture.Trust(first, "alice");
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, Policy("two", 2, {}, {})).ok());
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto pushed = Push(folder, "m", Bundle(folder, first));
  ASSERT_TRUE(Rotate(first, second, true, publisher).ok());
  ASSERT_TRUE(Sign(*pushed, Bundle(folder, second)).ok());
  EXPECT_FALSE(Passes(*pushed)) << "a second key of the same signer is no second signer";
  ASSERT_TRUE(Sign(*pushed, Bundle(folder, fixture.key)).ok());
  EXPECT_TRUE(Passes(*pushed)) << Gate(*pushed).evidence();
}

// A signature can be changed into another valid one of the same key (r, n-s); that is no second signer.
TEST_F(Signers, AreKeysAndNotSignatures) {
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, Policy("two", 2, {}, {})).ok());
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto pushed = Push(folder, "m", Bundle(folder, fixture.key));
  const std::string other = Bundle(folder, fixture.key);
  EXPECT_NE(other, Bundle(folder, fixture.key));   // ECDSA draws a new number each time
  EXPECT_TRUE(Sign(*pushed, other)->already_existed());
  EXPECT_FALSE(Passes(*pushed));
}

TEST_F(Signers, BelowOneAuthorityAreAsManyAsTheirIdentities) {
  const ForgedAuthority authority(Now());
  ASSERT_TRUE(TrustAuthority(authority, "acme", {"*@example.org"}).ok());
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, Policy("two", 2, {}, {"acme"})).ok());
  const EcPrivateKey one = NewKey(), two = NewKey(), three = NewKey();
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto pushed = Push(folder, "m", Bundle(folder, one, {Certify(authority, one, "pat@example.org")}));
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  ASSERT_TRUE(Sign(*pushed, Bundle(folder, two, {Certify(authority, two, "pat@example.org")})).ok());
  EXPECT_FALSE(Passes(*pushed)) << "two certificates of one person";
  ASSERT_TRUE(Sign(*pushed, Bundle(folder, three, {Certify(authority, three, "kim@example.org")})).ok());
  EXPECT_TRUE(Passes(*pushed)) << Gate(*pushed).evidence();
}

TEST_F(Signers, ThatRotatedSignNothingNewAndKeepWhatTheySigned) {
  const EcPrivateKey old_key = NewKey(), new_key = NewKey();
  fixture.Trust(old_key, "pat");
  const v1::Snapshot before = PushWith(old_key, "m", "before");
  const auto by_publisher = Rotate(old_key, new_key, false, publisher);
  EXPECT_EQ(by_publisher.status().code(), absl::StatusCode::kPermissionDenied);
  const auto rotated = Rotate(old_key, new_key, true, publisher);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_EQ(rotated->new_signer().name(), "pat");
  EXPECT_TRUE(rotated->new_signer().vouched());
  EXPECT_TRUE(Rotate(old_key, new_key, true, publisher).ok());   // asked again
  EXPECT_TRUE(Passes(before)) << Gate(before).evidence();
  const auto folder = fixture.NewFolder({{"data", "after"}});
  EXPECT_THAT(std::string(MessageOf(Push(folder, "m", Bundle(folder, old_key)).status())), HasSubstr("was replaced at"));
  EXPECT_TRUE(Push(folder, "m", Bundle(folder, new_key)).ok());
  // Only once, and only to a key that is not known.
  EXPECT_THAT(std::string(MessageOf(Rotate(old_key, NewKey(), true, publisher).status())), HasSubstr("was replaced at"));
  EXPECT_EQ(Rotate(new_key, fixture.key, true, publisher).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(Signers, AreNotRotatedByAWordForAnotherKey) {
  const EcPrivateKey old_key = NewKey(), new_key = NewKey();
  fixture.Trust(old_key, "pat");
  v1::RotateSignerRequest request;
  request.set_key_id(old_key.public_key().key_id());
  request.set_public_key_pem(new_key.public_key().pem());
  request.set_reason("yearly");
  *request.mutable_vouched() = *SignKeyRotation(old_key, NewKey().public_key());
  EXPECT_EQ(desk.RotateSigner(publisher, request).status().code(), absl::StatusCode::kDataLoss);
  *request.mutable_vouched() = *SignKeyRotation(new_key, new_key.public_key());
  EXPECT_EQ(desk.RotateSigner(publisher, request).status().code(), absl::StatusCode::kDataLoss);
  *request.mutable_vouched() = *SignKeyRotation(old_key, new_key.public_key());
  EXPECT_TRUE(desk.RotateSigner(publisher, request).ok());
}

TEST_F(Signers, ThatAStolenKeyVouchedForFallWithIt) {
  const EcPrivateKey old_key = NewKey(), thief = NewKey(), next = NewKey();
  fixture.Trust(old_key, "pat");
  const v1::Snapshot before = PushWith(old_key, "m", "before");
  const uint64_t stolen_at = LogSize();
  ASSERT_TRUE(Rotate(old_key, thief, true, publisher).ok());
  ASSERT_TRUE(Rotate(thief, next, true, publisher).ok());
  const v1::Snapshot bad = PushWith(next, "m", "bad");
  const auto revoked = Revoke(old_key.public_key().key_id(), stolen_at);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(revoked->also_revoked(), ElementsAre(thief.public_key().key_id(), next.public_key().key_id()));
  EXPECT_THAT(revoked->snapshots(), ElementsAre("model/m@2"));
  EXPECT_FALSE(Passes(bad));
  EXPECT_TRUE(Passes(before)) << Gate(before).evidence();
}

TEST_F(Signers, ThatAnAdminPutInPlaceOfAStolenKeyStay) {
  const EcPrivateKey old_key = NewKey(), new_key = NewKey();
  fixture.Trust(old_key, "pat");
  ASSERT_TRUE(Rotate(old_key, new_key, false, fixture.caller).ok());
  const v1::Snapshot good = PushWith(new_key, "m", "good");
  const auto revoked = Revoke(old_key.public_key().key_id(), 0);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(revoked->also_revoked(), IsEmpty());
  EXPECT_TRUE(Passes(good)) << Gate(good).evidence();
}

TEST_F(Signers, AreFoundByNameIdOrItsBeginningWithWhatTheyTouched) {
  const EcPrivateKey key = NewKey();
  fixture.Trust(key, "pat");
  const v1::Snapshot snapshot = PushWith(key, "m", "x");
  fixture.vault.SetDeploymentsServing([&](const Digest& digest) -> absl::StatusOr<std::vector<DeploymentName>> {
    if (digest == DigestOf(snapshot)) return std::vector<DeploymentName>{DeploymentName("fraud-prod")};
    return std::vector<DeploymentName>();
  });
  fixture.vault.SetReleasesNaming([&](const std::vector<std::string>& digests) -> absl::StatusOr<std::vector<std::string>> {
    EXPECT_THAT(digests, ElementsAre(snapshot.digest()));
    return std::vector<std::string>{"sha256:1 of fraud-prod"};
  });
  v1::GetSignerRequest request;
  for (const std::string& by : {std::string("pat"), key.public_key().key_id(), key.public_key().key_id().substr(0, 12)}) {
    request.set_signer(by);
    const auto found = desk.GetSigner(fixture.caller, request);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(found->snapshots_size(), 1);
    EXPECT_TRUE(found->snapshots(0).counts());
    EXPECT_THAT(found->deployments(), ElementsAre("fraud-prod"));
    EXPECT_THAT(found->releases(), ElementsAre("sha256:1 of fraud-prod"));
  }
  request.set_signer("nobody");
  EXPECT_EQ(desk.GetSigner(fixture.caller, request).status().code(), absl::StatusCode::kNotFound);
  const auto revoked = Revoke("pat", 0);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(revoked->snapshots(), ElementsAre("model/m@1"));
  EXPECT_THAT(revoked->deployments(), ElementsAre("fraud-prod"));
  EXPECT_THAT(revoked->releases(), ElementsAre("sha256:1 of fraud-prod"));
}

TEST_F(Signers, OfShardsAndBlake2bPushAfterEveryByteWasHashedAgain) {
  const Files files = {{"a", std::string(3'000'000, 'a')}, {"d/b", "b"}, {"e", ""}};
  int version = 0;
  for (const ModelHashing& hashing : {ModelHashing{"blake2b", 0, 0}, ModelHashing{"sha256", 1'000'000, 0},
                                      ModelHashing{"sha256", 700'001, 0}, ModelHashing{"blake2b", 4'000'000, 0}}) {
    Files own = files;
    own["n"] = absl::StrCat(++version);
    const auto folder = fixture.NewFolder(own);
    const std::string bundle = Bundle(folder, fixture.key, {}, hashing);
    const auto pushed = Push(folder, "m", bundle);
    ASSERT_TRUE(pushed.ok()) << pushed.status();
    EXPECT_TRUE(Passes(*pushed)) << Gate(*pushed).evidence();
    EXPECT_TRUE(fixture.vault.Verify(DigestOf(*pushed), fixture.caller.identity)->intact());
    for (const auto& [path, content] : Files{{"a", std::string(2'999'999, 'a') + "b"}, {"a", std::string(2'999'999, 'a')},
                                             {"a", std::string(3'000'001, 'a')}, {"d/b", ""}, {"more", "x"}}) {
      Files changed = own;
      changed[path] = content;
      const auto refused = Push(fixture.NewFolder(changed), "m", bundle);
      EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << path << " " << refused.status();
      EXPECT_THAT(std::string(MessageOf(refused.status())), HasSubstr("signature and content differ")) << path;
    }
  }
}

TEST_F(Signers, PoliciesAreCheckedKeptAndTakenBackOnTheRecord) {
  EXPECT_THAT(std::string(MessageOf(desk.SetPolicy(fixture.caller, Policy("p", 0, {}, {})).status())), HasSubstr("threshold 0"));
  EXPECT_THAT(std::string(MessageOf(desk.SetPolicy(fixture.caller, Policy("p", 3, {}, {"a", "b"})).status())),
              HasSubstr("can never hold"));
  EXPECT_THAT(std::string(MessageOf(desk.SetPolicy(fixture.caller, Policy("p", 1, {}, {"a", "a"})).status())), HasSubstr("twice"));
  v1::SetPolicyRequest request = Policy("p", 2, {}, {});
  request.set_validate_only(true);
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, request).ok());
  EXPECT_EQ(desk.ListPolicies(fixture.caller, {})->policies_size(), 0);
  request.set_validate_only(false);
  request.clear_reason();
  EXPECT_FALSE(desk.SetPolicy(fixture.caller, request).ok());
  request.set_reason("because");
  const uint64_t before = LogSize();
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, request).ok());
  EXPECT_EQ(LogSize(), before + 1);
  EXPECT_EQ(desk.ListPolicies(fixture.caller, {})->policies(0).set_by(), "alice");
  const v1::Snapshot snapshot = PushWith(fixture.key, "m", "x");
  EXPECT_FALSE(Passes(snapshot));
  v1::RemovePolicyRequest remove;
  remove.set_name("p");
  remove.set_reason("no longer");
  ASSERT_TRUE(desk.RemovePolicy(fixture.caller, remove).ok());
  EXPECT_TRUE(Passes(snapshot));
  EXPECT_EQ(desk.RemovePolicy(fixture.caller, remove).status().code(), absl::StatusCode::kNotFound);
}

// A decision built before a revocation, or before a new policy, must not be committed after it.
TEST_F(Signers, HeldByADecisionMakeItBeBuiltAgainWhenTheyChange) {
  const v1::Snapshot snapshot = PushWith(fixture.key, "m", "x");
  const auto decide = [&](const std::function<void()>& between) {
    int built = 0;
    const auto receipt = fixture.base.ledger->Transact([&](Draft& draft) -> absl::Status {
      RETURN_IF_ERROR(fixture.vault.Hold(draft, DigestOf(snapshot)));
      if (++built == 1) between();
      v1::AuditEntry entry;
      entry.set_actor("alice");
      entry.set_action("test.decided");
      entry.set_summary("decided");
      draft.Record(std::move(entry));
      return absl::OkStatus();
    });
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return built;
  };
  EXPECT_EQ(decide([] {}), 1);
  EXPECT_EQ(decide([&] { EXPECT_TRUE(desk.SetPolicy(fixture.caller, Policy("new", 2, {}, {})).ok()); }), 2);
  EXPECT_EQ(decide([&] { EXPECT_TRUE(Revoke(fixture.key.public_key().key_id(), 0).ok()); }), 2);
}

}  // namespace
}  // namespace firebreak
