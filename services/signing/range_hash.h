// Hashing one byte range of one file of a model, reading ahead where a thread is free for it. Private to this folder.
#ifndef FIREBREAK_SERVICES_SIGNING_RANGE_HASH_H_
#define FIREBREAK_SERVICES_SIGNING_RANGE_HASH_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "firebreak/crypto/hash_stream.h"
#include "firebreak/signing/model_files.h"

namespace firebreak::oms {

enum class Reading { kInline, kAhead };   // kAhead: a second thread reads while this one hashes; so it is for what is not in memory

struct FileRange {
  uint64_t start = 0;
  uint64_t end = 0;   // exclusive
};

// Raw digest. kFailedPrecondition when the file is not what `listing` says, before or after.
absl::StatusOr<std::string> HashRange(const ModelListing& listing, const ModelFile& file, FileRange range,
                                      HashAlgorithm algorithm, Reading reading);

}  // namespace firebreak::oms

#endif  // FIREBREAK_SERVICES_SIGNING_RANGE_HASH_H_
