// A vault with signers to trust, rotate and revoke, and any OMS tool's bundles over small folders.
#ifndef FIREBREAK_TESTS_UNIT_SNAPSHOTS_SIGNERS_FIXTURE_H_
#define FIREBREAK_TESTS_UNIT_SNAPSHOTS_SIGNERS_FIXTURE_H_

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "firebreak/signing/model_hash.h"
#include "firebreak/signing/rotation.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/snapshots/signer_desk.h"
#include "tests/support/certificate_forge.h"
#include "tests/support/vault_fixture.h"

namespace firebreak::testing {

class SignersFixture : public ::testing::Test {
 protected:
  // Any OMS tool's bundle over a folder.
  std::string Bundle(const std::filesystem::path& folder, const EcPrivateKey& key, const std::vector<std::string>& chain = {},
                     const ModelHashing& hashing = {}) {
    const auto listing = ListModelFiles(folder, {});
    OmsManifest manifest;
    manifest.model_name = "model";
    manifest.hash_type = hashing.hash_type;
    manifest.shard_size_bytes = hashing.shard_size_bytes;
    manifest.resources = *HashModel(*listing, hashing);
    auto bundle = SignOmsManifest(key, chain, std::move(manifest));
    EXPECT_TRUE(bundle.ok()) << bundle.status();
    return bundle.value_or("");
  }
  absl::StatusOr<v1::Snapshot> Push(const std::filesystem::path& folder, const std::string& name, const std::string& bundle) {
    PushOptions options = fixture.Options(folder, name);
    options.signing_key.reset();
    options.bundle = std::make_shared<HeldText>(bundle);
    auto pushed = fixture.Push(options);
    if (!pushed.ok()) return pushed.status();
    return pushed->snapshot;
  }
  v1::Snapshot PushWith(const EcPrivateKey& key, const std::string& name, const std::string& content) {
    const auto folder = fixture.NewFolder({{"data", content}});
    auto pushed = Push(folder, name, Bundle(folder, key));
    EXPECT_TRUE(pushed.ok()) << pushed.status();
    return pushed.value_or(v1::Snapshot());
  }
  absl::StatusOr<v1::AddSignatureResponse> Sign(const v1::Snapshot& snapshot, const std::string& bundle) {
    v1::AddSignatureRequest request;
    request.set_snapshot(snapshot.digest());
    request.set_bundle(bundle);
    return desk.AddSignature(fixture.caller, request);
  }
  // Asked for by its digest alone.
  v1::GateResult Gate(const v1::Snapshot& snapshot) { return GateOf(snapshot, ""); }
  // Asked for by a name: model/fraud@7.
  v1::GateResult GateOf(const v1::Snapshot& snapshot, const std::string& name) {
    auto gates = fixture.vault.CheckGates(DigestOf(snapshot), name);
    EXPECT_TRUE(gates.ok()) << gates.status();
    return gates->at(0);
  }
  v1::GateResult GateByName(const v1::Snapshot& snapshot) { return GateOf(snapshot, SnapshotName(snapshot)); }
  bool Passes(const v1::Snapshot& snapshot) { return Gate(snapshot).verdict() == v1::GATE_VERDICT_PASS; }
  v1::SetPolicyRequest Policy(const std::string& name, uint32_t threshold, const std::vector<std::string>& names,
                              const std::vector<std::string>& signers) {
    v1::SetPolicyRequest request;
    request.mutable_policy()->set_name(name);
    request.mutable_policy()->set_threshold(threshold);
    for (const std::string& pattern : names) request.mutable_policy()->add_names(pattern);
    for (const std::string& signer : signers) request.mutable_policy()->add_signers(signer);
    request.set_reason("two people");
    return request;
  }
  absl::StatusOr<v1::RevokeSignerResponse> Revoke(const std::string& key_id, uint64_t from_index) {
    v1::RevokeSignerRequest request;
    request.set_key_id(key_id);
    request.set_reason("stolen");
    request.set_from_index(from_index);
    return fixture.vault.RevokeSigner(fixture.caller, request);
  }
  absl::StatusOr<v1::TrustSignerResponse> TrustAuthority(const ForgedAuthority& authority, const std::string& name,
                                                         const std::vector<std::string>& identities) {
    v1::TrustSignerRequest request;
    request.set_name(name);
    request.set_ca_certificate_pem(authority.pem());
    for (const std::string& identity : identities) request.add_identities(identity);
    return fixture.vault.TrustSigner(fixture.caller, request);
  }
  std::string Certify(const ForgedAuthority& authority, const EcPrivateKey& key, const std::string& email) {
    CertificateForm form = authority.Form();
    form.emails = {email};
    return authority.Issue(form, key.public_key());
  }
  absl::StatusOr<v1::RotateSignerResponse> Rotate(const EcPrivateKey& old_key, const EcPrivateKey& new_key, bool vouch,
                                                  const Caller& caller) {
    v1::RotateSignerRequest request;
    request.set_key_id(old_key.public_key().key_id());
    request.set_public_key_pem(new_key.public_key().pem());
    request.set_reason("yearly");
    if (vouch) *request.mutable_vouched() = *SignKeyRotation(old_key, new_key.public_key());
    return desk.RotateSigner(caller, request);
  }
  uint64_t LogSize() { return fixture.base.ledger->size(); }
  absl::Time Now() { return fixture.base.clock.Now(); }

  VaultFixture fixture;
  SignerDesk desk{fixture.vault};
  const Caller publisher{Identity("pat"), {v1::ROLE_PUBLISHER}, absl::InfiniteFuture(), AgentName()};
};

}  // namespace firebreak::testing

#endif  // FIREBREAK_TESTS_UNIT_SNAPSHOTS_SIGNERS_FIXTURE_H_
