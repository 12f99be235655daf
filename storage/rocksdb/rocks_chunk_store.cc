#include "storage/rocksdb/rocks_chunk_store.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {
namespace {

// One write batch holds a copy of its chunks; this bounds the copy.
constexpr size_t kBatchBytes = size_t{4} << 20;

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

RocksChunkStore::RocksChunkStore(Database database, SpaceGuard space)
    : database_(std::move(database)), space_(std::move(space)) {}

absl::StatusOr<std::vector<bool>> RocksChunkStore::Stored(absl::Span<const Digest> digests) const {
  std::vector<rocksdb::Slice> keys;
  keys.reserve(digests.size());
  for (const Digest& digest : digests) keys.push_back(ToSlice(digest.raw()));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  database_.db->MultiGet(rocksdb::ReadOptions(), sizes(), keys.size(), keys.data(), values.data(), statuses.data());
  std::vector<bool> stored(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!statuses[i].ok() && !statuses[i].IsNotFound()) {
      return FromRocks(statuses[i], StrCat("look up chunk ", digests[i].text()));
    }
    stored[i] = statuses[i].ok();
  }
  return stored;
}

absl::Status RocksChunkStore::Write(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions unlogged;
  unlogged.disableWAL = true;
  RETURN_IF_ERROR(FromRocks(database_.db->Write(unlogged, &batch), "write chunks"));
  batch.Clear();
  absl::MutexLock lock(&written_mutex_);
  ++written_;
  return absl::OkStatus();
}

absl::Status RocksChunkStore::Put(absl::Span<const ChunkView> chunks) {
  RETURN_IF_ERROR(database_.failure->Check("write chunks"));
  std::vector<Digest> digests;
  digests.reserve(chunks.size());
  for (const ChunkView& chunk : chunks) digests.push_back(chunk.digest);
  ASSIGN_OR_RETURN(const std::vector<bool> stored, Stored(digests));
  uint64_t new_bytes = 0;
  for (size_t i = 0; i < chunks.size(); ++i) new_bytes += stored[i] ? 0 : chunks[i].data.size();
  if (new_bytes > 0) RETURN_IF_ERROR(space_.Check(new_bytes));

  absl::flat_hash_set<std::string_view> batched;
  rocksdb::WriteBatch batch;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const ChunkView& chunk = chunks[i];
    if (stored[i] || !batched.insert(chunk.digest.raw()).second) continue;
    if (batch.Count() > 0 && batch.GetDataSize() + chunk.data.size() > kBatchBytes) RETURN_IF_ERROR(Write(batch));
    const rocksdb::Slice key = ToSlice(chunk.digest.raw());
    RETURN_IF_ERROR(FromRocks(batch.Put(data(), key, ToSlice(chunk.data)), "write chunks"));
    RETURN_IF_ERROR(FromRocks(batch.Put(sizes(), key, ToSlice(ToBigEndian64(chunk.data.size()))), "write chunks"));
  }
  return batch.Count() > 0 ? Write(batch) : absl::OkStatus();
}

absl::Status RocksChunkStore::Sync() {
  uint64_t wanted = 0;
  {
    absl::MutexLock lock(&written_mutex_);
    wanted = written_;
  }
  absl::MutexLock flush_lock(&flush_mutex_);
  if (flushed_ >= wanted) return absl::OkStatus();  // a concurrent call's flush covered ours
  RETURN_IF_ERROR(database_.failure->Check("flush chunks"));
  {
    absl::MutexLock lock(&written_mutex_);
    wanted = written_;
  }
  rocksdb::FlushOptions options;
  options.wait = true;
  options.allow_write_stall = true;  // the two write buffers are the bound on memory; pushes wait for the disk
  RETURN_IF_ERROR(FromRocks(database_.db->Flush(options, {data(), sizes()}), "flush chunks"));
  flushed_ = wanted;
  return absl::OkStatus();
}

absl::StatusOr<std::string> RocksChunkStore::Get(const Digest& digest) const {
  std::string bytes;
  const rocksdb::Status status = database_.db->Get(rocksdb::ReadOptions(), data(), ToSlice(digest.raw()), &bytes);
  if (status.IsNotFound()) return absl::NotFoundError(StrCat("chunk ", digest.text(), " is not stored"));
  if (!status.ok()) return FromRocks(status, StrCat("read chunk ", digest.text()));
  return bytes;
}

absl::StatusOr<std::vector<Digest>> RocksChunkStore::Missing(absl::Span<const Digest> digests) const {
  ASSIGN_OR_RETURN(const std::vector<bool> stored, Stored(digests));
  std::vector<Digest> missing;
  for (size_t i = 0; i < digests.size(); ++i) {
    if (!stored[i]) missing.push_back(digests[i]);
  }
  return missing;
}

absl::Status RocksChunkStore::Delete(absl::Span<const Digest> digests) {
  RETURN_IF_ERROR(database_.failure->Check("delete chunks"));
  rocksdb::WriteBatch batch;
  for (const Digest& digest : digests) {
    RETURN_IF_ERROR(FromRocks(batch.Delete(data(), ToSlice(digest.raw())), "delete chunks"));
    RETURN_IF_ERROR(FromRocks(batch.Delete(sizes(), ToSlice(digest.raw())), "delete chunks"));
  }
  return batch.Count() > 0 ? Write(batch) : absl::OkStatus();
}

absl::Status RocksChunkStore::ReclaimSpace() {
  RETURN_IF_ERROR(Sync());
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = 1.0;
  return FromRocks(database_.db->CompactRange(options, data(), nullptr, nullptr), "reclaim chunk space");
}

}  // namespace firebreak
