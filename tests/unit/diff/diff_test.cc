// What changed, file by file and tensor by tensor; and that hostile files become findings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "firebreak/base/bytes.h"
#include "firebreak/diff/diff_desk.h"
#include "tests/support/vault_fixture.h"

namespace firebreak {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Files;

// Files in memory as one side of a diff: entries on pages of three, chunks of a size of its own.
class Side {
 public:
  explicit Side(Files files, size_t chunk_bytes = 64) {
    for (const auto& [path, content] : files) {
      v1::FileEntry entry;
      entry.set_path(path);
      entry.set_size_bytes(content.size());
      entry.set_digest(Sha256(content).raw());
      for (size_t at = 0; at < content.size(); at += chunk_bytes) {
        const std::string chunk = content.substr(at, chunk_bytes);
        chunks_[Sha256(chunk)] = chunk;
        entry.add_chunks()->set_digest(Sha256(chunk).raw());
        entry.mutable_chunks(entry.chunks_size() - 1)->set_size_bytes(chunk.size());
      }
      entries_.push_back(std::move(entry));
    }
  }

  DiffSource source() {
    return {.list = [this](const std::string& token) -> absl::StatusOr<v1::ListFilesResponse> {
              const size_t from = token.empty() ? 0 : std::stoull(token);
              v1::ListFilesResponse page;
              for (size_t i = from; i < std::min(from + 3, entries_.size()); ++i) *page.add_files() = entries_[i];
              if (from + 3 < entries_.size()) page.set_next_page_token(StrCat(from + 3));
              return page;
            },
            .chunk = [this](const Digest& digest) -> absl::StatusOr<std::string> {
              ++chunks_read;
              const auto found = chunks_.find(digest);
              if (found == chunks_.end()) return absl::NotFoundError("chunk");
              return found->second;
            }};
  }
  std::map<Digest, std::string>& chunks() { return chunks_; }
  int chunks_read = 0;

