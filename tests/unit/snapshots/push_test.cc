// The vault's side of a push, spoken to as a client that lies would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/vault_fixture.h"

namespace firebreak {
namespace {

using testing::DigestOf;
using testing::Files;
using testing::NewKey;
using testing::VaultFixture;
using ::testing::HasSubstr;

// A push made by hand, each step alterable.
struct HandPush {
  explicit HandPush(VaultFixture& fixture_in) : fixture(fixture_in) {}

  std::string Begin(const std::string& request_id = "r1", const std::string& name = "fraud") {
    v1::BeginPushRequest request;
    request.set_kind(v1::SNAPSHOT_KIND_MODEL);
    request.set_name(name);
    request.set_request_id(request_id);
    auto response = fixture.vault.BeginPush(fixture.caller, request);
    EXPECT_TRUE(response.ok()) << response.status();
    push_id = response.ok() ? response->push_id() : "";
    return push_id;
  }
  v1::FileEntry File(const std::string& path, const std::string& content) {
    v1::FileEntry entry;
    entry.set_path(path);
    entry.set_size_bytes(content.size());
    entry.set_digest(Sha256(content).raw());
    if (!content.empty()) {
      entry.add_chunks()->set_digest(Sha256(content).raw());
      entry.mutable_chunks(0)->set_size_bytes(content.size());
    }
    return entry;
  }
  absl::Status Page(uint64_t number, const std::vector<v1::FileEntry>& files) {
    v1::PutFilesRequest request;
    request.set_push_id(push_id);
    request.set_page(number);
    for (const v1::FileEntry& file : files) *request.add_files() = file;
    return fixture.vault.PutFiles(fixture.caller, request).status();
  }
  absl::Status Chunk(const std::string& data, const std::string& digest_of) {
    v1::PutChunksRequest request;
    request.set_push_id(push_id);
    request.add_chunks()->set_data(data);
    request.mutable_chunks(0)->set_digest(Sha256(digest_of).raw());
    return fixture.vault.PutChunks(fixture.caller, request).status();
  }
  std::string Bundle(const EcPrivateKey& key, const Files& files) {
    std::vector<OmsResource> resources;
    for (const auto& [path, content] : files) {
      OmsResource resource;
      resource.name = path;
      resource.algorithm = "sha256";
      resource.digest_hex = ToHex(Sha256(content).raw());
      resources.push_back(resource);
    }
    auto bundle = SignOmsBundle(key, "fraud", resources, {});
    EXPECT_TRUE(bundle.ok()) << bundle.status();
    return bundle.ok() ? *bundle : "";
  }
  absl::StatusOr<v1::CommitPushResponse> Commit(const std::string& bundle) {
    v1::CommitPushRequest request;
    request.set_push_id(push_id);
    request.set_bundle(bundle);
    return fixture.vault.CommitPush(fixture.caller, request);
  }
  // Everything in order up to the commit.
  void Fill(const Files& files) {
    Begin();
    std::vector<v1::FileEntry> entries;
    for (const auto& [path, content] : files) {
      entries.push_back(File(path, content));
      EXPECT_TRUE(Chunk(content, content).ok());
    }
    EXPECT_TRUE(Page(0, entries).ok());
  }

  VaultFixture& fixture;
  std::string push_id;
};

const Files kFiles = {{"config.json", "{}"}, {"weights.bin", "0123456789"}};

struct PushTest : public ::testing::Test {
  VaultFixture fixture;
  HandPush push{fixture};
};

TEST_F(PushTest, TakesWhatIsCompleteIntactAndSigned) {
  push.Fill(kFiles);
  auto committed = push.Commit(push.Bundle(fixture.key, kFiles));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->snapshot().version(), 1u);
  EXPECT_EQ(committed->snapshot().file_count(), 2u);
  EXPECT_EQ(committed->snapshot().size_bytes(), 12u);
  EXPECT_EQ(committed->snapshot().signature().signer(), "release");
  EXPECT_EQ(committed->snapshot().pushed_by(), "alice");
  auto gates = fixture.vault.CheckGates(DigestOf(committed->snapshot()));
  ASSERT_TRUE(gates.ok()) << gates.status();
  ASSERT_EQ(gates->size(), 4u);
  for (const v1::GateResult& gate : *gates) EXPECT_EQ(gate.verdict(), v1::GATE_VERDICT_PASS) << gate.DebugString();
}

TEST_F(PushTest, RefusesAMissingChunkAndNamesIt) {
  push.Begin();
  ASSERT_TRUE(push.Page(0, {push.File("config.json", "{}"), push.File("weights.bin", "0123456789")}).ok());
  ASSERT_TRUE(push.Chunk("{}", "{}").ok());
  auto committed = push.Commit(push.Bundle(fixture.key, kFiles));
  EXPECT_EQ(committed.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(committed.status().message()), HasSubstr("1 of 2 chunks are missing: file 'weights.bin'"));
  // Sending it is all that was missing.
  ASSERT_TRUE(push.Chunk("0123456789", "0123456789").ok());
  EXPECT_TRUE(push.Commit(push.Bundle(fixture.key, kFiles)).ok());
}

TEST_F(PushTest, RefusesAChunkWithAFlippedBit) {
  push.Begin();
  absl::Status status = push.Chunk("0123456788", "0123456789");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(ToHex(Sha256("0123456789").raw())));
  EXPECT_EQ(fixture.chunks.size(), 0u);
}

