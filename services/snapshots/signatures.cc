#include "services/snapshots/signatures.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/signers.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/content.h"
#include "services/snapshots/content_match.h"
#include "services/snapshots/signature_log.h"
#include "services/snapshots/signer_scope.h"

namespace firebreak {
namespace {

constexpr size_t kSignaturesMax = 64;   // distinct keys over one content
constexpr size_t kHeldMax = 16;         // signers a decision expects; a draft has room for a hundred keys
constexpr size_t kAddedBundleBytesMax = size_t{3} << 20;

}  // namespace

v1::SignatureSummary SummaryOf(const CheckedBundle& checked) {
  v1::SignatureSummary summary;
  summary.set_signer(checked.signer.name());
  summary.set_key_id(checked.signature.key_id);
  summary.set_algorithm(checked.algorithm);
  if (!checked.identity.empty()) {
    summary.set_authority_key_id(checked.signer.key_id());
    summary.set_identity(checked.identity);
  }
  return summary;
}

absl::StatusOr<bool> WriteSignature(Draft& draft, const v1::Snapshot& snapshot, const ChunkRefs& bundle_chunks,
                                    uint64_t bundle_bytes, v1::SignatureSummary& summary) {
  ASSIGN_OR_RETURN(std::optional<store::v1::StoredSignature> before,
                   draft.Find(keys::SnapshotSignature(snapshot.digest(), summary.key_id())));
  if (before) {
    summary = before->summary();
    return true;
  }
  store::v1::StoredSignature stored;
  *stored.mutable_summary() = summary;
  *stored.mutable_bundle_chunks() = bundle_chunks;
  stored.set_bundle_bytes(bundle_bytes);
  draft.Put(keys::SnapshotSignature(snapshot.digest(), summary.key_id()), stored);
  store::v1::SignedRef ref;
  ref.set_name(SnapshotName(snapshot));
  ref.set_digest(snapshot.digest());
  draft.Put(keys::SnapshotSignedBy(summary.key_id(), snapshot.digest()), ref);
  if (!summary.authority_key_id().empty()) draft.Put(keys::SnapshotSignedBy(summary.authority_key_id(), snapshot.digest()), ref);
  return false;
}

absl::Status BindName(Draft& draft, const v1::Snapshot& snapshot, size_t names_max) {
  // Every push of a content writes this record, so two that name it at once meet here, and the later one counts the other's.
  RETURN_IF_ERROR(draft.Find(keys::SnapshotProven(snapshot.digest())).status());
  const auto key = keys::NameOfContent(snapshot.digest(), snapshot.name());
  ASSIGN_OR_RETURN(const std::optional<store::v1::SignedRef> known, draft.Find(key));
  if (known) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto names, ListRecords(draft.store(), keys::NamesOfContent(snapshot.digest()), "", names_max));
  if (names.records.size() >= names_max) {
    return WithNextStep(absl::ResourceExhaustedError(StrCat("this content already goes by ", names.records.size(), " names")),
                        "use one of them");
  }
  store::v1::SignedRef called;
  called.set_name(snapshot.name());
  called.set_digest(snapshot.digest());
  draft.Put(key, called);
  return absl::OkStatus();
}

absl::StatusOr<store::v1::StoredSignature> Signatures::LoadSignature(const std::string& digest, const std::string& key_id) const {
  return LoadRecord(ledger_.store(), keys::SnapshotSignature(digest, key_id), StrCat("signature of ", digest));
}

absl::StatusOr<StoredBytes> Signatures::OpenBundle(const std::string& digest, const store::v1::StoredSignature& stored) const {
  absl::StatusOr<StoredBytes> bytes = StoredBytes::Open(chunks_, stored.bundle_chunks(), limits_.bundle_bytes_max);
  if (!bytes.ok()) return absl::DataLossError(StrCat("signature bundle of ", digest, ": ", MessageOf(bytes.status())));
  return bytes;
}

