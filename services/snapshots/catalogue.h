// Catalogue: finding snapshots by name, version and digest, and listing them. Reads only; quarantine and taint are filled in.
#ifndef FIREBREAK_SERVICES_SNAPSHOTS_CATALOGUE_H_
#define FIREBREAK_SERVICES_SNAPSHOTS_CATALOGUE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/meta_store.h"
#include "firebreak/store/v1/snapshots.pb.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// Thread-safe. `store` outlives it.
class Catalogue {
 public:
  Catalogue(const MetaStore& store, size_t lineage_nodes_max) : store_(store), lineage_nodes_max_(lineage_nodes_max) {}

  // kNotFound names the nearest known name, or the newest version.
  absl::StatusOr<v1::Snapshot> Resolve(std::string_view name_or_digest) const;

  absl::StatusOr<v1::Snapshot> LoadByDigest(const std::string& digest) const;
  absl::StatusOr<store::v1::Manifest> LoadManifest(const std::string& digest) const;

  absl::StatusOr<v1::ListSnapshotsResponse> List(const v1::ListSnapshotsRequest& request) const;

 private:
  absl::StatusOr<v1::Snapshot> LoadVersion(const SnapshotReference& reference) const;
  absl::Status UnknownName(const SnapshotReference& reference) const;

  const MetaStore& store_;
  size_t lineage_nodes_max_;
};

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_SNAPSHOTS_CATALOGUE_H_
