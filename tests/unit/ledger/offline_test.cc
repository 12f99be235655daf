#include "firebreak/ledger/offline.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "firebreak/ledger/entries.h"
#include "firebreak/ledger/note.h"
#include "firebreak/ledger/tiles.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;

// A folder of the test's own, gone with it.
struct TemporaryFolder {
  fs::path path;
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "firebreak-export-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~TemporaryFolder() { fs::remove_all(path); }
};

void WriteFile(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

struct Export : testing::LedgerFixture {
  TemporaryFolder folder;
  fs::path dir = folder.path / "log";
  std::string vkey;

  explicit Export(int entries) {
    for (int i = 0; i < entries; ++i) {
      EXPECT_TRUE(ledger->Transact([&](Draft& draft) {
        draft.Record(testing::TestEntry(StrCat("test.entry_", i)));
        return absl::OkStatus();
      }).ok());
      clock.Advance(absl::Seconds(1));
    }
    vkey = ledger->verifier_key();
  }
  absl::StatusOr<AuditExportSummary> Write() {
    return WriteAuditExport(dir, ledger->SignCheckpoint().value(), vkey, [&](uint64_t from) -> absl::StatusOr<std::vector<std::string>> {
      ASSIGN_OR_RETURN(LeafPage page, ListLeaves(store, from, ledger->size(), 5000));
      return std::move(page.leaves);
    });
  }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(dir)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }
  std::string Verdict() const { return std::string(MessageOf(VerifyAuditExport(dir, vkey).status())); }
};

TEST(AuditExport, VerifiesAtEveryKindOfSize) {
  for (int size : {0, 1, 2, 255, 256, 257, 300, 512, 513}) {
    Export test(size);
    const auto written = test.Write();
    ASSERT_TRUE(written.ok()) << size << written.status();
    const auto verified = VerifyAuditExport(test.dir, test.vkey);
    ASSERT_TRUE(verified.ok()) << size << verified.status();
    EXPECT_EQ(verified->entries, static_cast<uint64_t>(size));
    EXPECT_EQ(verified->root, written->root);
    EXPECT_EQ(verified->origin, "firebreak.test/audit");
    EXPECT_EQ(verified->last_time, written->last_time);
    EXPECT_EQ(verified->first_time.empty(), size == 0);
  }
}

TEST(AuditExport, HasTheLayoutOfTheSpecification) {
  Export test(300);
  ASSERT_TRUE(test.Write().ok());
  for (const char* name : {"checkpoint", "README.txt", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000",
                           "tile/entries/001.p/44"}) {
    EXPECT_TRUE(fs::is_regular_file(test.dir / name)) << name;
  }
  EXPECT_EQ(test.Files().size(), 7u);
}

TEST(AuditExport, EveryFlippedByteIsFoundAndItsFileNamed) {
  Export test(300);
  ASSERT_TRUE(test.Write().ok());
  for (const fs::path& file : test.Files()) {
    const std::string name = file.lexically_relative(test.dir).generic_string();
    const std::string bytes = testing::ReadFile(file);
    // Every byte of the small files, a prime stride through the large ones.
    const size_t stride = bytes.size() < 300 ? 7 : bytes.size() < 10000 ? 211 : 1009;
    for (size_t at = 0; at < bytes.size(); at += stride) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
      WriteFile(file, flipped);
      const std::string verdict = test.Verdict();
      EXPECT_NE(verdict.find(name), std::string::npos) << name << " byte " << at << ": " << verdict;
      if (name == "tile/0/000") {
        EXPECT_NE(verdict.find(StrCat("entry ", at / 32, ":")), std::string::npos) << at << ": " << verdict;
      }
    }
    WriteFile(file, bytes);
  }
  EXPECT_EQ(test.Verdict(), "");
}

TEST(AuditExport, NamesTheFirstAlteredEntry) {
  Export test(300);
  ASSERT_TRUE(test.Write().ok());
  const fs::path file = test.dir / "tile/entries/000";
  const std::string bytes = testing::ReadFile(file);
  const auto leaves = SplitBundle(bytes).value();
  for (size_t bad : {size_t{0}, size_t{17}, size_t{255}}) {
    std::string altered = bytes;
    const size_t at = static_cast<size_t>(leaves[bad].data() - bytes.data());
    altered[at + 40] = static_cast<char>(altered[at + 40] ^ 1);
    WriteFile(file, altered);
    EXPECT_EQ(test.Verdict(), StrCat("tile/entries/000: entry ", bad, ": it is not what was logged"));
    altered = bytes;
    altered[at - 1] = static_cast<char>(altered[at - 1] ^ 1);   // its length
    WriteFile(file, altered);
    EXPECT_NE(test.Verdict().find(StrCat("tile/entries/000: entry ", bad, ":")), std::string::npos) << test.Verdict();
  }
}

