// Holds a verified bundle against stored content whatever it was hashed with: file digests are compared where the bundle has
// them, and the bytes are read and hashed again where it has others (blake2b, shards). Memory is one page and one chunk.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_MATCH_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_MATCH_H_

#include "absl/status/status.h"
#include "firebreak/signing/oms_stream.h"
#include "firebreak/snapshots/bundle_match.h"
#include "services/snapshots/content.h"

namespace firebreak {

// OK when content and bundle list the same files with the same digests. kInvalidArgument names each mismatch (the first ten).
// `matcher` has what is signed, `seal` is what reading it answered, and `bundle` is read again when they differ.
absl::Status MatchContent(const ChunkStore& chunks, const PageRefs& pages, OmsBundle& bundle, const OmsSeal& seal,
                          BundleMatcher& matcher);

// The same once `matcher` has the content as well.
absl::Status CheckMatch(const ChunkStore& chunks, const PageRefs& pages, OmsBundle& bundle, const OmsSeal& seal,
                        const BundleMatcher& matcher);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_CONTENT_MATCH_H_
