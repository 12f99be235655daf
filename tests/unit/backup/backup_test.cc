#include "firebreak/backup/backup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/storage_rocksdb/rocks_store.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_folder.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

void Write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string Read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct BackupTest : ::testing::Test {
  testing::ScratchFolder scratch;
  fs::path root = scratch.path();
  fs::path data = root / "data";
  fs::path folder = root / "backups";

  absl::StatusOr<v1::Backup> Make(const std::string& id) {
    v1::Backup backup;
    backup.set_id(id);
    return WriteBackup(folder, backup, {{data / "store", "store"}, {data / "config.yaml", "config.yaml"}, {data / "absent", "absent"}});
  }
  fs::path ContentOf(const std::string& id, const std::string& path) {
    const store::v1::BackupManifest manifest = *LoadBackup(folder, id);
    for (const store::v1::BackupFile& file : manifest.files()) {
      if (file.path() == path) return folder / "files" / file.sha256().substr(0, 2) / file.sha256();
    }
    return {};
  }
};

TEST_F(BackupTest, RestoresWhatWasThereAndWritesOnlyWhatIsNew) {
  Write(data / "store/meta/1.sst", "first");
  Write(data / "config.yaml", "name: a");
  auto first = Make("1");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->files(), 2u);
  EXPECT_EQ(first->bytes_written(), 12u);
  Write(data / "store/meta/2.sst", "second one");
  Write(data / "store/meta/3.sst", "first");   // the same bytes under another name
  auto second = Make("2");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->bytes_written(), 10u);
  EXPECT_EQ(second->bytes(), 27u);
  for (const char* id : {"1", "2"}) {
    const store::v1::BackupManifest manifest = *LoadBackup(folder, id);
    EXPECT_TRUE(VerifyBackup(folder, manifest)->empty());
    ASSERT_TRUE(RestoreBackup(folder, manifest, root / id).ok());
    EXPECT_EQ(Read(root / id / "store/meta/1.sst"), "first");
    EXPECT_EQ(fs::exists(root / id / "store/meta/2.sst"), std::string(id) == "2");
  }
  EXPECT_EQ(LoadBackup(folder, "")->backup().id(), "2");
  EXPECT_TRUE(absl::IsNotFound(LoadBackup(folder, "3").status()));
}

TEST_F(BackupTest, AFileThatChangedUnderItsOldNameIsReadAgain) {
  Write(data / "store/meta/CURRENT", "MANIFEST-1");
  ASSERT_TRUE(Make("1").ok());
  fs::remove(data / "store/meta/CURRENT");
  Write(data / "store/meta/CURRENT", "MANIFEST-2");
  ASSERT_TRUE(Make("2").ok());
  ASSERT_TRUE(RestoreBackup(folder, *LoadBackup(folder, "2"), root / "r").ok());
  EXPECT_EQ(Read(root / "r/store/meta/CURRENT"), "MANIFEST-2");
}

TEST_F(BackupTest, NamesEveryDamagedFileAndRestoresNoneOfABackupWithOne) {
  Write(data / "store/a", "aaaa");
  Write(data / "store/b", "bbbb");
  ASSERT_TRUE(Make("1").ok());
  Write(ContentOf("1", "store/b"), "bbXb");
  const store::v1::BackupManifest manifest = *LoadBackup(folder, "1");
  auto findings = VerifyBackup(folder, manifest);
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_EQ(findings->front(), "store/b: its bytes are not those that were backed up");
  const absl::Status restored = RestoreBackup(folder, manifest, root / "r");
  EXPECT_TRUE(absl::IsDataLoss(restored)) << restored;
  EXPECT_TRUE(fs::is_empty(root / "r"));
  fs::remove(ContentOf("1", "store/a"));
  EXPECT_EQ(VerifyBackup(folder, manifest)->size(), 2u);
}

TEST_F(BackupTest, RefusesFoldersThatAreSomethingElseAndPathsThatLeadOut) {
  Write(folder / "letter.txt", "not a backup");
  Write(data / "store/a", "a");
  EXPECT_TRUE(absl::IsFailedPrecondition(Make("1").status()));
  fs::remove_all(folder);
  ASSERT_TRUE(Make("1").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(Make("../x").status()));
  store::v1::BackupManifest manifest = *LoadBackup(folder, "1");
  manifest.mutable_files(0)->set_path("../outside");
  EXPECT_FALSE(RestoreBackup(folder, manifest, root / "r").ok());
  EXPECT_FALSE(fs::exists(root / "outside"));
  Write(root / "full/x", "x");
  EXPECT_TRUE(absl::IsFailedPrecondition(RestoreBackup(folder, *LoadBackup(folder, "1"), root / "full")));
}

