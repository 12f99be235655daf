// Reading the log: entries and leaves by index, and timelines by subject. Everything here reads the store only, so it works
// beside the writer and needs no Ledger.
#ifndef FIREBREAK_LEDGER_ENTRIES_H_
#define FIREBREAK_LEDGER_ENTRIES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/v1/audit.pb.h"

namespace firebreak {

struct EntryPage {
  std::vector<v1::AuditEntry> entries;   // in index order
  uint64_t next_index = 0;               // pass as from_index for the next page
  bool more = false;                     // entries followed when this page was read
};

struct LeafPage {
  std::vector<std::string> leaves;       // consecutive, the exact bytes hashed into the log
  bool more = false;
};

// Entries committed so far; 0 for an empty store.
absl::StatusOr<uint64_t> LogSize(const MetaStore& store);

// kNotFound when the log is not that long; kDataLoss when the stored leaf is not an AuditEntry with this index.
absl::StatusOr<v1::AuditEntry> LoadEntry(const MetaStore& store, uint64_t index);
absl::StatusOr<std::string> LoadLeaf(const MetaStore& store, uint64_t index);

absl::StatusOr<EntryPage> ListEntries(const MetaStore& store, uint64_t from_index, size_t limit);

// Entries whose subjects contain exactly `subject` ("incident/INC-1"), from from_index on.
absl::StatusOr<EntryPage> ListEntriesBySubject(const MetaStore& store, std::string_view subject, uint64_t from_index,
                                               size_t limit);

// Leaves from_index ≤ i < to_index, cut off before their sum passes bytes_max (at least one leaf if there is one).
absl::StatusOr<LeafPage> ListLeaves(const MetaStore& store, uint64_t from_index, uint64_t to_index, size_t bytes_max);

// The other way round: kDataLoss unless `leaf` is the JSON of an AuditEntry with exactly this index.
absl::StatusOr<v1::AuditEntry> ParseLeaf(std::string_view leaf, uint64_t index);

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_ENTRIES_H_
