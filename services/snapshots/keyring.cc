#include "services/snapshots/keyring.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/entry.h"

namespace firebreak {
namespace {

std::string ShortKey(const std::string& key_id) { return StrCat("key ", key_id.substr(0, 16), "…"); }

bool MaySign(const v1::TrustedSigner& signer, v1::SnapshotKind kind) {
  return signer.kinds().empty() || std::find(signer.kinds().begin(), signer.kinds().end(), kind) != signer.kinds().end();
}

// The key hint, unverified, only to pick the key to verify with; empty when the bundle has none.
std::string KeyHint(std::string_view bundle, size_t bytes_max) {
  JsonLimits limits;
  limits.size_bytes_max = bytes_max;
  absl::StatusOr<google::protobuf::Value> json = ParseJson(bundle, limits);
  if (!json.ok()) return "";
  const google::protobuf::Value* at = &*json;
  for (const char* member : {"verificationMaterial", "publicKey", "hint"}) {
    const auto found = at->struct_value().fields().find(member);
    if (found == at->struct_value().fields().end()) return "";
    at = &found->second;
  }
  return at->string_value();
}

absl::Status CheckKinds(const v1::TrustSignerRequest& request) {
  for (int kind : request.kinds()) {
    if (KindText(static_cast<v1::SnapshotKind>(kind)).empty()) {
      return absl::InvalidArgumentError("a signer's kinds are model, dataset or config; leave them out for all");
    }
  }
  return absl::OkStatus();
}

bool SameKinds(const v1::TrustedSigner& signer, const v1::TrustSignerRequest& request) {
  return std::equal(signer.kinds().begin(), signer.kinds().end(), request.kinds().begin(), request.kinds().end());
}

}  // namespace

absl::StatusOr<v1::TrustedSigner> Keyring::Trust(const Caller& caller, const v1::TrustSignerRequest& request) {
  RETURN_IF_ERROR(CheckName("signer name", request.name()));
  RETURN_IF_ERROR(CheckKinds(request));
  absl::StatusOr<EcPublicKey> key = EcPublicKey::FromPem(request.public_key_pem());
  if (!key.ok()) return Annotate(key.status(), StrCat("public key of ", request.name()));
  ASSIGN_OR_RETURN(std::vector<v1::TrustedSigner> known, List());

  v1::TrustedSigner signer;
  bool already = false;
  auto build = [&](Draft& draft) -> absl::Status {
    already = false;
    ASSIGN_OR_RETURN(std::optional<v1::TrustedSigner> found, draft.Find(keys::SnapshotSigner(key->key_id())));
    if (found) {
      if (found->has_revoked_at()) {
        return WithNextStep(absl::FailedPreconditionError(StrCat(ShortKey(key->key_id()), " of ", found->name(),
                                                                 " was revoked and cannot be trusted again")),
                            "make a new key and trust that");
      }
      if (found->name() != request.name() || !SameKinds(*found, request)) {
        return absl::AlreadyExistsError(StrCat(ShortKey(key->key_id()), " is already trusted as ", found->name(),
                                               " with other settings"));
      }
      signer = *std::move(found);
      already = true;
      return absl::AlreadyExistsError("");
    }
    if (known.size() >= limits_.signers_max) {
      return absl::ResourceExhaustedError(StrCat("already ", limits_.signers_max, " signers"));
    }
    signer.set_name(request.name());
    signer.set_public_key_pem(key->pem());
    signer.set_key_id(key->key_id());
    *signer.mutable_kinds() = request.kinds();
    *signer.mutable_trusted_since() = ToProto(clock_.Now());
    draft.Put(keys::SnapshotSigner(signer.key_id()), signer);
    v1::AuditEntry entry = MakeEntry(caller.identity, "signer.trusted",
                                     StrCat("signatures of ", signer.name(), " (", ShortKey(signer.key_id()), ") count"));
    AddSubject(entry, StrCat("signer/", signer.key_id()));
    (*entry.mutable_facts())["name"] = signer.name();
    (*entry.mutable_facts())["key_id"] = signer.key_id();
    (*entry.mutable_facts())["algorithm"] = key->algorithm();
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  absl::StatusOr<Receipt> receipt = ledger_.Transact(build);
  if (!receipt.ok() && !already) return receipt.status();
  return signer;
}

absl::StatusOr<v1::TrustedSigner> Keyring::Revoke(const Caller& caller, const v1::RevokeSignerRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  if (request.from_index() > ledger_.size()) {
    return absl::InvalidArgumentError(StrCat("from_index ", request.from_index(), " is beyond the log, which has ",
                                             ledger_.size(), " entries"));
  }
  v1::TrustedSigner signer;
  bool already = false;
  auto build = [&](Draft& draft) -> absl::Status {
    already = false;
    ASSIGN_OR_RETURN(signer, draft.Load(keys::SnapshotSigner(request.key_id()), StrCat("signer ", request.key_id())));
    if (signer.has_revoked_at() && signer.revoked_from_index() <= request.from_index()) {
      already = true;
      return absl::AlreadyExistsError("");
    }
    if (!signer.has_revoked_at()) *signer.mutable_revoked_at() = ToProto(clock_.Now());
    signer.set_revoked_from_index(request.from_index());
    signer.set_revoked_reason(request.reason());
    draft.Put(keys::SnapshotSigner(signer.key_id()), signer);
    v1::AuditEntry entry = MakeEntry(caller.identity, "signer.revoked",
                                     StrCat("signatures of ", signer.name(), " (", ShortKey(signer.key_id()),
                                            ") no longer count: ", request.reason()));
    AddSubject(entry, StrCat("signer/", signer.key_id()));
    (*entry.mutable_facts())["name"] = signer.name();
    (*entry.mutable_facts())["key_id"] = signer.key_id();
    (*entry.mutable_facts())["from_index"] = absl::StrCat(request.from_index());
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  absl::StatusOr<Receipt> receipt = ledger_.Transact(build);
  if (!receipt.ok() && !already) return receipt.status();
  return signer;
}

absl::StatusOr<std::vector<v1::TrustedSigner>> Keyring::List() const {
  ASSIGN_OR_RETURN(RecordPage<v1::TrustedSigner> page,
                   ListRecords(ledger_.store(), keys::SnapshotSigners(), "", limits_.signers_max + 1));
  std::vector<v1::TrustedSigner> signers;
  for (auto& [key, signer] : page.records) signers.push_back(std::move(signer));
  return signers;
}

absl::StatusOr<std::vector<Keyring::Signed>> Keyring::SignedBy(const std::string& key_id) const {
  std::vector<Signed> all;
  std::string after;
  do {
    ASSIGN_OR_RETURN(RecordPage<store::v1::SignedRef> page,
                     ListRecords(ledger_.store(), keys::SnapshotsSignedBy(key_id), after, 500));
    for (const auto& [key, ref] : page.records) all.push_back({ref.digest(), ref.name()});
    if (all.size() > limits_.lineage_nodes_max) {
      return absl::ResourceExhaustedError(StrCat(ShortKey(key_id), " signed more than ", limits_.lineage_nodes_max, " snapshots"));
    }
    after = page.next_after;
  } while (!after.empty());
  return all;
}

absl::StatusOr<CheckedBundle> Keyring::Verify(std::string_view bundle, v1::SnapshotKind kind) const {
  if (bundle.empty()) {
    return WithNextStep(absl::FailedPreconditionError("the snapshot is not signed"),
                        "sign it: firebreak snapshot push --key <private key>, or send its model.sig");
  }
  ASSIGN_OR_RETURN(std::vector<v1::TrustedSigner> signers, List());
  if (const std::string hint = KeyHint(bundle, limits_.bundle_bytes_max); !hint.empty()) {
    std::erase_if(signers, [&](const v1::TrustedSigner& signer) { return signer.key_id() != hint; });
    if (signers.empty()) {
      return WithNextStep(absl::FailedPreconditionError(StrCat("signed with ", ShortKey(hint), ", which is not trusted")),
                          "an admin can trust it: firebreak signer trust");
    }
  }
  absl::Status last = absl::FailedPreconditionError("signed with a key that is not trusted");
  for (v1::TrustedSigner& signer : signers) {
    ASSIGN_OR_RETURN(EcPublicKey key, EcPublicKey::FromPem(signer.public_key_pem()));
    absl::StatusOr<OmsSignature> signature = VerifyOmsBundle(bundle, key);
    if (!signature.ok()) {
      last = Annotate(signature.status(), "signature");
      if (absl::IsInvalidArgument(last)) return last;   // malformed whatever the key
      continue;
    }
    if (!MaySign(signer, kind)) {
      return absl::FailedPreconditionError(StrCat("signer ", signer.name(), " may not sign a ", KindText(kind)));
    }
    return CheckedBundle{*std::move(signature), std::move(signer), key.algorithm()};
  }
  return last;
}

absl::Status Keyring::CheckNew(const v1::TrustedSigner& signer) const {
  if (!signer.has_revoked_at()) return absl::OkStatus();
  return WithNextStep(absl::FailedPreconditionError(StrCat("signed with ", ShortKey(signer.key_id()), " of ", signer.name(),
                                                           ", which was revoked at ",
                                                           FormatRfc3339(FromProto(signer.revoked_at())), ": ",
                                                           signer.revoked_reason())),
                      "sign it with a key that is trusted now");
}

absl::StatusOr<bool> Keyring::Counts(const v1::TrustedSigner& signer, const std::string& digest, std::string* why) const {
  if (!signer.has_revoked_at()) {
    *why = StrCat("signed by ", signer.name(), " (", ShortKey(signer.key_id()), "), trusted now");
    return true;
  }
  const std::string revoked = StrCat(ShortKey(signer.key_id()), " of ", signer.name(), " was revoked at ",
                                     FormatRfc3339(FromProto(signer.revoked_at())));
  uint64_t from = 0;
  while (signer.revoked_from_index() > 0) {
    ASSIGN_OR_RETURN(EntryPage page, ListEntriesBySubject(ledger_.store(), StrCat("snapshot/", digest), from, 100));
    for (const v1::AuditEntry& entry : page.entries) {
      if (entry.index() >= signer.revoked_from_index()) break;
      const auto key = entry.facts().find("key_id");
      if (entry.action() != kActionPushed || key == entry.facts().end() || key->second != signer.key_id()) continue;
      *why = StrCat(revoked, " from log index ", signer.revoked_from_index(), "; this signature was logged at ", entry.index());
      return true;
    }
    if (!page.more || page.next_index >= signer.revoked_from_index()) break;
    from = page.next_index;
  }
  *why = StrCat(revoked, ": ", signer.revoked_reason());
  return false;
}

}  // namespace firebreak