TEST_F(PushTest, RefusesAFileWhoseChunksMakeAnotherFile) {
  push.Fill({{"config.json", "{}"}});
  v1::FileEntry lie = push.File("weights.bin", "0123456789");
  ASSERT_TRUE(push.Chunk("9876543210", "9876543210").ok());
  lie.mutable_chunks(0)->set_digest(Sha256("9876543210").raw());
  ASSERT_TRUE(push.Page(1, {lie}).ok());
  auto committed = push.Commit(push.Bundle(fixture.key, kFiles));
  EXPECT_EQ(committed.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(committed.status().message()), HasSubstr("weights.bin"));
}

TEST_F(PushTest, RefusesBadPathsDuplicatesAndWrongOrderInAPage) {
  push.Begin();
  for (const char* path : {"../evil", "/etc/passwd", "a/../../b", "a//b", "model.sig"}) {
    EXPECT_EQ(push.Page(0, {push.File(path, "x")}).code(), absl::StatusCode::kInvalidArgument) << path;
  }
  EXPECT_THAT(std::string(push.Page(0, {push.File("a", "x"), push.File("a", "y")}).message()), HasSubstr("appears twice"));
  EXPECT_FALSE(push.Page(0, {push.File("b", "x"), push.File("a", "y")}).ok());
  ASSERT_TRUE(push.Page(0, {push.File("m", "x")}).ok());
  EXPECT_FALSE(push.Page(1, {push.File("m", "y")}).ok());
  EXPECT_FALSE(push.Page(1, {push.File("a", "y")}).ok());
}