TEST(AuditExport, FindsTruncatedMissingReorderedAndAddedFiles) {
  Export test(300);
  ASSERT_TRUE(test.Write().ok());
  for (const fs::path& file : test.Files()) {
    const std::string name = file.lexically_relative(test.dir).generic_string();
    const std::string bytes = testing::ReadFile(file);
    for (size_t keep : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      WriteFile(file, bytes.substr(0, keep));
      EXPECT_NE(test.Verdict().find(name), std::string::npos) << name << ": " << test.Verdict();
    }
    WriteFile(file, bytes + "x");
    EXPECT_NE(test.Verdict().find(name), std::string::npos) << name << ": " << test.Verdict();
    fs::remove(file);
    EXPECT_NE(test.Verdict().find(name), std::string::npos) << name << ": " << test.Verdict();
    WriteFile(file, bytes);
  }
  WriteFile(test.dir / "tile/0/002", "more");
  EXPECT_NE(test.Verdict().find("tile/0/002"), std::string::npos);
  fs::remove(test.dir / "tile/0/002");

  const fs::path file = test.dir / "tile/entries/001.p/44";
  const std::string bytes = testing::ReadFile(file);
  auto leaves = SplitBundle(bytes).value();
  std::swap(leaves[3], leaves[9]);
  std::string reordered;
  for (std::string_view leaf : leaves) ASSERT_TRUE(AppendToBundle(leaf, &reordered).ok());
  WriteFile(file, reordered);
  EXPECT_EQ(test.Verdict(), "tile/entries/001.p/44: entry 259: it is not what was logged");
  WriteFile(file, bytes);
  EXPECT_EQ(test.Verdict(), "");
}

TEST(AuditExport, RefusesAnotherKey) {
  Export test(3);
  ASSERT_TRUE(test.Write().ok());
  const std::string other = MakeVerifierKey("firebreak.test/audit", Ed25519Key::Generate()->public_key());
  EXPECT_EQ(VerifyAuditExport(test.dir, other).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(VerifyAuditExport(test.dir, "nonsense").status().code(), absl::StatusCode::kInvalidArgument);
}

// A log whose signer lies: the tree is right, the entries are not what they must be.
TEST(AuditExport, FindsEntriesThatWereSignedButAreWrong) {
  const auto verify = [](const std::vector<std::string>& leaves) {
    const Ed25519Key key = Ed25519Key::Generate().value();
    TemporaryFolder folder;
    TreeEdge edge;
    std::string bundle;
    for (const std::string& leaf : leaves) {
      edge.Append(LeafHash(leaf), nullptr);
      EXPECT_TRUE(AppendToBundle(leaf, &bundle).ok());
    }
    const Checkpoint checkpoint{.origin = "o", .size = edge.size(), .root = edge.Root(), .extensions = {}};
    const std::string vkey = MakeVerifierKey("o", key.public_key());
    const std::string note = SignNote(key, "o", FormatCheckpoint(checkpoint)).value();
    // The honest writer refuses them, so a stand-in of the same length keeps its place and is then replaced.
    const auto written = WriteAuditExport(folder.path, note, vkey, [&](uint64_t from) -> absl::StatusOr<std::vector<std::string>> {
      return std::vector<std::string>(leaves.begin() + static_cast<std::ptrdiff_t>(from), leaves.end());
    });
    const auto verified = VerifyAuditExport(folder.path, vkey);
    return std::pair(written.status(), verified.status());
  };
  const std::string first = R"({"index":"0","time":"2026-01-01T00:00:00Z","actor":"a","action":"b"})";
  const std::string second = R"({"index":"1","time":"2026-01-01T00:00:01Z","actor":"a","action":"b"})";
  EXPECT_TRUE(verify({first, second}).second.ok());
  EXPECT_EQ(verify({first, first}).first.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(verify({first, "{}"}).first.code(), absl::StatusCode::kDataLoss);
  const std::string earlier = R"({"index":"1","time":"2025-01-01T00:00:01Z","actor":"a","action":"b"})";
  const auto [written, verified] = verify({first, earlier});
  EXPECT_TRUE(written.ok());
  EXPECT_EQ(MessageOf(verified), "tile/entries/000.p/2: entry 1: its time is before that of the entry before it");
}

TEST(AuditExport, WritesOnlyIntoAnEmptyFolderAndFinishesWithTheCheckpoint) {
  Export test(5);
  const std::string note = test.ledger->SignCheckpoint().value();
  const auto cut = WriteAuditExport(test.dir, note, test.vkey, [](uint64_t) -> absl::StatusOr<std::vector<std::string>> {
    return absl::UnavailableError("connection lost");
  });
  EXPECT_EQ(cut.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(fs::exists(test.dir / "checkpoint"));
  EXPECT_EQ(test.Verdict(), "checkpoint: missing; the export was not finished");
  ASSERT_TRUE(test.Write().ok());
  EXPECT_EQ(test.Write().status().code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace firebreak
