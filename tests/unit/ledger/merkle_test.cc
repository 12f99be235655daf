#include "firebreak/ledger/merkle.h"

#include <gtest/gtest.h>

#include <limits>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/ledger/tiles.h"
#include "reference_tree.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using testing::ReferenceTree;

Struct ReadJson(const std::filesystem::path& path) {
  auto value = ParseJson(testing::ReadFile(path));
  EXPECT_TRUE(value.ok()) << path << value.status();
  return value.ok() ? value->struct_value() : Struct();
}

// Proof vectors write bytes as base64 and absent bytes as null.
std::string Base64Of(const Value& value) {
  auto bytes = FromBase64(value.string_value());
  EXPECT_TRUE(bytes.ok());
  return bytes.value_or("");
}
std::vector<std::string> Base64List(const Value& value) {
  std::vector<std::string> list;
  for (const Value& element : value.list_value().values()) list.push_back(Base64Of(element));
  return list;
}
std::string HexOf(const Value& value) { return FromHex(value.string_value()).value(); }
std::vector<std::string> HexList(const Value& value) {
  std::vector<std::string> list;
  for (const Value& element : value.list_value().values()) list.push_back(HexOf(element));
  return list;
}

// The vectors hold 2^64 - 1, which a double rounds up to 2^64.
uint64_t NumberOf(const Value& value) {
  const double number = value.number_value();
  return number >= 18446744073709551616.0 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(number);
}

std::vector<std::filesystem::path> JsonFiles(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  return files;
}

TEST(Merkle, JudgesEveryPublishedInclusionProofAsTheyDo) {
  REQUIRE_VECTORS(folder, "merkle");
  size_t count = 0;
  for (const auto& file : JsonFiles(folder / "testdata" / "inclusion")) {
    Struct test = ReadJson(file);
    auto& fields = *test.mutable_fields();
    const absl::Status verdict =
        VerifyInclusion(NumberOf(fields["leafIdx"]), NumberOf(fields["treeSize"]), Base64Of(fields["leafHash"]),
                        Base64List(fields["proof"]), Base64Of(fields["root"]));
    EXPECT_EQ(!verdict.ok(), fields["wantErr"].bool_value()) << file << " " << verdict;
    ++count;
  }
  EXPECT_EQ(count, 98u);
}

TEST(Merkle, JudgesEveryPublishedConsistencyProofAsTheyDo) {
  REQUIRE_VECTORS(folder, "merkle");
  size_t count = 0;
  for (const auto& file : JsonFiles(folder / "testdata" / "consistency")) {
    Struct test = ReadJson(file);
    auto& fields = *test.mutable_fields();
    const absl::Status verdict =
        VerifyConsistency(NumberOf(fields["size1"]), NumberOf(fields["size2"]), Base64Of(fields["root1"]),
                          Base64Of(fields["root2"]), Base64List(fields["proof"]));
    EXPECT_EQ(!verdict.ok(), fields["wantErr"].bool_value()) << file << " " << verdict;
    ++count;
  }
  EXPECT_EQ(count, 98u);
}

TEST(Merkle, GivesTheClassicRootsAndProofs) {
  REQUIRE_VECTORS(folder, "rfc6962_ct");
  Struct vectors = ReadJson(folder / "merkle_tree_vectors.json");
  auto& fields = *vectors.mutable_fields();
  EXPECT_EQ(EmptyTreeRoot(), HexOf(fields["empty_root"]));
  ReferenceTree tree;
  TreeEdge edge;
  const std::vector<std::string> leaves = HexList(fields["leaf_inputs_hex"]);
  const std::vector<std::string> roots = HexList(fields["roots_after_n_leaves"]);
  for (size_t i = 0; i < leaves.size(); ++i) {
    tree.Append(leaves[i]);
    edge.Append(LeafHash(leaves[i]), nullptr);
    EXPECT_EQ(TreeRoot(tree, i + 1).value(), roots[i]);
    EXPECT_EQ(edge.Root(), roots[i]);
  }
  for (Value& path : *fields["audit_paths"].mutable_list_value()->mutable_values()) {
    auto& row = *path.mutable_struct_value()->mutable_fields();
    if (NumberOf(row["tree_size"]) == 0) continue;
    EXPECT_EQ(InclusionProof(tree, NumberOf(row["leaf_1based"]) - 1, NumberOf(row["tree_size"])).value(), HexList(row["path"]));
  }
  for (Value& proof : *fields["consistency"].mutable_list_value()->mutable_values()) {
    auto& row = *proof.mutable_struct_value()->mutable_fields();
    EXPECT_EQ(ConsistencyProof(tree, NumberOf(row["size1"]), NumberOf(row["size2"])).value(), HexList(row["proof"]));
  }
}

