#include "storage/rocksdb/rocks_chunk_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "storage/rocksdb/packing.h"

namespace firebreak {
namespace {

// One write batch holds a copy of its chunks; this bounds the copy.
constexpr size_t kBatchBytes = size_t{4} << 20;
constexpr size_t kOneChunk = size_t{64} << 20;   // a bound that no chunk reaches

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

// What a look-up finds pins the block of 16 KiB it lies in, so that a thousand small chunks at once would hold 16 MiB beside the cache.
constexpr size_t kLookedUpAtOnce = 128;

template <typename LookUp>
void EachSlice(size_t count, LookUp look_up) {
  for (size_t from = 0; from < count; from += kLookedUpAtOnce) look_up(from, std::min(count - from, kLookedUpAtOnce));
}

}  // namespace

RocksChunkStore::RocksChunkStore(Database database, SpaceGuard space)
    : database_(std::move(database)), space_(std::move(space)) {}

absl::StatusOr<std::vector<bool>> RocksChunkStore::Stored(absl::Span<const Digest> digests) const {
  std::vector<rocksdb::Slice> keys;
  keys.reserve(digests.size());
  for (const Digest& digest : digests) keys.push_back(ToSlice(digest.raw()));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  EachSlice(keys.size(), [&](size_t from, size_t count) {
    database_.db->MultiGet(rocksdb::ReadOptions(), sizes(), count, &keys[from], &values[from], &statuses[from]);
    for (size_t i = from; i < from + count; ++i) values[i].Reset();
  });
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
  return WriteUnless(stored, chunks);
}

absl::Status RocksChunkStore::Replace(absl::Span<const ChunkView> chunks) {
  RETURN_IF_ERROR(database_.failure->Check("write chunks"));
  return WriteUnless(std::vector<bool>(chunks.size(), false), chunks);
}

absl::Status RocksChunkStore::WriteUnless(const std::vector<bool>& stored, absl::Span<const ChunkView> chunks) {
  uint64_t new_bytes = 0;
  for (size_t i = 0; i < chunks.size(); ++i) new_bytes += stored[i] ? 0 : chunks[i].data.size();
  if (new_bytes > 0) RETURN_IF_ERROR(space_.Check(new_bytes));

  absl::flat_hash_set<std::string_view> batched;
  // With room from the start: growing would copy what is in it again and again.
  rocksdb::WriteBatch batch(std::min<size_t>(new_bytes + chunks.size() * 256, kBatchBytes + kBatchBytes / 16));
  for (size_t i = 0; i < chunks.size(); ++i) {
    const ChunkView& chunk = chunks[i];
    if (stored[i] || !batched.insert(chunk.digest.raw()).second) continue;
    if (batch.Count() > 0 && batch.GetDataSize() + chunk.data.size() > kBatchBytes) RETURN_IF_ERROR(Write(batch));
    const rocksdb::Slice key = ToSlice(chunk.digest.raw());
    const std::optional<std::string> packed = Pack(chunk.data);
    const std::string row = EncodeSizeRow({chunk.data.size(), packed.has_value()});
    RETURN_IF_ERROR(FromRocks(batch.Put(data(), key, packed ? ToSlice(*packed) : ToSlice(chunk.data)), "write chunks"));
    RETURN_IF_ERROR(FromRocks(batch.Put(sizes(), key, ToSlice(row)), "write chunks"));
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
  ASSIGN_OR_RETURN(std::vector<std::string> chunks, GetMany(absl::MakeConstSpan(&digest, 1), kOneChunk));
  return std::move(chunks.front());
}

absl::StatusOr<std::vector<std::string>> RocksChunkStore::GetMany(absl::Span<const Digest> digests,
                                                                    size_t bytes_max) const {
  std::vector<rocksdb::Slice> keys;
  keys.reserve(digests.size());
  for (const Digest& digest : digests) keys.push_back(ToSlice(digest.raw()));
  std::vector<rocksdb::PinnableSlice> rows(keys.size());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> found(keys.size());
  std::vector<rocksdb::Status> read(keys.size());
  const rocksdb::ReadOptions options;
  std::vector<std::optional<SizeRow>> sizes_found(keys.size());
  EachSlice(keys.size(), [&](size_t from, size_t count) {
    database_.db->MultiGet(options, sizes(), count, &keys[from], &rows[from], &found[from]);
    for (size_t i = from; i < from + count; ++i) {
      if (found[i].ok()) sizes_found[i] = ParseSizeRow(rows[i].ToStringView());
      rows[i].Reset();
    }
  });
  uint64_t bytes = 0;
  auto name = [&](size_t i) { return StrCat("chunk ", digests[i].text()); };
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found[i].IsNotFound()) return absl::NotFoundError(StrCat(name(i), " is not stored"));
    if (!found[i].ok()) return FromRocks(found[i], StrCat("look up ", name(i)));
    if (!sizes_found[i]) return absl::DataLossError(StrCat(name(i), ": its row of sizes is damaged"));
    bytes += sizes_found[i]->plain_bytes;
  }
  if (bytes > bytes_max) return absl::ResourceExhaustedError(StrCat("more than ", bytes_max, " bytes of chunks in one call"));
  std::vector<std::string> chunks(keys.size());
  absl::Status unread;
  EachSlice(keys.size(), [&](size_t from, size_t count) {
    if (!unread.ok()) return;
    // Blobs that are neighbours in a file come with one read.
    database_.db->MultiGet(options, data(), count, &keys[from], &values[from], &read[from]);
    for (size_t i = from; i < from + count && unread.ok(); ++i) {
      if (read[i].IsNotFound()) {
        unread = absl::NotFoundError(StrCat(name(i), " is not stored"));
      } else if (!read[i].ok()) {
        unread = FromRocks(read[i], StrCat("read ", name(i)));
      } else if (sizes_found[i]->packed) {
        absl::StatusOr<std::string> plain = Unpack(values[i].ToStringView(), sizes_found[i]->plain_bytes);
        unread = Annotate(plain.status(), name(i));
        if (plain.ok()) chunks[i] = *std::move(plain);
      } else {
        chunks[i].assign(values[i].data(), values[i].size());
      }
      values[i].Reset();   // not both copies of everything at once
    }
  });
  if (!unread.ok()) return unread;
  return chunks;
}

