#include "firebreak/ledger/draft.h"

#include "firebreak/ledger/read.h"
#include "firebreak/storage/keys/ledger.h"

namespace firebreak {

absl::Status UnreadableRecord(std::string_view key) {
  return absl::DataLossError(StrCat("stored record of table ", key.substr(0, key.find('\0')), " cannot be read"));
}

absl::StatusOr<std::optional<std::string>> Draft::FindBytes(const std::string& key) {
  if (auto written = writes_.find(key); written != writes_.end()) return written->second;
  ASSIGN_OR_RETURN(std::optional<Stored> stored, store_.Get(key));
  // The first read counts: if the key moved since, the commit must find out.
  reads_.emplace(key, stored ? stored->revision : 0);
  if (!stored) return std::nullopt;
  return std::move(stored->value);
}

absl::StatusOr<uint64_t> Draft::NextNumber(std::string_view sequence) {
  const Key<store::v1::Sequence> key = SequenceKey(sequence);
  ASSIGN_OR_RETURN(std::optional<store::v1::Sequence> found, Find(key));
  store::v1::Sequence next;
  next.set_last((found ? found->last() : 0) + 1);
  Put(key, next);
  return next.last();
}

}  // namespace firebreak