TEST_F(PushTest, RefusesASkippedPageAndAPageThatChanged) {
  push.Begin();
  EXPECT_EQ(push.Page(1, {push.File("b", "x")}).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(push.Page(0, {push.File("a", "x")}).ok());
  EXPECT_TRUE(push.Page(0, {push.File("a", "x")}).ok());
  EXPECT_EQ(push.Page(0, {push.File("a", "y")}).code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(PushTest, RefusesACommitWithAPageMissing) {
  push.Begin();
  ASSERT_TRUE(push.Chunk("{}", "{}").ok());
  ASSERT_TRUE(push.Page(0, {push.File("config.json", "{}")}).ok());
  auto committed = push.Commit(push.Bundle(fixture.key, kFiles));
  EXPECT_EQ(committed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(committed.status().message()), HasSubstr("signed file 'weights.bin' is missing"));
}

TEST_F(PushTest, RefusesAnAlteredManifestPage) {
  push.Fill(kFiles);
  v1::ManifestPage page;
  for (const auto& [path, content] : kFiles) *page.add_files() = push.File(path, content);
  ASSERT_TRUE(fixture.chunks.Corrupt(Sha256(EncodePage(page))));
  EXPECT_EQ(push.Commit(push.Bundle(fixture.key, kFiles)).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(PushTest, RefusesWhatIsUnsignedWronglySignedOrSignedByAStranger) {
  push.Fill(kFiles);
  EXPECT_THAT(std::string(push.Commit("").status().message()), HasSubstr("not signed"));
  EXPECT_EQ(push.Commit("{}").status().code(), absl::StatusCode::kInvalidArgument);
  auto stranger = push.Commit(push.Bundle(NewKey(), kFiles));
  EXPECT_EQ(stranger.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(stranger.status().message()), HasSubstr("not trusted"));
  auto other = push.Commit(push.Bundle(fixture.key, {{"config.json", "{}"}, {"weights.bin", "9876543210"}}));
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("file 'weights.bin' has sha256"));
  auto fewer = push.Commit(push.Bundle(fixture.key, {{"config.json", "{}"}}));
  EXPECT_THAT(std::string(fewer.status().message()), HasSubstr("file 'weights.bin' is not in the signature"));
  auto more = push.Commit(push.Bundle(fixture.key, {{"config.json", "{}"}, {"weights.bin", "0123456789"}, {"z", "z"}}));
  EXPECT_THAT(std::string(more.status().message()), HasSubstr("signed file 'z' is missing"));
  // None of it left anything behind but the open push.
  EXPECT_EQ(fixture.vault.Resolve("model/fraud").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(push.Commit(push.Bundle(fixture.key, kFiles)).ok());
}

TEST_F(PushTest, RefusesATamperedSignature) {
  push.Fill(kFiles);
  std::string bundle = push.Bundle(fixture.key, kFiles);
  const size_t sig = bundle.find("\"sig\":\"");
  ASSERT_NE(sig, std::string::npos);
  char& c = bundle[sig + 20];
  c = c == 'A' ? 'B' : 'A';
  EXPECT_FALSE(push.Commit(bundle).ok());
}

TEST_F(PushTest, RefusesARevokedKeyAndAKeyForOtherKinds) {
  push.Fill(kFiles);
  const EcPrivateKey data_key = NewKey();
  v1::TrustSignerRequest trust;
  trust.set_name("data-only");
  trust.set_public_key_pem(data_key.public_key().pem());
  trust.add_kinds(v1::SNAPSHOT_KIND_DATASET);
  ASSERT_TRUE(fixture.vault.TrustSigner(fixture.caller, trust).ok());
  EXPECT_THAT(std::string(push.Commit(push.Bundle(data_key, kFiles)).status().message()), HasSubstr("may not sign a model"));

  v1::RevokeSignerRequest revoke;
  revoke.set_key_id(fixture.key.public_key().key_id());
  revoke.set_reason("laptop stolen");
  ASSERT_TRUE(fixture.vault.RevokeSigner(fixture.caller, revoke).ok());
  auto committed = push.Commit(push.Bundle(fixture.key, kFiles));
  EXPECT_EQ(committed.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(committed.status().message()), HasSubstr("laptop stolen"));
  EXPECT_EQ(fixture.vault.TrustSigner(fixture.caller, [&] {
    v1::TrustSignerRequest again;
    again.set_name("release");
    again.set_public_key_pem(fixture.key.public_key().pem());
    return again;
  }()).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PushTest, AnswersTheSameToTheSameRequestIdAndRefusesItForAnotherPush) {
  push.Fill(kFiles);
  const std::string first = push.push_id;
  EXPECT_EQ(push.Begin("r1"), first);
  auto one = push.Commit(push.Bundle(fixture.key, kFiles));
  auto two = push.Commit(push.Bundle(fixture.key, kFiles));
  ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
  EXPECT_EQ(one->snapshot().digest(), two->snapshot().digest());
  EXPECT_EQ(two->snapshot().version(), 1u);
  v1::BeginPushRequest other;
  other.set_kind(v1::SNAPSHOT_KIND_MODEL);
  other.set_name("another");
  other.set_request_id("r1");
  EXPECT_EQ(fixture.vault.BeginPush(fixture.caller, other).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(PushTest, KeepsPushesOfOthersApartAndForgetsExpiredOnes) {
  push.Begin();
  const Caller bob{Identity("bob"), {v1::ROLE_PUBLISHER}, absl::InfiniteFuture(), AgentName()};
  v1::PutFilesRequest request;
  request.set_push_id(push.push_id);
  *request.add_files() = push.File("a", "x");
  EXPECT_EQ(fixture.vault.PutFiles(bob, request).status().code(), absl::StatusCode::kNotFound);
  fixture.base.clock.Advance(absl::Hours(49));
  EXPECT_EQ(push.Page(0, {push.File("a", "x")}).code(), absl::StatusCode::kNotFound);
  push.Begin();
  EXPECT_TRUE(push.Page(0, {push.File("a", "x")}).ok());
}

TEST_F(PushTest, ValidatesWithoutKeepingAnything) {
  push.Fill(kFiles);
  v1::CommitPushRequest request;
  request.set_push_id(push.push_id);
  request.set_bundle(push.Bundle(fixture.key, kFiles));
  request.set_validate_only(true);
  const uint64_t entries = fixture.base.ledger->size();
  ASSERT_TRUE(fixture.vault.CommitPush(fixture.caller, request).ok());
  EXPECT_EQ(fixture.base.ledger->size(), entries);
  EXPECT_EQ(fixture.vault.Resolve("model/fraud").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PushTest, GivesTheSameContentTheSameVersionAndChangedContentTheNext) {
  const v1::Snapshot one = fixture.Add(v1::SNAPSHOT_KIND_MODEL, "m");
  auto again = fixture.Push(fixture.Options(fixture.NewFolder({{"data", "m"}}), "m"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->already_existed);
  EXPECT_EQ(again->bytes_sent, 0u);
  EXPECT_EQ(again->snapshot.version(), 1u);
  EXPECT_EQ(fixture.Add(v1::SNAPSHOT_KIND_MODEL, "m", {}, "changed").version(), 2u);
  EXPECT_EQ(fixture.vault.Resolve("model/m")->version(), 2u);
  EXPECT_EQ(fixture.vault.Resolve("model/m@1")->digest(), one.digest());
}

TEST_F(PushTest, NamesTheNearestNameAndTheNewestVersion) {
  fixture.Add(v1::SNAPSHOT_KIND_MODEL, "fraud-detector");
  EXPECT_THAT(std::string(fixture.vault.Resolve("model/fraud-detectr").status().message()),
              HasSubstr("did you mean model/fraud-detector?"));
  EXPECT_THAT(std::string(fixture.vault.Resolve("model/fraud-detector@9").status().message()),
              HasSubstr("the newest is model/fraud-detector@1"));
  EXPECT_EQ(fixture.vault.Resolve("sha256:" + std::string(64, '0')).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace firebreak
