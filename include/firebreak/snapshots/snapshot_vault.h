// SnapshotVault: every model, dataset and configuration Firebreak can restore. Takes content in only when it is complete,
// intact and signed by a trusted key; answers where content came from, what it taints, and whether it may be restored.
#ifndef FIREBREAK_SNAPSHOTS_SNAPSHOT_VAULT_H_
#define FIREBREAK_SNAPSHOTS_SNAPSHOT_VAULT_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/log.h"
#include "firebreak/ledger/draft.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/lineage_index.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/v1/fleet.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

struct QuarantineWish {
  Digest snapshot;
  std::string reason;      // required
  IncidentId incident;     // empty when set by hand
  Identity actor;
};

struct QuarantineSweep {
  v1::Snapshot snapshot;
  std::vector<v1::Snapshot> tainted;             // what may no longer be served because of it, nearest first, the first 500
  uint64_t tainted_total = 0;
  std::vector<DeploymentName> deployments;       // that serve any of them now, of all and not only of the first 500
};

// A deployment and one snapshot that its wanted release holds.
struct ServedPart {
  DeploymentName deployment;
  std::string snapshot;   // sha256:…
};

struct SnapshotLimits {
  uint64_t open_pushes_max = 256;
  absl::Duration push_lifetime = absl::Hours(48);   // since it was last touched
  uint64_t snapshot_bytes_max = uint64_t{1} << 44;  // 16 TiB
  uint64_t bundle_bytes_max = uint64_t{4} << 30;    // ten million files
  size_t lineage_nodes_max = 200'000;               // one walk
  size_t lineage_parents_max = 32;                  // one push
  size_t signers_max = 256;
  size_t names_of_content_max = 1000;               // that one content may go by
};

// What a push brings, asked about as it comes in and once more, exactly, before it becomes a snapshot.
struct PushLoad {
  v1::SnapshotKind kind = v1::SNAPSHOT_KIND_UNSPECIFIED;
  std::string name;
  std::string push_id;
  uint64_t bytes = 0;        // of this call; with `committing` of the whole content
  bool committing = false;
};

// Thread-safe. `ledger`, `chunks`, `clock` and `log` outlive it. Handlers answer kInvalidArgument, kNotFound (with the nearest
// name), kFailedPrecondition, kAlreadyExists, kDataLoss as house-wide.
class SnapshotVault {
 public:
  SnapshotVault(Ledger& ledger, ChunkStore& chunks, const Clock& clock, Log& log, SnapshotLimits limits = {});
  ~SnapshotVault();

  // Where snapshots serve; set once by main, before the first request. Unset = nowhere.
  using DeploymentsServing = std::function<absl::StatusOr<std::vector<DeploymentName>>(const Digest& snapshot)>;
  void SetDeploymentsServing(DeploymentsServing serving);
  // The same for everything at once, so that a sweep of many snapshots looks at each deployment only once. Preferred when set.
  using ServedParts = std::function<absl::StatusOr<std::vector<ServedPart>>()>;
  void SetServedParts(ServedParts parts);
  // Releases ever decided that name any of these snapshots (digests); the same rules.
  using ReleasesNaming = std::function<absl::StatusOr<std::vector<std::string>>(const std::vector<std::string>& snapshots)>;
  void SetReleasesNaming(ReleasesNaming naming);

  // Whether a push may go on; set once by main, before the first request. Unset = always.
  using PushLimit = std::function<absl::Status(const PushLoad&)>;
  void SetPushLimit(PushLimit limit);

