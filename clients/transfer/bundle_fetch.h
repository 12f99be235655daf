// Fetching a snapshot's signature bundle and checking it against keys the caller trusts, whatever the server says.
#ifndef FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_
#define FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/snapshots/bundle_match.h"
#include "firebreak/transfer/snapshot_port.h"
#include "firebreak/transfer/transfer.h"

namespace firebreak {

// Not thread-safe.
struct FetchedBundle {
  std::string bytes;
  std::string key_id;       // of the key that verified; empty before Verify
  BundleMatcher matcher;    // to be fed the files; says nothing unless verified

  bool verified() const { return !key_id.empty(); }
  // kDataLoss when no key verifies it.
  absl::Status Verify(const std::vector<EcPublicKey>& trusted_keys);
};

absl::StatusOr<FetchedBundle> FetchBundle(SnapshotPort& port, const Digest& digest, const RetryPolicy& retry);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_
