// PushFolder -> SnapshotVault -> PullSnapshot through a port in the same process.
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "tests/support/vault_fixture.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
using testing::DigestOf;
using testing::Files;
using testing::NewKey;
using testing::ReadFiles;
using testing::VaultFixture;
using testing::VaultPort;
using ::testing::HasSubstr;

std::string Noise(size_t bytes, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string data(bytes, '\0');
  for (char& c : data) c = static_cast<char>(engine());
  return data;
}

Files Model() {
  Files files = {{"empty", ""}, {"a/x", "1"}, {"a-b", "2"}, {"a.b", "3"}, {".hidden", "4"}};
  files["weights.bin"] = Noise((size_t{5} << 20) + 17, 1);
  files["exact.bin"] = Noise(size_t{2} << 20, 2);
  for (int i = 0; i < 300; ++i) files[absl::StrCat("shards/s", i)] = absl::StrCat("shard ", i);
  return files;
}

// Enough for several groups of chunks on every path, small enough to be pushed dozens of times.
Files SmallModel() {
  Files files = {{"empty", ""}, {"a/x", "1"}};
  files["weights.bin"] = Noise((size_t{2} << 20) + 17, 1);
  files["exact.bin"] = Noise(size_t{1} << 20, 2);
  for (int i = 0; i < 20; ++i) files[absl::StrCat("shards/s", i)] = absl::StrCat("shard ", i);
  return files;
}

struct TransferTest : public ::testing::Test {
  absl::StatusOr<PullResult> Pull(const v1::Snapshot& snapshot, const fs::path& target, VaultPort& port) {
    PullOptions options;
    options.trust.keys = {fixture.key.public_key()};
    options.limits.threads = 2;
    options.limits.group_bytes = size_t{1} << 20;
    return PullSnapshot(port, DigestOf(snapshot), target, options);
  }
  // No hidden folder stands beside `target`.
  bool NothingLeft(const fs::path& target) {
    for (const auto& entry : fs::directory_iterator(target.parent_path())) {
      if (entry.path().filename().string().starts_with(StrPrefix(target))) return false;
    }
    return !fs::exists(target);
  }
  static std::string StrPrefix(const fs::path& target) { return "." + target.filename().string() + "."; }

  VaultFixture fixture;
};

TEST_F(TransferTest, BringsBackEveryByte) {
  const Files files = Model();
  auto pushed = fixture.Push(fixture.Options(fixture.NewFolder(files), "digits"));
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(pushed->snapshot.file_count(), files.size());
  VaultPort port = fixture.Port();
  const fs::path target = fixture.NewPath();
  auto pulled = Pull(pushed->snapshot, target, port);
  ASSERT_TRUE(pulled.ok()) << pulled.status();
  EXPECT_EQ(ReadFiles(target), files);
  EXPECT_EQ(pulled->signer_key_id, fixture.key.public_key().key_id());
  EXPECT_TRUE(fs::exists(target / "model.sig"));
  auto findings = CompareFolder(port, DigestOf(pushed->snapshot), target);
  ASSERT_TRUE(findings.ok()) << findings.status();
  EXPECT_TRUE(findings->empty());
  std::ofstream(target / "a-b") << "other";
  fs::remove(target / "empty");
  std::ofstream(target / "new") << "x";
  EXPECT_EQ(CompareFolder(port, DigestOf(pushed->snapshot), target)->size(), 3u);
  // What was pulled can be pushed as it is, with the bundle that came along.
  const fs::path second = fixture.NewPath();
  ASSERT_TRUE(Pull(pushed->snapshot, second, port).ok());
  PushOptions options = fixture.Options(second, "digits");
  options.signing_key.reset();
  options.bundle = *OpenBundleFile(second / "model.sig");
  auto again = fixture.Push(options);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->already_existed);
  EXPECT_EQ(again->bytes_sent, 0u);
  EXPECT_EQ(HashFolder(options)->digest(), pushed->snapshot.digest());
}

TEST_F(TransferTest, AFileListThatNeverEndsIsNotReadForEver) {
  auto pushed = fixture.Push(fixture.Options(fixture.NewFolder(SmallModel()), "digits"));
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  for (const bool empty : {true, false}) {
    VaultPort port = fixture.Port();
    int pages = 0;
    port.before = [&](const std::string& method) {
      if (method == "ListFiles" && ++pages > 100) return absl::ResourceExhaustedError("a hundred pages");
      return absl::OkStatus();
    };
    port.alter_files = [&](v1::ListFilesResponse& response) {
      if (empty) response.clear_files();
      response.set_next_page_token(empty ? StrCat("page ", pages) : "0");
    };
    const absl::Status status = Pull(pushed->snapshot, fixture.NewPath(), port).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_LE(pages, 3);
  }
}

