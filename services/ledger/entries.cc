#include "firebreak/ledger/entries.h"

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/ledger.h"

namespace firebreak {
namespace {

// A key that sorts just before every key of `prefix` from `index` on: the `after` of a List.
std::string AfterFor(const std::string& key_of_previous, uint64_t from_index) {
  return from_index == 0 ? std::string() : key_of_previous;
}

absl::StatusOr<uint64_t> IndexOf(std::string_view key) {
  if (key.size() < 8) return absl::DataLossError("log: an index key is too short");
  return FromBigEndian64(key.substr(key.size() - 8));
}

absl::StatusOr<std::string> LeafOf(const KeyValue& row) {
  store::v1::LogLeaf leaf;
  if (!leaf.ParseFromString(row.value)) return UnreadableRecord(row.key);
  return std::move(*leaf.mutable_json());
}

absl::StatusOr<std::vector<KeyValue>> ListLeafRows(const MetaStore& store, uint64_t from_index, size_t limit) {
  return store.List(LogLeafPrefix().bytes, AfterFor(LogLeafKey(from_index - 1).bytes, from_index), limit);
}

}  // namespace

absl::StatusOr<uint64_t> LogSize(const MetaStore& store) {
  ASSIGN_OR_RETURN(std::optional<store::v1::LogHead> head, FindRecord(store, LogHeadKey()));
  return head ? head->size() : 0;
}

absl::StatusOr<v1::AuditEntry> ParseLeaf(std::string_view leaf, uint64_t index) {
  v1::AuditEntry entry;
  const absl::Status parsed = JsonToMessage(leaf, entry);
  if (!parsed.ok()) return absl::DataLossError(StrCat("entry ", index, ": not an audit entry: ", MessageOf(parsed)));
  if (entry.index() != index) {
    return absl::DataLossError(StrCat("entry ", index, ": it says that its index is ", entry.index()));
  }
  return entry;
}

absl::StatusOr<std::string> LoadLeaf(const MetaStore& store, uint64_t index) {
  ASSIGN_OR_RETURN(store::v1::LogLeaf leaf, LoadRecord(store, LogLeafKey(index), StrCat("log entry ", index)));
  return std::move(*leaf.mutable_json());
}

absl::StatusOr<v1::AuditEntry> LoadEntry(const MetaStore& store, uint64_t index) {
  ASSIGN_OR_RETURN(std::string leaf, LoadLeaf(store, index));
  return ParseLeaf(leaf, index);
}

absl::StatusOr<EntryPage> ListEntries(const MetaStore& store, uint64_t from_index, size_t limit) {
  ASSIGN_OR_RETURN(std::vector<KeyValue> rows, ListLeafRows(store, from_index, limit + 1));
  EntryPage page;
  page.next_index = from_index;
  for (const KeyValue& row : rows) {
    if (page.entries.size() == limit) {
      page.more = true;
      break;
    }
    ASSIGN_OR_RETURN(uint64_t index, IndexOf(row.key));
    ASSIGN_OR_RETURN(std::string leaf, LeafOf(row));
    ASSIGN_OR_RETURN(v1::AuditEntry entry, ParseLeaf(leaf, index));
    page.entries.push_back(std::move(entry));
    page.next_index = index + 1;
  }
  return page;
}

absl::StatusOr<EntryPage> ListEntriesBySubject(const MetaStore& store, std::string_view subject, uint64_t from_index,
                                               size_t limit) {
  ASSIGN_OR_RETURN(std::vector<KeyValue> marks,
                   store.List(SubjectPrefix(subject).bytes, AfterFor(SubjectKey(subject, from_index - 1).bytes, from_index),
                              limit + 1));
  EntryPage page;
  page.next_index = from_index;
  for (const KeyValue& mark : marks) {
    if (page.entries.size() == limit) {
      page.more = true;
      break;
    }
    ASSIGN_OR_RETURN(uint64_t index, IndexOf(mark.key));
    ASSIGN_OR_RETURN(v1::AuditEntry entry, LoadEntry(store, index));
    page.entries.push_back(std::move(entry));
    page.next_index = index + 1;
  }
  return page;
}

absl::StatusOr<LeafPage> ListLeaves(const MetaStore& store, uint64_t from_index, uint64_t to_index, size_t bytes_max) {
  constexpr size_t kRowsPerRead = 256;
  LeafPage page;
  size_t bytes = 0;
  uint64_t next = from_index;
  while (next < to_index) {
    ASSIGN_OR_RETURN(std::vector<KeyValue> rows, ListLeafRows(store, next, kRowsPerRead));
    if (rows.empty()) return absl::DataLossError(StrCat("log: entry ", next, " is missing"));
    for (const KeyValue& row : rows) {
      if (next == to_index) return page;
      ASSIGN_OR_RETURN(uint64_t index, IndexOf(row.key));
      if (index != next) return absl::DataLossError(StrCat("log: entry ", next, " is missing"));
      ASSIGN_OR_RETURN(std::string leaf, LeafOf(row));
      if (!page.leaves.empty() && bytes + leaf.size() > bytes_max) {
        page.more = true;
        return page;
      }
      bytes += leaf.size();
      page.leaves.push_back(std::move(leaf));
      ++next;
    }
  }
  return page;
}

}  // namespace firebreak
