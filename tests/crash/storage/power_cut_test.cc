// Power cuts at random moments under the real engine: what was acknowledged is there, nothing is half there.
// FIREBREAK_SEED repeats one life story; FIREBREAK_SEEDS sets how many are tried.
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "firebreak/base/bytes.h"
#include "firebreak/storage/keys.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/testing/forgetful_disk.h"
#include "tests/support/scratch_folder.h"

namespace firebreak::testing {
namespace {

// One disk through several power cuts. Commit number n writes row n, its half-sister row, a reused slot and the number
// itself, so that the rows found after a cut tell exactly which commits survived.
class LifeStory {
 public:
  explicit LifeStory(uint64_t seed) : dice_(seed) {}

  ForgetfulDisk& disk() { return disk_; }
  const std::string& failure() const { return failure_; }  // empty while every promise was kept
  uint64_t acknowledged() const { return acknowledged_; }

  void Live(int cuts) {
    for (int cut = 0; cut < cuts && failure_.empty(); ++cut) {
      disk_.CutPowerAfter(1 + Roll(cut % 2 == 0 ? 60 : 600));
      if (absl::StatusOr<std::unique_ptr<RocksStore>> store = Open(); store.ok()) {
        Check(**store);
        while (failure_.empty() && Work(**store)) {
        }
      } else if (!disk_.off()) {
        Fail("open failed with the power on: " + store.status().ToString());
      }
      disk_.Restore(dice_());
    }
    if (!failure_.empty()) return;
    auto store = Open();
    if (!store.ok()) return Fail("last open: " + store.status().ToString());
    Check(**store);
  }

 private:
  uint64_t Roll(uint64_t sides) { return dice_() % sides; }
  void Fail(const std::string& why) {
    if (failure_.empty()) failure_ = why;
  }

  absl::StatusOr<std::unique_ptr<RocksStore>> Open() {
    RocksOptions options;
    options.chunk_write_buffer_bytes = 64 << 10;  // many flushes
    options.chunk_reserve_bytes = 0;
    options.commit_reserve_bytes = 0;
    return disk_.Open(options);
  }

  static std::string Row(uint64_t n) { return "row" + ToBigEndian64(n); }
  static std::string Sister(uint64_t n) { return "sister" + ToBigEndian64(n); }
  static std::string Slot(uint64_t n) { return "slot" + std::to_string(n % 7); }
  static std::string Payload(uint64_t n) { return std::string(n * 37 % 9000, static_cast<char>('a' + n % 26)); }
  static Digest ChunkName(uint64_t n) { return Digest::FromRaw(std::string(24, 'c') + ToBigEndian64(n)); }
  static std::string ChunkBytes(uint64_t n) {
    std::string bytes(100 + n * 7919 % 30000, static_cast<char>('A' + n % 26));
    std::mt19937_64 noise(n);
    // Every other one does not shrink, so that both ways of storing a chunk are cut.
    for (size_t i = 0; n % 2 == 0 && i < bytes.size(); ++i) bytes[i] = static_cast<char>(noise());
    return bytes;
  }

  // One random act; false when the store stopped answering, which only a power cut may cause.
  bool Work(RocksStore& store) {
    const absl::Status done = Roll(4) == 0 ? WriteChunks(store.chunks()) : CommitNext(store.meta());
    if (!done.ok() && !disk_.off()) Fail("a write failed with the power on: " + done.ToString());
    return done.ok();
  }

  absl::Status CommitNext(MetaStore& meta) {
    const uint64_t n = tried_ = acknowledged_ + 1;
    Change change;
    change.expects = {{Row(n), 0}};
    change.puts = {
        {Row(n), Payload(n)}, {Sister(n), Payload(n)}, {Slot(n), std::to_string(n)}, {"last", std::to_string(n)}};
    if (n > 20) change.deletes = {Sister(n - 20)};
    absl::StatusOr<uint64_t> revision = meta.Commit(change);
    if (revision.ok()) acknowledged_ = n;
    return revision.status();
  }

  absl::Status WriteChunks(ChunkStore& chunks) {
    std::vector<std::string> bytes;
    std::vector<uint64_t> numbers;
    for (uint64_t i = 1 + Roll(4); i > 0; --i) {
      numbers.push_back(++chunks_tried_);
      bytes.push_back(ChunkBytes(chunks_tried_));
    }
    std::vector<ChunkView> views;
    for (size_t i = 0; i < numbers.size(); ++i) views.push_back({ChunkName(numbers[i]), bytes[i]});
    absl::Status put = chunks.Put(views);
    if (!put.ok()) return put;
    unsynced_.insert(unsynced_.end(), numbers.begin(), numbers.end());
    if (Roll(3) != 0) return put;
    absl::Status synced = chunks.Sync();
    if (synced.ok()) {
      durable_.insert(durable_.end(), unsynced_.begin(), unsynced_.end());
      unsynced_.clear();
    }
    return synced;
  }

