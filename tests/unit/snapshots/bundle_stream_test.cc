// Bundles of any length on their way in and out of the vault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "tests/support/vault_fixture.h"

namespace firebreak {
namespace {

using testing::DigestOf;
using testing::Files;
using testing::VaultFixture;
using ::testing::HasSubstr;

struct BundleStream : public ::testing::Test {
  // One file, listed in a bundle of about so many bytes: what fills it is not signed.
  std::string Bundle(const std::string& content, size_t filling) {
    const std::string bundle = *SignOmsBundle(fixture.key, "m", {{"file", "sha256", ToHex(Sha256(content).raw())}}, {});
    return absl::StrReplaceAll(bundle, {{"\"tlogEntries\":[]", "\"tlogEntries\":[\"" + std::string(filling, 'x') + "\"]"}});
  }
  void Begin(const std::string& request_id, const std::string& content) {
    v1::BeginPushRequest begin;
    begin.set_kind(v1::SNAPSHOT_KIND_MODEL);
    begin.set_name("m");
    begin.set_request_id(request_id);
    commit.Clear();
    commit.set_push_id(fixture.vault.BeginPush(fixture.caller, begin)->push_id());
    Put(content);
    commit.clear_bundle_chunks();
    v1::PutFilesRequest page;
    page.set_push_id(commit.push_id());
    v1::FileEntry& entry = *page.add_files();
    entry.set_path("file");
    entry.set_size_bytes(content.size());
    entry.set_digest(Sha256(content).raw());
    entry.add_chunks()->set_digest(Sha256(content).raw());
    entry.mutable_chunks(0)->set_size_bytes(content.size());
    ASSERT_TRUE(fixture.vault.PutFiles(fixture.caller, page).ok());
  }
  // A chunk of the bundle.
  void Put(const std::string& data) {
    v1::PutChunksRequest request;
    request.set_push_id(commit.push_id());
    request.add_chunks()->set_data(data);
    request.mutable_chunks(0)->set_digest(Sha256(data).raw());
    ASSERT_TRUE(fixture.vault.PutChunks(fixture.caller, request).ok());
    v1::ChunkRef* ref = commit.add_bundle_chunks();
    ref->set_digest(Sha256(data).raw());
    ref->set_size_bytes(data.size());
  }
  absl::StatusOr<v1::CommitPushResponse> Commit() { return fixture.vault.CommitPush(fixture.caller, commit); }
  std::string Fetch(const std::string& snapshot, std::vector<v1::GetBundleResponse>* pieces = nullptr) {
    std::string bytes;
    v1::GetBundleRequest request;
    request.set_snapshot(snapshot);
    do {
      request.set_offset(bytes.size());
      auto piece = fixture.vault.GetBundle(fixture.caller, request);
      EXPECT_TRUE(piece.ok()) << piece.status();
      if (!piece.ok() || piece->data().empty()) break;
      bytes += piece->data();
      request.set_key_id(piece->signature().key_id());
      if (pieces != nullptr) pieces->push_back(*piece);
      if (bytes.size() >= piece->total_bytes()) break;
    } while (true);
    return bytes;
  }

