// One lineage edge as an in-toto statement: what a publisher signs to add an edge after the push, or to correct one. The exact
// bytes are signed (DSSE), kept and verified; nothing is re-serialised. Pure.
#ifndef FIREBREAK_SNAPSHOTS_LINEAGE_STATEMENT_H_
#define FIREBREAK_SNAPSHOTS_LINEAGE_STATEMENT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firebreak/base/ids.h"
#include "firebreak/v1/snapshot.pb.h"

namespace firebreak {

inline constexpr std::string_view kInTotoPayloadType = "application/vnd.in-toto+json";
inline constexpr std::string_view kInTotoStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kEdgePredicateType = "https://firebreak.dev/lineage-edge/v1";
// Name of a snapshot's digest in an in-toto DigestSet: it is no SHA-256 of one file's bytes, so it must not be called one.
inline constexpr std::string_view kSnapshotDigestName = "firebreakSnapshot";
inline constexpr size_t kEdgeStatementBytesMax = 8192;

struct EdgeStatement {
  bool removes = false;
  v1::LineageRelation relation = v1::LINEAGE_RELATION_UNSPECIFIED;
  Digest child;
  std::string child_name;    // model/fraud@7, for people
  Digest parent;
  std::string parent_name;
  std::string reason;        // required when it removes
  absl::Time signed_at;      // whole seconds; what makes the same wish, signed again, another statement
};

std::string EncodeEdgeStatement(const EdgeStatement& statement);

// Strict: every member known, of its type, and there. kInvalidArgument says which is not.
absl::StatusOr<EdgeStatement> ParseEdgeStatement(std::string_view payload);

}  // namespace firebreak

#endif  // FIREBREAK_SNAPSHOTS_LINEAGE_STATEMENT_H_
