#include "ticket.h"

#include "firebreak/base/status.h"
#include "leaf.h"

namespace firebreak {
namespace {

constexpr size_t kLeafExtraBytes = 128;      // index, time, key and framing of a leaf
constexpr size_t kMarkExtraBytes = 32;       // table name and index of a subject key

std::string Excess(std::string_view what, size_t count, size_t max) {
  return StrCat("draft: ", count, " ", what, ", at most ", max, " fit in one commit");
}

absl::Status CheckCounts(const Draft& draft) {
  if (draft.entries().empty()) return absl::InvalidArgumentError("draft: it records no audit entry");
  if (draft.entries().size() > kDraftEntriesMax) {
    return absl::InvalidArgumentError(Excess("audit entries", draft.entries().size(), kDraftEntriesMax));
  }
  if (draft.writes().size() > kDraftWritesMax) {
    return absl::InvalidArgumentError(Excess("writes", draft.writes().size(), kDraftWritesMax));
  }
  if (draft.reads().size() > kDraftReadsMax) {
    return absl::InvalidArgumentError(Excess("reads", draft.reads().size(), kDraftReadsMax));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DraftParts> CheckDraft(const Draft& draft, const MetaStore::Limits& limits) {
  RETURN_IF_ERROR(CheckCounts(draft));
  DraftParts parts;
  for (const auto& [key, value] : draft.writes()) {
    if (IsLogKey(key)) return absl::InvalidArgumentError("draft: only the ledger writes its own tables");
    parts.bytes += key.size() + (value ? value->size() : 0);
  }
  if (parts.bytes > kDraftBytesMax) return absl::InvalidArgumentError(Excess("bytes", parts.bytes, kDraftBytesMax));
  parts.operations = draft.writes().size();
  for (const v1::AuditEntry& entry : draft.entries()) {
    ASSIGN_OR_RETURN(std::string body, LeafBody(entry));
    parts.operations += 1 + static_cast<size_t>(entry.subjects_size());
    parts.bytes += body.size() + kLeafExtraBytes;
    for (const std::string& subject : entry.subjects()) parts.bytes += subject.size() + kMarkExtraBytes;
    parts.bodies.push_back(std::move(body));
  }
  if (parts.operations + kGroupOperations > limits.operations_max) {
    return absl::InvalidArgumentError(Excess("operations", parts.operations, limits.operations_max - kGroupOperations));
  }
  if (parts.bytes + kGroupBytes > limits.bytes_max) {
    return absl::InvalidArgumentError(Excess("bytes", parts.bytes, limits.bytes_max - kGroupBytes));
  }
  return parts;
}

}  // namespace firebreak
