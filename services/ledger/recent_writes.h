// RecentWrites: which keys the newest commits wrote. With it the committer knows without looking into the store that what a
// draft read has not changed since; a key that is found here is looked up all the same, for only its hash is kept.
#ifndef FIREBREAK_SERVICES_LEDGER_RECENT_WRITES_H_
#define FIREBREAK_SERVICES_LEDGER_RECENT_WRITES_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace firebreak {

// Used by the committer's thread alone. Holds at most two generations of kKeysMax hashes.
class RecentWrites {
 public:
  static constexpr size_t kKeysMax = size_t{1} << 16;

  static uint64_t HashOf(std::string_view key) { return std::hash<std::string_view>()(key); }

  // Every write after `revision` is going to be noted; of those before, nothing is known.
  explicit RecentWrites(uint64_t revision) { Begin(revision); }
  void Begin(uint64_t revision) {
    older_.clear();
    newer_.clear();
    since_ = newer_since_ = revision;
  }

  void Note(const absl::flat_hash_set<uint64_t>& hashes, uint64_t revision) {
    if (newer_.size() >= kKeysMax) {
      older_ = std::move(newer_);
      newer_.clear();
      since_ = std::exchange(newer_since_, revision - 1);
    }
    for (uint64_t hash : hashes) newer_.insert_or_assign(hash, revision);
  }

  // Whether all writes after `revision` are known.
  bool Covers(uint64_t revision) const { return revision >= since_; }
  // For a revision that is covered. May be true of a key that was not written, never false of one that was.
  bool MayBeWrittenAfter(uint64_t revision, uint64_t hash) const {
    for (const auto* generation : {&newer_, &older_}) {
      if (auto found = generation->find(hash); found != generation->end()) return found->second > revision;
    }
    return false;
  }

 private:
  absl::flat_hash_map<uint64_t, uint64_t> older_;   // hash of key -> revision
  absl::flat_hash_map<uint64_t, uint64_t> newer_;
  uint64_t since_ = 0;         // writes after this are in one of the two
  uint64_t newer_since_ = 0;   // writes after this are in newer_
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_LEDGER_RECENT_WRITES_H_
