#include "firebreak/signing/model_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/signing/model_files.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Model : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << content;
  }
  std::vector<std::string> Names(const ModelListingOptions& options = {}) {
    auto listing = ListModelFiles(root_, options);
    EXPECT_TRUE(listing.ok()) << listing.status();
    std::vector<std::string> names;
    for (const ModelFile& file : listing->files) names.push_back(file.name);
    return names;
  }
  std::string Refusal(const ModelListingOptions& options = {}) {
    return std::string(MessageOf(ListModelFiles(root_, options).status()));
  }
  OmsSignature Signed(const ModelHashing& hashing) {
    auto listing = ListModelFiles(root_, {});
    OmsSignature signature;
    signature.hash_type = hashing.hash_type;
    signature.method = hashing.shard_size_bytes == 0 ? OmsMethod::kFiles : OmsMethod::kShards;
    signature.shard_size_bytes = hashing.shard_size_bytes;
    signature.resources = *HashModel(*listing, hashing);
    return signature;
  }

  testing::ScratchFolder scratch_;
  fs::path root_ = fs::path(scratch_.path()) / "model";
};

TEST_F(Model, IsListedInCodePointOrderWithoutWhatNobodySigns) {
  for (const char* name : {"a/x", "a-b", "a.b", ".git/HEAD", ".gitignore", "sub/.git/HEAD", ".config", "cache/1", "cached"}) Write(name, "1");
  EXPECT_THAT(Names({{"cache"}}), ElementsAre(".config", "a-b", "a.b", "a/x", "cached", "sub/.git/HEAD"));
}

TEST_F(Model, OfOneFileIsThatFile) {
  Write("weights.bin", "12345");
  const auto listing = ListModelFiles(root_ / "weights.bin", {});
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_TRUE(listing->is_single_file);
  EXPECT_EQ(listing->name, "weights.bin");
  ASSERT_EQ(listing->files.size(), 1u);
  EXPECT_EQ(listing->files[0].size_bytes, 5u);
}

TEST_F(Model, WithALinkIsRefusedUnlessTheSignatureFollowsThemAndItStaysInside) {
  Write("a", "1");
  Write("d/b", "1");
  fs::create_symlink("a", root_ / "link");
  EXPECT_THAT(Refusal(), HasSubstr("\"link\": is a symlink, which no signature covers"));
  EXPECT_THAT(Names({{"link"}}), ElementsAre("a", "d/b"));
  EXPECT_THAT(Names({{}, true}), ElementsAre("a", "d/b", "link"));
  fs::create_symlink("/etc", root_ / "d" / "out");
  EXPECT_THAT(Refusal({{}, true}), HasSubstr("out of the model"));
  fs::remove(root_ / "d" / "out");
  fs::create_symlink("..", root_ / "d" / "up");
  EXPECT_THAT(Refusal({{}, true}), HasSubstr("a folder that contains it"));
  fs::remove(root_ / "d" / "up");
  fs::create_symlink("nowhere", root_ / "d" / "lost");
  EXPECT_THAT(Refusal({{}, true}), HasSubstr("leads nowhere"));
}

TEST_F(Model, WithAPipeOrAStrangeNameIsRefused) {
  Write("a", "1");
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(Refusal(), HasSubstr("is not a regular file"));
  fs::remove(root_ / "pipe");
  Write("bad\xff", "1");
  EXPECT_THAT(Refusal(), HasSubstr("not valid UTF-8"));
  fs::remove(root_ / "bad\xff");
  Write("back\\slash", "1");
  EXPECT_THAT(Refusal(), HasSubstr("holds a backslash"));
}

TEST_F(Model, KnowsItsOwnPathsByWhereTheyLead) {
  Write("d/b", "1");
  EXPECT_EQ(*PathInModel(root_, root_ / "d" / "b"), "d/b");
  EXPECT_EQ(*PathInModel(root_, root_ / "d/../d/./b"), "d/b");
  EXPECT_EQ(*PathInModel(root_, root_ / "not" / "there"), "not/there");
  EXPECT_EQ(*PathInModel(root_, root_ / "d/"), "d");
  EXPECT_EQ(*PathInModel(root_, "/elsewhere/x"), "");
  EXPECT_EQ(*PathInModel(root_, root_.string() + "-more/x"), "");
  fs::create_directory_symlink(root_, fs::path(scratch_.path()) / "other");
  EXPECT_EQ(*PathInModel(fs::path(scratch_.path()) / "other", root_ / "d" / "b"), "d/b");
  for (const fs::path& everything : {root_, root_ / "d" / "..", root_.parent_path(), fs::path("/")}) {
    EXPECT_THAT(std::string(MessageOf(PathInModel(root_, everything).status())), HasSubstr("nothing would be signed")) << everything;
  }
}

TEST_F(Model, IsHashedTheSameWithAnyNumberOfThreads) {
  const std::string big(20'000'000, 'x');
  Write("big", big);
  Write("empty", "");
  for (int at = 0; at < 50; ++at) Write(StrCat("small/", at), StrCat(at));
  const auto listing = ListModelFiles(root_, {});
  const auto one = HashModel(*listing, {"sha256", 0, 1});
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->at(0).digest_hex, ToHex(Sha256(big).raw()));
  EXPECT_EQ(one->at(1).digest_hex, ToHex(Sha256("").raw()));
  for (const int threads : {2, 7, 64}) {
    const auto many = HashModel(*listing, {"sha256", 0, threads});
    ASSERT_TRUE(many.ok()) << many.status();
    ASSERT_EQ(many->size(), one->size());
    for (size_t at = 0; at < many->size(); ++at) EXPECT_EQ(many->at(at).digest_hex, one->at(at).digest_hex);
  }
  // Fewer pieces than threads: one reads while another hashes.
  ASSERT_TRUE(fs::remove_all(root_ / "small") > 0);
  const auto few = HashModel(*ListModelFiles(root_, {}), {"sha256", 0, 8});
  EXPECT_EQ(few->at(0).digest_hex, one->at(0).digest_hex);
}

