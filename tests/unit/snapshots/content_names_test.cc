// The names one content goes by: which policies they bring, how many there may be, and which signature is handed out.
#include <condition_variable>
#include <mutex>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/base/text.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/signers.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/keyring.h"
#include "services/snapshots/signatures.h"
#include "tests/unit/snapshots/signers_fixture.h"

namespace firebreak {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Files;
using testing::NewKey;

class ContentNames : public testing::SignersFixture {
 protected:
  v1::GetBundleResponse BundleOf(const v1::Snapshot& snapshot, const std::string& key_id = "") {
    v1::GetBundleRequest request;
    request.set_snapshot(SnapshotName(snapshot));
    request.set_key_id(key_id);
    const auto answer = fixture.vault.GetBundle(fixture.caller, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(v1::GetBundleResponse());
  }
};

// Whoever may publish can give known content one more name, and none is ever taken back.
TEST_F(ContentNames, OfAStricterPolicyDoNotBlockTheOthers) {
  const EcPrivateKey attacker = NewKey();
  fixture.Trust(attacker, "mallory");
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, Policy("two", 2, {"fraud-*"}, {})).ok());
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto honest = Push(folder, "serving", Bundle(folder, fixture.key));
  ASSERT_TRUE(honest.ok()) << honest.status();
  ASSERT_EQ(GateByName(*honest).verdict(), v1::GATE_VERDICT_PASS);

  const auto claimed = Push(folder, "fraud-x", Bundle(folder, attacker));
  ASSERT_TRUE(claimed.ok()) << claimed.status();
  EXPECT_EQ(GateByName(*honest).verdict(), v1::GATE_VERDICT_PASS) << GateByName(*honest).evidence();
  EXPECT_TRUE(Passes(*honest)) << "asked for by its digest";
  EXPECT_TRUE(fixture.vault.Verify(testing::DigestOf(*honest), fixture.caller.identity)->intact());
  v1::VerifySnapshotRequest verify;
  verify.set_snapshot("model/serving@1");
  EXPECT_TRUE(fixture.vault.VerifySnapshot(fixture.caller, verify)->intact());
}

TEST_F(ContentNames, ClaimedFirstByAnAttackerDoNotBlockTheOthersEither) {
  const EcPrivateKey attacker = NewKey();
  fixture.Trust(attacker, "mallory");
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, Policy("two", 3, {"fraud-*"}, {})).ok());
  const auto folder = fixture.NewFolder({{"data", "a base model everybody has"}});
  ASSERT_TRUE(Push(folder, "fraud-x", Bundle(folder, attacker)).ok());
  const auto honest = Push(folder, "serving", Bundle(folder, fixture.key));
  ASSERT_TRUE(honest.ok()) << honest.status();
  EXPECT_EQ(GateByName(*honest).verdict(), v1::GATE_VERDICT_PASS) << GateByName(*honest).evidence();
  EXPECT_TRUE(Passes(*honest)) << Gate(*honest).evidence();
}

TEST_F(ContentNames, KeepTheirOwnPolicyWhateverElseTheContentIsCalled) {
  ASSERT_TRUE(desk.SetPolicy(fixture.caller, Policy("two", 2, {"fraud-*"}, {})).ok());
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto scratch = Push(folder, "scratch", Bundle(folder, fixture.key));
  const auto strict = Push(folder, "fraud-m", Bundle(folder, fixture.key));
  EXPECT_EQ(GateByName(*strict).verdict(), v1::GATE_VERDICT_FAIL);
  EXPECT_THAT(GateByName(*strict).evidence(), HasSubstr("policy two needs 2"));
  v1::VerifySnapshotRequest verify;
  verify.set_snapshot("model/fraud-m@1");
  EXPECT_THAT(fixture.vault.VerifySnapshot(fixture.caller, verify)->findings(0), HasSubstr("policy two needs 2"));
  // Under neither a name it never had nor as something else.
  EXPECT_THAT(GateOf(*strict, "model/other@1").evidence(), HasSubstr("was never pushed as model/other"));
  EXPECT_EQ(GateOf(*strict, "model/other@1").verdict(), v1::GATE_VERDICT_FAIL);
  EXPECT_EQ(GateOf(*strict, "dataset/scratch@1").verdict(), v1::GATE_VERDICT_FAIL);
  EXPECT_EQ(GateOf(*strict, "what is this").verdict(), v1::GATE_VERDICT_UNKNOWN);

  v1::ListSignaturesRequest list;
  list.set_snapshot("model/fraud-m");
  EXPECT_FALSE(desk.ListSignatures(fixture.caller, list)->policies(0).holds());
  list.set_snapshot("model/scratch");
  EXPECT_TRUE(desk.ListSignatures(fixture.caller, list)->policies(0).holds());
}

