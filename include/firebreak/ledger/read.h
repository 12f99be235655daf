// Typed reads outside a draft: what queries and pages are made of.
#ifndef FIREBREAK_LEDGER_READ_H_
#define FIREBREAK_LEDGER_READ_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/status.h"
#include "firebreak/storage/keys.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak {

// kDataLoss naming the record's table.
absl::Status UnreadableRecord(std::string_view key);

// Absent = std::nullopt; kDataLoss when the stored bytes do not parse.
template <typename Message>
absl::StatusOr<std::optional<Message>> FindRecord(const MetaStore& store, const Key<Message>& key) {
  ASSIGN_OR_RETURN(std::optional<Stored> stored, store.Get(key.bytes));
  if (!stored) return std::optional<Message>();
  Message message;
  if (!message.ParseFromString(stored->value)) return UnreadableRecord(key.bytes);
  return std::optional<Message>(std::move(message));
}

template <typename Message>
absl::StatusOr<Message> LoadRecord(const MetaStore& store, const Key<Message>& key, std::string_view what) {
  ASSIGN_OR_RETURN(std::optional<Message> message, FindRecord(store, key));
  if (!message) return absl::NotFoundError(StrCat(what, " does not exist"));
  return *std::move(message);
}

template <typename Message>
struct RecordPage {
  std::vector<std::pair<std::string, Message>> records;   // key bytes, message
  std::string next_after;                                 // pass as `after` for the next page; empty when this was the last
};

// One page in key order. `after` is a key's bytes, empty for the first page.
template <typename Message>
absl::StatusOr<RecordPage<Message>> ListRecords(const MetaStore& store, const KeyPrefix<Message>& prefix,
                                                std::string_view after, size_t limit) {
  ASSIGN_OR_RETURN(std::vector<KeyValue> rows, store.List(prefix.bytes, after, limit + 1));
  RecordPage<Message> page;
  for (KeyValue& row : rows) {
    if (page.records.size() == limit) {
      page.next_after = page.records.back().first;
      break;
    }
    Message message;
    if (!message.ParseFromString(row.value)) return UnreadableRecord(row.key);
    page.records.emplace_back(std::move(row.key), std::move(message));
  }
  return page;
}

}  // namespace firebreak

#endif  // FIREBREAK_LEDGER_READ_H_
