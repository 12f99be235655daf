// Opening a data folder: locks, format versions, and folders that are not ours.
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "firebreak/storage_rocksdb/rocks_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_folder.h"

extern char** environ;

namespace firebreak::testing {
namespace {

using ::testing::HasSubstr;

// Bytes that do not shrink.
std::string Noise(size_t bytes, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string noise(bytes, '\0');
  for (char& c : noise) c = static_cast<char>(engine());
  return noise;
}

class OpenStore : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<RocksStore>> Open(bool create = true) {
    RocksOptions options;
    options.path = path_;
    options.create_if_missing = create;
    return OpenRocksStore(options);
  }
  absl::Status OpenAndClose() { return Open().status(); }
  void WriteFormat(const std::string& content) { std::ofstream(path_ + "/FORMAT") << content; }

  ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/store";
};

TEST_F(OpenStore, RefusesAFolderThisProcessHasOpen) {
  auto first = Open();
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = OpenAndClose();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.ToString(), HasSubstr("is in use by another firebreakd"));
  EXPECT_THAT(second.ToString(), HasSubstr(path_));
  EXPECT_TRUE((*first)->meta().Commit({.puts = {{"a", "1"}}}).ok()) << "the first one is not disturbed";
  first->reset();
  EXPECT_TRUE(OpenAndClose().ok()) << "closing gives the folder back";
}

// Run in a second process by the test below: the exit status says what opening answered.
TEST(OpenProbe, OpensTheFolderItIsGiven) {
  const char* path = std::getenv("FIREBREAK_PROBE_FOLDER");
  if (path == nullptr) GTEST_SKIP() << "only run by RefusesAFolderAnotherProcessHasOpen";
  RocksOptions options;
  options.path = path;
  const absl::Status status = OpenRocksStore(options).status();
  const bool in_use = status.code() == absl::StatusCode::kFailedPrecondition &&
                      status.ToString().find("is in use by another firebreakd") != std::string::npos;
  std::_Exit(in_use ? 40 : status.ok() ? 41 : 42);
}

TEST_F(OpenStore, RefusesAFolderAnotherProcessHasOpen) {
  auto probe = [this] {
    setenv("FIREBREAK_PROBE_FOLDER", path_.c_str(), 1);
    std::string self = "/proc/self/exe";
    std::string filter = "--gtest_filter=OpenProbe.*";
    char* arguments[] = {self.data(), filter.data(), nullptr};
    pid_t child = 0;
    const int spawned = posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments, environ);
    unsetenv("FIREBREAK_PROBE_FOLDER");
    int status = 0;
    if (spawned != 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
  };
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(probe(), 40);
  store->reset();
  EXPECT_EQ(probe(), 41) << "a free folder opens in the other process";
}

TEST_F(OpenStore, RefusesANewerFormatAndSaysWhatToDo) {
  ASSERT_TRUE(OpenAndClose().ok());
  WriteFormat("firebreak-storage 3\n");
  const absl::Status refused = OpenAndClose();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.ToString(), HasSubstr("run the newer firebreakd"));
  WriteFormat("firebreak-storage 1\n");
  EXPECT_TRUE(OpenAndClose().ok()) << "the refusal changed nothing";
}

TEST_F(OpenStore, RefusesAFormatFileThatCannotBeReadOrIsGone) {
  ASSERT_TRUE(OpenAndClose().ok());
  for (const char* content :
       {"", "firebreak-storage", "firebreak-storage 0\n", "firebreak-storage -1\n", "something else\n"}) {
    WriteFormat(content);
    EXPECT_EQ(OpenAndClose().code(), absl::StatusCode::kDataLoss) << content;
  }
  std::filesystem::remove(path_ + "/FORMAT");
  EXPECT_EQ(OpenAndClose().code(), absl::StatusCode::kDataLoss) << "records without a format are not an empty folder";
}

