// Keyring: what changes it. Every change is one commit with its audit entry.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/crypto/chain.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/signing/rotation.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/keyring.h"
#include "services/snapshots/signature_log.h"
#include "services/snapshots/signer_scope.h"

namespace firebreak {
namespace {

constexpr size_t kReasonBytesMax = 1000;
constexpr size_t kRotationsMax = 12;   // of one signer that one revocation follows; an audit entry each

template <typename A, typename B>
bool SameItems(const A& a, const B& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool SameSettings(const v1::TrustedSigner& a, const v1::TrustedSigner& b) {
  return a.name() == b.name() && SameItems(a.kinds(), b.kinds()) && SameItems(a.names(), b.names()) &&
         SameItems(a.identities(), b.identities()) && a.ca_certificate_pem() == b.ca_certificate_pem();
}

// What the request asks for, checked; without times.
absl::StatusOr<v1::TrustedSigner> ReadWish(const v1::TrustSignerRequest& request) {
  RETURN_IF_ERROR(CheckName("signer name", request.name()));
  RETURN_IF_ERROR(CheckKindList("a signer's", request.kinds()));
  RETURN_IF_ERROR(CheckPatterns("names of a signer", request.names()));
  RETURN_IF_ERROR(CheckPatterns("identities of a signer", request.identities()));
  if (request.public_key_pem().empty() == request.ca_certificate_pem().empty()) {
    return absl::InvalidArgumentError(StrCat("signer ", request.name(), ": give either a public key or an authority's certificate"));
  }
  v1::TrustedSigner signer;
  signer.set_name(request.name());
  *signer.mutable_kinds() = request.kinds();
  *signer.mutable_names() = request.names();
  *signer.mutable_identities() = request.identities();
  if (request.ca_certificate_pem().empty()) {
    if (!request.identities().empty()) {
      return absl::InvalidArgumentError(StrCat("signer ", request.name(), ": identities belong to an authority, not to a key"));
    }
    absl::StatusOr<EcPublicKey> key = EcPublicKey::FromPem(request.public_key_pem());
    if (!key.ok()) return Annotate(key.status(), StrCat("public key of ", request.name()));
    signer.set_public_key_pem(key->pem());
    signer.set_key_id(key->key_id());
    return signer;
  }
  absl::StatusOr<AuthorityCertificate> authority = ReadAuthorityCertificate(request.ca_certificate_pem());
  if (!authority.ok()) return Annotate(authority.status(), StrCat("authority of ", request.name()));
  if (request.identities().empty()) {
    return WithNextStep(absl::InvalidArgumentError(StrCat("signer ", request.name(), ": say whose certificates count")),
                        "--identity pat@example.org, or --identity '*' for everybody the authority certifies");
  }
  signer.set_ca_certificate_pem(authority->pem);
  signer.set_public_key_pem(authority->public_key_pem);
  signer.set_key_id(authority->key_id);
  return signer;
}

v1::AuditEntry SignerEntry(const Identity& actor, std::string_view action, std::string_view summary,
                           const v1::TrustedSigner& signer) {
  v1::AuditEntry entry = MakeEntry(actor, action, summary);
  AddSubject(entry, StrCat("signer/", signer.key_id()));
  (*entry.mutable_facts())["name"] = signer.name();
  (*entry.mutable_facts())["key_id"] = signer.key_id();
  return entry;
}

}  // namespace

absl::StatusOr<v1::TrustedSigner> Keyring::Trust(const Caller& caller, const v1::TrustSignerRequest& request) {
  ASSIGN_OR_RETURN(const v1::TrustedSigner wish, ReadWish(request));
  v1::TrustedSigner signer;
  bool already = false;
  auto build = [&](Draft& draft) -> absl::Status {
    already = false;
    ASSIGN_OR_RETURN(std::optional<v1::TrustedSigner> found, draft.Find(keys::SnapshotSigner(wish.key_id())));
    if (found) {
      if (found->has_revoked_at()) {
        return WithNextStep(absl::FailedPreconditionError(StrCat(ShortKey(wish.key_id()), " of ", found->name(),
                                                                 " was revoked and cannot be trusted again")),
                            "make a new key and trust that");
      }
      if (!SameSettings(*found, wish)) {
        return absl::AlreadyExistsError(StrCat(ShortKey(wish.key_id()), " is already trusted as ", found->name(),
                                               " with other settings"));
      }
      signer = *std::move(found);
      already = true;
      return absl::AlreadyExistsError("");
    }
    ASSIGN_OR_RETURN(const std::vector<v1::TrustedSigner> known, List());
    if (known.size() >= limits_.signers_max) {
      return absl::ResourceExhaustedError(StrCat("already ", limits_.signers_max, " signers"));
    }
    signer = wish;
    *signer.mutable_trusted_since() = ToProto(clock_.Now());
    draft.Put(keys::SnapshotSigner(signer.key_id()), signer);
    const std::string whose = signer.ca_certificate_pem().empty()
                                  ? signer.name()
                                  : StrCat(absl::StrJoin(signer.identities(), ", "), " below the authority ", signer.name());
    v1::AuditEntry entry = SignerEntry(caller.identity, "signer.trusted",
                                       StrCat("signatures of ", whose, " (", ShortKey(signer.key_id()), ") count"), signer);
    (*entry.mutable_facts())["may_sign"] = absl::StrJoin(signer.names(), ",").substr(0, 256);   // ASCII, see CheckPatterns
    draft.Record(std::move(entry));
    return absl::OkStatus();
  };
  absl::StatusOr<Receipt> receipt = ledger_.Transact(build);
  if (!receipt.ok() && !already) return receipt.status();
  return signer;
}

absl::StatusOr<v1::RotateSignerResponse> Keyring::Rotate(const Caller& caller, const v1::RotateSignerRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  absl::StatusOr<EcPublicKey> new_key = EcPublicKey::FromPem(request.public_key_pem());
  if (!new_key.ok()) return Annotate(new_key.status(), "new public key");
  if (!request.has_vouched() && !caller.Has(v1::ROLE_ADMIN)) {
    return WithNextStep(absl::PermissionDeniedError("a key is replaced by an admin, or by whoever holds it"),
                        "let the old key vouch for the new one: firebreak signer rotate --vouch OLD-KEY.pem");
  }
  v1::RotateSignerResponse response;
  bool already = false;
  auto build = [&](Draft& draft) -> absl::Status {
    already = false;
    ASSIGN_OR_RETURN(v1::TrustedSigner old_signer,
                     draft.Load(keys::SnapshotSigner(request.key_id()), StrCat("signer ", request.key_id())));
    ASSIGN_OR_RETURN(std::optional<v1::TrustedSigner> taken, draft.Find(keys::SnapshotSigner(new_key->key_id())));
    if (old_signer.rotated_to() == new_key->key_id() && taken && !old_signer.has_revoked_at()) {
      *response.mutable_old_signer() = std::move(old_signer);
      *response.mutable_new_signer() = *std::move(taken);
      already = true;
      return absl::AlreadyExistsError("");
    }
    RETURN_IF_ERROR(CheckNew(old_signer));
    if (!old_signer.ca_certificate_pem().empty() || old_signer.public_key_pem().empty()) {
      return WithNextStep(absl::FailedPreconditionError(StrCat("signer ", old_signer.name(), " is an authority, not a key")),
                          "trust the new authority beside it");
    }
    if (taken) return absl::AlreadyExistsError(StrCat(ShortKey(new_key->key_id()), " is already known, as ", taken->name()));
    if (request.has_vouched()) {
      ASSIGN_OR_RETURN(const EcPublicKey old_key, EcPublicKey::FromPem(old_signer.public_key_pem()));
      RETURN_IF_ERROR(Annotate(VerifyKeyRotation(request.vouched(), old_key, *new_key), "the old key's word"));
    }
    v1::TrustedSigner fresh;
    fresh.set_name(old_signer.name());
    fresh.set_public_key_pem(new_key->pem());
    fresh.set_key_id(new_key->key_id());
    *fresh.mutable_kinds() = old_signer.kinds();
    *fresh.mutable_names() = old_signer.names();
    fresh.set_rotated_from(old_signer.key_id());
    fresh.set_vouched(request.has_vouched());
    *fresh.mutable_trusted_since() = ToProto(clock_.Now());
    old_signer.set_rotated_to(fresh.key_id());
    *old_signer.mutable_rotated_at() = fresh.trusted_since();
    draft.Put(keys::SnapshotSigner(old_signer.key_id()), old_signer);
    draft.Put(keys::SnapshotSigner(fresh.key_id()), fresh);
    v1::AuditEntry entry = SignerEntry(caller.identity, kActionRotated,
                                       StrCat(fresh.name(), " signs with ", ShortKey(fresh.key_id()), " instead of ",
                                              ShortKey(old_signer.key_id()), fresh.vouched() ? ", which vouches for it: " : ": ",
                                              request.reason()),
                                       fresh);
    AddSubject(entry, StrCat("signer/", old_signer.key_id()));
    (*entry.mutable_facts())["rotated_from"] = old_signer.key_id();
    (*entry.mutable_facts())["vouched"] = fresh.vouched() ? "true" : "false";
    draft.Record(std::move(entry));
    *response.mutable_old_signer() = std::move(old_signer);
    *response.mutable_new_signer() = std::move(fresh);
    return absl::OkStatus();
  };
  absl::StatusOr<Receipt> receipt = ledger_.Transact(build);
  if (!receipt.ok() && !already) return receipt.status();
  RETURN_IF_ERROR(FillRotation(ledger_.store(), *response.mutable_old_signer()));
  return response;
}

// A certificate below an authority has no entry until it is revoked by itself; its key must have signed something here.
absl::StatusOr<v1::TrustedSigner> Keyring::LoadToRevoke(Draft& draft, const std::string& key_id) const {
  ASSIGN_OR_RETURN(std::optional<v1::TrustedSigner> found, draft.Find(keys::SnapshotSigner(key_id)));
  if (found) return *std::move(found);
  ASSIGN_OR_RETURN(const RecordPage<store::v1::SignedRef> first,
                   ListRecords(ledger_.store(), keys::SnapshotsSignedBy(key_id), "", 1));
  if (!first.records.empty()) {
    ASSIGN_OR_RETURN(const store::v1::StoredSignature stored,
                     LoadRecord(ledger_.store(), keys::SnapshotSignature(first.records[0].second.digest(), key_id),
                                StrCat("signature of ", ShortKey(key_id))));
    if (!stored.summary().authority_key_id().empty()) {
      v1::TrustedSigner leaf;
      leaf.set_key_id(key_id);
      leaf.set_name(stored.summary().signer());
      leaf.set_authority_key_id(stored.summary().authority_key_id());
      leaf.add_identities(stored.summary().identity());
      return leaf;
    }
  }
  return absl::NotFoundError(StrCat("signer ", key_id, " does not exist"));
}

absl::StatusOr<std::vector<v1::TrustedSigner>> Keyring::Revoke(const Caller& caller, const v1::RevokeSignerRequest& request) {
  RETURN_IF_ERROR(CheckReason(request.reason()));
  if (request.from_index() > ledger_.size()) {
    return absl::InvalidArgumentError(StrCat("from_index ", request.from_index(), " is beyond the log, which has ",
                                             ledger_.size(), " entries"));
  }
  // Names and beginnings of ids are for people; an unknown one may still be a certificate's.
  const absl::StatusOr<v1::TrustedSigner> named = Resolve(request.key_id());
  if (absl::IsInvalidArgument(named.status())) return named.status();
  const std::string key_id = named.ok() ? named->key_id() : request.key_id();
  std::vector<v1::TrustedSigner> revoked;
  bool already = false;
  auto build = [&](Draft& draft) -> absl::Status {
    revoked.clear();
    already = false;
    std::string next = key_id;
    std::string because = request.reason();
    while (!next.empty()) {
      if (revoked.size() > kRotationsMax) {
        return absl::ResourceExhaustedError(StrCat("more than ", kRotationsMax, " keys that vouched for one another; revoke ", next, " first"));
      }
      ASSIGN_OR_RETURN(v1::TrustedSigner signer, LoadToRevoke(draft, next));
      // Whoever had the key from that index on may have chosen the next one as well.
      bool chose_next = false;
      if (!signer.rotated_to().empty()) {
        ASSIGN_OR_RETURN(const uint64_t rotated_at, RotationIndex(ledger_.store(), signer));
        chose_next = rotated_at >= request.from_index();
      }
      const bool is_stricter = !signer.has_revoked_at() || signer.revoked_from_index() > request.from_index();
      if (is_stricter) {
        if (!signer.has_revoked_at()) *signer.mutable_revoked_at() = ToProto(clock_.Now());
        signer.set_revoked_from_index(request.from_index());
        signer.set_revoked_reason(because);
        draft.Put(keys::SnapshotSigner(signer.key_id()), signer);
        v1::AuditEntry entry = SignerEntry(caller.identity, "signer.revoked",
                                           StrCat("signatures of ", signer.name(), " (", ShortKey(signer.key_id()),
                                                  ") no longer count: ", because),
                                           signer);
        (*entry.mutable_facts())["from_index"] = absl::StrCat(request.from_index());
        draft.Record(std::move(entry));
      }
      next.clear();
      if (chose_next) {
        ASSIGN_OR_RETURN(const v1::TrustedSigner after, draft.Load(keys::SnapshotSigner(signer.rotated_to()), "signer"));
        if (after.vouched()) next = after.key_id();
        because = StrCat(ShortKey(signer.key_id()), ", which vouched for it, is revoked: ", request.reason());
        because.resize(CutText(because, kReasonBytesMax).size());
      }
      revoked.push_back(std::move(signer));
    }
    if (draft.entries().empty()) {
      already = true;
      return absl::AlreadyExistsError("");
    }
    return absl::OkStatus();
  };
  absl::StatusOr<Receipt> receipt = ledger_.Transact(build);
  if (!receipt.ok() && !already) return receipt.status();
  return revoked;
}

}  // namespace firebreak