  // --- the service Snapshots ---
  absl::StatusOr<v1::BeginPushResponse> BeginPush(const Caller& caller, const v1::BeginPushRequest& request);
  absl::StatusOr<v1::PutFilesResponse> PutFiles(const Caller& caller, const v1::PutFilesRequest& request);
  absl::StatusOr<v1::MissingChunksResponse> MissingChunks(const Caller& caller, const v1::MissingChunksRequest& request);
  absl::StatusOr<v1::PutChunksResponse> PutChunks(const Caller& caller, const v1::PutChunksRequest& request);
  absl::StatusOr<v1::CommitPushResponse> CommitPush(const Caller& caller, const v1::CommitPushRequest& request);
  absl::StatusOr<v1::GetSnapshotResponse> GetSnapshot(const Caller& caller, const v1::GetSnapshotRequest& request);
  absl::StatusOr<v1::ListSnapshotsResponse> ListSnapshots(const Caller& caller, const v1::ListSnapshotsRequest& request);
  absl::StatusOr<v1::ListFilesResponse> ListFiles(const Caller& caller, const v1::ListFilesRequest& request);
  absl::StatusOr<v1::GetChunksResponse> GetChunks(const Caller& caller, const v1::GetChunksRequest& request);
  absl::StatusOr<v1::GetBundleResponse> GetBundle(const Caller& caller, const v1::GetBundleRequest& request);
  absl::StatusOr<v1::VerifySnapshotResponse> VerifySnapshot(const Caller& caller, const v1::VerifySnapshotRequest& request);
  absl::StatusOr<v1::QuarantineSnapshotResponse> QuarantineSnapshot(const Caller& caller,
                                                                    const v1::QuarantineSnapshotRequest& request);
  absl::StatusOr<v1::LiftQuarantineResponse> LiftQuarantine(const Caller& caller, const v1::LiftQuarantineRequest& request);
  absl::StatusOr<v1::GetLineageResponse> GetLineage(const Caller& caller, const v1::GetLineageRequest& request);
  absl::StatusOr<v1::TrustSignerResponse> TrustSigner(const Caller& caller, const v1::TrustSignerRequest& request);
  absl::StatusOr<v1::RevokeSignerResponse> RevokeSigner(const Caller& caller, const v1::RevokeSignerRequest& request);
  absl::StatusOr<v1::ListSignersResponse> ListSigners(const Caller& caller, const v1::ListSignersRequest& request);

  // --- for other use cases ---
  // `model/x@7`, `model/x` (newest) or `sha256:…`; with quarantine or taint filled in. kNotFound names the nearest name.
  absl::StatusOr<v1::Snapshot> Resolve(std::string_view name_or_digest) const;

  // Adds quarantine of exactly this snapshot to the draft, with its audit entry. Descendants are not written: their taint is
  // derived from their ancestors at every read, so no fan-out is too large and no later push escapes. Asking again is
  // harmless: the first quarantine stays, the sweep is answered afresh.
  absl::StatusOr<QuarantineSweep> AddQuarantine(Draft& draft, const QuarantineWish& wish);

  // The gates signature, intact, quarantine, lineage, in this order, each with one sentence of evidence. kNotFound only when
  // the snapshot is unknown; a gate that cannot be decided is UNKNOWN. `name`: what the asker calls it (model/fraud@7, the
  // version is not looked at): the signatures are held against the policies over that name alone, for anybody who may publish
  // can give known content one more name. Without one, or with a digest, any name of the content that its signatures are good
  // enough for will do.
  absl::StatusOr<std::vector<v1::GateResult>> CheckGates(const Digest& snapshot, std::string_view name = {}) const;

  // Whether the signatures suffice as the gate has it, each bundle read and compared anew. `evidence` gets one sentence either way.
  absl::StatusOr<bool> CheckSignatures(const Digest& snapshot, std::string* evidence) const;

  // Every snapshot and edge in memory, for questions about thousands of them.
  LineageIndex& lineage() const;

  // Over every relation, nearest first, without the snapshot itself. kResourceExhausted past lineage_nodes_max.
  absl::StatusOr<std::vector<v1::LineageNode>> Ancestors(const Digest& snapshot) const;
  absl::StatusOr<std::vector<v1::LineageNode>> Descendants(const Digest& snapshot) const;

  // Leaves an expectation that no quarantine comes or goes and no edge changes anywhere, so that one committed in between, however
  // far upstream, makes a decision about the snapshot be built again.
  absl::Status Hold(Draft& draft, const Digest& snapshot) const;

  // Reads back every byte and checks every signature against the keys trusted now; remembers the result for CheckGates, whose
  // `name` this is.
  absl::StatusOr<v1::VerifySnapshotResponse> Verify(const Digest& snapshot, const Identity& actor, std::string_view name = {});

 private:
  friend class SignerDesk;   // the service Signers, over the same keyring
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_SNAPSHOT_VAULT_H_
