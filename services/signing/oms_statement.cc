#include "services/signing/oms_statement.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "services/signing/members.h"

namespace firebreak {
namespace oms {
namespace {

constexpr double kShardSizeMax = 9007199254740992.0;  // 2^53: the number came through JSON

size_t DigestDigits(std::string_view hash_type) { return hash_type == "sha256" ? 64 : 128; }

absl::StatusOr<uint64_t> ParseOffset(std::string_view what, std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool has_leading_zero = text.size() > 1 && text[0] == '0';
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || has_leading_zero) {
    return absl::InvalidArgumentError(StrCat(what, ": ", QuoteJson(text), " is not a byte offset"));
  }
  return value;
}

// "path:start:end", where the path may hold colons of its own.
absl::Status SplitShardName(std::string_view what, OmsResource& resource) {
  const std::string full = resource.name;
  const size_t last = full.rfind(':');
  const size_t before = last == std::string::npos || last == 0 ? std::string::npos : full.rfind(':', last - 1);
  if (before == std::string::npos) return absl::InvalidArgumentError(StrCat(what, ": not of the form path:start:end"));
  const std::string_view view = full;
  ASSIGN_OR_RETURN(resource.shard_start, ParseOffset(what, view.substr(before + 1, last - before - 1)));
  ASSIGN_OR_RETURN(resource.shard_end, ParseOffset(what, view.substr(last + 1)));
  resource.name = full.substr(0, before);
  return absl::OkStatus();
}

absl::Status ReadShardSize(const Members& serialization, OmsSeal& out) {
  const Value* size = serialization.Find("shard_size");
  if (out.method == OmsMethod::kFiles) {
    if (size == nullptr) return absl::OkStatus();
    return absl::InvalidArgumentError("serialization: shard_size belongs to method shards only");
  }
  if (size == nullptr) return absl::InvalidArgumentError("serialization: shard_size is missing");
  const double number = size->has_number_value() ? size->number_value() : 0;
  if (number < 1 || number > kShardSizeMax || std::trunc(number) != number) {
    return absl::InvalidArgumentError("serialization: shard_size is not a whole number of bytes");
  }
  out.shard_size_bytes = static_cast<uint64_t>(number);
  return absl::OkStatus();
}

absl::Status CopyIgnorePaths(const Members& serialization, OmsSeal& out) {
  if (serialization.Find("ignore_paths") == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ListValue* paths, serialization.LoadList("ignore_paths"));
  for (const Value& path : paths->values()) {
    if (!path.has_string_value()) return absl::InvalidArgumentError("serialization: an ignore path is not a string");
    RETURN_IF_ERROR(CheckIgnorePath(path.string_value()));
    out.ignore_paths.push_back(path.string_value());
  }
  return absl::OkStatus();
}

absl::Status ReadSerialization(const Members& predicate, OmsSeal& out) {
  ASSIGN_OR_RETURN(const Members serialization, predicate.LoadObject("serialization", "serialization"));
  RETURN_IF_ERROR(
      serialization.RefuseOthersThan({"method", "hash_type", "allow_symlinks", "shard_size", "ignore_paths"}));
  ASSIGN_OR_RETURN(const std::string method, serialization.LoadString("method"));
  if (method != "files" && method != "shards") {
    return absl::InvalidArgumentError(StrCat("serialization: unknown method ", QuoteJson(method)));
  }
  out.method = method == "files" ? OmsMethod::kFiles : OmsMethod::kShards;
  ASSIGN_OR_RETURN(out.hash_type, serialization.LoadString("hash_type"));
  if (out.hash_type == "blake3") {
    return absl::FailedPreconditionError("serialization: hash_type blake3 is not supported; sign with sha256");
  }
  if (out.hash_type != "sha256" && out.hash_type != "blake2b") {
    return absl::InvalidArgumentError(StrCat("serialization: unknown hash_type ", QuoteJson(out.hash_type)));
  }
  ASSIGN_OR_RETURN(out.allow_symlinks, serialization.LoadBool("allow_symlinks"));
  RETURN_IF_ERROR(ReadShardSize(serialization, out));
  return CopyIgnorePaths(serialization, out);
}

// Members beyond the three are the spec's extension point and ignored.
absl::Status ReadResource(const Value& entry, const OmsSeal& out, OmsResource& resource) {
  ASSIGN_OR_RETURN(const Members members, Members::Of("resource", entry));
  ASSIGN_OR_RETURN(resource.name, members.LoadString("name"));
  ASSIGN_OR_RETURN(resource.digest_hex, members.LoadString("digest"));
  ASSIGN_OR_RETURN(const std::string algorithm, members.LoadString("algorithm"));
  const std::string what = StrCat("resource ", QuoteJson(resource.name));
  // The spec says hash_type; the Python and Go signers write the other spelling for shards.
  const bool is_spelled_out = out.method == OmsMethod::kShards &&
                              algorithm == StrCat(out.hash_type, "-sharded-", out.shard_size_bytes);
  if (algorithm != out.hash_type && !is_spelled_out) {
    return absl::InvalidArgumentError(
        StrCat(what, ": algorithm ", QuoteJson(algorithm), " is not the hash_type ", out.hash_type));
  }
  resource.algorithm = out.hash_type;
  RETURN_IF_ERROR(CheckDigest(what, resource.digest_hex, DigestDigits(out.hash_type)));
  return out.method == OmsMethod::kShards ? SplitShardName(what, resource) : absl::OkStatus();
}

absl::Status ReadPredicate(const Members& statement, uint64_t resources, OmsSeal& out) {
  ASSIGN_OR_RETURN(const Members predicate, statement.LoadObject("predicate", "predicate"));
  RETURN_IF_ERROR(predicate.RefuseOthersThan({"resources", "serialization"}));
  RETURN_IF_ERROR(ReadSerialization(predicate, out));
  RETURN_IF_ERROR(predicate.LoadList("resources").status());
  if (resources == 0) return absl::InvalidArgumentError("predicate: resources is empty, so the signature covers nothing");
  if (resources > kOmsResourcesMax) {
    return absl::InvalidArgumentError(StrCat("predicate: lists ", resources, " resources; at most ", kOmsResourcesMax, " are read"));
  }
  out.resource_count = resources;
  return absl::OkStatus();
}

absl::Status CheckStatementTypes(const Members& statement) {
  ASSIGN_OR_RETURN(const std::string type, statement.LoadString("_type"));
  if (type != kStatementType) {
    return absl::InvalidArgumentError(StrCat("statement: _type is ", QuoteJson(type), ", not ", kStatementType));
  }
  ASSIGN_OR_RETURN(const std::string predicate_type, statement.LoadString("predicateType"));
  // Minor versions only add (VERSIONING.md); what they add inside the predicate is still refused as unknown.
  const std::string_view minor =
      predicate_type.starts_with(kPredicateTypePrefix)
          ? std::string_view(predicate_type).substr(kPredicateTypePrefix.size())
          : std::string_view();
  if (minor.size() > 4 || !ParseOffset("minor version", minor).ok()) {
    return absl::InvalidArgumentError(
        StrCat("statement: predicateType is ", QuoteJson(predicate_type), ", not ", kPredicateType));
  }
  return absl::OkStatus();
}

// Reads the subject's name and answers its root digest.
absl::StatusOr<std::string> ReadSubject(const Members& statement, OmsSeal& out) {
  ASSIGN_OR_RETURN(const ListValue* subjects, statement.LoadList("subject"));
  if (subjects->values_size() != 1) {
    return absl::InvalidArgumentError(StrCat("statement: has ", subjects->values_size(), " subjects, not exactly one"));
  }
  ASSIGN_OR_RETURN(const Members subject, Members::Of("subject", subjects->values(0)));
  ASSIGN_OR_RETURN(out.model_name, subject.LoadString("name"));
  if (out.model_name.empty()) return absl::InvalidArgumentError("subject: the name is empty");
  ASSIGN_OR_RETURN(const Members digests, subject.LoadObject("digest", "subject digest"));
  ASSIGN_OR_RETURN(std::string root, digests.LoadString("sha256"));
  RETURN_IF_ERROR(CheckDigest("subject", root, 64));
  return root;
}

// From the beginning, everything but the resources, which `element` takes.
absl::StatusOr<JsonDocument> ReadPayload(Pieces& payload, std::function<absl::Status(const Value&)> element) {
  payload.Restart();
  JsonParts parts;
  parts.list_path = {"predicate", "resources"};
  parts.element = std::move(element);
  absl::StatusOr<JsonDocument> document = ReadJson([&] { return payload.Next(); }, kStatementLimits, parts);
  return document;
}

// Signers before 1.1 called the only file of a single-file model ".".
bool MayBeOldSingleFile(const OmsSeal& statement, BundleAge age) {
  return age == BundleAge::kMayBeBefore11 && statement.method == OmsMethod::kFiles && statement.ignore_paths.empty() &&
         statement.resource_count == 1;
}

}  // namespace

absl::StatusOr<OmsSeal> ReadStatement(Pieces& payload, BundleAge age, OmsVisitor visit) {
  OmsSeal out;
  std::string signed_root;
  {
    const absl::StatusOr<JsonDocument> document = ReadPayload(payload, nullptr);
    if (!document.ok()) return Annotate(document.status(), "statement");
    ASSIGN_OR_RETURN(const Members statement, Members::Of("statement", document->root));
    RETURN_IF_ERROR(statement.RefuseOthersThan({"_type", "subject", "predicateType", "predicate"}));
    RETURN_IF_ERROR(CheckStatementTypes(statement));
    ASSIGN_OR_RETURN(signed_root, ReadSubject(statement, out));
    RETURN_IF_ERROR(ReadPredicate(statement, document->elements, out));
  }
  const bool may_be_dot = MayBeOldSingleFile(out, age);
  const NameCheck names(out.ignore_paths);
  Sha256Stream root;
  absl::Status refused;
  OmsResource resource;
  const auto take = [&](const Value& entry) -> absl::Status {
    resource = OmsResource();
    RETURN_IF_ERROR(ReadResource(entry, out, resource));
    if (!may_be_dot || resource.name != ".") RETURN_IF_ERROR(names.Check(resource.name));
    ASSIGN_OR_RETURN(const std::string raw, FromHex(resource.digest_hex));
    root.Update(raw);
    return visit(resource);
  };
  const absl::StatusOr<JsonDocument> document = ReadPayload(payload, [&](const Value& entry) { return refused = take(entry); });
  if (!refused.ok()) return refused;
  if (!document.ok()) return Annotate(document.status(), "statement");
  out.root = root.Finish();
  if (ToHex(out.root.raw()) != signed_root) {
    return absl::DataLossError(StrCat("statement: the resources have root digest ", ToHex(out.root.raw()),
                                      ", but the subject says ", signed_root));
  }
  return out;
}

absl::StatusOr<std::vector<std::string>> ReadIgnorePaths(Pieces& payload) {
  const absl::StatusOr<JsonDocument> document = ReadPayload(payload, nullptr);
  if (!document.ok()) return Annotate(document.status(), "statement");
  ASSIGN_OR_RETURN(const Members statement, Members::Of("statement", document->root));
  ASSIGN_OR_RETURN(const Members predicate, statement.LoadObject("predicate", "predicate"));
  ASSIGN_OR_RETURN(const Members serialization, predicate.LoadObject("serialization", "serialization"));
  OmsSeal out;
  RETURN_IF_ERROR(CopyIgnorePaths(serialization, out));
  return std::move(out.ignore_paths);
}

}  // namespace oms

absl::StatusOr<Digest> OmsRootDigest(const std::vector<OmsResource>& resources) {
  Sha256Stream stream;
  for (const OmsResource& resource : resources) {
    const absl::StatusOr<std::string> raw = FromHex(resource.digest_hex);
    if (!raw.ok()) return Annotate(raw.status(), StrCat("resource ", QuoteJson(resource.name)));
    stream.Update(*raw);
  }
  return stream.Finish();
}

}  // namespace firebreak
