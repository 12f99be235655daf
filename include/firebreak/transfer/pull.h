// PullSnapshot: brings a snapshot into a folder, checking every chunk, every file, the snapshot's digest and, when keys are
// given, the signature. The target appears complete or not at all.
#ifndef FIREBREAK_TRANSFER_PULL_H_
#define FIREBREAK_TRANSFER_PULL_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/transfer/snapshot_port.h"
#include "firebreak/transfer/transfer.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Whom the caller trusts, whatever the server says; empty = the signature is not checked. One of several signatures is enough.
struct SignatureTrust {
  std::vector<EcPublicKey> keys;
  std::string roots_pem;                   // certificates of authorities; any code-signing certificate below one of them counts
  absl::Time now = absl::InfinitePast();   // when a certificate must be valid

  bool empty() const { return keys.empty() && roots_pem.empty(); }
};

struct PullOptions {
  SignatureTrust trust;                    // the bundle must verify with it, over every file; any form `oms verify-model` knows but 0.2
  bool write_bundle = true;                // keep the bundle as model.sig beside the files, for any OMS tool
  RetryPolicy retry;
  TransferLimits limits;
};

struct PullResult {
  v1::Snapshot snapshot;
  std::string signer_key_id;               // of the key, or certificate, that verified; empty when none was asked for
  std::vector<std::string> signer_identities;   // with a certificate: who it says signs
  uint64_t bytes_received = 0;             // chunk bytes that crossed the port; a resumed pull fetches only what is missing
};

// Writes to a hidden folder beside `target`, named after the digest, and renames at the end; after a cut the same call goes on
// from there. kAlreadyExists when `target` exists. kDataLoss when any byte, path order, digest or signature is not as promised:
// nothing is left at `target`. The caller compares nothing: `digest` decides.
absl::StatusOr<PullResult> PullSnapshot(SnapshotPort& port, const Digest& digest, const std::filesystem::path& target,
                                        const PullOptions& options, const ProgressCallback& progress = {});

// Checks that a folder on disk is exactly the snapshot whose files `port` lists, without fetching content; the findings are
// empty when it is.
absl::StatusOr<std::vector<std::string>> CompareFolder(SnapshotPort& port, const Digest& digest,
                                                       const std::filesystem::path& folder);

}  // namespace firebreak

#endif  // FIREBREAK_TRANSFER_PULL_H_
