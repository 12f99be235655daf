#include "firebreak/storage_memory/memory_chunk_store.h"

#include <algorithm>

#include "firebreak/base/text.h"

namespace firebreak {

absl::Status MemoryChunkStore::Put(absl::Span<const ChunkView> chunks) {
  absl::MutexLock lock(&mutex_);
  for (const ChunkView& chunk : chunks) {
    entries_.try_emplace(chunk.digest, Entry{.data = std::string(chunk.data)});
  }
  return absl::OkStatus();
}

absl::Status MemoryChunkStore::Sync() {
  absl::MutexLock lock(&mutex_);
  for (auto& [digest, entry] : entries_) entry.synced = true;
  return absl::OkStatus();
}

absl::StatusOr<std::string> MemoryChunkStore::Get(const Digest& digest) const {
  absl::ReaderMutexLock lock(&mutex_);
  auto entry = entries_.find(digest);
  if (entry == entries_.end()) return absl::NotFoundError(StrCat("chunk ", digest.text(), " is not stored"));
  if (entry->second.corrupt) return absl::DataLossError(StrCat("chunk ", digest.text(), ": checksum mismatch"));
  return entry->second.data;
}

absl::StatusOr<std::vector<Digest>> MemoryChunkStore::Missing(absl::Span<const Digest> digests) const {
  std::vector<Digest> missing;
  absl::ReaderMutexLock lock(&mutex_);
  for (const Digest& digest : digests) {
    if (!entries_.contains(digest)) missing.push_back(digest);
  }
  return missing;
}

absl::Status MemoryChunkStore::Replace(absl::Span<const ChunkView> chunks) {
  absl::MutexLock lock(&mutex_);
  for (const ChunkView& chunk : chunks) entries_[chunk.digest] = Entry{.data = std::string(chunk.data)};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StoredChunk>> MemoryChunkStore::List(const Digest& after, size_t limit) const {
  std::vector<StoredChunk> chunks;
  {
    absl::ReaderMutexLock lock(&mutex_);
    for (const auto& [digest, entry] : entries_) {
      if (after < digest) chunks.push_back({digest, entry.data.size()});
    }
  }
  std::sort(chunks.begin(), chunks.end(), [](const StoredChunk& a, const StoredChunk& b) { return a.digest < b.digest; });
  if (chunks.size() > limit) chunks.resize(limit);
  return chunks;
}

absl::Status MemoryChunkStore::Delete(absl::Span<const Digest> digests) {
  absl::MutexLock lock(&mutex_);
  for (const Digest& digest : digests) entries_.erase(digest);
  return absl::OkStatus();
}

void MemoryChunkStore::ForgetUnsynced() {
  absl::MutexLock lock(&mutex_);
  absl::erase_if(entries_, [](const auto& entry) { return !entry.second.synced; });
}

bool MemoryChunkStore::Corrupt(const Digest& digest) {
  absl::MutexLock lock(&mutex_);
  auto entry = entries_.find(digest);
  if (entry == entries_.end()) return false;
  entry->second.corrupt = true;
  return true;
}

size_t MemoryChunkStore::size() const {
  absl::ReaderMutexLock lock(&mutex_);
  return entries_.size();
}

}  // namespace firebreak
