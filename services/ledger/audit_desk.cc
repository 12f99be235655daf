#include "firebreak/ledger/audit_desk.h"

#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/note.h"

namespace firebreak {
namespace {

constexpr uint32_t kPageSizeDefault = 100;
constexpr uint32_t kPageSizeMax = 1000;
constexpr size_t kExportPageBytes = size_t{1} << 20;

}  // namespace

absl::StatusOr<v1::ListAuditResponse> AuditDesk::ListAudit(const Caller&, const v1::ListAuditRequest& request) {
  if (request.page_size() > kPageSizeMax) {
    return absl::InvalidArgumentError(StrCat("page_size ", request.page_size(), " is above the limit of ", kPageSizeMax));
  }
  const uint32_t limit = request.page_size() == 0 ? kPageSizeDefault : request.page_size();
  ASSIGN_OR_RETURN(EntryPage page, request.subject().empty()
                                       ? ListEntries(ledger_.store(), request.from_index(), limit)
                                       : ListEntriesBySubject(ledger_.store(), request.subject(), request.from_index(), limit));
  v1::ListAuditResponse response;
  for (v1::AuditEntry& entry : page.entries) *response.add_entries() = std::move(entry);
  response.set_next_index(page.next_index);
  response.set_more(page.more);
  return response;
}

absl::StatusOr<v1::ExportAuditResponse> AuditDesk::ExportAudit(const Caller&, const v1::ExportAuditRequest& request) {
  v1::ExportAuditResponse response;
  uint64_t size = request.tree_size();
  if (size == 0) {
    ASSIGN_OR_RETURN(*response.mutable_checkpoint(), ledger_.SignCheckpoint());
    ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(response.checkpoint(), ledger_.verifier_key()));
    size = checkpoint.size;
  } else {
    ASSIGN_OR_RETURN(*response.mutable_checkpoint(), ledger_.SignCheckpointAt(size));
  }
  if (request.from_index() > size) {
    return absl::InvalidArgumentError(StrCat("export: from_index ", request.from_index(), " is past the tree of ", size, " entries"));
  }
  ASSIGN_OR_RETURN(LeafPage page, ListLeaves(ledger_.store(), request.from_index(), size, kExportPageBytes));
  for (std::string& leaf : page.leaves) response.add_leaves(std::move(leaf));
  response.set_verifier_key(ledger_.verifier_key());
  response.set_more(page.more);
  return response;
}

absl::StatusOr<v1::GetCheckpointResponse> AuditDesk::GetCheckpoint(const Caller&, const v1::GetCheckpointRequest&) {
  v1::GetCheckpointResponse response;
  ASSIGN_OR_RETURN(*response.mutable_checkpoint(), ledger_.SignCheckpoint());
  response.set_verifier_key(ledger_.verifier_key());
  return response;
}

absl::StatusOr<v1::GetProofResponse> AuditDesk::GetProof(const Caller&, const v1::GetProofRequest& request) {
  v1::GetProofResponse response;
  ASSIGN_OR_RETURN(*response.mutable_leaf(), LoadLeaf(ledger_.store(), request.index()));
  LogProof proof;
  proof.index = request.index();
  ASSIGN_OR_RETURN(proof.checkpoint, ledger_.SignCheckpoint());
  ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(proof.checkpoint, ledger_.verifier_key()));
  ASSIGN_OR_RETURN(proof.hashes, ledger_.ProveInclusion(proof.index, checkpoint.size));
  response.set_proof(FormatProof(proof));
  return response;
}

}  // namespace firebreak
