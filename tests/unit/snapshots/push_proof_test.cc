// What a push hashed on its way in is not read back at commit; what it could not follow is.
#include "services/snapshots/push_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "tests/support/vault_fixture.h"

namespace firebreak {
namespace {

using testing::Files;
using testing::VaultFixture;
using testing::VaultPort;
using ::testing::HasSubstr;
using State = ProofChunk::State;

std::string Noise(size_t bytes, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::string data(bytes, '\0');
  for (char& c : data) c = static_cast<char>(engine());
  return data;
}

// Counts what is read of it.
class CountingStore final : public ChunkStore {
 public:
  absl::Status Put(absl::Span<const ChunkView> chunks) override { return inner.Put(chunks); }
  absl::Status Sync() override { return inner.Sync(); }
  absl::StatusOr<std::string> Get(const Digest& digest) const override {
    absl::StatusOr<std::string> data = inner.Get(digest);
    if (data.ok()) bytes_read += data->size();
    if (data.ok() && digest == altered) (*data)[0] = static_cast<char>((*data)[0] ^ 1);
    return data;
  }
  absl::StatusOr<std::vector<Digest>> Missing(absl::Span<const Digest> digests) const override { return inner.Missing(digests); }
  absl::Status Replace(absl::Span<const ChunkView> chunks) override { return inner.Replace(chunks); }
  absl::StatusOr<std::vector<StoredChunk>> List(const Digest& after, size_t limit) const override { return inner.List(after, limit); }
  absl::Status Delete(absl::Span<const Digest> digests) override { return inner.Delete(digests); }

  MemoryChunkStore inner;
  mutable std::atomic<size_t> bytes_read{0};
  Digest altered;   // comes with a wrong byte
};

// The proof of a push of three files in four runs: "a" = 1 2, "b" = 3, an empty one, "d" = 4 5 6.
struct ProofTest : public ::testing::Test {
  ProofTest() {
    for (int i = 1; i <= 6; ++i) data.push_back(Noise(static_cast<size_t>(100 * i), static_cast<uint64_t>(i)));
    for (const std::string& bytes : data) digests.push_back(Sha256(bytes));
    std::vector<ChunkView> views;
    for (size_t i = 0; i < data.size(); ++i) views.push_back({digests[i], data[i]});
    EXPECT_TRUE(store.Put(views).ok());
    AddFile("a", {0, 1});
    AddFile("b", {2});
    AddFile("c", {});
    AddFile("d", {3, 4, 5});
  }
  void AddFile(const std::string& path, const std::vector<size_t>& chunks) {
    v1::FileEntry& file = files.emplace_back();
    file.set_path(path);
    std::string whole;
    for (const size_t i : chunks) {
      whole += data[i];
      file.add_chunks()->set_digest(digests[i].raw());
      file.mutable_chunks(file.chunks_size() - 1)->set_size_bytes(data[i].size());
    }
    file.set_size_bytes(whole.size());
    file.set_digest(Sha256(whole).raw());
  }
  ProofChunk Chunk(size_t i, State state = State::kHashed) const {
    const bool has_bytes = state == State::kHashed || state == State::kRead;
    return {.digest = std::string(digests[i].raw()), .data = has_bytes ? data[i] : std::string_view(), .state = state};
  }
  static v1::ChunkRun Run(uint64_t number, const std::vector<uint32_t>& ends) {
    v1::ChunkRun run;
    run.set_number(number);
    for (const uint32_t end : ends) run.add_ends(end);
    return run;
  }
  void Send(PushProof& proof, uint64_t number, State state = State::kHashed) const {
    switch (number) {
      case 0: return proof.Begin(Run(0, {}), {Chunk(0, state)});
      case 1: return proof.Begin(Run(1, {1, 2, 2}), {Chunk(1, state), Chunk(2, state)});
      case 2: return proof.Begin(Run(2, {}), {Chunk(3, state), Chunk(4, state)});
      case 3: return proof.Begin(Run(3, {1}), {Chunk(5, state)});
    }
  }
  std::vector<bool> Match(PushProof& proof) const {
    const std::vector<ProvenSpan> spans = proof.Spans();
    SpanMatcher matcher(spans);
    for (const v1::FileEntry& file : files) matcher.Add(file);
    return matcher.Finish();
  }
  std::vector<bool> All() const { return std::vector<bool>(files.size(), true); }

