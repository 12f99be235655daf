// Damaged chunks that lie in a staged release.
#include "clients/agent/offer.h"

#include <fstream>
#include <map>

#include "firebreak/crypto/hash.h"
#include "gtest/gtest.h"
#include "tests/support/scratch_folder.h"

namespace firebreak {
namespace {

// Takes what it is offered.
class TakingControl final : public ControlPort {
 public:
  absl::Status Follow(const v1::FollowRequest&, absl::Duration, const std::function<absl::Status(const v1::FollowEvent&)>&) override {
    return absl::UnimplementedError("not here");
  }
  void Cancel() override {}
  absl::StatusOr<v1::GetDecisionChainResponse> GetDecisionChain(const v1::GetDecisionChainRequest&) override {
    return absl::UnimplementedError("not here");
  }
  absl::Status ReportProof(const v1::ReportProofRequest&) override { return absl::OkStatus(); }
  absl::StatusOr<v1::EnrolAgentResponse> EnrolAgent(const v1::EnrolAgentRequest&) override { return absl::UnimplementedError("not here"); }
  absl::StatusOr<v1::OfferChunksResponse> OfferChunks(const v1::OfferChunksRequest& request) override {
    for (const v1::Chunk& chunk : request.chunks()) offered[chunk.digest()] = chunk.data();
    v1::OfferChunksResponse response;
    response.set_taken(static_cast<uint64_t>(request.chunks_size()));
    return response;
  }
  std::map<std::string, std::string> offered;
};

// Lists the files of one snapshot, one entry a page.
class ListingPort final : public SnapshotPort {
 public:
  std::vector<v1::FileEntry> entries;
  absl::StatusOr<v1::ListFilesResponse> ListFiles(const v1::ListFilesRequest& request) override {
    const size_t at = request.page_token().empty() ? 0 : static_cast<size_t>(std::stoi(request.page_token()));
    v1::ListFilesResponse response;
    *response.add_files() = entries.at(at);
    if (at + 1 < entries.size()) response.set_next_page_token(std::to_string(at + 1));
    return response;
  }
  absl::StatusOr<v1::BeginPushResponse> BeginPush(const v1::BeginPushRequest&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<v1::PutFilesResponse> PutFiles(const v1::PutFilesRequest&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<v1::MissingChunksResponse> MissingChunks(const v1::MissingChunksRequest&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<v1::PutChunksResponse> PutChunks(const v1::PutChunksRequest&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<v1::CommitPushResponse> CommitPush(const v1::CommitPushRequest&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<v1::GetSnapshotResponse> GetSnapshot(const v1::GetSnapshotRequest&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<v1::GetChunksResponse> GetChunks(const v1::GetChunksRequest&) override { return absl::UnimplementedError(""); }
  absl::StatusOr<v1::GetBundleResponse> GetBundle(const v1::GetBundleRequest&) override { return absl::UnimplementedError(""); }
};

v1::FileEntry Entry(const std::string& path, uint64_t chunks_before, const std::vector<std::string>& chunks) {
  v1::FileEntry entry;
  entry.set_path(path);
  entry.set_chunks_before(chunks_before);
  for (const std::string& bytes : chunks) {
    v1::ChunkRef* ref = entry.add_chunks();
    ref->set_digest(Sha256(bytes).raw());
    ref->set_size_bytes(bytes.size());
  }
  return entry;
}

TEST(OfferWanted, SendsTheRightRangeOfALongFileAndNothingThatIsWrongHereToo) {
  testing::ScratchFolder scratch;
  const std::filesystem::path folder = scratch.path();
  std::ofstream(folder / "weights") << "aaaabbbbbbcc";
  std::ofstream(folder / "broken") << "XXXX";
  ListingPort list;
  list.entries = {Entry("weights", 0, {"aaaa"}), Entry("weights", 1, {"bbbbbb", "cc"}), Entry("broken", 0, {"YYYY"}),
                  Entry("../weights", 0, {"zzz"}), Entry("gone", 0, {"gone"})};
  std::set<std::string> wanted;
  for (const char* bytes : {"bbbbbb", "YYYY", "zzz", "gone", "elsewhere"}) wanted.insert(Sha256(bytes).raw());
  TakingControl control;
  const absl::StatusOr<uint64_t> taken = OfferWanted(list, control, wanted, {{Sha256("snapshot"), folder}});
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(*taken, 1u);
  ASSERT_EQ(control.offered.size(), 1u);
  EXPECT_EQ(control.offered[Sha256("bbbbbb").raw()], "bbbbbb");
}

}  // namespace
}  // namespace firebreak
