// SnapshotPort: the service Snapshots as plain functions, so that pushing and pulling are written once. The CLI and the agent
// implement it over gRPC, tests over a SnapshotVault in the same process.
#ifndef FIREBREAK_TRANSFER_SNAPSHOT_PORT_H_
#define FIREBREAK_TRANSFER_SNAPSHOT_PORT_H_

#include "absl/status/statusor.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Thread-safe: called from several threads at once. kUnavailable and kResourceExhausted are retried by the caller; an
// implementation does not retry by itself.
class SnapshotPort {
 public:
  virtual ~SnapshotPort() = default;

  virtual absl::StatusOr<v1::BeginPushResponse> BeginPush(const v1::BeginPushRequest& request) = 0;
  virtual absl::StatusOr<v1::PutFilesResponse> PutFiles(const v1::PutFilesRequest& request) = 0;
  virtual absl::StatusOr<v1::MissingChunksResponse> MissingChunks(const v1::MissingChunksRequest& request) = 0;
  virtual absl::StatusOr<v1::PutChunksResponse> PutChunks(const v1::PutChunksRequest& request) = 0;
  virtual absl::StatusOr<v1::CommitPushResponse> CommitPush(const v1::CommitPushRequest& request) = 0;

  virtual absl::StatusOr<v1::GetSnapshotResponse> GetSnapshot(const v1::GetSnapshotRequest& request) = 0;
  virtual absl::StatusOr<v1::ListFilesResponse> ListFiles(const v1::ListFilesRequest& request) = 0;
  virtual absl::StatusOr<v1::GetChunksResponse> GetChunks(const v1::GetChunksRequest& request) = 0;
  virtual absl::StatusOr<v1::GetBundleResponse> GetBundle(const v1::GetBundleRequest& request) = 0;
};

}  // namespace firebreak

#endif  // FIREBREAK_TRANSFER_SNAPSHOT_PORT_H_