 private:
  std::vector<v1::FileEntry> entries_;
  std::map<Digest, std::string> chunks_;
};

v1::DiffSnapshotsResponse Diff(Side& before, Side& after, const DiffLimits& limits = {}) {
  v1::DiffSnapshotsResponse all;
  DiffWish wish;
  for (int pages = 0; pages < 1000; ++pages) {
    auto page = DiffPage(before.source(), after.source(), wish, limits);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return all;
    for (v1::FileChange& file : *page->mutable_files()) *all.add_files() = std::move(file);
    all.set_files_unchanged(all.files_unchanged() + page->files_unchanged());
    all.set_bytes_read(all.bytes_read() + page->bytes_read());
    wish.page_token = page->next_page_token();
    if (wish.page_token.empty()) return all;
  }
  ADD_FAILURE() << "pages without end";
  return all;
}

v1::FileChange DiffOne(const std::string& path, const std::string& before, const std::string& after, const DiffLimits& limits = {},
                       size_t chunk_bytes = 64) {
  Side old_side({{path, before}}, chunk_bytes);
  Side new_side({{path, after}}, chunk_bytes);
  const v1::DiffSnapshotsResponse response = Diff(old_side, new_side, limits);
  EXPECT_EQ(response.files_size(), 1);
  return response.files_size() == 1 ? response.files(0) : v1::FileChange();
}

std::string LittleEndian64(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

std::string Safetensors(const std::string& header, const std::string& data) { return LittleEndian64(header.size()) + header + data; }

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
std::string Delimited(uint32_t number, const std::string& bytes) { return Varint(number << 3 | 2) + Varint(bytes.size()) + bytes; }
std::string Number(uint32_t number, uint64_t value) { return Varint(number << 3) + Varint(value); }

std::string Initializer(const std::string& name, const std::vector<uint64_t>& dims, uint64_t type, const std::string& data) {
  std::string packed;
  for (const uint64_t dim : dims) packed += Varint(dim);
  return Delimited(5, Delimited(1, packed) + Number(2, type) + Delimited(8, name) + data);
}
std::string Model(const std::string& initializers) {
  return Number(1, 8) + Delimited(2, "pytorch") + Delimited(7, Delimited(1, std::string(300, 'n')) + initializers + Delimited(2, "graph"));
}

TEST(DiffPage, MergesTwoFileListsInPathOrder) {
  Files before, after;
  for (int i = 10; i < 40; ++i) before[StrCat("d/", i)] = after[StrCat("d/", i)] = StrCat(i);
  after.erase("d/11");
  after["d/12"] = "changed";
  after["d/25b"] = "new";
  after["a"] = "first";
  before["z"] = "last";
  Side old_side(before), new_side(after);
  for (const size_t files_max : {size_t{1}, size_t{2}, size_t{500}}) {
    for (const size_t passed_max : {size_t{1}, size_t{4}, size_t{1000}}) {
      DiffLimits limits;
      limits.files_max = files_max;
      limits.passed_max = passed_max;
      const v1::DiffSnapshotsResponse response = Diff(old_side, new_side, limits);
      std::vector<std::string> said;
      for (const v1::FileChange& file : response.files()) said.push_back(StrCat(file.path(), " ", v1::ChangeKind_Name(file.change()).substr(12)));
      EXPECT_THAT(said, ElementsAre("a ADDED", "d/11 REMOVED", "d/12 CHANGED", "d/25b ADDED", "z REMOVED"));
      EXPECT_EQ(response.files_unchanged(), 28u);
    }
  }
  EXPECT_EQ(old_side.chunks_read + new_side.chunks_read, 0);
  DiffWish wish;
  for (const char* token : {"x", "0:0", "0:1:|", "2:0:|0:0:", "0:99:|0:0:"}) {
    wish.page_token = token;
    EXPECT_EQ(DiffPage(old_side.source(), new_side.source(), wish).status().code(), absl::StatusCode::kInvalidArgument) << token;
  }
}

TEST(Safetensors, NamesTensorsAddedRemovedReshapedAndRewritten) {
  const std::string before = Safetensors(
      R"({"__metadata__":{"f":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
      R"("b":{"dtype":"I8","shape":[4],"data_offsets":[16,20]},"c":{"dtype":"U8","shape":[3],"data_offsets":[20,23]},)"
      R"("same":{"dtype":"U8","shape":[2],"data_offsets":[23,25]}})", "0123456789abcdefBBBBcccSS");
  const std::string after = Safetensors(
      R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[2,18]},"b":{"dtype":"I8","shape":[4],"data_offsets":[18,22]},)"
      R"("d":{"dtype":"BOOL","shape":[],"data_offsets":[22,23]},"same":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
      "SS0123456789abcdefBBxB1");
  for (const size_t chunk : {size_t{5}, size_t{7}, size_t{4096}}) {
    const v1::FileChange change = DiffOne("model.safetensors", before, after, {}, chunk);
    EXPECT_EQ(change.format(), "safetensors");
    EXPECT_TRUE(change.findings().empty()) << change.DebugString();
    std::vector<std::string> said;
    for (const v1::TensorChange& tensor : change.tensors()) said.push_back(StrCat(tensor.name(), " ", v1::ChangeKind_Name(tensor.change()).substr(12)));
    EXPECT_THAT(said, ElementsAre("a CHANGED", "b CHANGED", "c REMOVED", "d ADDED"));
    EXPECT_THAT(change.tensors(0).before().shape(), ElementsAre(2, 2));
    EXPECT_THAT(change.tensors(0).after().shape(), ElementsAre(4));
    EXPECT_EQ(change.tensors(1).content(), v1::CONTENT_COMPARISON_DIFFERENT);
    EXPECT_EQ(change.tensors(3).after().type(), "BOOL");
    EXPECT_EQ(change.tensors_unchanged(), 1u);
  }
}