TEST_F(ContentNames, NeedASignerWhoMaySignThem) {
  const EcPrivateKey key = NewKey();
  v1::TrustSignerRequest request;
  request.set_name("fraud-team");
  request.set_public_key_pem(key.public_key().pem());
  request.add_names("fraud-*");
  ASSERT_TRUE(fixture.vault.TrustSigner(fixture.caller, request).ok());
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto other = Push(folder, "other", Bundle(folder, fixture.key));
  const auto own = Push(folder, "fraud-m", Bundle(folder, key));
  ASSERT_TRUE(Revoke(fixture.key.public_key().key_id(), 0).ok());
  EXPECT_EQ(GateByName(*own).verdict(), v1::GATE_VERDICT_PASS) << GateByName(*own).evidence();
  EXPECT_EQ(GateByName(*other).verdict(), v1::GATE_VERDICT_FAIL);
  EXPECT_THAT(GateByName(*other).evidence(), AnyOf(HasSubstr("may not sign model/other"), HasSubstr("was revoked")));
}

TEST_F(ContentNames, AreCountedOverWhatIsBeingCommittedWithThem) {
  // The committer is held, so that both names are prepared while neither is there.
  std::mutex mutex;
  std::condition_variable changed;
  bool held = false, go_on = false;
  const auto watch = fixture.base.ledger->AddWatcher([&](const std::vector<v1::AuditEntry>&) {
    std::unique_lock lock(mutex);
    held = true;
    changed.notify_all();
    changed.wait(lock, [&] { return go_on; });
  });
  v1::Snapshot snapshot;
  snapshot.set_digest(Sha256("content").text());
  const auto build = [&](const std::string& name) {
    return [&fixture = this->fixture, snapshot, name](Draft& draft) mutable -> absl::Status {
      snapshot.set_name(name);
      RETURN_IF_ERROR(BindName(draft, snapshot, 1));
      draft.Put(keys::SnapshotProven(snapshot.digest()), store::v1::Proven());   // as every push does
      draft.Record(MakeEntry(fixture.caller.identity, "test.named", name));
      return absl::OkStatus();
    };
  };
  std::vector<absl::Status> answers;
  const auto done = [&](const absl::StatusOr<Receipt>& receipt) {
    std::unique_lock lock(mutex);
    answers.push_back(receipt.status());
    changed.notify_all();
  };
  fixture.base.ledger->TransactThen(
      [&](Draft& draft) {
        draft.Record(MakeEntry(fixture.caller.identity, "test.first", "holds the committer"));
        return absl::OkStatus();
      },
      [](const absl::StatusOr<Receipt>&) {});
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return held; });
  }
  fixture.base.ledger->TransactThen(build("a"), done);
  fixture.base.ledger->TransactThen(build("b"), done);
  std::unique_lock lock(mutex);
  go_on = true;
  changed.notify_all();
  changed.wait(lock, [&] { return answers.size() == 2; });
  EXPECT_TRUE(answers[0].ok()) << answers[0];
  EXPECT_EQ(answers[1].code(), absl::StatusCode::kResourceExhausted) << answers[1];
  const auto names = ListRecords(fixture.base.ledger->store(), keys::NamesOfContent(snapshot.digest()), "", 10);
  EXPECT_EQ(names->records.size(), 1u);
}