// The signature over exactly this content, verified from the bundle's first byte to its last.
absl::StatusOr<CheckedBundle> Signatures::Verify(const v1::Snapshot& snapshot, const store::v1::StoredSignature& stored,
                                                 SignatureDepth depth) const {
  const v1::SignatureSummary& summary = stored.summary();
  ASSIGN_OR_RETURN(StoredBytes bytes, OpenBundle(snapshot.digest(), stored));
  const absl::StatusOr<Digest> digest = Sha256All(bytes);
  if (!digest.ok()) return Annotate(digest.status(), StrCat("signature bundle of ", snapshot.digest()));
  if (digest->text() != summary.bundle_digest()) return absl::DataLossError("the stored bundle is another one than was checked");
  ASSIGN_OR_RETURN(OmsBundle bundle, Keyring::Open(bytes));
  BundleMatcher matcher;
  // A certificate must have been valid when it was checked first, which the log remembers; it may have expired since.
  ASSIGN_OR_RETURN(CheckedBundle checked,
                   keyring_.Verify(bundle, FromProto(summary.verified_at()), [&](const OmsResource& resource) {
                     matcher.AddSigned(resource);
                     return absl::OkStatus();
                   }));
  if (!SignsFileDigests(checked.signature) && depth == SignatureDepth::kRecords) {
    RETURN_IF_ERROR(CheckMatched(ledger_.store(), snapshot.digest(), summary));
  } else {
    ASSIGN_OR_RETURN(const store::v1::Manifest manifest, catalogue_.LoadManifest(snapshot.digest()));
    RETURN_IF_ERROR(MatchContent(chunks_, manifest.pages(), bundle, checked.signature, matcher));
  }
  return checked;
}

absl::Status Signatures::CheckStored(const v1::Snapshot& snapshot, const store::v1::StoredSignature& stored,
                                     SignatureDepth depth, const std::vector<v1::TrustedSigner>& signers,
                                     SignatureView& view) const {
  const std::string key = Verdicts::Key(snapshot.digest(), stored, signers);
  std::optional<CheckedBundle> checked;
  if (depth == SignatureDepth::kRecords) checked = verdicts_.Find(key, signers);
  if (!checked) {
    ASSIGN_OR_RETURN(checked, Verify(snapshot, stored, depth));
    verdicts_.Remember(key, *checked);
  }
  view.signer = checked->signer;
  view.vote = {Keyring::Voter(*checked, signers), checked->signer.name(), checked->identity};
  ASSIGN_OR_RETURN(view.counts, keyring_.Counts(*checked, snapshot.digest(), &view.why));
  return absl::OkStatus();
}

absl::StatusOr<SignatureView> Signatures::ViewOne(const v1::Snapshot& snapshot, const store::v1::StoredSignature& stored,
                                                  SignatureDepth depth, const std::vector<v1::TrustedSigner>& signers) const {
  SignatureView view;
  view.summary = stored.summary();
  const absl::Status status = CheckStored(snapshot, stored, depth, signers, view);
  if (status.ok()) return view;
  if (absl::IsUnavailable(status)) return status;   // not an answer about the signature
  view.counts = false;
  view.why = std::string(MessageOf(status));
  return view;
}

absl::StatusOr<std::vector<SignatureView>> Signatures::View(const v1::Snapshot& snapshot, SignatureDepth depth) const {
  ASSIGN_OR_RETURN(RecordPage<store::v1::StoredSignature> page,
                   ListRecords(ledger_.store(), keys::SnapshotSignatures(snapshot.digest()), "", kSignaturesMax));
  ASSIGN_OR_RETURN(const std::vector<v1::TrustedSigner> signers, keyring_.List());
  std::vector<SignatureView> views;
  for (const auto& [key, stored] : page.records) {
    ASSIGN_OR_RETURN(views.emplace_back(), ViewOne(snapshot, stored, depth, signers));
  }
  return views;
}

absl::StatusOr<SignatureView> Signatures::Choose(const v1::Snapshot& snapshot, const std::string& key_id) const {
  std::vector<SignatureView> views;
  if (key_id.empty()) {
    ASSIGN_OR_RETURN(views, View(snapshot, SignatureDepth::kRecords));
  } else {
    const auto stored = LoadSignature(snapshot.digest(), key_id);
    if (absl::IsNotFound(stored.status())) {
      return absl::NotFoundError(StrCat(SnapshotName(snapshot), " has no signature of ", ShortKey(key_id)));
    }
    RETURN_IF_ERROR(stored.status());
    ASSIGN_OR_RETURN(const std::vector<v1::TrustedSigner> signers, keyring_.List());
    ASSIGN_OR_RETURN(views.emplace_back(), ViewOne(snapshot, *stored, SignatureDepth::kRecords, signers));
  }
  if (views.empty()) return absl::NotFoundError(StrCat(SnapshotName(snapshot), " has no signature"));
  SignatureView* own = nullptr;
  SignatureView* counting = nullptr;
  for (SignatureView& view : views) {
    if (view.counts && !InScope(view.signer, snapshot.kind(), snapshot.name())) {
      view.counts = false;
      view.why = StrCat("signer ", view.signer.name(), " may not sign ", SnapshotName(snapshot.kind(), snapshot.name(), 0));
    }
    if (view.summary.key_id() == snapshot.signature().key_id()) own = &view;
    if (view.counts && counting == nullptr) counting = &view;
  }
  if (own == nullptr) own = &views.front();   // also the one asked for
  return std::move(own->counts || counting == nullptr ? *own : *counting);
}

