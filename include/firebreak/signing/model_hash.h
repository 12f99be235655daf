// Hashing a model on disk for an OMS signature, and holding a verified signature against one. Memory does not depend on sizes.
#ifndef FIREBREAK_SIGNING_MODEL_HASH_H_
#define FIREBREAK_SIGNING_MODEL_HASH_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/signing/model_files.h"
#include "firebreak/signing/oms.h"

namespace firebreak {

struct ModelHashing {
  std::string hash_type = "sha256";   // or "blake2b"
  uint64_t shard_size_bytes = 0;      // 0 = whole files; otherwise each piece by itself, so that one file keeps all threads busy
  int threads = 0;                    // 0 = one per processor
};

// One resource per file, or per shard (an empty file has none), in the listing's order. Reads every byte once.
// kFailedPrecondition: a file is no longer what was listed, or changed while it was read.
absl::StatusOr<std::vector<OmsResource>> HashModel(const ModelListing& listing, const ModelHashing& hashing);

struct ModelCheck {
  std::vector<std::string> ignore_paths;   // besides those of the signature, relative to the model
  bool ignore_unsigned_files = false;      // what the signature lists must still be there and right
  int threads = 0;
};

// OK when the model is what `signature` says. kDataLoss names each difference (the first ten): a file missing, not listed, of
// another size or digest. Other codes as ListModelFiles and HashModel.
absl::Status CheckModel(const OmsSignature& signature, const std::filesystem::path& model, const ModelCheck& check);

}  // namespace firebreak

#endif  // FIREBREAK_SIGNING_MODEL_HASH_H_
