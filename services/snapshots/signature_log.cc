#include "services/snapshots/signature_log.h"

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/entry_form.h"
#include "firebreak/snapshots/names.h"

namespace firebreak {
namespace {

constexpr size_t kEntriesAtOnce = 100;

bool FactIs(const v1::AuditEntry& entry, const char* fact, const std::string& value) {
  const auto found = entry.facts().find(fact);
  return found != entry.facts().end() && found->second == value;
}

}  // namespace

void AddSubjects(v1::AuditEntry& entry, const v1::Snapshot& snapshot) {
  AddSubject(entry, StrCat("snapshot/", snapshot.digest()));
  AddSubject(entry, SnapshotName(snapshot));
}

void AddSignatureFacts(v1::AuditEntry& entry, const v1::SignatureSummary& summary) {
  auto& facts = *entry.mutable_facts();
  facts["key_id"] = summary.key_id();
  facts["signer"] = summary.signer();
  facts["bundle"] = summary.bundle_digest();
  if (summary.authority_key_id().empty()) return;
  facts["authority"] = summary.authority_key_id();
  facts["identity"] = summary.identity();
}

bool IsSignature(const v1::AuditEntry& entry, const std::string& key_id) {
  return (entry.action() == kActionPushed || entry.action() == kActionSigned) && FactIs(entry, "key_id", key_id);
}

absl::Status CheckMatched(const MetaStore& store, const std::string& digest, const v1::SignatureSummary& summary) {
  uint64_t from = 0;
  while (true) {
    ASSIGN_OR_RETURN(const EntryPage page, ListEntriesBySubject(store, StrCat("snapshot/", digest), from, kEntriesAtOnce));
    for (const v1::AuditEntry& entry : page.entries) {
      if (IsSignature(entry, summary.key_id()) && FactIs(entry, "bundle", summary.bundle_digest())) return absl::OkStatus();
    }
    if (!page.more) return absl::DataLossError("the log does not say that this signature was compared with the content");
    from = page.next_index;
  }
}

absl::StatusOr<uint64_t> RotationIndex(const MetaStore& store, const v1::TrustedSigner& signer) {
  uint64_t from = 0;
  while (true) {
    ASSIGN_OR_RETURN(const EntryPage page,
                     ListEntriesBySubject(store, StrCat("signer/", signer.rotated_to()), from, kEntriesAtOnce));
    for (const v1::AuditEntry& entry : page.entries) {
      if (entry.action() == kActionRotated && FactIs(entry, "rotated_from", signer.key_id())) return entry.index();
    }
    if (!page.more) return kNotLoggedYet;
    from = page.next_index;
  }
}

absl::Status FillRotation(const MetaStore& store, v1::TrustedSigner& signer) {
  if (signer.rotated_to().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t index, RotationIndex(store, signer));
  signer.set_rotated_at_index(index);
  return absl::OkStatus();
}

}  // namespace firebreak
