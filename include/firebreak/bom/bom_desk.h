// BomDesk: the service Boms. Gathers what is known of a snapshot or a deployment and hands it out as CycloneDX, signed on request.
#ifndef FIREBREAK_BOM_BOM_DESK_H_
#define FIREBREAK_BOM_BOM_DESK_H_

#include <string>

#include "absl/status/statusor.h"
#include "firebreak/access/caller.h"
#include "firebreak/bom/bom.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/ledger/ledger.h"
#include "firebreak/snapshots/snapshot_vault.h"
#include "firebreak/v1/bom.pb.h"

namespace firebreak {

struct BomOptions {
  std::string service_version;
  std::string log_origin;
};

// Thread-safe. Everything it is given outlives it. Reads only; a BOM is not stored, it can be made again.
class BomDesk {
 public:
  BomDesk(Ledger& ledger, SnapshotVault& vault, EcPrivateKey signing_key, BomOptions options);

  // kInvalidArgument unless exactly one of snapshot and deployment is named; kFailedPrecondition for a deployment that never
  // had anything to serve.
  absl::StatusOr<v1::BuildBomResponse> BuildBom(const Caller& caller, const v1::BuildBomRequest& request);

 private:
  absl::StatusOr<BomFacts> Gather(const Caller& caller, const v1::BuildBomRequest& request);
  absl::StatusOr<BomSnapshot> Describe(const Caller& caller, const std::string& reference, size_t files_max);
  absl::Status AddAncestors(const Caller& caller, BomFacts& facts);

  Ledger& ledger_;
  SnapshotVault& vault_;
  const EcPrivateKey signing_key_;
  const BomOptions options_;
};

}  // namespace firebreak

#endif  // FIREBREAK_BOM_BOM_DESK_H_