TEST(Safetensors, DoesNotReadWhatIsInEqualChunks) {
  std::string weights(1 << 20, 'w');
  const std::string header = StrCat(R"({"w":{"dtype":"U8","shape":[)", weights.size(), R"(],"data_offsets":[0,)", weights.size(),
                                    R"(]},"z":{"dtype":"U8","shape":[4],"data_offsets":[)", weights.size(), ",", weights.size() + 4, "]}}");
  Side before({{"m.safetensors", Safetensors(header, weights + "0000")}}, 4096);
  Side after({{"m.safetensors", Safetensors(header, weights + "0001")}}, 4096);
  const v1::DiffSnapshotsResponse response = Diff(before, after);
  ASSERT_EQ(response.files_size(), 1);
  EXPECT_EQ(response.files(0).tensors_unchanged(), 1u);
  EXPECT_EQ(response.files(0).tensors_changed(), 1u);
  EXPECT_LE(before.chunks_read + after.chunks_read, 6);
}

TEST(Safetensors, SaysWhenTheBudgetEndedTheComparison) {
  std::mt19937 random(7);
  std::string weights;
  for (int i = 0; i < 100'000; ++i) weights.push_back(static_cast<char>(random()));
  const std::string header = R"({"w":{"dtype":"U8","shape":[100000],"data_offsets":[0,100000]}})";
  DiffLimits limits;
  limits.file_bytes_max = 50'000;
  const v1::FileChange change = DiffOne("m.safetensors", Safetensors(header, weights), Safetensors(header + " ", weights), limits, 4096);
  ASSERT_EQ(change.tensors_size(), 1);
  EXPECT_EQ(change.tensors(0).content(), v1::CONTENT_COMPARISON_NOT_COMPARED);
  EXPECT_THAT(change.findings(0), HasSubstr("as much was read"));
  // With enough budget the shifted copy is found to be the same.
  EXPECT_EQ(DiffOne("m.safetensors", Safetensors(header, weights), Safetensors(header + " ", weights), {}, 4096).tensors_unchanged(), 1u);
}

TEST(Safetensors, TurnsHostileHeadersIntoFindings) {
  const std::string good = Safetensors(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
  const std::string headers[] = {
      "", "{", "[]", "null", "{\"a\":1}", "{\"a\":{}}",
      R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[1e300],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})",
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})",
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,2]}})",
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551615]}})",
      R"({"a":{"dtype":"U8","shape":[9007199254740992,9007199254740992,9007199254740992],"data_offsets":[0,1]}})",
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
      std::string(10'000, '['),
      "{\"a\xff\":1}",
  };
  for (const std::string& header : headers) {
    const v1::FileChange change = DiffOne("m.safetensors", good, Safetensors(header, "x"));
    EXPECT_GE(change.findings_size(), 1) << header.substr(0, 80);
    for (const std::string& finding : change.findings()) EXPECT_THAT(finding, HasSubstr("after: ")) << header.substr(0, 80);
  }
  for (const char* offsets : {"[0,2]", "[1,0]", "[2,3]", "[0,9007199254740992]"}) {
    const std::string header = StrCat(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":)", offsets, "}}");
    EXPECT_THAT(DiffOne("m.safetensors", good, Safetensors(header, "x")).findings(0), HasSubstr("not inside the file")) << offsets;
  }
  for (const uint64_t length : {uint64_t{1} << 63, ~uint64_t{0}, uint64_t{1000}, uint64_t{0}}) {
    EXPECT_GE(DiffOne("m.safetensors", good, LittleEndian64(length) + "{}").findings_size(), 1) << length;
  }
  EXPECT_GE(DiffOne("m.safetensors", good, "").findings_size(), 1);
  EXPECT_GE(DiffOne("m.safetensors", good, "1234567").findings_size(), 1);
  DiffLimits limits;
  limits.tensors_max = 1;
  const std::string two = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  EXPECT_THAT(DiffOne("m.safetensors", good, Safetensors(two, "x"), limits).findings(0), HasSubstr("more than 1"));
}

