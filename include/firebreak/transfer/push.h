// PushFolder: one pass over a folder's bytes that hashes, asks what the other side lacks, sends only that, signs with the
// publisher's own key, and commits. Memory is bounded by TransferLimits whatever the folder's size.
#ifndef FIREBREAK_TRANSFER_PUSH_H_
#define FIREBREAK_TRANSFER_PUSH_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/byte_source.h"
#include "firebreak/crypto/sign.h"
#include "firebreak/transfer/snapshot_port.h"
#include "firebreak/transfer/transfer.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

struct PushOptions {
  std::filesystem::path folder;                 // or one regular file
  v1::SnapshotKind kind = v1::SNAPSHOT_KIND_UNSPECIFIED;
  std::string name;
  std::vector<v1::LineageEdge> lineage;         // relation + parent_name or parent_digest
  std::map<std::string, std::string> labels;
  std::string description;

  // Exactly one of the two. A bundle is sent as it is; files it ignores are left out.
  std::optional<EcPrivateKey> signing_key;
  std::shared_ptr<ByteSource> bundle;           // of one push at a time

  std::vector<std::string> ignore_paths;        // relative to the folder, exact paths and all below
  std::string request_id;                       // empty = made from the options and the files' names, sizes and times, so that
                                                // running the same push again resumes it
  bool validate_only = false;                   // everything is sent and checked, nothing is kept as a snapshot
  RetryPolicy retry;
  TransferLimits limits;
};

struct PushResult {
  v1::Snapshot snapshot;
  bool already_existed = false;
  uint64_t bytes_sent = 0;                      // chunk bytes that crossed the port
};

// Refuses symlinks and special files (kInvalidArgument naming them) unless ignored. `model.sig` and, at the root, .git,
// .gitignore, .gitattributes and .github are left out, as OMS does. kFailedPrecondition: a file changed while it was read.
absl::StatusOr<PushResult> PushFolder(SnapshotPort& port, const PushOptions& options, const ProgressCallback& progress = {});

// A copy of a bundle file (or of what a pipe gives), which is read again and again and must stay the same; what is long lies in a file
// of its own in TMPDIR. kNotFound when there is none.
absl::StatusOr<std::shared_ptr<ByteSource>> OpenBundleFile(const std::filesystem::path& path);

// The content digest the folder would have, without sending anything.
absl::StatusOr<v1::Snapshot> HashFolder(const PushOptions& options);

}  // namespace firebreak

#endif  // FIREBREAK_TRANSFER_PUSH_H_
