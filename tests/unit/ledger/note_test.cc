#include "firebreak/ledger/note.h"

#include <gtest/gtest.h>

#include "firebreak/base/json.h"
#include "firebreak/ledger/merkle.h"
#include "firebreak/ledger/tiles.h"
#include "reference_tree.h"
#include "tests/support/vectors.h"

namespace firebreak {
namespace {

struct Signer {
  Ed25519Key key = Ed25519Key::Generate().value();
  std::string name = "firebreak.test/audit";
  std::string vkey = MakeVerifierKey(name, key.public_key());
  std::string Sign(const Checkpoint& checkpoint) const { return SignNote(key, name, FormatCheckpoint(checkpoint)).value(); }
};

TEST(Note, OpensTheSpecificationsExample) {
  REQUIRE_VECTORS(folder, "c2sp");
  auto parsed = ParseJson(testing::ReadFile(folder / "examples.json"));
  ASSERT_TRUE(parsed.ok());
  auto& fields = *parsed->mutable_struct_value()->mutable_fields();
  auto& example = *fields["signed_note"].mutable_struct_value()->mutable_fields();
  const auto verifier = NoteVerifier::Parse(example["vkey"].string_value());
  ASSERT_TRUE(verifier.ok()) << verifier.status();
  EXPECT_EQ(OpenNote(example["note"].string_value(), *verifier).value(), "This is an example message.\n");
  for (auto& other : *fields["other_vkeys"].mutable_list_value()->mutable_values()) {
    const std::string vkey = (*other.mutable_struct_value()->mutable_fields())["vkey"].string_value();
    EXPECT_TRUE(NoteVerifier::Parse(vkey).ok()) << vkey;
  }
}

TEST(Note, OpensEveryCheckpointOfARealLogAndFindsItsRootInTheTiles) {
  REQUIRE_VECTORS(folder, "tessera_log");
  std::string vkey = testing::ReadFile(folder / "log.vkey");
  while (vkey.ends_with('\n')) vkey.pop_back();
  testing::ReferenceTree tree;
  TreeEdge edge;
  for (uint64_t size = 0; size <= 15; ++size) {
    const auto checkpoint = OpenCheckpoint(testing::ReadFile(folder / "log" / ("checkpoint." + std::to_string(size))), vkey);
    ASSERT_TRUE(checkpoint.ok()) << size << checkpoint.status();
    EXPECT_EQ(checkpoint->size, size);
    if (size > 0) {
      const std::string bundle = testing::ReadFile(folder / "log" / EntryBundlePath(0, size));
      const auto leaves = SplitBundle(bundle);
      ASSERT_TRUE(leaves.ok());
      ASSERT_EQ(leaves->size(), size);
      tree.Append(leaves->back());
      edge.Append(LeafHash(leaves->back()), nullptr);
      EXPECT_EQ(edge.Partial(0), testing::ReadFile(folder / "log" / TilePath(0, 0, size)));
    }
    EXPECT_EQ(checkpoint->root, tree.Root());
    EXPECT_EQ(edge.Root(), tree.Root());
  }
}

TEST(Note, EveryFlippedBitOfASignedCheckpointIsRefused) {
  const Signer signer;
  const std::string note = signer.Sign({.origin = signer.name, .size = 7, .root = std::string(32, 'r'), .extensions = {}});
  ASSERT_TRUE(OpenCheckpoint(note, signer.vkey).ok());
  for (size_t i = 0; i < note.size() * 8; ++i) {
    std::string flipped = note;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(OpenCheckpoint(flipped, signer.vkey).ok()) << "bit " << i;
  }
}

TEST(Note, IgnoresUnknownSignaturesAndRefusesABadOneOfAKnownKey) {
  const Signer signer;
  const Signer other;
  const Checkpoint checkpoint{.origin = signer.name, .size = 0, .root = EmptyTreeRoot(), .extensions = {"extension"}};
  const std::string ours = signer.Sign(checkpoint);
  const std::string theirs = SignNote(other.key, "witness.test", FormatCheckpoint(checkpoint)).value();
  const std::string line = theirs.substr(theirs.rfind("\n\n") + 2);
  EXPECT_TRUE(OpenCheckpoint(ours + line, signer.vkey).ok());
  EXPECT_TRUE(OpenCheckpoint(theirs + ours.substr(ours.rfind("\n\n") + 2), signer.vkey).ok());
  EXPECT_FALSE(OpenCheckpoint(theirs, signer.vkey).ok());

  std::string wrong = signer.Sign({.origin = signer.name, .size = 1, .root = EmptyTreeRoot(), .extensions = {}});
  const std::string wrong_line = wrong.substr(wrong.rfind("\n\n") + 2);
  EXPECT_FALSE(OpenCheckpoint(ours + wrong_line, signer.vkey).ok());
}

TEST(Note, RefusesMalformedNotesKeysAndCheckpoints) {
  const Signer signer;
  for (const char* note : {"", "text", "text\n", "text\n\n", "text\n\n\n", "text\n\nno dash x AAAAAAAA\n",
                           "text\n\n\xE2\x80\x94 name\n", "te\x01xt\n\n\xE2\x80\x94 name AAAAAAAA\n", "\xff\n\n\xE2\x80\x94 name AAAAAAAA\n"}) {
    EXPECT_FALSE(ParseNote(note).ok()) << note;
  }
  EXPECT_TRUE(ParseNote("text\n\n\xE2\x80\x94 name AAAAAAAA\n").ok());
  for (const char* text : {"", "origin\n", "origin\n1\n", "origin\n1\nAAAA\n", "\n1\nAAAA\n"}) EXPECT_FALSE(ParseCheckpoint(text).ok());
  const std::string root = FormatCheckpoint({.origin = "o", .size = 1, .root = std::string(32, 'r'), .extensions = {}}).substr(4);
  EXPECT_TRUE(ParseCheckpoint("o\n1\n" + root).ok());
  for (const char* size : {"01", "-1", "+1", " 1", "1 ", "", "18446744073709551616", "0x1"}) {
    EXPECT_FALSE(ParseCheckpoint("o\n" + std::string(size) + "\n" + root).ok()) << size;
  }
  EXPECT_FALSE(NoteVerifier::Parse("name").ok());
  std::string altered = signer.vkey;
  altered[0] = 'F';
  EXPECT_FALSE(NoteVerifier::Parse(altered).ok());
  EXPECT_FALSE(SignNote(signer.key, "two words", "text\n").ok());
  EXPECT_FALSE(SignNote(signer.key, "name", "text").ok());
}

TEST(Note, AProofFileProvesItsLeafAndNothingElse) {
  const Signer signer;
  testing::ReferenceTree tree;
  for (int i = 0; i < 11; ++i) tree.Append("leaf " + std::to_string(i));
  LogProof proof;
  proof.index = 6;
  proof.hashes = InclusionProof(tree, 6, 11).value();
  proof.checkpoint = signer.Sign({.origin = signer.name, .size = 11, .root = tree.Root(), .extensions = {}});
  const std::string text = FormatProof(proof);
  const auto verified = VerifyProof(text, "leaf 6", signer.vkey);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->size, 11u);
  EXPECT_FALSE(VerifyProof(text, "leaf 7", signer.vkey).ok());
  EXPECT_FALSE(VerifyProof(text, "leaf 6", Signer().vkey).ok());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string flipped = text;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(VerifyProof(flipped, "leaf 6", signer.vkey).ok()) << "byte " << i;
  }
}

}  // namespace
}  // namespace firebreak
