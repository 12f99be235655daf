#include "services/snapshots/keyring.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/ca.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/signature_log.h"
#include "services/snapshots/signer_scope.h"

namespace firebreak {
namespace {

constexpr size_t kPrefixDigitsMin = 8;

// "key 12ab… of pat was revoked at …"
std::string RevokedText(const v1::TrustedSigner& signer) {
  return StrCat(ShortKey(signer.key_id()), " of ", signer.name(), " was revoked at ",
                FormatRfc3339(FromProto(signer.revoked_at())));
}

}  // namespace

std::string ShortKey(const std::string& key_id) { return StrCat("key ", key_id.substr(0, 16), "…"); }

absl::StatusOr<std::vector<v1::TrustedSigner>> Keyring::List() const {
  // Certificates that were revoked have entries beside the signers they belong to.
  ASSIGN_OR_RETURN(RecordPage<v1::TrustedSigner> page,
                   ListRecords(ledger_.store(), keys::SnapshotSigners(), "", 2 * limits_.signers_max + 1));
  std::vector<v1::TrustedSigner> signers;
  for (auto& [key, signer] : page.records) signers.push_back(std::move(signer));
  return signers;
}

absl::StatusOr<v1::TrustedSigner> Keyring::Resolve(std::string_view wanted) const {
  ASSIGN_OR_RETURN(const std::vector<v1::TrustedSigner> signers, List());
  std::vector<const v1::TrustedSigner*> by_key;
  std::vector<const v1::TrustedSigner*> by_name;
  for (const v1::TrustedSigner& signer : signers) {
    if (signer.key_id() == wanted) return signer;
    if (wanted.size() >= kPrefixDigitsMin && std::string_view(signer.key_id()).starts_with(wanted)) by_key.push_back(&signer);
    if (signer.name() == wanted) by_name.push_back(&signer);
  }
  if (by_key.empty()) {
    by_key = by_name;
    // A name goes on with its newest key.
    const auto is_out_of_use = [](const v1::TrustedSigner* signer) { return signer->has_revoked_at() || !signer->rotated_to().empty(); };
    if (by_key.size() > 1) std::erase_if(by_key, is_out_of_use);
    if (by_key.empty()) by_key = by_name;
  }
  if (by_key.size() == 1) return *by_key[0];
  if (by_key.empty()) {
    return WithNextStep(absl::NotFoundError(StrCat("signer ", wanted, " does not exist")), "firebreak signer list shows who does");
  }
  return WithNextStep(absl::InvalidArgumentError(StrCat("signer ", wanted, " is ", by_key.size(), " keys")),
                      "give the key id that firebreak signer list shows");
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

absl::StatusOr<CheckedBundle> Keyring::FindKey(OmsBundle& bundle, const std::string& hint,
                                               std::vector<v1::TrustedSigner> signers) const {
  std::erase_if(signers, [&](const v1::TrustedSigner& signer) {
    return !signer.ca_certificate_pem().empty() || signer.public_key_pem().empty() ||
           (!hint.empty() && signer.key_id() != hint);
  });
  if (!hint.empty() && signers.empty()) {
    return WithNextStep(absl::FailedPreconditionError(StrCat("signed with ", ShortKey(hint), ", which is not trusted")),
                        "an admin can trust it: firebreak signer trust");
  }
  absl::Status last = absl::FailedPreconditionError("signed with a key that is not trusted");
  for (v1::TrustedSigner& signer : signers) {
    ASSIGN_OR_RETURN(EcPublicKey key, EcPublicKey::FromPem(signer.public_key_pem()));
    const absl::Status verified = bundle.Verify(key);
    if (verified.ok()) return CheckedBundle{bundle.signer(), std::move(signer), std::nullopt, "", key.algorithm()};
    last = Annotate(verified, "signature");
    if (absl::IsInvalidArgument(last)) return last;   // malformed whatever the key
  }
  return last;
}

absl::StatusOr<CheckedBundle> Keyring::FindAuthority(OmsBundle& bundle, absl::Time at,
                                                     const std::vector<v1::TrustedSigner>& signers) const {
  absl::Status last = WithNextStep(absl::FailedPreconditionError("signed with a certificate, and no authority is trusted"),
                                   "an admin can trust one: firebreak signer trust NAME --authority CERTIFICATE.pem --identity WHO");
  for (const v1::TrustedSigner& signer : signers) {
    if (signer.ca_certificate_pem().empty()) continue;
    const absl::Status verified = bundle.VerifyCertificate(signer.ca_certificate_pem(), at);
    if (!verified.ok()) {
      last = Annotate(verified, "signature");
      if (absl::IsInvalidArgument(last)) return last;
      continue;
    }
    const OmsSeal& leaf_signer = bundle.signer();
    std::string identity = AcceptedIdentity(signer, leaf_signer.certificate_identities);
    if (identity.empty()) {
      last = absl::FailedPreconditionError(StrCat("signed with a certificate of ",
                                                  absl::StrJoin(leaf_signer.certificate_identities, ", "), " below ", signer.name(),
                                                  ", which counts for ", absl::StrJoin(signer.identities(), ", "), " only"));
      continue;
    }
    ASSIGN_OR_RETURN(const CertificateFacts facts, ReadCertificate(leaf_signer.certificate_pem));
    ASSIGN_OR_RETURN(const EcPublicKey key, EcPublicKey::FromPem(facts.public_key_pem));
    CheckedBundle checked{leaf_signer, signer, std::nullopt, std::move(identity), key.algorithm()};
    const auto leaf = std::find_if(signers.begin(), signers.end(), [&](const v1::TrustedSigner& other) {
      return other.key_id() == checked.signature.key_id;
    });
    if (leaf != signers.end()) checked.leaf = *leaf;
    return checked;
  }
  return last;
}

absl::StatusOr<OmsBundle> Keyring::Open(ByteSource& bundle) {
  if (bundle.size_bytes() == 0) {
    return WithNextStep(absl::FailedPreconditionError("the snapshot is not signed"),
                        "sign it: firebreak snapshot push --key <private key>, or send its model.sig");
  }
  absl::StatusOr<OmsBundle> opened = OmsBundle::Open(bundle);
  if (!opened.ok()) return Annotate(opened.status(), "signature");
  return opened;
}

absl::StatusOr<CheckedBundle> Keyring::Verify(OmsBundle& bundle, absl::Time at, OmsVisitor visit) const {
  absl::StatusOr<OmsClaim> claim = bundle.Claim();
  if (!claim.ok()) return Annotate(claim.status(), "signature");
  ASSIGN_OR_RETURN(std::vector<v1::TrustedSigner> signers, List());
  const bool by_certificate = claim->trust == OmsTrust::kCertificate;
  ASSIGN_OR_RETURN(CheckedBundle checked, by_certificate ? FindAuthority(bundle, at, signers)
                                                         : FindKey(bundle, claim->key_hint, std::move(signers)));
  absl::StatusOr<OmsSeal> seal = bundle.Read(visit);
  if (!seal.ok()) return Annotate(seal.status(), "signature");
  checked.signature = *std::move(seal);
  return checked;
}

absl::Status Keyring::CheckNew(const v1::TrustedSigner& signer) const {
  if (signer.has_revoked_at()) {
    return WithNextStep(absl::FailedPreconditionError(StrCat("signed with ", ShortKey(signer.key_id()), " of ", signer.name(),
                                                             ", which was revoked at ",
                                                             FormatRfc3339(FromProto(signer.revoked_at())), ": ",
                                                             signer.revoked_reason())),
                        "sign it with a key that is trusted now");
  }
  if (!signer.rotated_to().empty()) {
    return WithNextStep(absl::FailedPreconditionError(StrCat("signed with ", ShortKey(signer.key_id()), " of ", signer.name(),
                                                             ", which was replaced at ",
                                                             FormatRfc3339(FromProto(signer.rotated_at())))),
                        StrCat("sign it with ", ShortKey(signer.rotated_to())));
  }
  return absl::OkStatus();
}

absl::Status Keyring::CheckNew(const CheckedBundle& checked, v1::SnapshotKind kind, std::string_view name) const {
  RETURN_IF_ERROR(CheckNew(checked.signer));
  if (checked.leaf) RETURN_IF_ERROR(CheckNew(*checked.leaf));
  if (!HasKind(checked.signer.kinds(), kind)) {
    return absl::FailedPreconditionError(StrCat("signer ", checked.signer.name(), " may not sign a ", KindText(kind)));
  }
  if (!MatchesAny(checked.signer.names(), name)) {
    return absl::FailedPreconditionError(StrCat("signer ", checked.signer.name(), " may not sign ", KindText(kind), "/", name,
                                                ", only ", absl::StrJoin(checked.signer.names(), ", ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Keyring::Counts(const v1::TrustedSigner& signer, const std::string& key_id, const std::string& digest,
                                     std::string* why) const {
  if (!signer.has_revoked_at()) {
    *why = StrCat("signed by ", signer.name(), " (", ShortKey(key_id), "), trusted now");
    if (!signer.rotated_to().empty()) *why = StrCat("signed by ", signer.name(), " (", ShortKey(key_id), ") before it changed keys");
    return true;
  }
  uint64_t from = 0;
  while (signer.revoked_from_index() > 0) {
    ASSIGN_OR_RETURN(EntryPage page, ListEntriesBySubject(ledger_.store(), StrCat("snapshot/", digest), from, 100));
    for (const v1::AuditEntry& entry : page.entries) {
      if (entry.index() >= signer.revoked_from_index()) break;
      if (!IsSignature(entry, key_id)) continue;
      *why = StrCat(RevokedText(signer), " from log index ", signer.revoked_from_index(), "; this signature was logged at ",
                    entry.index());
      return true;
    }
    if (!page.more || page.next_index >= signer.revoked_from_index()) break;
    from = page.next_index;
  }
  *why = StrCat(RevokedText(signer), ": ", signer.revoked_reason());
  return false;
}

absl::StatusOr<bool> Keyring::Counts(const CheckedBundle& checked, const std::string& digest, std::string* why) const {
  if (checked.leaf) {
    ASSIGN_OR_RETURN(const bool counts, Counts(*checked.leaf, checked.signature.key_id, digest, why));
    if (!counts) return false;
  }
  return Counts(checked.signer, checked.signature.key_id, digest, why);
}

std::string Keyring::Voter(const CheckedBundle& checked, const std::vector<v1::TrustedSigner>& signers) {
  if (!checked.identity.empty()) return StrCat(checked.signer.key_id(), " ", checked.identity);
  const v1::TrustedSigner* at = &checked.signer;
  // Bounded by the number of signers: a chain never closes, for a new key must be unknown.
  for (size_t steps = 0; steps < signers.size() && !at->rotated_from().empty(); ++steps) {
    const auto before = std::find_if(signers.begin(), signers.end(), [&](const v1::TrustedSigner& other) {
      return other.key_id() == at->rotated_from();
    });
    if (before == signers.end()) return at->rotated_from();
    at = &*before;
  }
  return at->key_id();
}

}  // namespace firebreak