TEST(Onnx, NamesInitializersWithShapesAndTypes) {
  const std::string before = Model(Initializer("w", {2, 3}, 1, Delimited(9, std::string(24, 'w'))) +
                                   Initializer("gone", {1}, 7, Delimited(7, Varint(5))) +
                                   Initializer("same", {4}, 3, Delimited(9, "SAME")));
  const std::string after = Model(Initializer("same", {4}, 3, Delimited(9, "SAME")) +
                                  Initializer("w", {2, 3}, 1, Delimited(9, std::string(23, 'w') + "x")) +
                                  Initializer("wide", {8}, 16, Delimited(9, std::string(16, 'b'))));
  for (const size_t chunk : {size_t{3}, size_t{64}, size_t{8192}}) {
    const v1::FileChange change = DiffOne("model.ONNX", before, after, {}, chunk);
    EXPECT_TRUE(change.findings().empty()) << change.DebugString();
    ASSERT_EQ(change.tensors_size(), 3);
    EXPECT_EQ(change.tensors(0).name(), "gone");
    EXPECT_EQ(change.tensors(0).before().type(), "INT64");
    EXPECT_EQ(change.tensors(1).name(), "w");
    EXPECT_EQ(change.tensors(1).content(), v1::CONTENT_COMPARISON_DIFFERENT);
    EXPECT_THAT(change.tensors(1).after().shape(), ElementsAre(2, 3));
    EXPECT_EQ(change.tensors(2).after().type(), "BFLOAT16");
    EXPECT_EQ(change.tensors_unchanged(), 1u);
  }
}

TEST(Onnx, SaysWhenDataIsInAnotherFile) {
  const std::string external = Delimited(13, Delimited(1, "location") + Delimited(2, "weights.bin")) + Number(14, 1);
  const v1::FileChange change = DiffOne("m.onnx", Model(Initializer("w", {2}, 1, external)), Model(Initializer("w", {2}, 1, external)) + Number(5, 3));
  ASSERT_EQ(change.tensors_size(), 1);
  EXPECT_EQ(change.tensors(0).content(), v1::CONTENT_COMPARISON_NOT_COMPARED);
  EXPECT_THAT(change.findings(0), HasSubstr("weights.bin"));
}

TEST(Onnx, TurnsEveryBrokenFileIntoAFinding) {
  const std::string good = Model(Initializer("w", {2, 3}, 1, Delimited(9, std::string(24, 'w'))));
  const std::string bad[] = {"", "x", std::string(20, '\xff'), Varint(7 << 3 | 2) + Varint(~uint64_t{0} >> 1) + "a", Varint(7 << 3 | 3),
                             Delimited(7, Varint(5 << 3 | 2) + Varint(1000) + "a"), Varint(0) + Varint(1),
                             Delimited(7, Initializer("\xff\xfe", {1}, 1, "")),
                             Delimited(7, Initializer("n", std::vector<uint64_t>(65, 1), 1, "")),
                             Delimited(7, Initializer(std::string(5000, 'n'), {1}, 1, ""))};
  for (const std::string& file : bad) EXPECT_GE(DiffOne("m.onnx", good, file).findings_size(), 1) << ToHex(file).substr(0, 60);
}

