// Keys of upkeep: deleted snapshots, damage, holds, quotas, the scrub's place, accepted roll-backs.
#ifndef FIREBREAK_STORAGE_KEYS_UPKEEP_H_
#define FIREBREAK_STORAGE_KEYS_UPKEEP_H_

#include <cstdint>
#include <string_view>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/upkeep.pb.h"
#include "firebreak/v1/upkeep.pb.h"

namespace firebreak::keys {

inline Key<v1::DeletedSnapshot> DeletedSnapshot(std::string_view kind, std::string_view name, uint64_t version) {
  return KeyBuilder("deleted-snapshot").Text(kind).Text(name).Number(version).Build<v1::DeletedSnapshot>();
}
inline KeyPrefix<v1::DeletedSnapshot> DeletedSnapshots() {
  return KeyBuilder("deleted-snapshot").BuildPrefix<v1::DeletedSnapshot>();
}
inline Key<store::v1::DeletedContent> DeletedContent(std::string_view digest) {
  return KeyBuilder("deleted-content").Text(digest).Build<store::v1::DeletedContent>();
}
inline KeyPrefix<store::v1::DeletedContent> DeletedContents() {
  return KeyBuilder("deleted-content").BuildPrefix<store::v1::DeletedContent>();
}

inline Key<store::v1::GarbageRun> LastGarbageRun() { return KeyBuilder("garbage-run").Build<store::v1::GarbageRun>(); }
inline Key<store::v1::ScrubState> Scrub() { return KeyBuilder("scrub").Build<store::v1::ScrubState>(); }

// By the chunk's digest in its text form.
inline Key<v1::ChunkDamage> ChunkDamage(std::string_view digest) {
  return KeyBuilder("chunk-damage").Text(digest).Build<v1::ChunkDamage>();
}
inline KeyPrefix<v1::ChunkDamage> ChunkDamages() { return KeyBuilder("chunk-damage").BuildPrefix<v1::ChunkDamage>(); }

// By falling number, so that a listing starts with the newest.
inline Key<v1::Hold> Hold(uint64_t number) { return KeyBuilder("hold").Number(~number).Build<v1::Hold>(); }
inline KeyPrefix<v1::Hold> Holds() { return KeyBuilder("hold").BuildPrefix<v1::Hold>(); }
inline Key<store::v1::HoldLifted> IncidentHoldLifted(uint64_t incident) {
  return KeyBuilder("incident-hold-lifted").Number(incident).Build<store::v1::HoldLifted>();
}

inline Key<v1::Quota> Quota(std::string_view pattern) { return KeyBuilder("quota").Text(pattern).Build<v1::Quota>(); }
inline KeyPrefix<v1::Quota> Quotas() { return KeyBuilder("quota").BuildPrefix<v1::Quota>(); }

inline Key<store::v1::AcceptedRollback> AcceptedRollback(uint64_t kept_size) {
  return KeyBuilder("accepted-rollback").Number(kept_size).Build<store::v1::AcceptedRollback>();
}
inline KeyPrefix<store::v1::AcceptedRollback> AcceptedRollbacks() {
  return KeyBuilder("accepted-rollback").BuildPrefix<store::v1::AcceptedRollback>();
}

}  // namespace firebreak::keys

#endif  // FIREBREAK_STORAGE_KEYS_UPKEEP_H_
