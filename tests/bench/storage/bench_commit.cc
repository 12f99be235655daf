// Figures of the bare engine, beside the disk's own in the same run: commits per second with 1, 32 and 256 writers
// (each commit synced on its own: merging is the ledger's), and 1 GiB of chunks with the peak memory they took. Usage:
// bench_commit <empty folder> [MiB of chunks]
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/base/check.h"
#include "firebreak/storage_rocksdb/rocks_store.h"

namespace firebreak {
namespace {

constexpr std::chrono::seconds kMeasured{2};

// Operations per second of `operation`, called by `threads` threads for kMeasured.
double Rate(int threads, const std::function<void(int)>& operation) {
  std::atomic<uint64_t> done = 0;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      while (std::chrono::steady_clock::now() - start < kMeasured) {
        operation(t);
        ++done;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(done.load()) / took.count();
}

double RawSyncRate(const std::string& folder) {
  const std::string path = folder + "/raw";
  const int file = open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  FIREBREAK_CHECK(file >= 0);
  const std::string record(512, 'r');
  const double rate = Rate(1, [&](int) {
    FIREBREAK_CHECK(write(file, record.data(), record.size()) == static_cast<ssize_t>(record.size()));
    FIREBREAK_CHECK(fdatasync(file) == 0);
  });
  close(file);
  unlink(path.c_str());
  return rate;
}

void BenchCommits(RocksStore& store, const std::string& folder) {
  const double raw = RawSyncRate(folder);
  std::printf("%-28s %10.0f /s\n", "raw append + fdatasync", raw);
  for (int writers : {1, 32, 256}) {
    std::atomic<uint64_t> next = 0;
    const double rate = Rate(writers, [&](int) {
      Change change;
      change.puts.emplace_back("bench" + ToBigEndian64(++next), std::string(400, 'v'));
      FIREBREAK_CHECK(store.meta().Commit(change).ok());
    });
    std::printf("commit, %3d writers           %10.0f /s  %.2f of raw\n", writers, rate, rate / raw);
  }
}

void BenchChunks(RocksStore& store, size_t mib) {
  std::mt19937_64 dice(1);
  std::string chunk(1 << 20, '\0');
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < mib; ++i) {
    for (size_t at = 0; at < chunk.size(); at += 4096) chunk.replace(at, 8, ToBigEndian64(dice()));
    const Digest digest = Digest::FromRaw(std::string(24, 'd') + ToBigEndian64(dice()));
    FIREBREAK_CHECK(store.chunks().Put({{digest, chunk}}).ok());
  }
  FIREBREAK_CHECK(store.chunks().Sync().ok());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%zu MiB of chunks, durable   %10.0f MiB/s  peak memory %ld MiB\n", mib,
              static_cast<double>(mib) / took.count(), usage.ru_maxrss >> 10);
}

int Main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: bench_commit <empty folder> [MiB of chunks]\n");
    return 2;
  }
  RocksOptions options;
  options.path = arguments[1];
  auto store = OpenRocksStore(options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  BenchCommits(**store, options.path);
  BenchChunks(**store, count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 1024);
  return 0;
}

}  // namespace
}  // namespace firebreak

int main(int count, char** arguments) { return firebreak::Main(count, arguments); }