// Thousands of damaged files: none may crash, hang, or answer something that is not UTF-8.
TEST(Readers, SurviveRandomDamage) {
  const std::string seeds[] = {
      Safetensors(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"I8","shape":[4],"data_offsets":[16,20]}})",
                  std::string(20, 'd')),
      Model(Initializer("w", {2, 3}, 1, Delimited(9, std::string(24, 'w'))) +
            Initializer("e", {2}, 1, Delimited(13, Delimited(1, "location") + Delimited(2, "x")) + Number(14, 1))),
      "id,name,\"when\"\n1,\"a \"\"b\"\"\",2026-01-01\n2,c,2026-01-02\n"};
  const char* const names[] = {"m.safetensors", "m.onnx", "t.csv"};
  for (unsigned seed = 1; seed <= 1500; ++seed) {
    std::mt19937 random(seed);
    const size_t which = seed % 3;
    std::string damaged = seeds[which];
    for (unsigned hits = 1 + random() % 4; hits > 0; --hits) {
      const size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0: damaged[at] = static_cast<char>(random()); break;
        case 1: damaged.erase(at, 1 + random() % 8); break;
        case 2: damaged.insert(at, std::string(1 + random() % 8, static_cast<char>(random()))); break;
        default: damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8)); break;
      }
      if (damaged.empty()) damaged = "x";
    }
    DiffLimits limits;
    limits.file_bytes_max = 1 << 20;
    if (damaged == seeds[which]) continue;
    const v1::FileChange change = DiffOne(names[which], seeds[which], damaged, limits, 1 + seed % 50);
    for (const v1::TensorChange& tensor : change.tensors()) EXPECT_TRUE(IsValidUtf8(tensor.name())) << "seed " << seed;
    for (const std::string& finding : change.findings()) EXPECT_TRUE(IsValidUtf8(finding)) << "seed " << seed;
    for (const v1::ColumnChange& column : change.table().columns()) EXPECT_TRUE(IsValidUtf8(column.name())) << "seed " << seed;
  }
}

TEST(Table, NamesColumnsTypesAndRows) {
  const std::string before = "\xEF\xBB\xBFid,amount,flag,when,note,gone\r\n1,2.5,true,2026-01-01,\"a, \"\"b\"\"\nc\",x\r\n2,3,false,2026-01-02,,y\r\n";
  const std::string after = "id,flag,amount,when,note,new\n1,true,a,2026-01-01,\"a\",9\n2,false,3,2026-01-02,,\n3,no,3,2026-01-02,,7";
  for (const size_t chunk : {size_t{1}, size_t{10}, size_t{4096}}) {
    const v1::FileChange change = DiffOne("t.csv", before, after, {}, chunk);
    EXPECT_TRUE(change.findings().empty()) << change.DebugString();
    EXPECT_EQ(change.table().rows_before(), 2u);
    EXPECT_EQ(change.table().rows_after(), 3u);
    EXPECT_TRUE(change.table().rows_complete());
    std::map<std::string, const v1::ColumnChange*> columns;
    for (const v1::ColumnChange& column : change.table().columns()) columns[column.name()] = &column;
    ASSERT_EQ(columns.size(), 4u) << change.DebugString();
    EXPECT_EQ(columns["amount"]->before().type(), "number");
    EXPECT_EQ(columns["amount"]->after().type(), "text");
    EXPECT_EQ(columns["flag"]->after().position(), 2u);
    EXPECT_EQ(columns["gone"]->change(), v1::CHANGE_KIND_REMOVED);
    EXPECT_EQ(columns["new"]->after().type(), "integer");
    EXPECT_EQ(change.table().columns_unchanged(), 3u);
  }
  EXPECT_EQ(DiffOne("t.tsv", "a\tb\n1\t2\n", "a\tb\n1\t2\n3\t4\n").table().rows_after(), 2u);
}