TEST_F(TransferTest, SendsOnlyWhatChanged) {
  Files files = Model();
  ASSERT_TRUE(fixture.Push(fixture.Options(fixture.NewFolder(files), "digits")).ok());
  files["weights.bin"][3 << 20] ^= 1;
  auto second = fixture.Push(fixture.Options(fixture.NewFolder(files), "digits"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->snapshot.version(), 2u);
  EXPECT_EQ(second->bytes_sent, uint64_t{1} << 20);
}

TEST_F(TransferTest, RefusesSymlinksSpecialFilesAndEmptyFolders) {
  const fs::path folder = fixture.NewFolder({{"a", "1"}, {".git/config", "not content"}, {".github/x", "neither"}});
  fs::create_symlink("/etc/passwd", folder / "link");
  auto linked = fixture.Push(fixture.Options(folder, "m"));
  EXPECT_EQ(linked.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(linked.status().message()), HasSubstr("'link' is a symlink"));
  fs::remove(folder / "link");
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(std::string(fixture.Push(fixture.Options(folder, "m")).status().message()), HasSubstr("not a regular file"));
  PushOptions ignoring = fixture.Options(folder, "m");
  ignoring.ignore_paths = {"pipe"};
  auto pushed = fixture.Push(ignoring);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(pushed->snapshot.file_count(), 1u);
  EXPECT_FALSE(fixture.Push(fixture.Options(fixture.NewFolder({}), "m")).ok());
  EXPECT_EQ(fixture.Push(fixture.Options(fixture.NewPath(), "m")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TransferTest, ResumesAPushCutAtEveryCall) {
  const fs::path folder = fixture.NewFolder(SmallModel());
  const std::string wanted = HashFolder(fixture.Options(folder, "digits"))->digest();
  bool finished = false;
  for (int cut = 0; !finished && cut < 200; ++cut) {
    // Before the server saw the call, and after it did but the answer was lost.
    for (const bool lost_answer : {false, true}) {
      VaultFixture fresh;
      VaultPort port = fresh.Port();
      std::atomic<int> calls{0};
      auto fail = [&](const std::string&) {
        return calls++ >= cut ? absl::UnavailableError("cut") : absl::OkStatus();
      };
      (lost_answer ? port.after : port.before) = fail;
      PushOptions options = fresh.Options(folder, "digits");
      auto first = PushFolder(port, options);
      finished = first.ok();
      EXPECT_TRUE(finished || absl::IsUnavailable(first.status())) << first.status();
      port.before = nullptr;
      port.after = nullptr;
      auto second = PushFolder(port, options);
      ASSERT_TRUE(second.ok()) << "cut at " << cut << ": " << second.status();
      EXPECT_EQ(second->snapshot.digest(), wanted);
      EXPECT_EQ(second->snapshot.version(), 1u);
    }
  }
  EXPECT_TRUE(finished);
}

TEST_F(TransferTest, ResumesAPullCutAtEveryCall) {
  const Files files = SmallModel();
  auto pushed = fixture.Push(fixture.Options(fixture.NewFolder(files), "digits"));
  ASSERT_TRUE(pushed.ok());
  bool finished = false;
  uint64_t least_received = pushed->snapshot.size_bytes();
  for (int cut = 0; !finished && cut < 200; ++cut) {
    VaultPort port = fixture.Port();
    std::atomic<int> calls{0};
    port.before = [&](const std::string&) { return calls++ >= cut ? absl::UnavailableError("cut") : absl::OkStatus(); };
    const fs::path target = fixture.NewPath();
    auto first = Pull(pushed->snapshot, target, port);
    finished = first.ok();
    if (finished) break;
    EXPECT_EQ(first.status().code(), absl::StatusCode::kUnavailable) << first.status();
    EXPECT_FALSE(fs::exists(target));
    port.before = nullptr;
    auto second = Pull(pushed->snapshot, target, port);
    ASSERT_TRUE(second.ok()) << "cut at " << cut << ": " << second.status();
    least_received = std::min(least_received, second->bytes_received);
    EXPECT_EQ(ReadFiles(target), files);
  }
  EXPECT_TRUE(finished);
  EXPECT_LT(least_received, pushed->snapshot.size_bytes() / 2);   // what was there was not fetched again
}

TEST_F(TransferTest, TriesAgainWithGrowingWaitsAndThenGivesUp) {
  VaultPort port = fixture.Port();
  PushOptions options = fixture.Options(fixture.NewFolder({{"a", "1"}}), "m");
  std::vector<absl::Duration> waits;
  options.retry.attempts_max = 4;
  options.retry.wait_max = absl::Milliseconds(500);
  options.retry.sleep = [&](absl::Duration wait) { waits.push_back(wait); };
  int failures = 2;
  port.before = [&](const std::string& method) {
    return method == "CommitPush" && failures-- > 0 ? absl::UnavailableError("busy") : absl::OkStatus();
  };
  EXPECT_TRUE(PushFolder(port, options).ok());
  EXPECT_THAT(waits, ::testing::ElementsAre(absl::Milliseconds(200), absl::Milliseconds(400)));
  port.before = [](const std::string&) { return absl::UnavailableError("down"); };
  waits.clear();
  EXPECT_EQ(PushFolder(port, options).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(waits.size(), 3u);
}

TEST_F(TransferTest, RefusesChunksFilesAndListsThatAreNotAsPromised) {
  const Files files = {{"a", "1"}, {"b/c", Noise(3 << 20, 7)}};
  auto pushed = fixture.Push(fixture.Options(fixture.NewFolder(files), "m"));
  ASSERT_TRUE(pushed.ok());
  const std::pair<const char*, std::function<void(VaultPort&)>> lies[] = {
      {"a flipped bit", [](VaultPort& port) {
         port.alter_chunks = [](v1::GetChunksResponse& r) { (*r.mutable_chunks(0)->mutable_data())[0] ^= 1; };
       }},
      {"a chunk left out", [](VaultPort& port) { port.alter_chunks = [](v1::GetChunksResponse& r) { r.clear_chunks(); }; }},
      {"a path that escapes", [](VaultPort& port) {
         port.alter_files = [](v1::ListFilesResponse& r) { r.mutable_files(0)->set_path("../escaped"); };
       }},
      {"an absolute path", [](VaultPort& port) {
         port.alter_files = [](v1::ListFilesResponse& r) { r.mutable_files(0)->set_path("/tmp/escaped"); };
       }},
      {"a renamed file", [](VaultPort& port) {
         port.alter_files = [](v1::ListFilesResponse& r) { r.mutable_files(0)->set_path("aa"); };
       }},
      {"a file left out", [](VaultPort& port) {
         port.alter_files = [](v1::ListFilesResponse& r) { r.mutable_files()->RemoveLast(); };
       }},
      {"a file twice", [](VaultPort& port) {
         port.alter_files = [](v1::ListFilesResponse& r) { *r.add_files() = v1::FileEntry(r.files(1)); };
       }},
      {"other chunks under the same file", [](VaultPort& port) {
         port.alter_files = [](v1::ListFilesResponse& r) { r.mutable_files(1)->mutable_chunks()->SwapElements(0, 1); };
       }},
  };
  for (const auto& [what, lie] : lies) {
    VaultPort port = fixture.Port();
    lie(port);
    const fs::path target = fixture.NewPath();
    auto pulled = Pull(pushed->snapshot, target, port);
    EXPECT_EQ(pulled.status().code(), absl::StatusCode::kDataLoss) << what << ": " << pulled.status();
    EXPECT_TRUE(NothingLeft(target)) << what;
    EXPECT_FALSE(fs::exists(target.parent_path() / "escaped")) << what;
  }
}

TEST_F(TransferTest, RefusesASnapshotSignedByAKeyTheCallerDoesNotTrust) {
  auto pushed = fixture.Push(fixture.Options(fixture.NewFolder({{"a", "1"}}), "m"));
  ASSERT_TRUE(pushed.ok());
  VaultPort port = fixture.Port();
  PullOptions options;
  options.trust.keys = {NewKey().public_key()};
  const fs::path target = fixture.NewPath();
  EXPECT_EQ(PullSnapshot(port, DigestOf(pushed->snapshot), target, options).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(NothingLeft(target));
  options.trust.keys.push_back(fixture.key.public_key());
  EXPECT_TRUE(PullSnapshot(port, DigestOf(pushed->snapshot), target, options).ok());
  EXPECT_EQ(PullSnapshot(port, DigestOf(pushed->snapshot), target, options).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_F(TransferTest, NeverFollowsASymlinkPreparedInTheFolderItResumes) {
  const Files files = {{"d/a", "new content"}, {"f", "1"}};
  auto pushed = fixture.Push(fixture.Options(fixture.NewFolder(files), "m"));
  ASSERT_TRUE(pushed.ok());
  const fs::path outside = fixture.NewFolder({{"a", "precious"}, {"f", "precious"}});
  const fs::path target = fixture.NewPath();
  const fs::path part = target.parent_path() /
      (StrPrefix(target) + pushed->snapshot.digest().substr(7, 16) + ".part");
  fs::create_directories(part);
  fs::create_symlink(outside / "f", part / "f");
  fs::create_hard_link(outside / "a", part / "stray");
  VaultPort port = fixture.Port();
  EXPECT_FALSE(Pull(pushed->snapshot, target, port).ok());   // a stray file stands in it: thrown away
  fs::create_directories(part);
  fs::create_directory_symlink(outside, part / "d");
  EXPECT_FALSE(Pull(pushed->snapshot, target, port).ok());
  EXPECT_EQ(ReadFiles(outside), (Files{{"a", "precious"}, {"f", "precious"}}));
  ASSERT_TRUE(Pull(pushed->snapshot, target, port).ok());
  EXPECT_EQ(ReadFiles(target), files);
}

TEST_F(TransferTest, NoticesAFileThatChangesWhileItIsPushedAndContentThatChangedUnderAnOldId) {
  const fs::path folder = fixture.NewFolder({{"a", "1"}, {"b", Noise(4 << 20, 3)}});
  VaultPort port = fixture.Port();
  PushOptions options = fixture.Options(folder, "m");
  bool touched = false;
  auto changed = PushFolder(port, options, [&](const TransferProgress& now) {
    if (now.files_done == 1 && !touched) {
      std::ofstream(folder / "b", std::ios::app) << "more";
      touched = true;
    }
  });
  EXPECT_EQ(changed.status().code(), absl::StatusCode::kFailedPrecondition) << changed.status();
  ASSERT_TRUE(PushFolder(port, options).ok());
  // Same size and time, other bytes: the id made from them is taken, a fresh one is used.
  const fs::file_time_type time = fs::last_write_time(folder / "a");
  std::ofstream(folder / "a") << "2";
  fs::last_write_time(folder / "a", time);
  auto again = PushFolder(port, options);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->snapshot.version(), 2u);
}

TEST_F(TransferTest, KeepsOnlyAFewChunksInMemoryWhileALargeFileIsPushed) {
  // A port that drops the data: what is held at once is what the push itself holds.
  class Sink final : public SnapshotPort {
   public:
    absl::StatusOr<v1::BeginPushResponse> BeginPush(const v1::BeginPushRequest&) override { return v1::BeginPushResponse(); }
    absl::StatusOr<v1::PutFilesResponse> PutFiles(const v1::PutFilesRequest& r) override {
      for (const v1::FileEntry& file : r.files()) chunks_listed += file.chunks_size();
      return v1::PutFilesResponse();
    }
    absl::StatusOr<v1::MissingChunksResponse> MissingChunks(const v1::MissingChunksRequest& r) override {
      v1::MissingChunksResponse response;
      *response.mutable_digests() = r.digests();
      return response;
    }
    absl::StatusOr<v1::PutChunksResponse> PutChunks(const v1::PutChunksRequest& r) override {
      largest_message = std::max<uint64_t>(largest_message, r.ByteSizeLong());
      v1::PutChunksResponse response;
      for (const v1::Chunk& chunk : r.chunks()) response.add_digests(chunk.digest().empty() ? std::string(32, 'd') : chunk.digest());
      return response;
    }
    absl::StatusOr<v1::CommitPushResponse> CommitPush(const v1::CommitPushRequest&) override { return v1::CommitPushResponse(); }
    absl::StatusOr<v1::GetSnapshotResponse> GetSnapshot(const v1::GetSnapshotRequest&) override { return absl::UnimplementedError(""); }
    absl::StatusOr<v1::ListFilesResponse> ListFiles(const v1::ListFilesRequest&) override { return absl::UnimplementedError(""); }
    absl::StatusOr<v1::GetChunksResponse> GetChunks(const v1::GetChunksRequest&) override { return absl::UnimplementedError(""); }
    absl::StatusOr<v1::GetBundleResponse> GetBundle(const v1::GetBundleRequest&) override { return absl::UnimplementedError(""); }
    int chunks_listed = 0;
    std::atomic<uint64_t> largest_message{0};
  };
  auto resident = [] {
    std::ifstream statm("/proc/self/statm");
    uint64_t total = 0;
    uint64_t pages = 0;
    statm >> total >> pages;
    return pages * 4096;
  };
  const fs::path folder = fixture.NewFolder({{"sparse.bin", ""}});
  fs::resize_file(folder / "sparse.bin", uint64_t{300} << 20);
  Sink sink;
  const uint64_t before = resident();
  uint64_t peak = 0;
  auto pushed = PushFolder(sink, fixture.Options(folder, "m"), [&](const TransferProgress&) { peak = std::max(peak, resident()); });
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(sink.chunks_listed, 300);
  EXPECT_LE(sink.largest_message, uint64_t{4} << 20);
  EXPECT_LT(peak - std::min(peak, before), uint64_t{64} << 20);
}

}  // namespace
}  // namespace firebreak
