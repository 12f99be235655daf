// How people and records name snapshots: `model/fraud@7`, `model/fraud` (its newest version) and `sha256:…`. Pure.
#ifndef FIREBREAK_SNAPSHOTS_NAMES_H_
#define FIREBREAK_SNAPSHOTS_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

// "model", "dataset", "config"; empty for unspecified.
std::string_view KindText(v1::SnapshotKind kind);
// kInvalidArgument names the kinds there are.
absl::StatusOr<v1::SnapshotKind> ParseKind(std::string_view text);

// "trained_on", "evaluated_on", "fine_tuned_from", "derived_from", "configured_by"; empty for unspecified.
std::string_view RelationText(v1::LineageRelation relation);
absl::StatusOr<v1::LineageRelation> ParseRelation(std::string_view text);

// model/fraud@7; without the @ part when version is 0.
std::string SnapshotName(v1::SnapshotKind kind, std::string_view name, uint64_t version);
std::string SnapshotName(const v1::Snapshot& snapshot);

// Either `digest` is set, or kind and name are (version 0 = newest).
struct SnapshotReference {
  Digest digest;
  v1::SnapshotKind kind = v1::SNAPSHOT_KIND_UNSPECIFIED;
  std::string name;
  uint64_t version = 0;
};

// kInvalidArgument says what is wrong and how a reference looks.
absl::StatusOr<SnapshotReference> ParseSnapshotReference(std::string_view text);

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_NAMES_H_
