// Fetching a snapshot's signature bundle and checking it against keys and authorities the caller trusts, whatever the server says.
#ifndef FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_
#define FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/signing/oms.h"
#include "firebreak/snapshots/bundle_match.h"
#include "firebreak/transfer/pull.h"
#include "firebreak/transfer/snapshot_port.h"
#include "firebreak/transfer/transfer.h"

namespace firebreak {

// Not thread-safe.
class FetchedBundle {
 public:
  FetchedBundle(std::string bytes, std::string note) : bytes_(std::move(bytes)), note_(std::move(note)) {}

  const std::string& bytes() const { return bytes_; }
  bool verified() const { return signature_.has_value(); }
  const OmsSignature& signature() const { return *signature_; }   // once verified

  // kDataLoss when neither a key nor an authority stands for it, with what the server says of it.
  absl::Status Verify(const SignatureTrust& trust);
  // Every file of the snapshot, once verified.
  void Add(const v1::FileEntry& entry);
  // Whether the files were what is signed. What the manifest cannot tell (blake2b, shards) is hashed again in `folder`, which
  // holds them. kDataLoss names what differs.
  absl::Status Finish(const std::filesystem::path& folder, int threads);

 private:
  absl::StatusOr<OmsSignature> VerifyWith(const SignatureTrust& trust) const;

  std::string bytes_;
  std::string note_;   // of the server
  std::optional<OmsSignature> signature_;
  std::optional<BundleMatcher> matcher_;            // when file digests are enough
  absl::flat_hash_set<std::string> signed_names_;   // otherwise
  std::vector<std::string> unsigned_;
  std::string first_path_;
};

// That of a key in `trust`, if it has one; otherwise the one that the server prefers: one that counts now, if there is any.
absl::StatusOr<FetchedBundle> FetchBundle(SnapshotPort& port, const Digest& digest, const SignatureTrust& trust, const RetryPolicy& retry);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_
