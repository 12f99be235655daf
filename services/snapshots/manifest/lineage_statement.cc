#include "firebreak/snapshots/lineage_statement.h"

#include <initializer_list>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "firebreak/snapshots/names.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kNameBytesMax = 256;
constexpr size_t kReasonBytesMax = 1000;
constexpr JsonLimits kLimits{.size_bytes_max = kEdgeStatementBytesMax, .depth_max = 8, .values_max = 64};

absl::Status Wrong(std::string_view what) { return absl::InvalidArgumentError(StrCat("lineage statement: ", what)); }

absl::StatusOr<const Struct*> ObjectOf(std::string_view what, const Value& value, std::initializer_list<std::string_view> names) {
  if (value.kind_case() != Value::kStructValue) return Wrong(StrCat(what, " is no object"));
  const Struct& object = value.struct_value();
  for (const std::string_view name : names) {
    if (!object.fields().contains(std::string(name))) return Wrong(StrCat(what, " lacks ", name));
  }
  if (object.fields().size() != names.size()) return Wrong(StrCat(what, " has members that are not known"));
  return &object;
}

absl::StatusOr<std::string> TextOf(const Struct& object, std::string_view name, size_t bytes_max) {
  const Value& value = object.fields().at(std::string(name));
  if (value.kind_case() != Value::kStringValue) return Wrong(StrCat(name, " is no text"));
  if (value.string_value().size() > bytes_max) return Wrong(StrCat(name, " is longer than ", bytes_max, " bytes"));
  return value.string_value();
}

// {"name": …, "digest": {"firebreakSnapshot": …}}
absl::Status ReadResource(std::string_view what, const Value& value, Digest* digest, std::string* name) {
  ASSIGN_OR_RETURN(const Struct* resource, ObjectOf(what, value, {"name", "digest"}));
  ASSIGN_OR_RETURN(*name, TextOf(*resource, "name", kNameBytesMax));
  ASSIGN_OR_RETURN(const Struct* set, ObjectOf(StrCat(what, "'s digest"), resource->fields().at("digest"), {kSnapshotDigestName}));
  ASSIGN_OR_RETURN(const std::string hex, TextOf(*set, kSnapshotDigestName, 64));
  absl::StatusOr<Digest> parsed = Digest::Parse(StrCat("sha256:", hex));
  if (!parsed.ok()) return Wrong(StrCat(what, "'s digest is not 64 lowercase hex digits"));
  *digest = *std::move(parsed);
  return absl::OkStatus();
}

std::string ResourceJson(std::string_view name, const Digest& digest) {
  return StrCat("{\"name\":", QuoteJson(name), ",\"digest\":{\"", kSnapshotDigestName, "\":\"", ToHex(digest.raw()), "\"}}");
}

}  // namespace

std::string EncodeEdgeStatement(const EdgeStatement& statement) {
  const std::string signed_at =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", statement.signed_at, absl::UTCTimeZone());
  return StrCat("{\"_type\":\"", kInTotoStatementType, "\",\"subject\":[", ResourceJson(statement.child_name, statement.child),
                "],\"predicateType\":\"", kEdgePredicateType, "\",\"predicate\":{\"operation\":\"",
                statement.removes ? "remove" : "add", "\",\"relation\":\"", RelationText(statement.relation), "\",\"parent\":",
                ResourceJson(statement.parent_name, statement.parent), ",\"reason\":", QuoteJson(statement.reason),
                ",\"signedAt\":\"", signed_at, "\"}}");
}

absl::StatusOr<EdgeStatement> ParseEdgeStatement(std::string_view payload) {
  absl::StatusOr<Value> json = ParseJson(payload, kLimits);
  if (!json.ok()) return Wrong(MessageOf(json.status()));
  ASSIGN_OR_RETURN(const Struct* top, ObjectOf("it", *json, {"_type", "subject", "predicateType", "predicate"}));
  ASSIGN_OR_RETURN(const std::string type, TextOf(*top, "_type", kNameBytesMax));
  if (type != kInTotoStatementType) return Wrong(StrCat("_type is ", QuoteJson(type), ", not ", kInTotoStatementType));
  ASSIGN_OR_RETURN(const std::string predicate_type, TextOf(*top, "predicateType", kNameBytesMax));
  if (predicate_type != kEdgePredicateType) {
    return Wrong(StrCat("predicateType is ", QuoteJson(predicate_type), ", not ", kEdgePredicateType));
  }
  const Value& subject = top->fields().at("subject");
  if (subject.kind_case() != Value::kListValue || subject.list_value().values_size() != 1) {
    return Wrong("subject is not a list of one");
  }
  EdgeStatement statement;
  RETURN_IF_ERROR(ReadResource("subject", subject.list_value().values(0), &statement.child, &statement.child_name));
  ASSIGN_OR_RETURN(const Struct* predicate, ObjectOf("predicate", top->fields().at("predicate"),
                                                     {"operation", "relation", "parent", "reason", "signedAt"}));
  RETURN_IF_ERROR(ReadResource("parent", predicate->fields().at("parent"), &statement.parent, &statement.parent_name));
  ASSIGN_OR_RETURN(const std::string operation, TextOf(*predicate, "operation", 16));
  if (operation != "add" && operation != "remove") return Wrong("operation is neither add nor remove");
  statement.removes = operation == "remove";
  ASSIGN_OR_RETURN(const std::string relation, TextOf(*predicate, "relation", 32));
  absl::StatusOr<v1::LineageRelation> known = ParseRelation(relation);
  if (!known.ok()) return Wrong(MessageOf(known.status()));
  statement.relation = *known;
  ASSIGN_OR_RETURN(statement.reason, TextOf(*predicate, "reason", kReasonBytesMax));
  if (statement.removes && statement.reason.empty()) return Wrong("a correction needs a reason");
  ASSIGN_OR_RETURN(const std::string signed_at, TextOf(*predicate, "signedAt", 32));
  std::string error;
  if (!absl::ParseTime("%Y-%m-%dT%H:%M:%SZ", signed_at, absl::UTCTimeZone(), &statement.signed_at, &error)) {
    return Wrong("signedAt is no time like 2026-01-31T10:00:00Z");
  }
  return statement;
}

}  // namespace firebreak
