// How trouble spreads along lineage: which relation taints what. Pure; the one place where it is decided.
#ifndef FIREBREAK_SNAPSHOTS_RELATIONS_H_
#define FIREBREAK_SNAPSHOTS_RELATIONS_H_

#include "firebreak/v1/lineage.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// What a quarantined parent does to a child.
enum class Spread {
  // trained_on, fine_tuned_from, derived_from: the parent's content is in the child's. Tainted, and so is everything made
  // from the child.
  kContent,
  // configured_by: the child's content is as good as before, but what serves it would run with the parent. It may not be
  // served; what is made from the child is not touched. (A release that names the parent as its own configuration is
  // blocked by the parent's quarantine itself.)
  kServing,
  // evaluated_on: nothing of the parent is in the child. Its measured quality is in doubt, which people should know; nothing
  // is blocked, so that throwing mud at a test set cannot take every model out of production.
  kDoubt,
};

Spread SpreadOf(v1::LineageRelation relation);

// How a snapshot reached over `spread` is said to be touched.
v1::BlastTouch TouchOf(Spread spread);

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_RELATIONS_H_
