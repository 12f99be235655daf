// Keys of the ledger: the log itself, its Merkle tiles, the index by subject, checkpoint and number sequences.
#ifndef FIREBREAK_STORAGE_KEYS_LEDGER_H_
#define FIREBREAK_STORAGE_KEYS_LEDGER_H_

#include <cstdint>
#include <string_view>
#include <utility>

#include "firebreak/storage/keys.h"
#include "firebreak/store/v1/ledger.pb.h"

namespace firebreak {

inline Key<store::v1::LogHead> LogHeadKey() { return KeyBuilder("log.head").Build<store::v1::LogHead>(); }

inline KeyPrefix<store::v1::LogLeaf> LogLeafPrefix() { return KeyBuilder("log.leaf").BuildPrefix<store::v1::LogLeaf>(); }
inline Key<store::v1::LogLeaf> LogLeafKey(uint64_t index) {
  return std::move(KeyBuilder("log.leaf").Number(index)).Build<store::v1::LogLeaf>();
}

// Level and number as in C2SP tlog-tiles.
inline Key<store::v1::LogTile> LogTileKey(uint64_t level, uint64_t number) {
  return std::move(KeyBuilder("log.tile").Number(level).Number(number)).Build<store::v1::LogTile>();
}

inline KeyPrefix<store::v1::SubjectMark> SubjectPrefix(std::string_view subject) {
  return std::move(KeyBuilder("log.subject").Text(subject)).BuildPrefix<store::v1::SubjectMark>();
}
inline Key<store::v1::SubjectMark> SubjectKey(std::string_view subject, uint64_t index) {
  return std::move(KeyBuilder("log.subject").Text(subject).Number(index)).Build<store::v1::SubjectMark>();
}

inline Key<store::v1::SignedCheckpoint> LogCheckpointKey() {
  return KeyBuilder("log.checkpoint").Build<store::v1::SignedCheckpoint>();
}

inline Key<store::v1::Sequence> SequenceKey(std::string_view sequence) {
  return std::move(KeyBuilder("sequence").Text(sequence)).Build<store::v1::Sequence>();
}

}  // namespace firebreak

#endif  // FIREBREAK_STORAGE_KEYS_LEDGER_H_
