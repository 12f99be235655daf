// What reading a chunk costs when the cache has no room for the filter of them all.
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "firebreak/crypto/hash.h"
#include "firebreak/storage_rocksdb/rocks_store.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_folder.h"

namespace firebreak::testing {
namespace {

// Bytes this process has read from files, cached or not.
uint64_t BytesRead() {
  std::ifstream io("/proc/self/io");
  std::string name;
  uint64_t value = 0;
  while (io >> name >> value) {
    if (name == "rchar:") return value;
  }
  return 0;
}

Digest Numbered(uint64_t number) { return Sha256(std::to_string(number)); }

TEST(LookUp, OfOneAmongManyChunksReadsNoWholeFilterOrIndex) {
  constexpr uint64_t kChunks = 200'000;   // a filter of 250 KiB, twice what the cache holds here
  constexpr uint64_t kLookUps = 1000;
  ScratchFolder folder;
  RocksOptions options;
  options.path = folder.path() + "/store";
  options.create_if_missing = true;
  options.block_cache_bytes = size_t{128} << 10;
  auto store = OpenRocksStore(options);
  ASSERT_TRUE(store.ok()) << store.status();
  ChunkStore& chunks = (*store)->chunks();
  std::vector<ChunkView> views;
  std::vector<Digest> digests;
  for (uint64_t at = 0; at < kChunks;) {
    digests.clear();
    views.clear();
    for (const uint64_t end = at + 10'000; at < end; ++at) digests.push_back(Numbered(at));
    for (const Digest& digest : digests) views.push_back({digest, "x"});
    ASSERT_TRUE(chunks.Put(views).ok());
  }
  ASSERT_TRUE(chunks.Sync().ok());
  ASSERT_TRUE((*store)->ReclaimChunkSpace().ok());   // one file, with one filter
  const uint64_t before = BytesRead();
  ASSERT_GT(before, 0u);
  for (uint64_t at = 0; at < kLookUps; ++at) ASSERT_TRUE(chunks.Get(Numbered(at * 199)).ok());
  EXPECT_LT((BytesRead() - before) / kLookUps, 128u << 10) << "bytes read for each chunk";
}

}  // namespace
}  // namespace firebreak::testing
