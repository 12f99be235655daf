// Fetching a snapshot's signature bundle and checking it against keys and authorities the caller trusts, whatever the server says.
#ifndef FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_
#define FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "clients/transfer/spool.h"
#include "firebreak/base/ids.h"
#include "firebreak/signing/oms_stream.h"
#include "firebreak/snapshots/bundle_match.h"
#include "firebreak/transfer/pull.h"
#include "firebreak/transfer/snapshot_port.h"
#include "firebreak/transfer/transfer.h"

namespace firebreak {

// Every entry of the snapshot's files, from the first.
using ListEntries = absl::FunctionRef<absl::Status(absl::FunctionRef<absl::Status(const v1::FileEntry&)>)>;

// Memory: a few MiB, however many files it lists, as long as it signs files by their SHA-256. Not thread-safe.
class FetchedBundle {
 public:
  FetchedBundle(std::unique_ptr<Spool> bytes, std::string note) : bytes_(std::move(bytes)), note_(std::move(note)) {}

  ByteSource& bytes() { return *bytes_; }
  bool verified() const { return seal_.has_value(); }
  const OmsSeal& signature() const { return *seal_; }   // once verified

  // kDataLoss when neither a key nor an authority stands for it, with what the server says of it.
  absl::Status Verify(const SignatureTrust& trust);
  // Every file of the snapshot, once verified.
  void Add(const v1::FileEntry& entry);
  // Whether the files were what is signed. What the manifest cannot tell (blake2b, shards) is hashed again in `folder`, which
  // holds them. kDataLoss names what differs, for which `list` is gone through again.
  absl::Status Finish(const std::filesystem::path& folder, int threads, ListEntries list);

 private:
  absl::Status VerifyWith(const SignatureTrust& trust);
  absl::StatusOr<OmsSeal> ReadVerified(const SignatureTrust& trust);
  absl::Status Compare(ListEntries list);
  absl::Status CheckFolder(const std::filesystem::path& folder, int threads);

  std::unique_ptr<Spool> bytes_;
  std::string note_;   // of the server
  std::optional<OmsBundle> bundle_;
  std::optional<OmsSeal> seal_;
  BundleMatcher matcher_;                           // when file digests are enough
  std::optional<OmsSignature> held_;                // otherwise
  absl::flat_hash_set<std::string> signed_names_;
  std::vector<std::string> unsigned_;
  std::string first_path_;
};

// That of a key in `trust`, if it has one; otherwise the one that the server prefers: one that counts now, if there is any. What is
// long waits in `folder`.
absl::StatusOr<FetchedBundle> FetchBundle(SnapshotPort& port, const Digest& digest, const SignatureTrust& trust,
                                          const RetryPolicy& retry, const std::filesystem::path& folder);

}  // namespace firebreak

#endif  // FIREBREAK_CLIENTS_TRANSFER_BUNDLE_FETCH_H_
