#include "clients/agent/main/snapshots.h"

#include "absl/synchronization/mutex.h"
#include "firebreak/base/status.h"
#include "firebreak/transfer/pull.h"
#include "firebreak/transfer/push.h"

namespace firebreak {
namespace {

// Refuses every further call once a newer decision waits: a containment never queues behind a download.
class AbandoningPort final : public SnapshotPort {
 public:
  AbandoningPort(SnapshotPort& port, const std::function<bool()>& abandoned) : port_(port), abandoned_(abandoned) {}

  absl::StatusOr<v1::BeginPushResponse> BeginPush(const v1::BeginPushRequest&) override { return NeverPushes(); }
  absl::StatusOr<v1::PutFilesResponse> PutFiles(const v1::PutFilesRequest&) override { return NeverPushes(); }
  absl::StatusOr<v1::MissingChunksResponse> MissingChunks(const v1::MissingChunksRequest&) override { return NeverPushes(); }
  absl::StatusOr<v1::PutChunksResponse> PutChunks(const v1::PutChunksRequest&) override { return NeverPushes(); }
  absl::StatusOr<v1::CommitPushResponse> CommitPush(const v1::CommitPushRequest&) override { return NeverPushes(); }

  absl::StatusOr<v1::GetSnapshotResponse> GetSnapshot(const v1::GetSnapshotRequest& request) override {
    RETURN_IF_ERROR(GoOn());
    return port_.GetSnapshot(request);
  }
  absl::StatusOr<v1::ListFilesResponse> ListFiles(const v1::ListFilesRequest& request) override {
    RETURN_IF_ERROR(GoOn());
    return port_.ListFiles(request);
  }
  absl::StatusOr<v1::GetChunksResponse> GetChunks(const v1::GetChunksRequest& request) override {
    RETURN_IF_ERROR(GoOn());
    return port_.GetChunks(request);
  }
  absl::StatusOr<v1::GetBundleResponse> GetBundle(const v1::GetBundleRequest& request) override {
    RETURN_IF_ERROR(GoOn());
    return port_.GetBundle(request);
  }

 private:
  static absl::Status NeverPushes() { return absl::UnimplementedError("an agent pulls only"); }
  absl::Status GoOn() const {
    return abandoned_ && abandoned_() ? absl::AbortedError("a newer decision is waiting") : absl::OkStatus();
  }

  SnapshotPort& port_;
  const std::function<bool()>& abandoned_;
};

}  // namespace

std::function<absl::Status(const Digest&, const std::filesystem::path&, const std::function<bool()>&)> FetchFrom(
    SnapshotPort& port, const Clock& clock) {
  return [&port, &clock](const Digest& digest, const std::filesystem::path& into, const std::function<bool()>& abandoned) {
    AbandoningPort careful(port, abandoned);
    PullOptions options;
    options.retry.attempts_max = 10;
    options.retry.wait_max = absl::Milliseconds(500);   // bounds how long a newer decision may have to wait
    options.retry.sleep = [&clock, &abandoned](absl::Duration wait) {
      absl::Mutex mutex;
      absl::MutexLock lock(&mutex);
      const auto give_up = [&abandoned] { return abandoned && abandoned(); };
      clock.AwaitUntil(mutex, absl::Condition(&give_up), clock.Now() + wait);
    };
    return PullSnapshot(careful, digest, into, options).status();
  };
}

absl::StatusOr<Digest> HashSnapshotFolder(const std::filesystem::path& folder, v1::SnapshotKind kind) {
  PushOptions options;
  // `current` is a link; what is hashed is the folder it leads to.
  std::error_code error;
  options.folder = std::filesystem::canonical(folder, error);
  if (error) return absl::NotFoundError(folder.string() + ": " + error.message());
  options.kind = kind;
  options.name = "served";
  ASSIGN_OR_RETURN(const v1::Snapshot snapshot, HashFolder(options));
  return Digest::Parse(snapshot.digest());
}

}  // namespace firebreak
