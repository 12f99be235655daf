#include "firebreak/snapshots/relations.h"

namespace firebreak {

Spread SpreadOf(v1::LineageRelation relation) {
  switch (relation) {
    case v1::LINEAGE_RELATION_TRAINED_ON:
    case v1::LINEAGE_RELATION_FINE_TUNED_FROM:
    case v1::LINEAGE_RELATION_DERIVED_FROM: return Spread::kContent;
    case v1::LINEAGE_RELATION_CONFIGURED_BY: return Spread::kServing;
    case v1::LINEAGE_RELATION_EVALUATED_ON: return Spread::kDoubt;
    case v1::LINEAGE_RELATION_UNSPECIFIED:
    case v1::LineageRelation_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::LineageRelation_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  return Spread::kContent;   // a relation this version does not know is taken for the worst
}

v1::BlastTouch TouchOf(Spread spread) {
  switch (spread) {
    case Spread::kContent: return v1::BLAST_TOUCH_CONTENT;
    case Spread::kServing: return v1::BLAST_TOUCH_CONFIGURED;
    case Spread::kDoubt: return v1::BLAST_TOUCH_EVALUATED;
  }
  return v1::BLAST_TOUCH_CONTENT;
}

}  // namespace firebreak
