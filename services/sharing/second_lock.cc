#include "firebreak/sharing/second_lock.h"

#include <string>

#include "absl/container/flat_hash_set.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/base/text.h"
#include "re2/re2.h"
#include "services/sharing/vocabulary.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

// Member names and fixed values of the STIX objects we write.
const absl::flat_hash_set<std::string>& Words() {
  static const auto& words = *new absl::flat_hash_set<std::string>{
      "AI incident (anonymised)", "Approve roll-back", "Contain serving", "Quarantine snapshots", "Roll back to last verified snapshot",
      "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:CLEAR", "TLP:GREEN", "TLP:RED", "Verify restoration target", "Write report",
      "ai-incident", "alteration", "amber", "amber+strict", "automated-tool", "bundle", "clear", "closed", "confirmed", "containment", "false-positive", "suspected",
      "created", "criticality", "detection_methods", "determination", "escalated", "extension_type", "extensions",
      "external_id", "external_references", "green", "human-review", "id", "impact", "impact_category", "impact_refs", "incident",
      "information_type", "integrity-ext", "investigation_status", "labels", "marking-definition", "mitre-atlas", "modified", "name",
      "new-sdo", "not-applicable", "object_marking_refs", "objects", "open", "outcome", "partial-modification",
      "property-extension", "recoverability", "recovery", "red", "regular", "related-to", "relationship", "relationship_type",
      "reported", "source_name", "source_ref", "spec_version", "successful", "system", "target_ref", "task", "task_types", "tlp_2_0",
      "type", "2.1", "extension-definition--ef765651-680c-498d-9894-99799f2fa126",
      "extension-definition--7cc33dd6-f6a1-489b-98ea-522d351d71b9", "extension-definition--2074a052-8be4-4932-849e-f5e7798e0030",
      "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"};
  return words;
}

template <typename Words>
bool IsOneOf(std::string_view word, const Words& words) {
  for (std::string_view known : words) {
    if (known == word) return true;
  }
  return false;
}

bool IsLabel(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = text.substr(0, colon), value = text.substr(colon + 1);
  if (name == "kind") return IsOneOf(value, vocabulary::kKinds);
  if (name == "outcome") return IsOneOf(value, vocabulary::kOutcomes);
  if (name == "time-to-detect" || name == "time-to-contain" || name == "time-to-recover") return IsOneOf(value, vocabulary::kDurations);
  if (name == "affected-models" || name == "affected-datasets") return IsOneOf(value, vocabulary::kCounts);
  return false;
}

bool MayLeave(const std::string& text) {
  // Keyed ids are version 4 by shape; marking definitions are the published ones, version 4 as well.
  static const RE2& id = *new RE2("(?:bundle|impact|incident|task|relationship|marking-definition)--[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  static const RE2& month = *new RE2("20[0-9]{2}-[01][0-9]-01T00:00:00\\.000Z");
  static const RE2& technique = *new RE2("AML\\.T[0-9]{4}(?:\\.[0-9]{3})?");
  return Words().contains(text) || IsLabel(text) || RE2::FullMatch(text, id) || RE2::FullMatch(text, month) || RE2::FullMatch(text, technique);
}

absl::Status Check(const Value& value, const std::string& path) {
  const auto refuse = [&path] {
    return absl::FailedPreconditionError(StrCat("sharing: the value at ", path, " is not one that may leave; nothing was sent"));
  };
  switch (value.kind_case()) {
    case Value::kStringValue:
      return MayLeave(value.string_value()) ? absl::OkStatus() : refuse();
    case Value::kNumberValue: {
      const double number = value.number_value();
      return number >= 0 && number <= 100 && number == static_cast<int>(number) ? absl::OkStatus() : refuse();
    }
    case Value::kListValue: {
      int index = 0;
      for (const Value& item : value.list_value().values()) RETURN_IF_ERROR(Check(item, StrCat(path, "[", index++, "]")));
      return absl::OkStatus();
    }
    case Value::kStructValue:
      for (const auto& [name, member] : value.struct_value().fields()) {
        if (!Words().contains(name)) return absl::FailedPreconditionError(StrCat("sharing: a member of ", path, " is not one that may leave; nothing was sent"));
        RETURN_IF_ERROR(Check(member, StrCat(path, ".", name)));
      }
      return absl::OkStatus();
    default:
      return refuse();
  }
}

}  // namespace

absl::Status CheckLeavingBytes(std::string_view bundle) {
  ASSIGN_OR_RETURN(Value value, ParseJson(bundle));
  // Blanks, escapes and the order of members could carry a message too: there is one way to write these values.
  if (PrintJson(value) != bundle) {
    return absl::FailedPreconditionError("sharing: the bundle is not in its one canonical form; nothing was sent");
  }
  return Check(value, "$");
}

}  // namespace firebreak
