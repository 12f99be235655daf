// What a snapshot's content is, for client and server alike: rules for paths, the order of files, pages, and the digest over
// all of it. Everything streams: a manifest never has to fit memory or one message. Pure.
#ifndef FIREBREAK_SNAPSHOTS_MANIFEST_H_
#define FIREBREAK_SNAPSHOTS_MANIFEST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

inline constexpr size_t kPathBytesMax = 4096;
inline constexpr size_t kChunkBytesMax = size_t{8} << 20;
inline constexpr size_t kChunkBytesDefault = size_t{1} << 20;   // one block of the fixed chunker
inline constexpr size_t kPageBytesMax = size_t{2} << 20;        // serialised ManifestPage; leaves room in a 4 MiB message
inline constexpr size_t kPageBytesTarget = size_t{1} << 20;     // where writers of pages turn over
inline constexpr uint64_t kPagesMax = 4096;                     // per snapshot
inline constexpr uint64_t kFilesMax = 10'000'000;               // per snapshot
inline constexpr uint64_t kSnapshotBytesMax = uint64_t{1} << 46;   // 64 TiB
// The signature lies beside the content under this name and is never part of it (OMS excludes it as well).
inline constexpr std::string_view kSignatureFileName = "model.sig";

// Relative, '/'-separated, valid UTF-8, no control characters, no empty, '.' or '..' component, no backslash or NUL, at most
// kPathBytesMax bytes, components at most 255. kInvalidArgument quotes the path (escaped) and names the rule.
absl::Status CheckPath(std::string_view path);

// One entry by itself: path, digest lengths, chunk sizes. Not order, not sums.
absl::Status CheckFileEntry(const v1::FileEntry& entry);

// SHA-256 over "firebreak-snapshot-v1\n", the kind's text and '\n', then per file in code-point order of the path:
// u64 length of path, path, u64 size, 32 bytes of file digest (numbers big-endian). Not thread-safe.
class SnapshotDigest {
 public:
  explicit SnapshotDigest(v1::SnapshotKind kind);
  void AddFile(std::string_view path, uint64_t size_bytes, std::string_view file_digest);
  Digest Finish();

 private:
  Sha256Stream stream_;
};

struct ManifestTotals {
  Digest digest;
  uint64_t file_count = 0;
  uint64_t size_bytes = 0;
};

// Takes a manifest's entries in order and refuses what no snapshot may hold: bad paths, wrong order, duplicates, a file that is
// also a folder, chunks that do not add up, continuation entries that do not continue. Not thread-safe.
class ManifestChecker {
 public:
  explicit ManifestChecker(v1::SnapshotKind kind) : digest_(kind) {}
  absl::Status Add(const v1::FileEntry& entry);
  // kInvalidArgument when the last file is incomplete or there is no file at all.
  absl::StatusOr<ManifestTotals> Finish();

 private:
  absl::Status BeginFile(const v1::FileEntry& entry);
  absl::Status CheckFolders(const std::string& path);

  SnapshotDigest digest_;
  std::vector<std::string> open_prefixes_;   // file paths that are a prefix of the newest path
  v1::FileEntry current_;                    // without chunks
  uint64_t chunks_seen_ = 0;
  uint64_t bytes_seen_ = 0;
  bool any_ = false;
  ManifestTotals totals_;
};

// Cuts entries into pages of about kPageBytesTarget, splitting a file whose chunk list is longer. The same entries always
// give the same pages. Not thread-safe.
class PageWriter {
 public:
  // Takes a complete file; answers the pages it filled, in order.
  std::vector<v1::ManifestPage> Add(v1::FileEntry file);
  // The last, partly filled page; without files when there is none.
  v1::ManifestPage Finish();

 private:
  v1::ManifestPage page_;
  size_t bytes_ = 0;
};

// The exact bytes a page is stored and addressed by.
std::string EncodePage(const v1::ManifestPage& page);

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_MANIFEST_H_
