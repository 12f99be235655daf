#include <algorithm>

#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/edge_book.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/snapshots.h"
#include "services/snapshots/lineage.h"
#include "services/snapshots/signer_scope.h"

namespace firebreak {
namespace {

auto FindEdge(v1::Snapshot& content, const v1::LineageEdge& edge) {
  return std::find_if(content.mutable_lineage()->begin(), content.mutable_lineage()->end(), [&](const v1::LineageEdge& other) {
    return other.relation() == edge.relation() && other.parent_digest() == edge.parent_digest();
  });
}

}  // namespace

absl::Status CheckEdgeSigner(const v1::TrustedSigner& signer, const v1::Snapshot& child) {
  const std::string key = StrCat("key ", signer.key_id().substr(0, 16), " of ", signer.name());
  if (signer.has_revoked_at() || !signer.rotated_to().empty()) {
    return WithNextStep(absl::FailedPreconditionError(StrCat(key, signer.has_revoked_at() ? " was revoked" : " was replaced by another")),
                        "sign with a key that is trusted now");
  }
  if (!signer.ca_certificate_pem().empty()) {
    return absl::FailedPreconditionError(StrCat(key, " is an authority's: sign with a key that is trusted itself"));
  }
  if (!InScope(signer, child.kind(), child.name())) {
    return absl::FailedPreconditionError(StrCat(signer.name(), " is not trusted to sign for a ", KindText(child.kind()), " called ",
                                                child.name()));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> AddLineageEdge(Draft& draft, const std::string& child, const v1::LineageEdge& edge, size_t nodes_max) {
  ASSIGN_OR_RETURN(v1::Snapshot content, draft.Load(keys::SnapshotByDigest(child), StrCat("snapshot ", child)));
  if (FindEdge(content, edge) != content.mutable_lineage()->end()) return false;
  if (content.lineage_size() >= kLineageParentsMax) {
    return absl::ResourceExhaustedError(StrCat("more than ", kLineageParentsMax, " parents of one snapshot"));
  }
  // Read before the walk: whoever adds an edge after it commits later than we do, or makes us look again.
  RETURN_IF_ERROR(TouchLineage(draft));
  RETURN_IF_ERROR(CheckNoCircle({draft.store(), nodes_max}, child, edge));
  *content.add_lineage() = edge;
  draft.Put(keys::SnapshotByDigest(child), content);
  v1::LineageEdge other_end;   // seen from the parent: the other end is the child
  other_end.set_relation(edge.relation());
  other_end.set_parent_digest(child);
  other_end.set_parent_name(SnapshotName(content));
  draft.Put(keys::SnapshotChild(edge.parent_digest(), child, static_cast<uint64_t>(edge.relation())), other_end);
  return true;
}

absl::StatusOr<bool> RemoveLineageEdge(Draft& draft, const std::string& child, const v1::LineageEdge& edge) {
  ASSIGN_OR_RETURN(v1::Snapshot content, draft.Load(keys::SnapshotByDigest(child), StrCat("snapshot ", child)));
  const auto found = FindEdge(content, edge);
  if (found == content.mutable_lineage()->end()) return false;
  RETURN_IF_ERROR(TouchLineage(draft));
  content.mutable_lineage()->erase(found);
  draft.Put(keys::SnapshotByDigest(child), content);
  draft.Delete(keys::SnapshotChild(edge.parent_digest(), child, static_cast<uint64_t>(edge.relation())));
  return true;
}

}  // namespace firebreak
