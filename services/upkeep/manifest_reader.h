// Reading manifests for upkeep: pages by their digest, entries in order. Memory is one page.
#ifndef FIREBREAK_SERVICES_UPKEEP_MANIFEST_READER_H_
#define FIREBREAK_SERVICES_UPKEEP_MANIFEST_READER_H_

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "firebreak/storage/chunk_store.h"
#include "firebreak/store/v1/snapshots.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// kDataLoss unless `raw` is 32 bytes.
absl::StatusOr<Digest> ToDigest(const std::string& raw);

// "ab12cd34…"
std::string ShortDigest(const Digest& digest);

// kDataLoss when the page is gone or its bytes are not what its digest says.
absl::StatusOr<v1::ManifestPage> ReadPage(const ChunkStore& chunks, const store::v1::PageRef& ref);

using PageList = google::protobuf::RepeatedPtrField<store::v1::PageRef>;

// Every chunk the pages name, the pages themselves included (with a null entry). Stops at the first error.
absl::Status VisitChunks(const ChunkStore& chunks, const PageList& pages,
                         absl::FunctionRef<absl::Status(const Digest&, const v1::FileEntry*)> visit);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_UPKEEP_MANIFEST_READER_H_