absl::StatusOr<std::vector<std::string>> Signatures::NamesOf(const v1::Snapshot& snapshot) const {
  ASSIGN_OR_RETURN(const RecordPage<store::v1::SignedRef> page,
                   ListRecords(ledger_.store(), keys::NamesOfContent(snapshot.digest()), "", limits_.names_of_content_max));
  std::vector<std::string> names = {snapshot.name()};   // as first pushed, and first looked at
  for (const auto& [key, ref] : page.records) {
    if (ref.name() != snapshot.name()) names.push_back(ref.name());
  }
  return names;
}

absl::StatusOr<std::vector<v1::PolicyStanding>> Signatures::Judge(const v1::Snapshot& snapshot, std::string_view name,
                                                                  const std::vector<SignatureView>& signatures) const {
  std::vector<Vote> votes;
  for (const SignatureView& view : signatures) {
    if (view.counts && InScope(view.signer, snapshot.kind(), name)) votes.push_back(view.vote);
  }
  ASSIGN_OR_RETURN(const std::vector<v1::SigningPolicy> policies, policies_.Matching(snapshot.kind(), name));
  std::vector<v1::PolicyStanding> standings;
  for (const v1::SigningPolicy& policy : policies) standings.push_back(firebreak::Judge(policy, votes));
  return standings;
}

absl::StatusOr<bool> Signatures::SufficeFor(const v1::Snapshot& snapshot, const std::string& name,
                                            const std::vector<SignatureView>& views, std::string* evidence) const {
  ASSIGN_OR_RETURN(const std::vector<v1::PolicyStanding> standings, Judge(snapshot, name, views));
  std::vector<std::string> good;
  std::string bad = "no signature is stored";
  for (const SignatureView& view : views) {
    if (!view.counts) {
      bad = view.why;
    } else if (!InScope(view.signer, snapshot.kind(), name)) {
      bad = StrCat("signer ", view.signer.name(), " may not sign ", SnapshotName(snapshot.kind(), name, 0));
    } else {
      good.push_back(view.why);
    }
  }
  for (const v1::PolicyStanding& standing : standings) {
    if (standing.holds()) continue;
    *evidence = standing.policy().name().empty()
                    ? bad
                    : StrCat(WhatIsMissing(standing), good.empty() && !views.empty() ? StrCat("; ", bad) : "");
    return false;
  }
  *evidence = absl::StrJoin(good, "; ");
  for (const v1::PolicyStanding& standing : standings) {
    if (standing.policy().name().empty()) continue;
    StrAppend(evidence, "; policy ", standing.policy().name(), " holds with ", standing.have(), " of ",
              standing.policy().threshold());
  }
  return true;
}

// A name is a claim of whoever pushed it, so none speaks for the others: see SnapshotVault::CheckGates.
absl::StatusOr<bool> Signatures::Suffice(const v1::Snapshot& snapshot, const std::string& name, SignatureDepth depth,
                                         std::string* evidence) const {
  ASSIGN_OR_RETURN(const std::vector<SignatureView> views, View(snapshot, depth));
  if (!name.empty()) {
    if (name != snapshot.name()) {
      ASSIGN_OR_RETURN(const auto known, FindRecord(ledger_.store(), keys::NameOfContent(snapshot.digest(), name)));
      if (!known) {
        *evidence = StrCat("this content was never pushed as ", SnapshotName(snapshot.kind(), name, 0));
        return false;
      }
    }
    return SufficeFor(snapshot, name, views, evidence);
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesOf(snapshot));
  for (const std::string& one : names) {
    std::string found;
    ASSIGN_OR_RETURN(const bool suffice, SufficeFor(snapshot, one, views, &found));
    if (suffice || one == names.front()) *evidence = std::move(found);
    if (suffice) return true;
  }
  return false;
}