  std::vector<std::string> data;
  std::vector<Digest> digests;
  std::vector<v1::FileEntry> files;
  CountingStore store;
  ProofBudget waiting;
};

TEST_F(ProofTest, ProvesTheSameInWhateverOrderRunsCome) {
  std::vector<uint64_t> order = {0, 1, 2, 3};
  do {
    PushProof proof(store, waiting, 1);
    for (const uint64_t number : order) Send(proof, number);
    Send(proof, order[1]);   // an answer was lost, and it came again
    EXPECT_EQ(Match(proof), All());
    EXPECT_EQ(waiting.bytes, 0u);
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(store.bytes_read, 0u);
}

TEST_F(ProofTest, ReadsWhatItHasNotSeen) {
  PushProof proof(store, waiting, 1);
  for (const uint64_t number : {0, 1, 2, 3}) Send(proof, number, number % 2 == 0 ? State::kStored : State::kHashed);
  EXPECT_EQ(Match(proof), All());
  EXPECT_EQ(store.bytes_read, data[0].size() + data[3].size() + data[4].size());
}

TEST_F(ProofTest, WaitsForWhatWasAskedFor) {
  PushProof proof(store, waiting, 1);
  Send(proof, 0);
  proof.Begin(Run(1, {1, 2, 2}), {Chunk(1, State::kAwaited), Chunk(2, State::kRead)});
  Send(proof, 3);
  Send(proof, 2);
  EXPECT_GT(waiting.bytes, 0u);
  EXPECT_EQ(Match(proof), std::vector<bool>());
  proof.Fill(Run(1, {}), {Chunk(1)});
  EXPECT_EQ(Match(proof), All());
  EXPECT_EQ(waiting.bytes, 0u);
  EXPECT_EQ(store.bytes_read, 0u);
}

TEST_F(ProofTest, BytesThatAreNotTheFilesAreNoProof) {
  for (const size_t wrong : {size_t{0}, size_t{2}, size_t{5}}) {
    PushProof proof(store, waiting, 1);
    const std::string kept = data[wrong];
    data[wrong][7] ^= 1;   // as it was read from a disk that altered it
    for (const uint64_t number : {0, 1, 2, 3}) Send(proof, number, State::kRead);
    data[wrong] = kept;
    const std::vector<bool> proven = Match(proof);
    EXPECT_EQ(std::count(proven.begin(), proven.end(), true), 0) << "chunk " << wrong;
  }
}

TEST_F(ProofTest, AManifestThatSaysOtherwiseIsNotProven) {
  PushProof proof(store, waiting, 1);
  for (const uint64_t number : {0, 1, 2, 3}) Send(proof, number);
  const std::vector<v1::FileEntry> right = files;
  files[1].set_digest(Sha256("other").raw());
  EXPECT_EQ(Match(proof), std::vector<bool>(4, false));
  files = right;
  files[3].mutable_chunks()->SwapElements(0, 1);
  EXPECT_EQ(Match(proof), std::vector<bool>(4, false));
  files = right;
  std::swap(files[0], files[1]);
  EXPECT_EQ(Match(proof), std::vector<bool>(4, false));
  files = right;
  EXPECT_EQ(Match(proof), All());
  files.pop_back();
  EXPECT_EQ(Match(proof), std::vector<bool>()) << "a file less";
}

TEST_F(ProofTest, GivesUpOnARunThatNeverComesAndKeepsNothing) {
  PushProof proof(store, waiting, 1);
  Send(proof, 0);
  for (uint64_t number = 2; number < 80; ++number) {
    proof.Begin(Run(number, {1}), {Chunk(5)});
    ASSERT_LE(waiting.bytes, 64 * data[5].size());
  }
  EXPECT_EQ(waiting.bytes, 0u);
  Send(proof, 1);
  EXPECT_EQ(Match(proof), std::vector<bool>());
}

TEST_F(ProofTest, GivesUpWhereARunMakesNoSenseOrAChunkIsGone) {
  for (const std::vector<uint32_t>& ends : {std::vector<uint32_t>{2}, std::vector<uint32_t>{1, 0}}) {
    PushProof proof(store, waiting, 1);
    proof.Begin(Run(0, ends), {Chunk(0)});
    EXPECT_EQ(Match(proof), std::vector<bool>());
  }
  ASSERT_TRUE(store.Delete(absl::MakeConstSpan(&digests[0], 1)).ok());
  PushProof proof(store, waiting, 1);
  Send(proof, 0, State::kStored);
  Send(proof, 1);
  EXPECT_EQ(Match(proof), std::vector<bool>());
}

TEST_F(ProofTest, KeepsLittleOfWhatCameTooEarly) {
  const std::string large = Noise(size_t{1} << 20, 9);
  const Digest digest = Sha256(large);
  const ChunkView view{digest, large};
  ASSERT_TRUE(store.Put(absl::MakeConstSpan(&view, 1)).ok());
  data.push_back(large);
  digests.push_back(digest);
  files.clear();
  AddFile("first", {0});
  PushProof proof(store, waiting, 1);
  for (uint64_t number = 1; number <= 40; ++number) {
    proof.Begin(Run(number, {1}), {Chunk(6)});
    AddFile(absl::StrCat("x", number), {6});
    ASSERT_LE(waiting.bytes, size_t{16} << 20);
  }
  proof.Begin(Run(0, {1}), {Chunk(0)});
  EXPECT_EQ(Match(proof), All());
  EXPECT_EQ(waiting.bytes, 0u);
  EXPECT_EQ(store.bytes_read, 24 * large.size()) << "what was not kept was read back";
}

TEST_F(ProofTest, GivesUpOnListsThatAreTooLongAndKeepsNothingOfThem) {
  PushProof modest(store, waiting, 1);
  Send(modest, 1);   // waits for the first
  const size_t before = waiting.lists;
  EXPECT_GT(before, 0u);

  PushProof greedy(store, waiting, 2);
  for (uint64_t number = 1; number <= 60; ++number) {
    greedy.Begin(Run(number, {}), std::vector<ProofChunk>(4096, Chunk(0, State::kAwaited)));
    EXPECT_LE(waiting.lists, size_t{16} << 20);
  }
  EXPECT_EQ(waiting.lists, before) << "the greedy one keeps nothing";
  for (const uint64_t number : {0, 1, 2, 3}) Send(greedy, number);
  EXPECT_TRUE(Match(greedy).empty());
  for (const uint64_t number : {0, 2, 3}) Send(modest, number);
  EXPECT_EQ(Match(modest), All()) << "the modest one loses nothing";
  EXPECT_EQ(waiting.lists, 0u);
}

TEST_F(ProofTest, TheShelfKnowsOnlyTheNewestStreamOfAPush) {
  ProofShelf shelf(store);
  const uint64_t old = shelf.Open("push");
  const uint64_t fresh = shelf.Open("push");
  EXPECT_EQ(shelf.Find("push", old), nullptr);
  EXPECT_EQ(shelf.Find("other", fresh), nullptr);
  ASSERT_NE(shelf.Find("push", fresh), nullptr);
  for (const uint64_t number : {0, 1, 2, 3}) Send(*shelf.Find("push", fresh), number);
  EXPECT_EQ(shelf.Spans("push").size(), 1u);
  for (int i = 0; i < 100; ++i) shelf.Open(absl::StrCat("push ", i));
  EXPECT_TRUE(shelf.Spans("push").empty());
  shelf.Close("push 99");
  EXPECT_TRUE(shelf.Spans("push 99").empty());
}

// The same over a vault whose reads are counted.
struct ProvenPushTest : public ::testing::Test {
  static constexpr size_t kLittle = size_t{64} << 10;   // manifest pages and the like

  std::unique_ptr<SnapshotVault> NewVault() {
    return std::make_unique<SnapshotVault>(*fixture.base.ledger, store, fixture.base.clock, *fixture.base.log);
  }
  // Pushes the folder; `read_at_commit` gets what was read since the commit began.
  absl::StatusOr<PushResult> Push(const std::filesystem::path& folder, const std::string& name, size_t* read_at_commit) {
    VaultPort port(*vault, fixture.caller);
    std::atomic<size_t> before{0};
    port.before = [&](const std::string& method) {
      if (method == "CommitPush") before = store.bytes_read.load();
      return absl::OkStatus();
    };
    absl::StatusOr<PushResult> result = PushFolder(port, fixture.Options(folder, name));
    *read_at_commit = store.bytes_read - before;
    return result;
  }
  // A push of one file by hand, up to the commit.
  v1::CommitPushRequest HandPush(const std::string& content, const std::string& digest_of) {
    v1::BeginPushRequest begin;
    begin.set_kind(v1::SNAPSHOT_KIND_MODEL);
    begin.set_name("m");
    begin.set_request_id("r");
    auto begun = vault->BeginPush(fixture.caller, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    v1::PutChunksRequest put;
    put.set_push_id(begun->push_id());
    put.mutable_run()->set_stream(begun->stream());
    put.mutable_run()->add_ends(2);
    const size_t half = content.size() / 2;
    put.add_chunks()->set_data(content.substr(0, half));
    put.add_chunks()->set_data(content.substr(half));
    auto taken = vault->PutChunks(fixture.caller, put);
    EXPECT_TRUE(taken.ok()) << taken.status();
    v1::PutFilesRequest page;
    page.set_push_id(begun->push_id());
    v1::FileEntry& file = *page.add_files();
    file.set_path("f");
    file.set_size_bytes(content.size());
    file.set_digest(Sha256(digest_of).raw());
    for (int i = 0; i < 2; ++i) {
      file.add_chunks()->set_digest(taken->digests(i));
      file.mutable_chunks(i)->set_size_bytes(put.chunks(i).data().size());
    }
    EXPECT_TRUE(vault->PutFiles(fixture.caller, page).ok());
    OmsResource resource;
    resource.name = "f";
    resource.algorithm = "sha256";
    resource.digest_hex = ToHex(file.digest());
    v1::CommitPushRequest commit;
    commit.set_push_id(begun->push_id());
    commit.set_bundle(*SignOmsBundle(fixture.key, "m", {resource}, {}));
    return commit;
  }

  VaultFixture fixture;
  CountingStore store;
  std::unique_ptr<SnapshotVault> vault = NewVault();
  const Files files = {{"a.bin", Noise((size_t{40} << 20) + 3, 1)}, {"b/empty", ""}, {"c.bin", Noise(size_t{3} << 20, 2)}, {"d", "1"}, {"e", ""}};
  size_t committing = 0;
};

TEST_F(ProvenPushTest, ReadsNothingBackOfWhatCameInIt) {
  auto pushed = Push(fixture.NewFolder(files), "m", &committing);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_LT(store.bytes_read, kLittle);
  auto verified = vault->Verify(testing::DigestOf(pushed->snapshot), fixture.caller.identity);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_TRUE(verified->intact());
}

TEST_F(ProvenPushTest, ReadsWhatIsThereAlreadyOnceAndBeforeTheCommit) {
  ASSERT_TRUE(Push(fixture.NewFolder(files), "m", &committing).ok());
  store.bytes_read = 0;
  Files changed = files;
  changed["a.bin"][5 << 20] ^= 1;
  auto pushed = Push(fixture.NewFolder(changed), "m", &committing);
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(pushed->bytes_sent, uint64_t{1} << 20);
  EXPECT_LT(committing, kLittle);
  EXPECT_GT(store.bytes_read, size_t{40} << 20);
  EXPECT_LT(store.bytes_read, size_t{44} << 20);
}

TEST_F(ProvenPushTest, RefusesKnownBytesThatTheDiskHasAltered) {
  ASSERT_TRUE(Push(fixture.NewFolder(files), "m", &committing).ok());
  store.altered = Sha256(files.at("a.bin").substr(size_t{7} << 20, size_t{1} << 20));
  auto again = Push(fixture.NewFolder(files), "other", &committing);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kDataLoss) << again.status();
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("file 'a.bin': chunk "));
  store.altered = Digest();
  ASSERT_TRUE(store.inner.Corrupt(Sha256("1")));
  again = Push(fixture.NewFolder(files), "third", &committing);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kDataLoss) << again.status();
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("file 'd': chunk "));
}