TEST_F(OpenStore, MakesNoStoreWhenToldNotTo) {
  EXPECT_EQ(Open(/*create=*/false).status().code(), absl::StatusCode::kNotFound);
  std::filesystem::create_directory(path_);
  const absl::Status empty = Open(/*create=*/false).status();
  EXPECT_EQ(empty.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(empty.ToString(), HasSubstr("firebreakd init"));
  ASSERT_TRUE(OpenAndClose().ok());
  EXPECT_TRUE(Open(/*create=*/false).ok());
}

TEST_F(OpenStore, AnswersDataLossForADamagedChunkFileAndKeepsTheRest) {
  const Digest damaged = Digest::FromRaw(std::string(32, 'd'));
  const Digest whole = Digest::FromRaw(std::string(32, 'w'));
  {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->chunks().Put({{damaged, Noise(50'000, 1)}, {whole, Noise(50'000, 2)}}).ok());
    ASSERT_TRUE((*store)->chunks().Sync().ok());
  }
  for (const auto& file : std::filesystem::directory_iterator(path_ + "/chunks")) {
    if (file.path().extension() != ".blob") continue;
    std::fstream blob(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    blob.seekp(20'000);  // inside the first of two values
    blob.put('X');
  }
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  const auto bytes = (*store)->chunks().Get(damaged);
  EXPECT_EQ(bytes.status().code(), absl::StatusCode::kDataLoss) << bytes.status();
  EXPECT_THAT(bytes.status().ToString(), HasSubstr(damaged.text()));
  EXPECT_TRUE((*store)->chunks().Get(whole).ok());
}

TEST_F(OpenStore, GivesSpaceOfDeletedChunksBack) {
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  auto blob_bytes = [this] {
    uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(path_ + "/chunks")) {
      if (file.path().extension() == ".blob") bytes += file.file_size();
    }
    return bytes;
  };
  ChunkStore& chunks = (*store)->chunks();
  const Digest gone = Digest::FromRaw(std::string(32, 'g'));
  const Digest kept = Digest::FromRaw(std::string(32, 'k'));
  ASSERT_TRUE(chunks.Put({{gone, Noise(3 << 20, 1)}, {kept, Noise(1 << 20, 2)}}).ok());
  ASSERT_TRUE(chunks.Sync().ok());
  EXPECT_GT(blob_bytes(), 4u << 20);
  ASSERT_TRUE(chunks.Delete({gone}).ok());
  ASSERT_TRUE((*store)->ReclaimChunkSpace().ok());
  EXPECT_LT(blob_bytes(), 2u << 20);
  EXPECT_EQ(chunks.Get(kept)->size(), 1u << 20);
}

uint64_t BytesIn(const std::string& folder) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) bytes += file.file_size();
  return bytes;
}

TEST_F(OpenStore, PacksChunksThatShrinkAndLeavesOthersAsTheyAre) {
  const Digest text = Digest::FromRaw(std::string(32, 't'));
  const Digest noise = Digest::FromRaw(std::string(32, 'n'));
  std::string rows;
  for (int i = 0; rows.size() < (size_t{2} << 20); ++i) rows += std::to_string(i * 7919) + ",claims,2026-11-20\n";
  const std::string weights = Noise(2 << 20, 3);
  for (const bool again : {false, true}) {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ChunkStore& chunks = (*store)->chunks();
    if (!again) {
      ASSERT_TRUE(chunks.Put({{text, rows}, {noise, weights}}).ok());
      ASSERT_TRUE(chunks.Sync().ok());
    }
    const auto both = chunks.GetMany({noise, text}, size_t{8} << 20);
    ASSERT_TRUE(both.ok()) << both.status();
    EXPECT_TRUE(both->at(0) == weights && both->at(1) == rows);
    EXPECT_EQ(chunks.List(Digest(), 10)->back().size_bytes, rows.size()) << "sizes are those of the plain bytes";
  }
  EXPECT_LT(BytesIn(path_ + "/chunks"), weights.size() + rows.size() / 2);
  EXPECT_GT(BytesIn(path_ + "/chunks"), weights.size());
}

TEST_F(OpenStore, FindsAFlippedByte) {
  const Digest digest = Digest::FromRaw(std::string(32, 'n'));
  const std::string weights = Noise(1 << 20, 3);
  {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->chunks().Put({{digest, weights}}).ok());
    ASSERT_TRUE((*store)->chunks().Sync().ok());
  }
  for (const auto& file : std::filesystem::directory_iterator(path_ + "/chunks")) {
    if (file.path().extension() != ".blob") continue;
    std::fstream blob(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    blob.seekg(500'000);
    const int byte = blob.get();
    blob.seekp(500'000);
    blob.put(static_cast<char>(byte ^ 1));
  }
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->chunks().Get(digest).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(OpenStore, TakesAFolderOfTheFirstFormatAndKeepsOlderProgramsOutFromThenOn) {
  ASSERT_TRUE(OpenAndClose().ok());
  WriteFormat("firebreak-storage 1\n");
  EXPECT_TRUE(OpenAndClose().ok());
  std::ifstream format(path_ + "/FORMAT");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(format), {}), "firebreak-storage 2\n");
}

}  // namespace
}  // namespace firebreak::testing
