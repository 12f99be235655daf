#include "storage/rocksdb/rocks_meta_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/storage/change.h"
#include "rocksdb/write_batch.h"

namespace firebreak {
namespace {

constexpr size_t kRevisionBytes = 8;
constexpr std::string_view kRevisionKey = "revision";

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

absl::StatusOr<uint64_t> RevisionOf(std::string_view key, std::string_view stored) {
  if (stored.size() < kRevisionBytes) {
    return absl::DataLossError(StrCat("record ", PrintableKey(key), " is shorter than its revision"));
  }
  return FromBigEndian64(stored.substr(0, kRevisionBytes));
}

// The smallest key greater than every key with `prefix`; empty when there is none.
std::string EndOfPrefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

uint64_t WriteBytes(const Change& change) {
  uint64_t bytes = 0;
  for (const auto& [key, value] : change.puts) bytes += key.size() + value.size();
  return bytes;
}

}  // namespace

RocksMetaStore::RocksMetaStore(Database database, SpaceGuard space, uint64_t revision)
    : database_(std::move(database)), space_(std::move(space)), revision_(revision) {}

absl::StatusOr<std::unique_ptr<RocksMetaStore>> RocksMetaStore::Open(Database database, SpaceGuard space) {
  std::string stored;
  const rocksdb::Status status =
      database.db->Get(rocksdb::ReadOptions(), database.families[1], ToSlice(kRevisionKey), &stored);
  uint64_t revision = 0;
  if (status.ok()) {
    if (stored.size() != kRevisionBytes) return absl::DataLossError("last revision of the store cannot be read");
    revision = FromBigEndian64(stored);
  } else if (!status.IsNotFound()) {
    return FromRocks(status, "read the last revision of the store");
  }
  return std::unique_ptr<RocksMetaStore>(new RocksMetaStore(std::move(database), std::move(space), revision));
}

absl::StatusOr<std::optional<Stored>> RocksMetaStore::Get(std::string_view key) const {
  rocksdb::PinnableSlice found;
  const rocksdb::Status status = database_.db->Get(rocksdb::ReadOptions(), records(), ToSlice(key), &found);
  if (status.IsNotFound()) return std::optional<Stored>();
  if (!status.ok()) return FromRocks(status, StrCat("read record ", PrintableKey(key)));
  ASSIGN_OR_RETURN(const uint64_t revision, RevisionOf(key, ToView(found)));
  return std::optional<Stored>(Stored{std::string(ToView(found).substr(kRevisionBytes)), revision});
}

absl::StatusOr<std::vector<KeyValue>> RocksMetaStore::List(std::string_view prefix, std::string_view after,
                                                           size_t limit) const {
  std::vector<KeyValue> found;
  const std::string end = EndOfPrefix(prefix);
  const rocksdb::Slice end_slice = ToSlice(end);
  rocksdb::ReadOptions options;
  if (!end.empty()) options.iterate_upper_bound = &end_slice;
  std::unique_ptr<rocksdb::Iterator> row(database_.db->NewIterator(options, records()));
  const bool resume = !after.empty() && after >= prefix;
  row->Seek(ToSlice(resume ? after : prefix));
  if (resume && row->Valid() && ToView(row->key()) == after) row->Next();
  for (; row->Valid() && found.size() < limit; row->Next()) {
    const std::string_view key = ToView(row->key());
    const std::string_view stored = ToView(row->value());
    ASSIGN_OR_RETURN(const uint64_t revision, RevisionOf(key, stored));
    found.push_back({std::string(key), std::string(stored.substr(kRevisionBytes)), revision});
  }
  RETURN_IF_ERROR(FromRocks(row->status(), StrCat("list records under ", PrintableKey(prefix))));
  return found;
}

absl::StatusOr<uint64_t> RocksMetaStore::FindRevision(std::string_view key) const {
  rocksdb::PinnableSlice found;
  const rocksdb::Status status = database_.db->Get(rocksdb::ReadOptions(), records(), ToSlice(key), &found);
  if (status.IsNotFound()) return uint64_t{0};
  if (!status.ok()) return FromRocks(status, StrCat("read record ", PrintableKey(key)));
  return RevisionOf(key, ToView(found));
}

absl::Status RocksMetaStore::CheckExpectations(const Change& change) const {
  for (const Expectation& expect : change.expects) {
    absl::StatusOr<uint64_t> found = FindRevision(expect.key);
    if (!found.ok()) {
      // kUnavailable would say that the outcome is unknown; nothing has been written yet.
      if (!absl::IsUnavailable(found.status())) return found.status();
      return absl::FailedPreconditionError(found.status().message());
    }
    if (*found != expect.revision) return ExpectationFailed(expect.key, expect.revision, *found);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> RocksMetaStore::Commit(const Change& change) {
  RETURN_IF_ERROR(CheckChange(change, limits()));
  absl::MutexLock lock(&commit_mutex_);
  RETURN_IF_ERROR(database_.failure->Check("commit"));
  RETURN_IF_ERROR(CheckExpectations(change));
  if (absl::Status space = space_.Check(WriteBytes(change)); !space.ok()) {
    if (absl::IsUnavailable(space)) return absl::FailedPreconditionError(space.message());
    return space;
  }

  const uint64_t revision = revision_ + 1;
  const std::string prefix = ToBigEndian64(revision);
  rocksdb::WriteBatch batch;
  // In the order of their keys, so that each finds its place in the memtable near the one before.
  std::vector<const std::pair<std::string, std::string>*> sorted;
  sorted.reserve(change.puts.size());
  for (const auto& put : change.puts) sorted.push_back(&put);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  for (const auto* put : sorted) {
    const auto& [key, value] = *put;
    const rocksdb::Slice key_part = ToSlice(key);
    const rocksdb::Slice value_parts[] = {ToSlice(prefix), ToSlice(value)};
    RETURN_IF_ERROR(FromRocks(
        batch.Put(records(), rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(value_parts, 2)), "build commit"));
  }
  for (const std::string& key : change.deletes) {
    RETURN_IF_ERROR(FromRocks(batch.Delete(records(), ToSlice(key)), "build commit"));
  }
  RETURN_IF_ERROR(FromRocks(batch.Put(system(), ToSlice(kRevisionKey), ToSlice(prefix)), "build commit"));

  rocksdb::WriteOptions synced;
  synced.sync = true;
  const rocksdb::Status status = database_.db->Write(synced, &batch);
  if (!status.ok()) {
    database_.failure->Remember(status);
    // Also when the disk was full: the record may be whole in the log although its sync failed, and would then be there
    // after the next open. Only the guard above can promise that nothing was written.
    if (status.IsCorruption()) return FromRocks(status, "commit");
    return absl::UnavailableError(StrCat("commit: outcome unknown: ", status.ToString(),
                                         " (next: repair or free the disk, then restart firebreakd)"));
  }
  revision_ = revision;
  return revision;
}

MetaStore::Limits RocksMetaStore::limits() const { return kCommitLimits; }

}  // namespace firebreak
