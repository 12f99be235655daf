#include "tests/contract/storage/engines.h"

#include <utility>

#include "firebreak/base/check.h"
#include "firebreak/storage_memory/memory_chunk_store.h"
#include "firebreak/storage_memory/memory_meta_store.h"
#include "firebreak/storage_rocksdb/rocks_store.h"
#include "firebreak/storage_wrap/faults.h"
#include "tests/support/scratch_folder.h"

namespace firebreak::testing {
namespace {

class MemoryEngine final : public Engine {
 public:
  MetaStore& meta() override { return meta_; }
  ChunkStore& chunks() override { return chunks_; }

 private:
  MemoryMetaStore meta_;
  MemoryChunkStore chunks_;
};

class RocksEngine final : public Engine {
 public:
  RocksEngine() { Open(); }
  MetaStore& meta() override { return store_->meta(); }
  ChunkStore& chunks() override { return store_->chunks(); }
  bool Reopen() override {
    store_.reset();
    Open();
    return true;
  }

 private:
  void Open() {
    RocksOptions options;
    options.path = folder_.path() + "/store";
    options.chunk_reserve_bytes = 0;
    options.commit_reserve_bytes = 0;
    auto store = OpenRocksStore(options);
    FIREBREAK_CHECK(store.ok());
    store_ = *std::move(store);
  }

  ScratchFolder folder_;
  std::unique_ptr<RocksStore> store_;
};

class WrappedEngine final : public Engine {
 public:
  MetaStore& meta() override { return meta_; }
  ChunkStore& chunks() override { return chunks_; }

 private:
  MemoryEngine inner_;
  FaultyMetaStore meta_{inner_.meta()};
  FaultyChunkStore chunks_{inner_.chunks()};
};

}  // namespace

std::vector<EngineMaker> AllEngines() {
  return {{"Memory", [] { return std::make_unique<MemoryEngine>(); }},
          {"Rocks", [] { return std::make_unique<RocksEngine>(); }},
          {"WrappedWithoutFaults", [] { return std::make_unique<WrappedEngine>(); }}};
}

}  // namespace firebreak::testing
