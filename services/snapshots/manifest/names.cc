#include "firebreak/snapshots/names.h"

#include "absl/strings/numbers.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"

namespace firebreak {

std::string_view KindText(v1::SnapshotKind kind) {
  switch (kind) {
    case v1::SNAPSHOT_KIND_MODEL: return "model";
    case v1::SNAPSHOT_KIND_DATASET: return "dataset";
    case v1::SNAPSHOT_KIND_CONFIG: return "config";
    case v1::SNAPSHOT_KIND_UNSPECIFIED:
    case v1::SnapshotKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::SnapshotKind_INT_MAX_SENTINEL_DO_NOT_USE_: return "";
  }
  return "";   // a number this version does not know
}

absl::StatusOr<v1::SnapshotKind> ParseKind(std::string_view text) {
  for (v1::SnapshotKind kind : {v1::SNAPSHOT_KIND_MODEL, v1::SNAPSHOT_KIND_DATASET, v1::SNAPSHOT_KIND_CONFIG}) {
    if (text == KindText(kind)) return kind;
  }
  return absl::InvalidArgumentError(StrCat("'", text, "' is no kind of snapshot: use model, dataset or config"));
}

std::string_view RelationText(v1::LineageRelation relation) {
  switch (relation) {
    case v1::LINEAGE_RELATION_TRAINED_ON: return "trained_on";
    case v1::LINEAGE_RELATION_EVALUATED_ON: return "evaluated_on";
    case v1::LINEAGE_RELATION_FINE_TUNED_FROM: return "fine_tuned_from";
    case v1::LINEAGE_RELATION_DERIVED_FROM: return "derived_from";
    case v1::LINEAGE_RELATION_CONFIGURED_BY: return "configured_by";
    case v1::LINEAGE_RELATION_UNSPECIFIED:
    case v1::LineageRelation_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::LineageRelation_INT_MAX_SENTINEL_DO_NOT_USE_: return "";
  }
  return "";
}

absl::StatusOr<v1::LineageRelation> ParseRelation(std::string_view text) {
  for (v1::LineageRelation relation :
       {v1::LINEAGE_RELATION_TRAINED_ON, v1::LINEAGE_RELATION_EVALUATED_ON, v1::LINEAGE_RELATION_FINE_TUNED_FROM,
        v1::LINEAGE_RELATION_DERIVED_FROM, v1::LINEAGE_RELATION_CONFIGURED_BY}) {
    if (text == RelationText(relation)) return relation;
  }
  return absl::InvalidArgumentError(StrCat("'", text, "' is no lineage relation: use trained_on, evaluated_on, ",
                                           "fine_tuned_from, derived_from or configured_by"));
}

std::string SnapshotName(v1::SnapshotKind kind, std::string_view name, uint64_t version) {
  std::string text = StrCat(KindText(kind), "/", name);
  if (version > 0) StrAppend(&text, "@", version);
  return text;
}

std::string SnapshotName(const v1::Snapshot& snapshot) {
  return SnapshotName(snapshot.kind(), snapshot.name(), snapshot.version());
}

absl::StatusOr<SnapshotReference> ParseSnapshotReference(std::string_view text) {
  constexpr std::string_view kShape = "write model/<name>@<version>, model/<name> or sha256:<64 hex digits>";
  SnapshotReference reference;
  if (text.empty()) return absl::InvalidArgumentError(StrCat("no snapshot named: ", kShape));
  if (text.size() > 256) return absl::InvalidArgumentError(StrCat("snapshot reference longer than 256 bytes: ", kShape));
  if (text.substr(0, 7) == "sha256:") {
    ASSIGN_OR_RETURN(reference.digest, Digest::Parse(text));
    return reference;
  }
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat("'", text, "' does not say its kind: ", kShape));
  }
  ASSIGN_OR_RETURN(reference.kind, ParseKind(text.substr(0, slash)));
  std::string_view rest = text.substr(slash + 1);
  const size_t at = rest.find('@');
  if (at != std::string_view::npos) {
    const std::string_view number = rest.substr(at + 1);
    const bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits || number.front() == '0' || !absl::SimpleAtoi(ToAbsl(number), &reference.version)) {
      return absl::InvalidArgumentError(StrCat("'", text, "': the version after @ must be 1, 2, 3 …: ", kShape));
    }
    rest = rest.substr(0, at);
  }
  RETURN_IF_ERROR(CheckName("snapshot name", rest));
  reference.name = std::string(rest);
  return reference;
}

}  // namespace firebreak
