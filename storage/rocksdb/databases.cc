// The settings of both databases, with the reason for each that is not RocksDB's own choice.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firebreak/base/text.h"
#include "rocksdb/convenience.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "storage/rocksdb/engine.h"

namespace firebreak {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

rocksdb::CompressionType FastCompression() {
  const std::vector<rocksdb::CompressionType> supported = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::DBOptions CommonOptions(rocksdb::Env* env, const std::shared_ptr<WriteFailure>& failure) {
  rocksdb::DBOptions options;
  options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.max_open_files = 512;
  options.max_background_jobs = 2;
  options.bytes_per_sync = kMiB;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = kMiB;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  // A failed write is settled by recovery at the next open, not by trying again behind our back.
  options.max_bgerror_resume_count = 0;
  options.listeners.push_back(failure);
  return options;
}

rocksdb::ColumnFamilyOptions CommonFamily(const std::shared_ptr<rocksdb::Cache>& cache, size_t write_buffer_bytes) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 * 1024;
  table.cache_index_and_filter_blocks = true;  // so that the cache's size bounds them too
  table.pin_l0_filter_and_index_blocks_in_cache = true;  // the newest files are asked at every look-up
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // In pieces: the filter of a million chunks is larger than a shard of the cache and would be read anew at every look-up.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.pin_top_level_index_and_filter = true;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.compression = rocksdb::kNoCompression;
  return options;
}

// What stands before a key's first NUL: the name of its table.
class TableOfKey final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "firebreak.TableOfKey"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    const std::string_view bytes(key.data(), key.size());
    return {key.data(), std::min(bytes.find('\0'), bytes.size())};
  }
  bool InDomain(const rocksdb::Slice&) const override { return true; }
};

absl::StatusOr<Database> Open(const rocksdb::DBOptions& options, const std::string& path,
                              const std::vector<rocksdb::ColumnFamilyDescriptor>& families,
                              std::shared_ptr<WriteFailure> failure) {
  Database database;
  database.failure = std::move(failure);
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, families, &database.families, &db);
  if (!status.ok()) return FromRocks(status, StrCat("open ", path));
  database.db.reset(db);
  return database;
}

// A file system in memory, for one, refuses O_DIRECT.
bool KnowsDirectIo(const std::string& path, rocksdb::Env* env) {
  rocksdb::EnvOptions options;
  options.use_mmap_writes = false;
  options.use_direct_writes = true;
  const std::string file = StrCat(path, "/direct-io.probe");
  std::unique_ptr<rocksdb::WritableFile> probe;
  if (!env->NewWritableFile(file, &probe, options).ok()) return false;
  probe.reset();
  return env->DeleteFile(file).ok();
}

}  // namespace

absl::StatusOr<Database> OpenMetaDatabase(const std::string& path, rocksdb::Env* env,
                                          const std::shared_ptr<rocksdb::Cache>& cache) {
  auto failure = std::make_shared<WriteFailure>();
  rocksdb::DBOptions options = CommonOptions(env, failure);
  // A power cut may tear the last, unacknowledged record, also in its middle; replay ends there. Logs that vanished or
  // shrank below what was synced when they were closed are noticed through the manifest.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.track_and_verify_wals_in_manifest = true;
  options.max_total_wal_size = 64 * kMiB;
  rocksdb::ColumnFamilyOptions records = CommonFamily(cache, 8 * kMiB);
  records.compression = FastCompression();
  // Many look-ups are for what is not there yet (has this alert been heard of?): a filter answers for the memtable, too.
  records.memtable_prefix_bloom_size_ratio = 0.02;
  records.memtable_whole_key_filtering = true;
  // The keys of one table follow one another in the memtable; each is put in near the one before, not searched for from the top.
  records.memtable_insert_with_hint_prefix_extractor = std::make_shared<TableOfKey>();
  return Open(options, path, {{rocksdb::kDefaultColumnFamilyName, records}, {"system", CommonFamily(cache, kMiB)}},
              std::move(failure));
}

absl::StatusOr<Database> OpenChunkDatabase(const std::string& path, rocksdb::Env* env,
                                           const std::shared_ptr<rocksdb::Cache>& cache,
                                           const ChunkDatabaseOptions& given) {
  auto failure = std::make_shared<WriteFailure>();
  rocksdb::DBOptions options = CommonOptions(env, failure);
  // Past the page cache: a chunk is written once and read rarely, and filling the cache with it costs more processor time
  // than everything else on its way (up to 3.5 s for a GiB on a virtual machine), besides pushing out what others need.
  const bool direct = given.direct_io && KnowsDirectIo(path, env);
  options.use_direct_io_for_flush_and_compaction = direct;
  options.use_direct_reads = direct;
  options.writable_file_max_buffer_size = 4 * kMiB;
  // Written without a log; both families reach the disk in one manifest record or not at all.
  options.atomic_flush = true;
  options.avoid_flush_during_shutdown = true;  // what is durable is what Sync acknowledged
  rocksdb::ColumnFamilyOptions data = CommonFamily(cache, given.write_buffer_bytes);
  data.enable_blob_files = true;
  data.min_blob_size = 4096;
  data.blob_file_size = 256 * kMiB;
  data.blob_compression_type = rocksdb::kNoCompression;  // chunks are packed before, where that pays
  // Ordinary compactions must not copy chunks around: bytes are written once. ReclaimChunkSpace does, when asked.
  data.enable_blob_garbage_collection = false;
  return Open(options, path, {{rocksdb::kDefaultColumnFamilyName, data}, {"sizes", CommonFamily(cache, 4 * kMiB)}},
              std::move(failure));
}

}  // namespace firebreak