TEST(Table, ReadsOnlyAFirstPartOfWhatIsLong) {
  std::string rows = "a,b\n";
  while (rows.size() < 100'000) rows += "12345,67890\n";
  DiffLimits limits;
  limits.table_bytes_max = 10'000;
  const v1::FileChange change = DiffOne("t.csv", rows, rows + "1,2\n", limits, 4096);
  EXPECT_FALSE(change.table().rows_complete());
  EXPECT_LT(change.table().rows_after(), 1000u);
}

TEST(Table, TurnsBinaryAndEndlessTextIntoFindings) {
  EXPECT_THAT(DiffOne("t.csv", "a\n1\n", std::string("a\n1\0\n", 5)).findings(0), HasSubstr("binary"));
  EXPECT_THAT(DiffOne("t.csv", "a\n1\n", "a\n\"1\n").findings(0), HasSubstr("never ends"));
  EXPECT_THAT(DiffOne("t.csv", "a\n1\n", std::string(5000, ',')).findings(0), HasSubstr("more than 4096"));
  EXPECT_THAT(DiffOne("t.csv", "a\n1\n", "").findings(0), HasSubstr("no header"));
}

TEST(Table, NamesAThousandOfTheColumnsThatDifferAndCountsThem) {
  std::string before, after;
  for (int i = 0; i < 4096; ++i) {
    before += StrCat(i == 0 ? "" : ",", "a", i, std::string(1000, 'x'));
    after += StrCat(i == 0 ? "" : ",", "b", i, std::string(1000, 'x'));
  }
  const v1::FileChange change = DiffOne("t.csv", before + "\n", after + "\n", {}, 1 << 20);
  EXPECT_EQ(change.table().columns_size(), 1000);
  EXPECT_THAT(change.findings(), ElementsAre(HasSubstr("of 8192 columns that differ the first 1000")));
  EXPECT_LT(change.ByteSizeLong(), 700'000u);   // an answer fits into a message whatever a table is called
}

TEST(Readers, CutLongNamesBetweenCharacters) {
  std::string name = "x";
  while (name.size() < 600) name += "\xC3\xA9";
  const auto file = [&](const char* type, const char* shape) {
    return Safetensors(StrCat("{\"", name, "\":{\"dtype\":\"", type, "\",\"shape\":[", shape, "],\"data_offsets\":[0,1]}}"), "x");
  };
  const v1::FileChange change = DiffOne("m.safetensors", file("U8", "9"), file("Q7", "1"));
  ASSERT_EQ(change.findings_size(), 2);
  for (const std::string& finding : change.findings()) EXPECT_TRUE(IsValidUtf8(finding)) << finding;
  ASSERT_EQ(change.tensors_size(), 1);
  EXPECT_EQ(change.tensors(0).name(), name.substr(0, 511));
}

TEST(DiffPage, FindsADamagedChunkAndGoesOn) {
  Side before({{"a.csv", "x\n1\n"}, {"b.csv", "x\n1\n"}});
  Side after({{"a.csv", "x\n2\n"}, {"b.csv", "x\n1\n2\n"}});
  after.chunks()[Sha256("x\n2\n")] = "x\n3\n";
  const v1::DiffSnapshotsResponse response = Diff(before, after);
  ASSERT_EQ(response.files_size(), 2);
  EXPECT_THAT(response.files(0).findings(0), HasSubstr("not what its digest says"));
  EXPECT_EQ(response.files(1).table().rows_after(), 2u);
}

TEST(DiffDesk, ComparesTwoPushedSnapshots) {
  testing::VaultFixture fixture;
  DiffDesk desk(fixture.vault, fixture.chunks);
  Files files = {{"train.csv", "id,y\n1,0\n"}, {"sub/notes.txt", "one"}, {"kept", "k"}};
  ASSERT_TRUE(fixture.Push(fixture.Options(fixture.NewFolder(files), "d", v1::SNAPSHOT_KIND_DATASET)).ok());
  files["train.csv"] = "id,y\n1,0\n2,1\n";
  files.erase("sub/notes.txt");
  ASSERT_TRUE(fixture.Push(fixture.Options(fixture.NewFolder(files), "d", v1::SNAPSHOT_KIND_DATASET)).ok());
  v1::DiffSnapshotsRequest request;
  request.set_before("dataset/d@1");
  request.set_after("dataset/d@2");
  auto response = desk.DiffSnapshots(fixture.caller, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->after().version(), 2u);
  ASSERT_EQ(response->files_size(), 2);
  EXPECT_EQ(response->files(0).path(), "sub/notes.txt");
  EXPECT_EQ(response->files(1).table().rows_after(), 2u);
  EXPECT_EQ(response->files_unchanged(), 1u);
  request.set_files_only(true);
  EXPECT_FALSE(desk.DiffSnapshots(fixture.caller, request)->files(1).has_table());
  request.set_after("dataset/e");
  EXPECT_EQ(desk.DiffSnapshots(fixture.caller, request).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace firebreak
