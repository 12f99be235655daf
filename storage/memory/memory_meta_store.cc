#include "firebreak/storage_memory/memory_meta_store.h"

#include <utility>

#include "firebreak/base/status.h"
#include "firebreak/storage/change.h"

namespace firebreak {

absl::StatusOr<std::optional<Stored>> MemoryMetaStore::Get(std::string_view key) const {
  absl::ReaderMutexLock lock(&mutex_);
  auto row = rows_.find(key);
  if (row == rows_.end()) return std::optional<Stored>();
  return std::optional<Stored>(row->second);
}

absl::StatusOr<std::vector<KeyValue>> MemoryMetaStore::List(std::string_view prefix, std::string_view after,
                                                            size_t limit) const {
  std::vector<KeyValue> found;
  absl::ReaderMutexLock lock(&mutex_);
  auto row = after >= prefix && !after.empty() ? rows_.upper_bound(after) : rows_.lower_bound(prefix);
  for (; row != rows_.end() && found.size() < limit && row->first.starts_with(prefix); ++row) {
    found.push_back({row->first, row->second.value, row->second.revision});
  }
  return found;
}

absl::StatusOr<uint64_t> MemoryMetaStore::Commit(const Change& change) {
  RETURN_IF_ERROR(CheckChange(change, limits()));
  absl::MutexLock lock(&mutex_);
  for (const Expectation& expect : change.expects) {
    auto row = rows_.find(expect.key);
    const uint64_t found = row == rows_.end() ? 0 : row->second.revision;
    if (found != expect.revision) return ExpectationFailed(expect.key, expect.revision, found);
  }
  ++revision_;
  for (const auto& [key, value] : change.puts) rows_[key] = Stored{value, revision_};
  for (const std::string& key : change.deletes) rows_.erase(key);
  return revision_;
}

MetaStore::Limits MemoryMetaStore::limits() const { return kCommitLimits; }

void MemoryMetaStore::CopyFrom(const MemoryMetaStore& other) {
  Rows rows;
  uint64_t revision = 0;
  {
    absl::ReaderMutexLock lock(&other.mutex_);
    rows = other.rows_;
    revision = other.revision_;
  }
  absl::MutexLock lock(&mutex_);
  rows_ = std::move(rows);
  revision_ = revision;
}

}  // namespace firebreak
