// Where files are cut: the same way every time, whole, within limits, and so that a small change moves few cuts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "clients/transfer/chunker.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "tests/support/scratch_folder.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Way = Chunker::Way;

std::string Noise(size_t bytes, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string data(bytes, '\0');
  for (char& c : data) c = static_cast<char>(engine());
  return data;
}

std::vector<std::string> Rows(size_t count) {
  std::mt19937_64 engine(11);
  std::vector<std::string> rows;
  for (size_t i = 0; i < count; ++i) rows.push_back(StrCat(i, ",", engine() % 100000, ",claim-", engine() % 1000, ",", engine() % 97, "\n"));
  return rows;
}

std::string Join(const std::vector<std::string>& rows) {
  std::string text;
  for (const std::string& row : rows) text += row;
  return text;
}

std::vector<std::string> Cut(Chunker chunker, std::string_view bytes) {
  std::vector<std::string> chunks;
  while (!bytes.empty()) {
    const size_t cut = chunker.Cut(bytes.substr(0, chunker.window_bytes()));
    EXPECT_GT(cut, 0u);
    chunks.emplace_back(bytes.substr(0, cut));
    bytes.remove_prefix(cut);
  }
  return chunks;
}

uint64_t NewBytes(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  const std::set<std::string> known(before.begin(), before.end());
  uint64_t bytes = 0;
  for (const std::string& chunk : after) bytes += known.contains(chunk) ? 0 : chunk.size();
  return bytes;
}