TEST_F(BackupTest, APruneTakesOldBackupsAndWhatOnlyTheyNeeded) {
  Write(data / "store/shared", "in all of them");
  for (const char* id : {"1", "2", "3"}) {
    Write(data / "store/own", StrCat("only in ", id));
    ASSERT_TRUE(Make(id).ok());
  }
  const fs::path own_of_1 = ContentOf("1", "store/own");
  const auto would = PruneBackups(folder, 2, PruneManner::kDryRun);
  ASSERT_TRUE(would.ok()) << would.status();
  ASSERT_EQ(would->backups.size(), 1u);
  EXPECT_EQ(would->backups[0].id(), "1");
  EXPECT_EQ(would->contents, 1u);
  EXPECT_EQ(would->bytes, std::string("only in 1").size());
  EXPECT_EQ(ListBackups(folder)->size(), 3u);
  EXPECT_TRUE(fs::exists(own_of_1));

  ASSERT_TRUE(PruneBackups(folder, 2, PruneManner::kRemove).ok());
  EXPECT_EQ(ListBackups(folder)->size(), 2u);
  EXPECT_FALSE(fs::exists(own_of_1));
  for (const char* id : {"2", "3"}) {
    EXPECT_TRUE(VerifyBackup(folder, *LoadBackup(folder, id))->empty()) << id;
    ASSERT_TRUE(RestoreBackup(folder, *LoadBackup(folder, id), root / id).ok());
    EXPECT_EQ(Read(root / id / "store/shared"), "in all of them");
  }
  EXPECT_TRUE(PruneBackups(folder, 5, PruneManner::kRemove)->backups.empty());
  EXPECT_EQ(ListBackups(folder)->size(), 2u);
  Write(data / "store/own", "only in 4");
  EXPECT_TRUE(Make("4").ok());
}

TEST_F(BackupTest, APruneRefusesWhenWhatItWouldKeepMayNotBeEnough) {
  EXPECT_TRUE(absl::IsNotFound(PruneBackups(folder, 1, PruneManner::kRemove).status()));
  for (const char* id : {"1", "2"}) {
    Write(data / "store/own", StrCat("only in ", id));
    ASSERT_TRUE(Make(id).ok());
  }
  EXPECT_TRUE(absl::IsInvalidArgument(PruneBackups(folder, 0, PruneManner::kRemove).status()));
  const fs::path own_of_2 = ContentOf("2", "store/own");
  Write(own_of_2, "only");
  EXPECT_TRUE(absl::IsFailedPrecondition(PruneBackups(folder, 1, PruneManner::kRemove).status())) << "another size";
  fs::remove(own_of_2);
  const absl::Status refused = PruneBackups(folder, 1, PruneManner::kRemove).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_NE(refused.ToString().find("backup 2, which is to be kept, is not whole: store/own is missing"), std::string::npos) << refused;
  EXPECT_TRUE(VerifyBackup(folder, *LoadBackup(folder, "1"))->empty());
  Write(folder / "backups/3.json", "{");
  EXPECT_TRUE(absl::IsDataLoss(PruneBackups(folder, 1, PruneManner::kRemove).status()));
  EXPECT_TRUE(fs::exists(folder / "backups/1.json"));
}

TEST_F(BackupTest, APruneFinishesWhatWasBrokenOffAndLeavesWhatIsNotOurs) {
  Write(data / "store/a", "a");
  ASSERT_TRUE(Make("1").ok());
  const std::string orphan(64, 'e');
  Write(folder / "files/ee" / orphan, "left behind");
  Write(folder / "files/ee/notes.txt", "somebody's");
  Write(folder / "files/ff" / orphan, "in the wrong place");
  const auto pruned = PruneBackups(folder, 1, PruneManner::kRemove);
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->contents, 1u);
  EXPECT_FALSE(fs::exists(folder / "files/ee" / orphan));
  EXPECT_TRUE(fs::exists(folder / "files/ee/notes.txt"));
  EXPECT_TRUE(fs::exists(folder / "files/ff" / orphan));
  EXPECT_TRUE(VerifyBackup(folder, *LoadBackup(folder, "1"))->empty());
}

