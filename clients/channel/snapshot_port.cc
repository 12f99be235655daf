#include "firebreak/channel/snapshot_port.h"

#include <utility>

#include "clients/channel/call.h"
#include "firebreak/v1/snapshot.grpc.pb.h"

namespace firebreak {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(60);

class GrpcSnapshotPort final : public SnapshotPort {
 public:
  explicit GrpcSnapshotPort(std::shared_ptr<grpc::Channel> channel)
      : channel_(std::move(channel)), stub_(v1::Snapshots::NewStub(channel_)) {}

  absl::StatusOr<v1::BeginPushResponse> BeginPush(const v1::BeginPushRequest& request) override {
    return Call(*channel_, *stub_, &Stub::BeginPush, request, kTimeout);
  }
  absl::StatusOr<v1::PutFilesResponse> PutFiles(const v1::PutFilesRequest& request) override {
    return Call(*channel_, *stub_, &Stub::PutFiles, request, kTimeout);
  }
  absl::StatusOr<v1::MissingChunksResponse> MissingChunks(const v1::MissingChunksRequest& request) override {
    return Call(*channel_, *stub_, &Stub::MissingChunks, request, kTimeout);
  }
  absl::StatusOr<v1::PutChunksResponse> PutChunks(const v1::PutChunksRequest& request) override {
    return Call(*channel_, *stub_, &Stub::PutChunks, request, kTimeout);
  }
  // Reads back what was not hashed on its way in, so a large snapshot may take its time.
  absl::StatusOr<v1::CommitPushResponse> CommitPush(const v1::CommitPushRequest& request) override {
    return Call(*channel_, *stub_, &Stub::CommitPush, request, kCommitTimeout);
  }
  absl::StatusOr<v1::GetSnapshotResponse> GetSnapshot(const v1::GetSnapshotRequest& request) override {
    return Call(*channel_, *stub_, &Stub::GetSnapshot, request, kTimeout);
  }
  absl::StatusOr<v1::ListFilesResponse> ListFiles(const v1::ListFilesRequest& request) override {
    return Call(*channel_, *stub_, &Stub::ListFiles, request, kTimeout);
  }
  absl::StatusOr<v1::GetChunksResponse> GetChunks(const v1::GetChunksRequest& request) override {
    return Call(*channel_, *stub_, &Stub::GetChunks, request, kTimeout);
  }
  absl::StatusOr<v1::GetBundleResponse> GetBundle(const v1::GetBundleRequest& request) override {
    return Call(*channel_, *stub_, &Stub::GetBundle, request, kCommitTimeout);   // judged from end to end with its first piece
  }

 private:
  using Stub = v1::Snapshots::Stub;
  static constexpr absl::Duration kCommitTimeout = absl::Minutes(30);
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Snapshots::Stub> stub_;
};

}  // namespace

std::unique_ptr<SnapshotPort> MakeGrpcSnapshotPort(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcSnapshotPort>(std::move(channel));
}

}  // namespace firebreak
