// Holds a verified bundle against stored content whatever it was hashed with: file digests are compared where the bundle has
// them, and the bytes are read and hashed again where it has others (blake2b, shards).
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_MATCH_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_MATCH_H_

#include "absl/status/status.h"
#include "firebreak/signing/oms.h"
#include "services/snapshots/content.h"

namespace firebreak {

// Whether every byte has to be read to compare: the manifest knows SHA-256 of whole files only.
bool NeedsBytes(const OmsSignature& signature);

// OK when content and bundle list the same files with the same digests. kInvalidArgument names each mismatch (the first ten).
// Reads chunk by chunk; memory is the bundle's list and one chunk.
absl::Status MatchContent(const ChunkStore& chunks, const PageRefs& pages, const OmsSignature& signature);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_MATCH_H_
