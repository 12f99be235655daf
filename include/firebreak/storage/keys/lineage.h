// Keys of lineage: signed statements about edges, and the clock that changes whenever taint may.
#ifndef FIREBREAK_STORAGE_KEYS_LINEAGE_H_
#define FIREBREAK_STORAGE_KEYS_LINEAGE_H_

#include <string_view>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/lineage.pb.h"
#include "firebreak/v1/lineage.pb.h"

namespace firebreak::keys {

// By child and the statement's own digest (text forms).
inline Key<v1::LineageStatement> LineageStatement(std::string_view child, std::string_view statement) {
  return KeyBuilder("lineage-statement").Text(child).Text(statement).Build<v1::LineageStatement>();
}
inline KeyPrefix<v1::LineageStatement> LineageStatements(std::string_view child) {
  return KeyBuilder("lineage-statement").Text(child).BuildPrefix<v1::LineageStatement>();
}

inline Key<store::v1::LineageClock> LineageClock() { return KeyBuilder("lineage-clock").Build<store::v1::LineageClock>(); }

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_LINEAGE_H_
