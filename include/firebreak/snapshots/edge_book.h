// Adding and taking away one lineage edge of content that is stored: both ends, the circle check, and the clock that makes
// decisions in the making be built again. Callers record why.
#ifndef FIREBREAK_SNAPSHOTS_EDGE_BOOK_H_
#define FIREBREAK_SNAPSHOTS_EDGE_BOOK_H_

#include <string>

#include "absl/status/statusor.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

inline constexpr int kLineageParentsMax = 1000;   // of one content, over everything that declared some

// OK when this key may sign statements about edges of `child` now. kFailedPrecondition: revoked, replaced, trusted only for other
// kinds or names, or an authority, whose own key signs certificates and nothing else.
absl::Status CheckEdgeSigner(const v1::TrustedSigner& signer, const v1::Snapshot& child);

// True when the edge was added, false when it was there. kNotFound when `child` is not stored, kInvalidArgument when the edge
// would close a circle, kResourceExhausted past kLineageParentsMax or when the ancestors are more than `nodes_max`.
absl::StatusOr<bool> AddLineageEdge(Draft& draft, const std::string& child, const v1::LineageEdge& edge, size_t nodes_max);

// True when the edge was taken away, false when there was none. kNotFound when `child` is not stored.
absl::StatusOr<bool> RemoveLineageEdge(Draft& draft, const std::string& child, const v1::LineageEdge& edge);

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_EDGE_BOOK_H_