TEST_F(ContentNames, HandOutASignatureThatCounts) {
  const EcPrivateKey first = NewKey(), second = NewKey();
  fixture.Trust(first, "first");
  fixture.Trust(second, "second");
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto pushed = Push(folder, "m", Bundle(folder, first));
  const std::string other = Bundle(folder, second);
  ASSERT_TRUE(Sign(*pushed, other).ok());
  EXPECT_EQ(BundleOf(*pushed).signature().signer(), "first");
  EXPECT_TRUE(BundleOf(*pushed).counts());

  ASSERT_TRUE(Revoke(first.public_key().key_id(), 0).ok());
  EXPECT_EQ(BundleOf(*pushed).signature().signer(), "second");
  EXPECT_EQ(BundleOf(*pushed).data(), other);
  EXPECT_TRUE(BundleOf(*pushed).counts());
  // Asked for by its key, the revoked one is there, and says what it is.
  const v1::GetBundleResponse revoked = BundleOf(*pushed, first.public_key().key_id());
  EXPECT_EQ(revoked.signature().signer(), "first");
  EXPECT_FALSE(revoked.counts());
  EXPECT_THAT(revoked.why(), HasSubstr("was revoked"));

  ASSERT_TRUE(Revoke(second.public_key().key_id(), 0).ok());
  const v1::GetBundleResponse none = BundleOf(*pushed);
  EXPECT_EQ(none.signature().signer(), "first");
  EXPECT_FALSE(none.counts());
  EXPECT_THAT(none.why(), HasSubstr("was revoked"));
  v1::GetBundleRequest unknown;
  unknown.set_snapshot("model/m@1");
  unknown.set_key_id(NewKey().public_key().key_id());
  EXPECT_EQ(fixture.vault.GetBundle(fixture.caller, unknown).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ContentNames, HandOutNoSignatureOfOneWhoMayNotSignThem) {
  const EcPrivateKey narrow = NewKey();
  v1::TrustSignerRequest request;
  request.set_name("other-team");
  request.set_public_key_pem(narrow.public_key().pem());
  request.add_names("other-*");
  ASSERT_TRUE(fixture.vault.TrustSigner(fixture.caller, request).ok());
  const auto folder = fixture.NewFolder({{"data", "1"}});
  const auto pushed = Push(folder, "m", Bundle(folder, fixture.key));
  ASSERT_TRUE(Push(folder, "other-m", Bundle(folder, narrow)).ok());
  ASSERT_TRUE(Revoke(fixture.key.public_key().key_id(), 0).ok());
  EXPECT_FALSE(BundleOf(*pushed).counts());
  EXPECT_EQ(BundleOf(*pushed).signature().signer(), "release");
}

// Somebody else's entries come in between a rotation's preparation and its commit.
class BusyClock final : public Clock {
 public:
  BusyClock(Ledger& ledger, const Identity& somebody) : ledger_(ledger), somebody_(somebody) {}
  absl::Time Now() const override {
    for (int i = 0; i < 5; ++i) {
      Draft draft(ledger_.store());
      draft.Record(MakeEntry(somebody_, "test.noted", "something else"));
      EXPECT_TRUE(ledger_.Commit(draft).ok());
    }
    return absl::UnixEpoch();
  }
  bool AwaitUntil(absl::Mutex&, const absl::Condition&, absl::Time) const override { return false; }

 private:
  Ledger& ledger_;
  const Identity somebody_;
};

TEST_F(ContentNames, OfANewKeyCountFromItsPlaceInTheLogAndNotFromWhenItWasPrepared) {
  const EcPrivateKey old_key = NewKey(), thief = NewKey();
  fixture.Trust(old_key, "pat");
  const uint64_t prepared_at = LogSize();
  const BusyClock busy(*fixture.base.ledger, fixture.caller.identity);
  Keyring keyring(*fixture.base.ledger, busy, SnapshotLimits());
  v1::RotateSignerRequest request;
  request.set_key_id(old_key.public_key().key_id());
  request.set_public_key_pem(thief.public_key().pem());
  request.set_reason("yearly");
  *request.mutable_vouched() = *SignKeyRotation(old_key, thief.public_key());
  const auto rotated = keyring.Rotate(publisher, request);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_EQ(rotated->old_signer().rotated_at_index(), LogSize() - 1);
  v1::GetSignerRequest get;
  get.set_signer(old_key.public_key().key_id());
  EXPECT_EQ(desk.GetSigner(fixture.caller, get)->signer().rotated_at_index(), LogSize() - 1);
  // The key was stolen after the rotation was prepared and before it was logged.
  const auto revoked = Revoke(old_key.public_key().key_id(), prepared_at + 3);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(revoked->also_revoked(), ElementsAre(thief.public_key().key_id()));
}

TEST_F(ContentNames, OfSignersStayReadableAfterALongReason) {
  const EcPrivateKey old_key = NewKey(), next = NewKey();
  fixture.Trust(old_key, "pat");
  ASSERT_TRUE(Rotate(old_key, next, true, publisher).ok());
  v1::RevokeSignerRequest request;
  request.set_key_id(old_key.public_key().key_id());
  for (int i = 0; i < 500; ++i) request.mutable_reason()->append("é");
  const auto revoked = fixture.vault.RevokeSigner(fixture.caller, request);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(revoked->also_revoked(), ElementsAre(next.public_key().key_id()));
  const auto listed = fixture.vault.ListSigners(fixture.caller, {});
  EXPECT_TRUE(listed.ok()) << listed.status();
}

}  // namespace
}  // namespace firebreak