absl::StatusOr<std::vector<Digest>> RocksChunkStore::Missing(absl::Span<const Digest> digests) const {
  ASSIGN_OR_RETURN(const std::vector<bool> stored, Stored(digests));
  std::vector<Digest> missing;
  for (size_t i = 0; i < digests.size(); ++i) {
    if (!stored[i]) missing.push_back(digests[i]);
  }
  return missing;
}

absl::StatusOr<std::vector<StoredChunk>> RocksChunkStore::List(const Digest& after, size_t limit) const {
  std::vector<StoredChunk> chunks;
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // a walk over everything must not push out what is being read
  const std::unique_ptr<rocksdb::Iterator> rows(database_.db->NewIterator(options, sizes()));
  if (after.empty()) {
    rows->SeekToFirst();
  } else {
    rows->Seek(ToSlice(after.raw()));
    if (rows->Valid() && rows->key() == ToSlice(after.raw())) rows->Next();
  }
  for (; rows->Valid() && chunks.size() < limit; rows->Next()) {
    const std::optional<SizeRow> row = ParseSizeRow(rows->value().ToStringView());
    if (rows->key().size() != 32 || !row) {
      return absl::DataLossError("a row of chunk sizes is damaged (next: restore the data folder from a backup)");
    }
    chunks.push_back({Digest::FromRaw(rows->key().ToStringView()), row->plain_bytes});
  }
  RETURN_IF_ERROR(FromRocks(rows->status(), "list chunks"));
  return chunks;
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
