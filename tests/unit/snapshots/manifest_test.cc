#include "firebreak/snapshots/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firebreak/snapshots/names.h"

namespace firebreak {
namespace {

using ::testing::HasSubstr;

v1::FileEntry Entry(const std::string& path, uint64_t size = 0, int chunks = 0) {
  v1::FileEntry entry;
  entry.set_path(path);
  entry.set_size_bytes(size);
  entry.set_digest(std::string(32, 'd'));
  for (int i = 0; i < chunks; ++i) {
    v1::ChunkRef* ref = entry.add_chunks();
    ref->set_digest(std::string(32, 'c'));
    ref->set_size_bytes(size / static_cast<uint64_t>(chunks));
  }
  return entry;
}

TEST(CheckPath, TakesOrdinaryPaths) {
  for (const char* path : {"a", "a/b.c", ".hidden/x", "modèle/poids.bin", "a b/c", "..a/b..", "sub/model.sig"}) {
    EXPECT_TRUE(CheckPath(path).ok()) << path << ": " << CheckPath(path);
  }
}

TEST(CheckPath, RefusesWhatCouldLeaveTheFolderOrHide) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "empty path"},          {"/etc/passwd", "absolute"},          {"../x", "'..'"},
      {"a/../b", "'..'"},          {"./a", "'.'"},                       {"a//b", "empty component"},
      {"a/", "empty component"},   {"a\\b", "backslash"},                {std::string("a\0b", 3), "control character"},
      {"a\nb", "control"},         {"\xff\xfe", "UTF-8"},                {std::string(5000, 'a'), "longer than"},
      {std::string(256, 'a'), "255"}, {"model.sig", "reserved"},
  };
  for (const auto& [path, rule] : cases) {
    absl::Status status = CheckPath(path);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_THAT(std::string(status.message()), HasSubstr(rule));
  }
}

TEST(ManifestChecker, RefusesDuplicatesWrongOrderAndFilesThatAreFolders) {
  auto run = [](const std::vector<std::string>& paths) {
    ManifestChecker checker(v1::SNAPSHOT_KIND_MODEL);
    for (const std::string& path : paths) {
      if (absl::Status status = checker.Add(Entry(path)); !status.ok()) return status;
    }
    return checker.Finish().status();
  };
  EXPECT_TRUE(run({"a-b", "a.b", "a/x", "b"}).ok());
  EXPECT_THAT(std::string(run({"a", "a"}).message()), HasSubstr("appears twice"));
  EXPECT_THAT(std::string(run({"b", "a"}).message()), HasSubstr("not in path order"));
  EXPECT_THAT(std::string(run({"a", "a-b", "a/x"}).message()), HasSubstr("also a folder"));
  EXPECT_THAT(std::string(run({}).message()), HasSubstr("at least one file"));
}

TEST(ManifestChecker, WantsChunksToAddUpOverContinuedEntries) {
  v1::FileEntry first = Entry("big", 40);
  first.add_chunks()->set_digest(std::string(32, 'c'));
  first.mutable_chunks(0)->set_size_bytes(30);
  v1::FileEntry rest = first;
  rest.set_chunks_before(1);
  rest.mutable_chunks(0)->set_size_bytes(10);
  ManifestChecker good(v1::SNAPSHOT_KIND_MODEL);
  EXPECT_TRUE(good.Add(first).ok());
  EXPECT_TRUE(good.Add(rest).ok());
  EXPECT_TRUE(good.Finish().ok());

  ManifestChecker cut(v1::SNAPSHOT_KIND_MODEL);
  EXPECT_TRUE(cut.Add(first).ok());
  EXPECT_FALSE(cut.Finish().ok());
  EXPECT_FALSE(cut.Add(Entry("other")).ok());

  ManifestChecker skipped(v1::SNAPSHOT_KIND_MODEL);
  rest.set_chunks_before(2);
  EXPECT_TRUE(skipped.Add(first).ok());
  EXPECT_FALSE(skipped.Add(rest).ok());

  ManifestChecker too_much(v1::SNAPSHOT_KIND_MODEL);
  rest.set_chunks_before(1);
  rest.mutable_chunks(0)->set_size_bytes(11);
  EXPECT_TRUE(too_much.Add(first).ok());
  EXPECT_FALSE(too_much.Add(rest).ok());
}

TEST(SnapshotDigest, DependsOnKindPathSizeAndContentOnly) {
  auto digest = [](v1::SnapshotKind kind, const std::string& path, uint64_t size, char fill) {
    SnapshotDigest stream(kind);
    stream.AddFile(path, size, std::string(32, fill));
    return stream.Finish().text();
  };
  // Pinned: changing how it is computed orphans every stored snapshot.
  const std::string pinned = digest(v1::SNAPSHOT_KIND_MODEL, "weights.bin", 3, 'x');
  EXPECT_EQ(pinned, "sha256:49267d7b5b79a6b92bcb37aa1c6f588bee8dd8f3e4aad907916a46f489e273d2");
  EXPECT_NE(pinned, digest(v1::SNAPSHOT_KIND_DATASET, "weights.bin", 3, 'x'));
  EXPECT_NE(pinned, digest(v1::SNAPSHOT_KIND_MODEL, "weights.bim", 3, 'x'));
  EXPECT_NE(pinned, digest(v1::SNAPSHOT_KIND_MODEL, "weights.bin", 4, 'x'));
  EXPECT_NE(pinned, digest(v1::SNAPSHOT_KIND_MODEL, "weights.bin", 3, 'y'));
}

TEST(PageWriter, SplitsAHugeFileOverPagesThatCheckAgain) {
  PageWriter writer;
  constexpr int kChunks = 100'000;
  std::vector<v1::ManifestPage> pages = writer.Add(Entry("a", 0));
  for (v1::ManifestPage& page : writer.Add(Entry("big", kChunks, kChunks))) pages.push_back(std::move(page));
  for (v1::ManifestPage& page : writer.Add(Entry("c", 0))) pages.push_back(std::move(page));
  pages.push_back(writer.Finish());
  EXPECT_GT(pages.size(), 3u);
  ManifestChecker checker(v1::SNAPSHOT_KIND_MODEL);
  for (const v1::ManifestPage& page : pages) {
    EXPECT_FALSE(page.files().empty());
    EXPECT_LE(EncodePage(page).size(), kPageBytesMax);
    for (const v1::FileEntry& entry : page.files()) ASSERT_TRUE(checker.Add(entry).ok()) << checker.Add(entry);
  }
  auto totals = checker.Finish();
  ASSERT_TRUE(totals.ok()) << totals.status();
  EXPECT_EQ(totals->file_count, 3u);
  EXPECT_EQ(totals->size_bytes, uint64_t{kChunks});
}

TEST(ParseSnapshotReference, ReadsNamesVersionsAndDigests) {
  auto versioned = ParseSnapshotReference("model/fraud@7");
  ASSERT_TRUE(versioned.ok());
  EXPECT_EQ(versioned->version, 7u);
  EXPECT_EQ(versioned->name, "fraud");
  EXPECT_EQ(ParseSnapshotReference("dataset/claims")->version, 0u);
  EXPECT_FALSE(ParseSnapshotReference("sha256:" + std::string(64, 'a'))->digest.empty());
  for (const char* bad : {"", "fraud@7", "modle/x", "model/x@0", "model/x@07", "model/x@", "model/x@1a", "model/", "model/../x",
                          "sha256:12", "model/X", "model/x@99999999999999999999"}) {
    EXPECT_EQ(ParseSnapshotReference(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace firebreak
