// Which releases were ever decided that hold given snapshots: what a revoked key or a poisoned dataset has reached.
#ifndef FIREBREAK_FLEET_RELEASES_H_
#define FIREBREAK_FLEET_RELEASES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firebreak/storage/meta_store.h"

namespace firebreak {

// "sha256:… of fraud-prod (model/fraud@7), first decided at epoch 3" for each such release of every deployment, over its whole
// history. `snapshots` are digests in text form. kResourceExhausted past 10,000. Reads every decision once.
absl::StatusOr<std::vector<std::string>> ReleasesNaming(const MetaStore& store, const std::vector<std::string>& snapshots);

}  // namespace firebreak

#endif  // FIREBREAK_FLEET_RELEASES_H_