TEST_F(ProvenPushTest, RefusesAFileThatIsNotWhatItsDigestSays) {
  const auto refused = vault->CommitPush(fixture.caller, HandPush("0123456789", "other bytes"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("file 'f': its bytes do not match its sha256"));
}

TEST_F(ProvenPushTest, BytesThatCameUnaskedDoNotVouchForOlderOnesUnderTheirDigest) {
  const Digest digest = Sha256("01234");
  ASSERT_TRUE(store.Put({{digest, "01234"}}).ok());
  store.altered = digest;
  const auto refused = vault->CommitPush(fixture.caller, HandPush("0123456789", "0123456789"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss) << refused.status();
  store.altered = Digest();
  EXPECT_TRUE(vault->CommitPush(fixture.caller, HandPush("0123456789", "0123456789")).ok());
}

TEST_F(ProvenPushTest, AfterARestartEverythingIsReadBack) {
  const std::string content = Noise(1 << 20, 4);
  const v1::CommitPushRequest commit = HandPush(content, content);
  vault = NewVault();
  store.bytes_read = 0;
  ASSERT_TRUE(vault->CommitPush(fixture.caller, commit).ok());
  EXPECT_GE(store.bytes_read, content.size());
}

TEST_F(ProvenPushTest, TakesWhatAnotherStreamOrNobodyAnnounced) {
  VaultPort port(*vault, fixture.caller);
  int cuts = 0;
  port.before = [&](const std::string& method) {
    return method == "PutFiles" && ++cuts == 1 ? absl::UnavailableError("cut") : absl::OkStatus();
  };
  const auto folder = fixture.NewFolder(files);
  EXPECT_EQ(PushFolder(port, fixture.Options(folder, "m")).status().code(), absl::StatusCode::kUnavailable);
  auto pushed = Push(folder, "m", &committing);   // begins again, all from the first run
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  EXPECT_EQ(pushed->bytes_sent, 0u);
  EXPECT_LT(committing, kLittle);
}

}  // namespace
}  // namespace firebreak
