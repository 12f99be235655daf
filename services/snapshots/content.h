// Reading a stored snapshot's content back: manifest pages by their hash, files by their chunks. Memory is one page and, for
// ProveContent, about 20 MiB of chunks, whatever the snapshot's size.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "firebreak/snapshots/manifest.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/store/v1/snapshots.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

using PageRefs = google::protobuf::RepeatedPtrField<store::v1::PageRef>;
using ChunkRefs = google::protobuf::RepeatedPtrField<v1::ChunkRef>;

// kDataLoss when the page is gone or its bytes are not what they were.
absl::StatusOr<v1::ManifestPage> LoadPage(const ChunkStore& chunks, const store::v1::PageRef& ref);

// Every entry of every page in order; stops at the first error, of a page or of `visit`.
absl::Status ForEachEntry(const ChunkStore& chunks, const PageRefs& pages,
                          absl::FunctionRef<absl::Status(const v1::FileEntry&)> visit);

// Runs the manifest's rules over the pages, hands each entry to `visit`, and lists the chunks that are not stored (the first
// `missing_max`; missing_total counts all).
struct ManifestReport {
  ManifestTotals totals;
  uint64_t chunk_count = 0;
  std::vector<std::string> missing;   // "file 'x': chunk ab12… (chunk 3)"
  uint64_t missing_total = 0;
};
absl::StatusOr<ManifestReport> ExamineManifest(const ChunkStore& chunks, v1::SnapshotKind kind, const PageRefs& pages,
                                               absl::FunctionRef<absl::Status(const v1::FileEntry&)> visit);

struct ContentReport {
  std::vector<std::string> findings;   // at most findings_max
  uint64_t findings_total = 0;
  uint64_t bytes_read = 0;
};
// Reads every chunk of every file and compares sizes and file digests, on threads of its own; a damaged
// file is read once more to name the chunk. Findings come in the manifest's order.
// An error only when a page cannot be read; damage is a finding. Stops after `findings_max`.
// `proven`: of the files in order, whether they need not be read, because they were hashed before; fewer than there are: all others
// are read.
absl::StatusOr<ContentReport> ProveContent(const ChunkStore& chunks, const PageRefs& pages, size_t findings_max,
                                           const std::vector<bool>& proven = {});

// Stores bytes as chunks of at most kChunkBytesDefault. Not synced.
absl::StatusOr<ChunkRefs> StoreBytes(ChunkStore& chunks, std::string_view bytes);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_H_