TEST_F(Model, IsCutIntoShardsThatCoverIt) {
  Write("a", std::string(20, 'a'));
  Write("b", std::string(8, 'b'));
  Write("c", "");
  const auto shards = HashModel(*ListModelFiles(root_, {}), {"blake2b", 8, 0});
  ASSERT_TRUE(shards.ok()) << shards.status();
  ASSERT_EQ(shards->size(), 4u);
  EXPECT_EQ(shards->at(2).shard_start, 16u);
  EXPECT_EQ(shards->at(2).shard_end, 20u);
  EXPECT_EQ(shards->at(2).digest_hex, ToHex(Blake2b512("aaaa")));
  EXPECT_EQ(shards->at(3).name, "b");
}

TEST_F(Model, ThatChangedSinceItWasListedIsNotHashed) {
  Write("a", "1");
  const auto listing = ListModelFiles(root_, {});
  Write("a", "12");
  const auto hashed = HashModel(*listing, {});
  EXPECT_EQ(hashed.status().code(), absl::StatusCode::kFailedPrecondition);
  fs::remove(root_ / "a");
  fs::create_symlink("/etc/passwd", root_ / "a");
  EXPECT_FALSE(HashModel(*listing, {}).ok());
}

TEST_F(Model, IsWhatWasSignedInEveryWayOfHashing) {
  Write("a", std::string(100, 'a'));
  Write("d/b", "b");
  Write("e", "");
  for (const ModelHashing& hashing : {ModelHashing{"sha256", 0, 0}, ModelHashing{"blake2b", 0, 0}, ModelHashing{"sha256", 16, 0},
                                      ModelHashing{"blake2b", 1000, 0}}) {
    const OmsSignature signature = Signed(hashing);
    EXPECT_TRUE(CheckModel(signature, root_, {}).ok());
    Write("a", std::string(99, 'a') + "b");
    EXPECT_THAT(std::string(MessageOf(CheckModel(signature, root_, {}))), HasSubstr("file \"a\""));
    Write("a", std::string(101, 'a'));
    EXPECT_EQ(CheckModel(signature, root_, {}).code(), absl::StatusCode::kDataLoss);
    Write("a", std::string(100, 'a'));
    Write("more", "x");
    EXPECT_THAT(std::string(MessageOf(CheckModel(signature, root_, {}))), HasSubstr("\"more\" is not in the signature"));
    EXPECT_TRUE(CheckModel(signature, root_, {{}, true, 0}).ok());
    EXPECT_TRUE(CheckModel(signature, root_, {{"more"}, false, 0}).ok());
    fs::remove(root_ / "more");
    EXPECT_THAT(std::string(MessageOf(CheckModel(signature, root_, {{"d"}, true, 0}))), HasSubstr("\"d/b\" is missing"));
  }
}

TEST_F(Model, OfOneFileSignedBefore11IsFoundUnderAnyName) {
  Write("weights.bin", "w");
  OmsSignature signature;
  signature.hash_type = "sha256";
  signature.resources = {{".", "sha256", ToHex(Sha256("w").raw()), {}, {}}};
  EXPECT_TRUE(CheckModel(signature, root_ / "weights.bin", {}).ok());
  EXPECT_FALSE(CheckModel(signature, root_, {}).ok());
  Write("weights.bin", "v");
  EXPECT_EQ(CheckModel(signature, root_ / "weights.bin", {}).code(), absl::StatusCode::kDataLoss);
}

// The reference's golden manifests: lines of name:digest.
TEST_F(Model, HasTheDigestsOfTheReferencesManifests) {
  REQUIRE_VECTORS(folder, "oms/testdata/serialization");
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) Write(StrCat("d", i, "/f", i, j), StrCat("This is file f", i, j, " in d", i, "."));
  }
  for (int i = 0; i < 4; ++i) Write(StrCat("f", i), StrCat("This is file f", i, " in root."));
  const auto listing = ListModelFiles(root_, {});
  for (const auto& [file, shard_size] : {std::pair<const char*, uint64_t>{"file/TestSerializer/sample_model_folder", 0},
                                         {"file_shard/TestSerializer/sample_model_folder_small_shards", 8}}) {
    const std::string golden = testing::ReadFile(folder / file);
    ASSERT_FALSE(golden.empty()) << file;
    const auto hashed = HashModel(*listing, {"sha256", shard_size, 2});
    ASSERT_TRUE(hashed.ok()) << hashed.status();
    for (const OmsResource& resource : *hashed) EXPECT_THAT(golden, HasSubstr(resource.digest_hex)) << file << " " << resource.name;
    EXPECT_EQ(static_cast<size_t>(std::count(golden.begin(), golden.end(), '\n')), hashed->size()) << file;
  }
}

}  // namespace
}  // namespace firebreak