  void Check(RocksStore& store) {
    CheckCommits(store.meta());
    CheckChunks(store.chunks());
  }

  std::optional<std::string> Read(MetaStore& meta, const std::string& key) {
    auto found = meta.Get(key);
    if (!found.ok()) {
      if (!disk_.off()) Fail("read: " + found.status().ToString());
      return std::nullopt;
    }
    return *found ? std::optional<std::string>((*found)->value) : std::nullopt;
  }

  void CheckCommits(MetaStore& meta) {
    const auto rows = meta.List("row", "", 1'000'000);
    if (!rows.ok()) return Fail("list: " + rows.status().ToString());
    const uint64_t survived = rows->size();
    if (survived < acknowledged_) {
      return Fail("acknowledged " + std::to_string(acknowledged_) + " commits, found " + std::to_string(survived));
    }
    if (survived > tried_) return Fail("found a commit never made");
    for (uint64_t n = 1; n <= survived; ++n) {
      if ((*rows)[n - 1].key != Row(n) || (*rows)[n - 1].value != Payload(n)) return Fail("row " + std::to_string(n));
      const bool sister_due = n + 20 > survived;
      if (Read(meta, Sister(n)).has_value() != sister_due)
        return Fail("commit " + std::to_string(n) + " is half there");
    }
    for (uint64_t n = survived; n > 0 && n + 7 > survived; --n) {
      if (Read(meta, Slot(n)) != std::to_string(n)) Fail("slot of commit " + std::to_string(n));
    }
    if (survived > 0 && Read(meta, "last") != std::to_string(survived)) Fail("the last commit is half there");
    acknowledged_ = survived;  // an unknown outcome is known now, and may not change again
  }

  void CheckChunks(ChunkStore& chunks) {
    for (uint64_t n : durable_) {
      auto bytes = chunks.Get(ChunkName(n));
      if (!bytes.ok() || *bytes != ChunkBytes(n)) Fail("synced chunk " + std::to_string(n) + " is gone or damaged");
    }
    for (uint64_t n = 1; n <= chunks_tried_; ++n) {
      auto missing = chunks.Missing({ChunkName(n)});
      auto bytes = chunks.Get(ChunkName(n));
      if (!missing.ok()) return Fail("missing: " + missing.status().ToString());
      if (missing->empty() != bytes.ok()) Fail("chunk " + std::to_string(n) + ": Missing and Get disagree");
      if (bytes.ok() && *bytes != ChunkBytes(n)) Fail("chunk " + std::to_string(n) + " is half there");
    }
    unsynced_.clear();
  }

  ScratchFolder folder_;
  ForgetfulDisk disk_{folder_.path()};
  std::mt19937_64 dice_;
  std::string failure_;
  uint64_t acknowledged_ = 0;  // commits that returned OK, or were found after a cut
  uint64_t tried_ = 0;
  uint64_t chunks_tried_ = 0;
  std::vector<uint64_t> unsynced_;
  std::vector<uint64_t> durable_;
};

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

TEST(PowerCut, LosesNothingAcknowledgedAndLeavesNothingHalf) {
  const uint64_t first = FromEnvironment("FIREBREAK_SEED", std::random_device()());
  const uint64_t seeds = std::getenv("FIREBREAK_SEED") != nullptr ? 1 : FromEnvironment("FIREBREAK_SEEDS", 25);
  uint64_t acknowledged = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    LifeStory story(seed);
    story.Live(/*cuts=*/6);
    ASSERT_EQ(story.failure(), "") << "repeat with FIREBREAK_SEED=" << seed;
    acknowledged += story.acknowledged();
  }
  EXPECT_GT(acknowledged, seeds * 10) << "the stories are too short to prove anything";
}

TEST(PowerCut, IsNoticedWhenTheDiskLiesAboutSync) {
  int caught = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    LifeStory story(seed);
    story.disk().LieAboutSync();
    story.Live(/*cuts=*/4);
    caught += story.failure().empty() ? 0 : 1;
  }
  EXPECT_GE(caught, 4) << "the test above could not fail";
}

}  // namespace
}  // namespace firebreak::testing