std::string LittleEndian64(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

// A safetensors file of tensors with these sizes.
std::string Tensors(const std::vector<size_t>& sizes, uint64_t seed, size_t changed = SIZE_MAX) {
  std::string header = "{";
  size_t offset = 0;
  std::string data;
  for (size_t i = 0; i < sizes.size(); ++i) {
    StrAppend(&header, i == 0 ? "" : ",", "\"t", i, "\":{\"dtype\":\"U8\",\"shape\":[", sizes[i], "],\"data_offsets\":[", offset, ",",
              offset + sizes[i], "]}");
    data += Noise(sizes[i], seed + i + (i == changed ? 1000 : 0));
    offset += sizes[i];
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return LittleEndian64(header.size()) + header + data;
}

std::vector<std::string> CutFile(const fs::path& folder, const std::string& name, const std::string& content) {
  std::ofstream(folder / name, std::ios::binary) << content;
  auto walk = FolderWalk::Open(folder / name, {});
  ScannedFile file;
  std::vector<std::string> chunks;
  ChunkReader reader;
  if (!walk.ok() || !walk->Next(file).value_or(false) || !reader.Open(walk->root(), file).ok()) return chunks;
  std::string chunk;
  while (reader.Next(chunk).value_or(false)) chunks.push_back(chunk);
  return chunks;
}

TEST(Chunker, CutsByContentWithinItsLimitsAndTheSameWayEveryTime) {
  const std::string bytes = Noise(8 << 20, 1);
  const std::vector<std::string> other = Cut(Chunker(Way::kOther), bytes);
  EXPECT_EQ(other, Cut(Chunker(Way::kOther), bytes));
  for (size_t i = 0; i + 1 < other.size(); ++i) {
    EXPECT_GE(other[i].size(), 32u << 10);
    EXPECT_LE(other[i].size(), 512u << 10);
  }
  const size_t mean = bytes.size() / other.size();
  EXPECT_GT(mean, 96u << 10);
  EXPECT_LT(mean, 192u << 10);
  // Versions of this program must find each other's chunks: these cuts may never change.
  const std::string_view text = std::string_view(bytes).substr(0, 1 << 20);
  const std::vector<std::string> first = Cut(Chunker(Way::kText), text);
  ASSERT_GE(first.size(), 4u);
  EXPECT_EQ(Sha256(first[0] + "|" + first[1] + "|" + first[2] + "|" + first[3]).text(), "sha256:f30b76b338566588b529f05a9972a20e2784c7baa2e8478e8dbeaa103556f26d");
}

TEST(Chunker, FindsTheRestOfATableAgainWhenRowsAreInserted) {
  std::vector<std::string> rows = Rows(200'000);
  const std::vector<std::string> before = Cut(Chunker(Way::kText), Join(rows));
  std::mt19937_64 engine(3);
  for (int i = 0; i < 10; ++i) rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(engine() % rows.size()), StrCat("new,", i, "\n"));
  const std::vector<std::string> after = Cut(Chunker(Way::kText), Join(rows));
  EXPECT_LT(NewBytes(before, after), 10u * 2 * (32u << 10)) << "a row costs the chunk around it and sometimes the next";
  // Blocks would have to send nearly everything again: the test can fail.
  EXPECT_GT(NewBytes(Cut(Chunker(Way::kBlocks), Join(Rows(200'000))), Cut(Chunker(Way::kBlocks), Join(rows))), Join(rows).size() / 2);
}

TEST(Chunker, CutsTensorsAtTheirBoundariesSoThatAChangedOneChangesNothingElse) {
  testing::ScratchFolder scratch;
  const std::vector<size_t> sizes = {300, 5000, (3u << 20) + 123, 40'000, 40'000, 40'000, 900'000, (2u << 20) + 64, 16};
  const std::string before = Tensors(sizes, 1);
  const std::vector<std::string> cut = CutFile(scratch.path(), "a.safetensors", before);
  EXPECT_EQ(Join(cut), before);
  for (const size_t changed : {size_t{2}, size_t{6}, size_t{7}}) {
    const std::vector<std::string> after = CutFile(scratch.path(), "b.safetensors", Tensors(sizes, 1, changed));
    // Its own bytes, and at most the small neighbours that share its first or last chunk.
    EXPECT_LT(NewBytes(cut, after), sizes[changed] + (200u << 10)) << changed;
  }
}

TEST(Chunker, ReadsTensorHeadersThatLieWithoutLosingAByte) {
  testing::ScratchFolder scratch;
  const std::string data = Noise(3 << 20, 5);
  for (const std::string& header :
       {std::string(R"({"a":{"data_offsets":[99999999999999999999,5]}})"), std::string(R"({"data_offsets":[],"x":"data_offsets"})"),
        std::string(R"({"a":{"data_offsets":[500000,100]},"b":{"data_offsets":[100,100]}})"), std::string("{")}) {
    const std::string content = LittleEndian64(header.size()) + header + data;
    EXPECT_EQ(Join(CutFile(scratch.path(), "odd.safetensors", content)), content) << header;
  }
  const std::string huge = LittleEndian64(uint64_t{1} << 60) + "{" + data;
  EXPECT_EQ(Join(CutFile(scratch.path(), "huge.safetensors", huge)), huge);
  const std::string two = R"({"a":{"data_offsets":[0,10]},"b":{"data_offsets":[10,5000]}})";
  EXPECT_THAT(TensorBoundaries(1000, two), ElementsAre(8 + two.size(), 18 + two.size())) << "the last lies outside the file";
  EXPECT_THAT(TensorBoundaries(1000, "{}"), IsEmpty());
}

TEST(Chunker, ChoosesTheWayByNameAndFirstBytes) {
  const std::string table = Join(Rows(200));
  const std::string binary = Noise(4096, 2);
  EXPECT_EQ(Chunker::Choose("claims.csv", 1 << 20, table), Way::kText);
  EXPECT_EQ(Chunker::Choose("claims", 1 << 20, table), Way::kText);
  EXPECT_EQ(Chunker::Choose("vocab.BIN", 1 << 20, binary), Way::kBlocks);
  EXPECT_EQ(Chunker::Choose("model.onnx", 1 << 20, binary), Way::kBlocks);
  EXPECT_EQ(Chunker::Choose("archive.zip", 1 << 20, binary), Way::kOther);
  EXPECT_EQ(Chunker::Choose("m.safetensors", 1 << 20, Tensors({4096}, 1)), Way::kTensors);
  EXPECT_EQ(Chunker::Choose("m.safetensors", 1 << 20, binary), Way::kBlocks) << "by its name alone it is none";
  EXPECT_EQ(Chunker::Choose("x", 0, ""), Way::kOther);
}

TEST(ChunkReader, HandsOutEveryByteOfFilesOfEverySort) {
  testing::ScratchFolder scratch;
  const std::string table = Join(Rows(150'000));
  const std::pair<std::string, std::string> files[] = {{"empty", ""}, {"one", "1"}, {"small.bin", Noise(5000, 1)}, {"rows.csv", table},
                                                       {"exact.bin", Noise(2 << 20, 2)}, {"more.bin", Noise((2 << 20) + 1, 3)},
                                                       {"other", Noise((5 << 20) + 77, 4)}, {"block", Noise(8 << 10, 5)}};
  for (const auto& [name, content] : files) EXPECT_EQ(Join(CutFile(scratch.path(), name, content)), content) << name;
}

TEST(FolderWalk, GoesInCodePointOrderOfWholePathsWhateverTheFoldersAre) {
  testing::ScratchFolder scratch;
  const fs::path root = fs::path(scratch.path()) / "m";
  std::mt19937_64 engine(7);
  std::set<std::string> wanted;
  for (int i = 0; i < 400; ++i) {
    std::string path = StrCat("", engine() % 5);
    for (uint64_t depth = engine() % 4; depth > 0; --depth) {
      constexpr std::string_view kLetters[] = {"a", "b", "-", ".", "0", "ab", "~", "\xc3\xa9", "model.sigs"};
      StrAppend(&path, engine() % 2 == 0 ? "/" : "", kLetters[engine() % 9]);
    }
    std::error_code error;
    fs::create_directories((root / path).parent_path(), error);
    if (error || fs::exists(root / path)) continue;
    std::ofstream(root / path) << i;
    if (fs::is_regular_file(root / path)) wanted.insert(path);
  }
  auto walk = FolderWalk::Open(root, {});
  ASSERT_TRUE(walk.ok()) << walk.status();
  std::vector<std::string> found;
  ScannedFile file;
  while (walk->Next(file).value_or(false)) found.push_back(file.path);
  EXPECT_EQ(found, std::vector<std::string>(wanted.begin(), wanted.end()));
  EXPECT_GT(found.size(), 100u);
  auto counted = CountFolder(root, {});
  ASSERT_TRUE(counted.ok());
  EXPECT_EQ(counted->files, found.size());
  std::ofstream(root / "new") << "x";
  EXPECT_NE(CountFolder(root, {})->fingerprint, counted->fingerprint);
}

TEST(CheckSignable, RefusesBeforeAnythingIsSentWhatNoSignatureCanList) {
  FolderTotals totals;
  totals.files = 100'000;
  totals.path_bytes = 100'000 * 60;
  EXPECT_TRUE(CheckSignable(totals).ok());
  totals.files = 10'000'000;
  totals.path_bytes = totals.files * 60;
  EXPECT_TRUE(CheckSignable(totals).ok());
  totals.path_bytes = totals.files * 250;
  EXPECT_EQ(CheckSignable(totals).code(), absl::StatusCode::kInvalidArgument);
  totals.files = 10'000'001;
  totals.path_bytes = totals.files * 20;
  const absl::Status refused = CheckSignable(totals);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("10000001 files are more than one signature can list"));
}

}  // namespace
}  // namespace firebreak