// A prune between the copying of contents and the writing of the list would take what the new backup needs.
TEST_F(BackupTest, OnlyOneAtATimeChangesAFolder) {
  Write(data / "store/a", "a");
  ASSERT_TRUE(Make("1").ok());
  const store::v1::BackupManifest manifest = *LoadBackup(folder, "1");
  {
    const int reader = ::open((folder / "firebreak-backup").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::flock(reader, LOCK_SH | LOCK_NB), 0);
    EXPECT_TRUE(absl::IsUnavailable(PruneBackups(folder, 1, PruneManner::kRemove).status()));
    EXPECT_TRUE(absl::IsUnavailable(Make("2").status()));
    EXPECT_TRUE(VerifyBackup(folder, manifest).ok()) << "readers share";
    ::close(reader);
  }
  {
    const int writer = ::open((folder / "firebreak-backup").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::flock(writer, LOCK_EX | LOCK_NB), 0);
    EXPECT_TRUE(absl::IsUnavailable(VerifyBackup(folder, manifest).status()));
    EXPECT_TRUE(absl::IsUnavailable(RestoreBackup(folder, manifest, root / "r")));
    EXPECT_TRUE(absl::IsUnavailable(PruneBackups(folder, 1, PruneManner::kRemove).status()));
    ::close(writer);
  }
  EXPECT_TRUE(PruneBackups(folder, 1, PruneManner::kRemove).ok());
}

TEST_F(BackupTest, AFullVolumeIsACleanRefusalAndNothingIsLost) {
  fs::create_directories(folder);
  if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=80m") != 0) GTEST_SKIP() << "no small volume can be mounted here";
  struct Unmount {
    ~Unmount() { ::umount(path.c_str()); }
    const fs::path path;
  } unmount{folder};
  Write(data / "store/small", "small");
  ASSERT_TRUE(Make("1").ok());
  const uint64_t free_before = fs::space(folder).available;

  // Known beforehand: not begun.
  Write(data / "store/big", std::string(size_t{90} << 20, 'x'));
  absl::Status refused = Make("2").status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_NE(refused.ToString().find("free space on it"), std::string::npos) << refused;

  // Found out in the middle, after other contents came in: a link is as small as its name until it is read.
  fs::rename(data / "store/big", root / "big");
  Write(data / "store/a-first", std::string(size_t{1} << 20, 'f'));   // comes in before the volume is full
  fs::create_symlink(root / "big", data / "store/link");
  v1::Backup backup;
  backup.set_id("2");
  refused = WriteBackup(folder, backup, {{data / "store/a-first", "store/a-first"}, {data / "store/link", "store/link"}}).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_NE(refused.ToString().find("the volume is full"), std::string::npos) << refused;
  EXPECT_EQ(ListBackups(folder)->size(), 1u);
  EXPECT_TRUE(VerifyBackup(folder, *LoadBackup(folder, "1"))->empty());
  EXPECT_GE(fs::space(folder).available + 65'536, free_before) << "what had come in is gone again";

  fs::remove(data / "store/link");
  ASSERT_TRUE(Make("2").ok());
  EXPECT_TRUE(VerifyBackup(folder, *LoadBackup(folder, "2"))->empty());
}

TEST_F(BackupTest, ACutOfTheEngineIsAStoreOfThatMomentWhileItServesOn) {
  std::string big(100'000, 'x');
  auto store = OpenRocksStore({.path = (data / "store").string(), .chunk_reserve_bytes = 0, .commit_reserve_bytes = 0});
  fs::create_directories(data);
  store = OpenRocksStore({.path = (data / "store").string(), .chunk_reserve_bytes = 0, .commit_reserve_bytes = 0});
  ASSERT_TRUE(store.ok()) << store.status();
  const auto put = [&](const std::string& key, const std::string& bytes) {
    const Digest digest = Sha256(bytes);
    const ChunkView view{digest, bytes};
    ASSERT_TRUE((*store)->chunks().Put({&view, 1}).ok());
    ASSERT_TRUE((*store)->chunks().Sync().ok());
    ASSERT_TRUE((*store)->meta().Commit({.puts = {{key, digest.text()}}}).ok());
  };
  put("one", big + "1");
  ASSERT_TRUE((*store)->Cut((root / "cut").string()).ok());
  put("two", big + "2");
  EXPECT_TRUE(absl::IsAlreadyExists((*store)->Cut((root / "cut").string())));
  v1::Backup backup;
  backup.set_id("1");
  ASSERT_TRUE(WriteBackup(folder, backup, {{root / "cut", "store"}}).ok());
  fs::remove_all(root / "cut");
  ASSERT_TRUE((*store)->Cut((root / "cut").string()).ok());
  backup.set_id("2");
  auto second = WriteBackup(folder, backup, {{root / "cut", "store"}});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_LT(second->bytes_written(), second->bytes() - 100'000);   // the first chunk's blob file was not written again
  ASSERT_TRUE(RestoreBackup(folder, *LoadBackup(folder, "1"), root / "restored").ok());
  auto restored = OpenRocksStore({.path = (root / "restored/store").string(), .create_if_missing = false});
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_TRUE((*(*restored)->meta().Get("one")).has_value());
  EXPECT_FALSE((*(*restored)->meta().Get("two")).has_value());
  EXPECT_EQ((*restored)->chunks().Get(Sha256(big + "1")).value(), big + "1");
}

}  // namespace
}  // namespace firebreak
