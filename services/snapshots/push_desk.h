// PushDesk: content on its way in. A push is a stored session, so it survives a cut on either side; nothing becomes a snapshot
// before every byte, path and signature has been checked, and then it is one commit.
//
//   (none) -> open -> done          open -> (none) when it expires
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_PUSH_DESK_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_PUSH_DESK_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/store/v1/snapshots.pb.h"
#include "services/snapshots/catalogue.h"
#include "services/snapshots/content.h"
#include "services/snapshots/keyring.h"
#include "services/snapshots/push_proof.h"
#include "services/snapshots/stored_bytes.h"

namespace firebreak {

// Thread-safe. Everything it is given outlives it.
class PushDesk {
 public:
  PushDesk(Ledger& ledger, ChunkStore& chunks, const Clock& clock, const Catalogue& catalogue, const Keyring& keyring,
           const SnapshotLimits& limits)
      : ledger_(ledger), chunks_(chunks), clock_(clock), catalogue_(catalogue), keyring_(keyring), limits_(limits),
        proofs_(chunks) {}

  // Once, before the first request.
  void SetLimit(SnapshotVault::PushLimit limit) { limit_ = std::move(limit); }

  absl::StatusOr<v1::BeginPushResponse> Begin(const Caller& caller, const v1::BeginPushRequest& request);
  absl::StatusOr<v1::PutFilesResponse> PutFiles(const Caller& caller, const v1::PutFilesRequest& request);
  absl::StatusOr<v1::MissingChunksResponse> MissingChunks(const Caller& caller, const v1::MissingChunksRequest& request);
  absl::StatusOr<v1::PutChunksResponse> PutChunks(const Caller& caller, const v1::PutChunksRequest& request);
  absl::StatusOr<v1::CommitPushResponse> Commit(const Caller& caller, const v1::CommitPushRequest& request);

 private:
  // A push whose content has been proven complete, intact and signed; all that is left is to write it down.
  struct Proved {
    v1::Snapshot snapshot;              // without version
    std::string push_id;
    store::v1::PushSession session;
    CheckedBundle bundle;
    uint64_t bundle_bytes = 0;
    uint64_t bytes_hashed = 0;
  };

  struct Page {
    Digest digest;
    std::string bytes;
    std::string last_path;
  };

  absl::StatusOr<store::v1::PushSession> LoadSession(const Caller& caller, const std::string& push_id) const;
  absl::StatusOr<std::optional<store::v1::PushDone>> FindDone(const Caller& caller, const std::string& push_id) const;
  absl::StatusOr<v1::CommitPushResponse> Answer(const store::v1::PushDone& done) const;
  absl::StatusOr<std::vector<v1::LineageEdge>> ResolveLineage(const v1::BeginPushRequest& request) const;
  absl::Status AddPage(Draft& draft, const Caller& caller, const v1::PutFilesRequest& request, const Page& page) const;
  absl::Status Sweep(Draft& draft, absl::Time now);
  absl::StatusOr<Proved> Prove(const Caller& caller, const v1::CommitPushRequest& request, store::v1::PushSession session);
  absl::Status CheckBundleStored(const v1::CommitPushRequest& request) const;
  absl::StatusOr<std::unique_ptr<ByteSource>> OpenBundle(const v1::CommitPushRequest& request) const;
  absl::StatusOr<ChunkRefs> KeepBundle(const v1::CommitPushRequest& request);
  absl::Status CheckAncestry(const v1::Snapshot& snapshot) const;
  absl::Status CheckIntact(const PageRefs& pages, const v1::Snapshot& snapshot, const std::vector<bool>& proven) const;
  v1::BeginPushResponse Opened(v1::BeginPushResponse begun);
  void ProveAsked(const Caller& caller, const v1::MissingChunksRequest& request, const std::vector<Digest>& missing);
  void ProveSent(const v1::PutChunksRequest& request, const std::vector<ChunkView>& views,
                 const absl::flat_hash_set<Digest>& fresh);
  absl::Status WriteContent(Draft& draft, const Proved& proved, const v1::Snapshot& snapshot, size_t* edges_added) const;
  void WriteDone(Draft& draft, const Caller& caller, const Proved& proved, const v1::Snapshot& snapshot) const;
  absl::Status Write(Draft& draft, const Caller& caller, const Proved& proved,
                     const ChunkRefs& bundle_chunks, v1::CommitPushResponse* response) const;

  Ledger& ledger_;
  ChunkStore& chunks_;
  const Clock& clock_;
  const Catalogue& catalogue_;
  const Keyring& keyring_;
  SnapshotLimits limits_;
  SnapshotVault::PushLimit limit_;
  ProofShelf proofs_;
  absl::Mutex sweep_mutex_;
  std::string sweep_after_ ABSL_GUARDED_BY(sweep_mutex_);   // how far the answers of finished pushes have been swept
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_PUSH_DESK_H_