absl::Status Signatures::Hold(Draft& draft, const std::string& digest) const {
  RETURN_IF_ERROR(draft.Find(keys::LastPolicyChange()).status());
  ASSIGN_OR_RETURN(RecordPage<store::v1::StoredSignature> page,
                   ListRecords(ledger_.store(), keys::SnapshotSignatures(digest), "", kHeldMax));
  for (const auto& [key, stored] : page.records) {
    RETURN_IF_ERROR(draft.Find(keys::SnapshotSigner(stored.summary().key_id())).status());
    const std::string& authority = stored.summary().authority_key_id();
    if (!authority.empty()) RETURN_IF_ERROR(draft.Find(keys::SnapshotSigner(authority)).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::AddSignatureResponse> Signatures::Add(const Caller& caller, const v1::AddSignatureRequest& request,
                                                         v1::Snapshot snapshot) const {
  const std::string name = SnapshotName(snapshot);
  if (request.bundle().size() > kAddedBundleBytesMax) {
    return WithNextStep(absl::ResourceExhaustedError(StrCat("signature bundle larger than ", kAddedBundleBytesMax, " bytes")),
                        "push the same content again with --bundle; nothing of it is sent twice");
  }
  TextSource bytes(request.bundle());
  absl::StatusOr<OmsBundle> bundle = Keyring::Open(bytes);
  if (!bundle.ok()) return Annotate(bundle.status(), name);
  BundleMatcher matcher;
  const absl::StatusOr<CheckedBundle> checked = keyring_.Verify(*bundle, clock_.Now(), [&](const OmsResource& resource) {
    matcher.AddSigned(resource);
    return absl::OkStatus();
  });
  if (!checked.ok()) return Annotate(checked.status(), name);
  RETURN_IF_ERROR(Annotate(keyring_.CheckNew(*checked, snapshot.kind(), snapshot.name()), name));
  ASSIGN_OR_RETURN(const store::v1::Manifest manifest, catalogue_.LoadManifest(snapshot.digest()));
  RETURN_IF_ERROR(Annotate(MatchContent(chunks_, manifest.pages(), *bundle, checked->signature, matcher), name));
  ASSIGN_OR_RETURN(const ChunkRefs bundle_chunks, StoreBytes(chunks_, request.bundle()));
  RETURN_IF_ERROR(chunks_.Sync());

  v1::AddSignatureResponse response;
  const absl::StatusOr<Receipt> receipt = ledger_.Transact([&](Draft& draft) -> absl::Status {
    // A revocation that came between the check and this commit makes the draft be built, and refused, again.
    ASSIGN_OR_RETURN(const v1::TrustedSigner signer, draft.Load(keys::SnapshotSigner(checked->signer.key_id()), "signer"));
    RETURN_IF_ERROR(keyring_.CheckNew(signer));
    ASSIGN_OR_RETURN(const auto leaf, draft.Find(keys::SnapshotSigner(checked->signature.key_id)));
    if (leaf) RETURN_IF_ERROR(keyring_.CheckNew(*leaf));
    RETURN_IF_ERROR(draft.Load(keys::SnapshotByDigest(snapshot.digest()), name).status());
    v1::SignatureSummary summary = SummaryOf(*checked);
    summary.set_bundle_digest(Sha256(request.bundle()).text());
    *summary.mutable_verified_at() = ToProto(clock_.Now());
    ASSIGN_OR_RETURN(const bool before, WriteSignature(draft, snapshot, bundle_chunks, request.bundle().size(), summary));
    response.set_already_existed(before);
    *response.mutable_signature() = summary;
    const std::string& who = summary.identity().empty() ? summary.signer() : summary.identity();
    v1::AuditEntry entry = MakeEntry(caller.identity, before ? "snapshot.signed_again" : kActionSigned,
                                     StrCat(name, before ? " signed again by " : " also signed by ", who));
    AddSubjects(entry, snapshot);
    (*entry.mutable_facts())["digest"] = snapshot.digest();
    AddSignatureFacts(entry, summary);
    draft.Record(std::move(entry));
    return absl::OkStatus();
  });
  if (!receipt.ok()) return receipt.status();
  *response.mutable_snapshot() = std::move(snapshot);
  return response;
}

}  // namespace firebreak