TEST(Merkle, ProvesEveryLeafAndEveryPrefixOfEveryTreeUpToSeventyLeaves) {
  ReferenceTree tree;
  for (uint64_t i = 0; i < 70; ++i) tree.Append(std::to_string(i));
  for (uint64_t size = 1; size <= 70; ++size) {
    const std::string root = tree.Root(size);
    for (uint64_t i = 0; i < size; ++i) {
      const auto proof = InclusionProof(tree, i, size);
      ASSERT_TRUE(VerifyInclusion(i, size, tree.hashes()[i], *proof, root).ok());
      ASSERT_FALSE(VerifyInclusion((i + 1) % (size + 1), size, tree.hashes()[i], *proof, root).ok());
    }
    for (uint64_t old_size = 1; old_size <= size; ++old_size) {
      const auto proof = ConsistencyProof(tree, old_size, size);
      ASSERT_TRUE(VerifyConsistency(old_size, size, tree.Root(old_size), root, *proof).ok());
      ASSERT_FALSE(VerifyConsistency(old_size, size, LeafHash("other"), root, *proof).ok());
    }
  }
}

TEST(Merkle, RefusesProofsThatCannotExist) {
  ReferenceTree tree;
  tree.Append("a");
  EXPECT_EQ(InclusionProof(tree, 1, 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ConsistencyProof(tree, 0, 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ConsistencyProof(tree, 2, 1).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Tiles, AnEdgeHasTheReferenceRootAndRebuildsFromItsPartialTiles) {
  ReferenceTree tree;
  TreeEdge edge;
  std::vector<Tile> full;
  for (uint64_t i = 0; i < 1100; ++i) {
    tree.Append(std::to_string(i));
    edge.Append(tree.hashes()[i], &full);
    if (i > 600 && i % 97 != 0) continue;
    ASSERT_EQ(edge.Root(), tree.Root()) << i;
    std::vector<std::string> partials;
    for (uint64_t level = 0; level < PartialWidths(i + 1).size(); ++level) partials.emplace_back(edge.Partial(level));
    const auto rebuilt = TreeEdge::FromPartials(i + 1, partials);
    ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
    ASSERT_EQ(rebuilt->Root(), tree.Root()) << i;
  }
  ASSERT_EQ(full.size(), 4u);
  EXPECT_EQ(full[3].number, 3u);
  EXPECT_EQ(full[3].hashes.substr(0, 32), tree.hashes()[768]);
  EXPECT_EQ(TileNode(full[1].hashes, 0, 8), tree.Node(8, 1).value());
}

TEST(Tiles, AFullLevelMakesATileAboveIt) {
  TreeEdge edge;
  std::vector<Tile> full;
  for (uint64_t i = 0; i < 65536 + 1; ++i) edge.Append(std::string(32, static_cast<char>(i)), &full);
  ASSERT_EQ(full.size(), 257u);
  EXPECT_EQ(full.back().level, 1u);
  EXPECT_EQ(full.back().number, 0u);
  const std::vector<Tile> partials = edge.Partials();
  ASSERT_EQ(partials.size(), 2u);
  EXPECT_EQ(partials[0].number, 256u);
  EXPECT_EQ(partials[1].level, 2u);
  EXPECT_EQ(partials[1].width(), 1u);
  EXPECT_EQ(PartialWidths(70000), (std::vector<uint64_t>{112, 17, 1}));
  EXPECT_EQ(PartialWidths(256), (std::vector<uint64_t>{0, 1}));
}

TEST(Tiles, PathsAreThoseOfTheSpecification) {
  EXPECT_EQ(TileNumberPath(1234067), "x001/x234/067");
  EXPECT_EQ(TilePath(0, 0, 256), "tile/0/000");
  EXPECT_EQ(TilePath(1, 1000, 17), "tile/1/x001/000.p/17");
  EXPECT_EQ(EntryBundlePath(2, 44), "tile/entries/002.p/44");
}

TEST(Tiles, BundlesComeApartAgainAndSayWhichEntryIsCutOff) {
  std::string bundle;
  ASSERT_TRUE(AppendToBundle("first", &bundle).ok());
  ASSERT_TRUE(AppendToBundle("", &bundle).ok());
  ASSERT_TRUE(AppendToBundle(std::string(65535, 'x'), &bundle).ok());
  EXPECT_FALSE(AppendToBundle(std::string(65536, 'x'), &bundle).ok());
  const auto leaves = SplitBundle(bundle);
  ASSERT_EQ(leaves->size(), 3u);
  EXPECT_EQ((*leaves)[0], "first");
  bundle.pop_back();
  EXPECT_EQ(SplitBundle(bundle).status().message(), "entry 2 of the bundle is cut off");
}

}  // namespace
}  // namespace firebreak