  VaultFixture fixture;
  v1::CommitPushRequest commit;
};

TEST_F(BundleStream, ComesInChunksOfAnySizeAndGoesOutAsItCame) {
  const std::string bundle = Bundle("content", 20'000);
  for (const size_t bytes : {size_t{7}, size_t{1000}, bundle.size() - 1, bundle.size()}) {
    Begin(StrCat("r", bytes), "content");
    for (size_t at = 0; at < bundle.size(); at += bytes) Put(bundle.substr(at, bytes));
    const auto committed = Commit();
    ASSERT_TRUE(committed.ok()) << bytes << committed.status();
    EXPECT_EQ(Fetch(committed->snapshot().digest()), bundle);
    const auto gates = fixture.vault.CheckGates(DigestOf(committed->snapshot()));
    EXPECT_EQ(gates->front().verdict(), v1::GATE_VERDICT_PASS) << gates->front().evidence();
    // Another content, so that its signature is stored anew.
    if (bytes == bundle.size()) break;
    ASSERT_TRUE(fixture.vault.Verify(DigestOf(committed->snapshot()), fixture.caller.identity)->intact());
  }
}

TEST_F(BundleStream, IsJudgedWithItsFirstPieceOnly) {
  const std::string bundle = Bundle("content", size_t{3} << 20);
  Begin("r", "content");
  for (size_t at = 0; at < bundle.size(); at += 1'000'000) Put(bundle.substr(at, 1'000'000));
  const auto committed = Commit();
  ASSERT_TRUE(committed.ok()) << committed.status();
  std::vector<v1::GetBundleResponse> pieces;
  EXPECT_EQ(Fetch("model/m", &pieces), bundle);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_TRUE(pieces[0].counts());
  EXPECT_THAT(pieces[0].why(), HasSubstr("signed by release"));
  EXPECT_EQ(pieces[0].data().size(), size_t{2} << 20);
  EXPECT_EQ(pieces[1].signature().key_id(), fixture.key.public_key().key_id());
  EXPECT_EQ(pieces[1].why(), "");
  v1::GetBundleRequest past;
  past.set_snapshot("model/m");
  past.set_offset(bundle.size() + 1);
  past.set_key_id(fixture.key.public_key().key_id());
  EXPECT_EQ(fixture.vault.GetBundle(fixture.caller, past).status().code(), absl::StatusCode::kInvalidArgument);
  past.set_offset(1);
  past.set_key_id(std::string(64, '0'));
  EXPECT_EQ(fixture.vault.GetBundle(fixture.caller, past).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BundleStream, IsRefusedWhereItsChunksAreNotWhatTheyAreSaidToBe) {
  const std::string bundle = Bundle("content", 5000);
  const auto refused = [&](const std::function<void()>& change, absl::StatusCode code, const std::string& why) {
    Begin("r", "content");
    for (size_t at = 0; at < bundle.size(); at += 1000) Put(bundle.substr(at, 1000));
    change();
    const absl::Status status = Commit().status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  };
  using Code = absl::StatusCode;
  refused([&] { commit.mutable_bundle_chunks(1)->set_digest("short"); }, Code::kInvalidArgument, "not 32 bytes");
  refused([&] { commit.mutable_bundle_chunks(1)->set_size_bytes(0); }, Code::kInvalidArgument, "a chunk of 0 bytes");
  refused([&] { commit.mutable_bundle_chunks(1)->set_size_bytes(uint64_t{1} << 63); }, Code::kInvalidArgument, "a chunk of 92");
  refused([&] { commit.mutable_bundle_chunks(1)->set_size_bytes(999); }, Code::kDataLoss, "do not match its digest");
  refused([&] { commit.mutable_bundle_chunks(1)->set_digest(Sha256("unknown").raw()); }, Code::kFailedPrecondition,
          "chunks are missing of the signature bundle");
  refused([&] { commit.mutable_bundle_chunks()->SwapElements(0, 1); }, Code::kInvalidArgument, "signature: bundle: json");
  refused([&] { commit.mutable_bundle_chunks()->RemoveLast(); }, Code::kInvalidArgument, "signature: bundle: json");
  refused([&] { commit.set_bundle(bundle); }, Code::kInvalidArgument, "both set");
  refused([&] {
    for (int i = 0; i < 9000; ++i) *commit.add_bundle_chunks() = commit.bundle_chunks(0);
  }, Code::kResourceExhausted, "more than 8192 chunks");
  refused([&] {
    commit.clear_bundle_chunks();
    Put(Bundle("other content", 10));
  }, Code::kInvalidArgument, "signature and content differ: file 'file' has sha256");
  refused([&] { commit.clear_bundle_chunks(); }, Code::kFailedPrecondition, "the snapshot is not signed");
  refused([] {}, Code::kOk, "");
}

TEST_F(BundleStream, IsRefusedWhereTheDiskHoldsOtherBytesThanItWasGiven) {
  const std::string bundle = Bundle("content", 5000);
  const auto damage = [&](const std::string& data) {
    std::string other = data;
    other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
    ASSERT_TRUE(fixture.chunks.Replace({{Sha256(data), other}}).ok());
  };
  Begin("r", "content");
  Put(bundle);
  damage(bundle);
  const absl::Status refused = Commit().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("do not match its digest"));
  ASSERT_TRUE(fixture.chunks.Replace({{Sha256(bundle), bundle}}).ok());
  const auto committed = Commit();
  ASSERT_TRUE(committed.ok()) << committed.status();
  damage(bundle);
  const auto verified = fixture.vault.Verify(DigestOf(committed->snapshot()), fixture.caller.identity);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_FALSE(verified->intact());
  EXPECT_THAT(verified->findings(0), HasSubstr("do not match its digest"));
  v1::GetBundleRequest fetch;
  fetch.set_snapshot("model/m");
  EXPECT_EQ(fixture.vault.GetBundle(fixture.caller, fetch).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(BundleStream, IsNoLongerThanTheFilesAccountFor) {
  const std::string bundle = Bundle("content", 10);
  Begin("r", "content");
  const size_t tail = bundle.find("\"verificationMaterial\"");
  Put(bundle.substr(0, tail));
  const std::string blanks(size_t{8} << 20, ' ');
  Put(blanks);
  for (int i = 0; i < 4; ++i) *commit.add_bundle_chunks() = v1::ChunkRef(commit.bundle_chunks(1));
  Put(bundle.substr(tail));
  const absl::Status refused = Commit().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("where the files account for"));
}

// A list that names a file twice, or as a folder too, cannot be that of any content.
TEST_F(BundleStream, ThatListsWhatNoContentHasIsRefused) {
  const std::string digest = ToHex(Sha256("content").raw());
  const auto sign = [&](const std::string& resources, int count) {
    std::string raw;
    for (int i = 0; i < count; ++i) raw += Sha256("content").raw();
    const std::string payload = StrCat(R"({"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":")",
                                       ToHex(Sha256(raw).raw()),
                                       R"("}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":)",
                                       R"({"method":"files","hash_type":"sha256","allow_symlinks":false},"resources":[)", resources, "]}}");
    const std::string signature = *fixture.key.Sign(StrCat("DSSEv1 28 application/vnd.in-toto+json ", payload.size(), " ", payload));
    return StrCat(R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":")",
                  fixture.key.public_key().key_id(), R"("}},"dsseEnvelope":{"payload":")", ToBase64(payload),
                  R"(","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":")", ToBase64(signature), "\"}]}}");
  };
  const auto resource = [&](const std::string& name) {
    return StrCat(R"({"name":")", name, R"(","algorithm":"sha256","digest":")", digest, "\"}");
  };
  const auto outcome = [&](const std::string& bundle) {
    Begin("r", "content");
    commit.set_bundle(bundle);
    return std::string(MessageOf(Commit().status()));
  };
  EXPECT_THAT(outcome(sign(StrCat(resource("file"), ",", resource("file")), 2)), HasSubstr("lists 'file' twice"));
  EXPECT_THAT(outcome(sign(StrCat(resource("file"), ",", resource("file/x")), 2)), HasSubstr("signed file 'file/x' is missing"));
  EXPECT_EQ(outcome(sign(resource("file"), 1)), "");
}

}  // namespace
}  // namespace firebreak
