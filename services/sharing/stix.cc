#include "firebreak/sharing/stix.h"

#include <array>
#include <utility>
#include <vector>

#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/sharing/record.h"

namespace firebreak {
namespace {

using google::protobuf::Value;

constexpr char kIncidentExtension[] = "extension-definition--ef765651-680c-498d-9894-99799f2fa126";
constexpr char kImpactExtension[] = "extension-definition--7cc33dd6-f6a1-489b-98ea-522d351d71b9";
constexpr char kTaskExtension[] = "extension-definition--2074a052-8be4-4932-849e-f5e7798e0030";
constexpr char kTlpExtension[] = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";

struct Tlp {
  std::string_view word;
  std::string_view id;
  std::string_view name;
};
constexpr std::array<Tlp, 5> kTlps = {{
    {"clear", "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "TLP:CLEAR"},
    {"green", "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "TLP:GREEN"},
    {"amber", "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "TLP:AMBER"},
    {"amber+strict", "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "TLP:AMBER+STRICT"},
    {"red", "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED"},
}};

Value Text(std::string_view text) {
  Value value;
  value.set_string_value(std::string(text));
  return value;
}
Value Number(uint32_t number) {
  Value value;
  value.set_number_value(number);
  return value;
}
Value Texts(const std::vector<std::string>& texts) {
  Value value;
  value.mutable_list_value();
  for (const std::string& text : texts) *value.mutable_list_value()->add_values() = Text(text);
  return value;
}
Value Members(std::vector<std::pair<std::string, Value>> members) {
  Value value;
  for (auto& [name, member] : members) (*value.mutable_struct_value()->mutable_fields())[name] = std::move(member);
  return value;
}

// Writes the objects of one record; all ids are of one record and one destination.
class Writer {
 public:
  Writer(const v1::SharedRecord& record, const Tlp& tlp, std::string_view key) : record_(record), tlp_(tlp), key_(key) {
    time_ = StrCat(record.detected_month(), "-01T00:00:00.000Z");
  }

  std::string Objects() {
    objects_.mutable_list_value();
    AddMarking();
    const std::string impact = AddImpact();
    const std::string incident = AddIncident(impact);
    for (const std::string& step : record_.response_steps()) AddTask(step, incident);
    return PrintJson(objects_);
  }

  std::string Id(std::string_view type, std::string_view text) const {
    return StrCat(type, "--", KeyedUuid(key_, type, StrCat(record_.record_id(), "\n", text)));
  }

 private:
  // Common properties; `created_by_ref` stays out: an anonymous creator (STIX 2.1, 3.5).
  Value Object(std::string_view type, std::string_view text) const {
    return Members({{"type", Text(type)},
                    {"spec_version", Text("2.1")},
                    {"id", Text(Id(type, text))},
                    {"created", Text(time_)},
                    {"modified", Text(time_)},
                    {"object_marking_refs", Texts({std::string(tlp_.id)})}});
  }
  static void Set(Value& object, const std::string& name, Value value) {
    (*object.mutable_struct_value()->mutable_fields())[name] = std::move(value);
  }
  std::string Add(Value object) {
    const std::string id = object.struct_value().fields().at("id").string_value();
    *objects_.mutable_list_value()->add_values() = std::move(object);
    return id;
  }

  void AddMarking() {
    Add(Members({{"type", Text("marking-definition")},
                 {"spec_version", Text("2.1")},
                 {"id", Text(tlp_.id)},
                 {"created", Text("2022-10-01T00:00:00.000Z")},
                 {"name", Text(tlp_.name)},
                 {"extensions", Members({{kTlpExtension, Members({{"extension_type", Text("property-extension")},
                                                                  {"tlp_2_0", Text(tlp_.word)}})}})}}));
  }

  std::string AddImpact() {
    Value object = Object("impact", "integrity");
    Set(object, "impact_category", Text("integrity-ext"));
    Set(object, "criticality", Number(Criticality()));
    Set(object, "recoverability", Text(record_.rolled_back() ? "regular" : "not-applicable"));
    Set(object, "extensions", Members({{kImpactExtension, Members({{"extension_type", Text("new-sdo")}})},
                                       {"integrity-ext", Members({{"alteration", Text("partial-modification")}, {"information_type", Text("system")}})}}));
    return Add(std::move(object));
  }

  std::string AddIncident(const std::string& impact) {
    Value object = Object("incident", "incident");
    Set(object, "name", Text("AI incident (anonymised)"));
    std::vector<std::string> labels = {"ai-incident", StrCat("kind:", record_.incident_kind()), StrCat("outcome:", record_.outcome()),
                                       StrCat("time-to-detect:", record_.time_to_detect_bucket()),
                                       StrCat("time-to-contain:", record_.time_to_contain_bucket()),
                                       StrCat("time-to-recover:", record_.time_to_recover_bucket()),
                                       StrCat("affected-models:", record_.affected_models_bucket()),
                                       StrCat("affected-datasets:", record_.affected_datasets_bucket())};
    Set(object, "labels", Texts(labels));
    Value references;
    for (const std::string& technique : record_.techniques()) {
      *references.mutable_list_value()->add_values() = Members({{"source_name", Text("mitre-atlas")}, {"external_id", Text(technique)}});
    }
    if (!record_.techniques().empty()) Set(object, "external_references", std::move(references));
    const bool over = record_.outcome() == "closed" || record_.outcome() == "recovered";
    Set(object, "extensions",
        Members({{kIncidentExtension, Members({{"extension_type", Text("property-extension")},
                                               {"determination", Text(record_.determination())},
                                               {"investigation_status", Text(over ? "closed" : "open")},
                                               {"criticality", Number(Criticality())},
                                               {"recoverability", Text(record_.rolled_back() ? "regular" : "not-applicable")},
                                               {"detection_methods", Texts({record_.detection_method() == "monitor" ? "automated-tool" : "human-review"})},
                                               {"impact_refs", Texts({impact})}})}}));
    return Add(std::move(object));
  }

  void AddTask(const std::string& step, const std::string& incident) {
    static const std::vector<std::array<std::string_view, 3>> kTasks = {
        {"contain", "Contain serving", "containment"},
        {"quarantine", "Quarantine snapshots", "containment"},
        {"verify", "Verify restoration target", "recovery"},
        {"approve", "Approve roll-back", "escalated"},
        {"roll-back", "Roll back to last verified snapshot", "recovery"},
        {"report", "Write report", "reported"}};
    for (const auto& [word, name, type] : kTasks) {
      if (word != step) continue;
      Value object = Object("task", step);
      Set(object, "name", Text(name));
      Set(object, "outcome", Text("successful"));
      Set(object, "task_types", Texts({std::string(type)}));
      Set(object, "extensions", Members({{kTaskExtension, Members({{"extension_type", Text("new-sdo")}})}}));
      const std::string task = Add(std::move(object));
      Value relationship = Object("relationship", step);
      Set(relationship, "relationship_type", Text("related-to"));
      Set(relationship, "source_ref", Text(task));
      Set(relationship, "target_ref", Text(incident));
      Add(std::move(relationship));
    }
  }

  // STIX counts 0..100 upwards; ours is 1 (worst) .. 5.
  uint32_t Criticality() const { return 110 - 20 * record_.severity(); }

  const v1::SharedRecord& record_;
  const Tlp& tlp_;
  const std::string_view key_;
  std::string time_;
  Value objects_;
};

constexpr std::string_view kBeforeId = "{\"id\":\"";
constexpr std::string_view kBeforeObjects = "\",\"objects\":";
constexpr std::string_view kAfterObjects = ",\"type\":\"bundle\"}";

}  // namespace

bool IsTlp(std::string_view word) {
  for (const Tlp& tlp : kTlps) {
    if (tlp.word == word) return true;
  }
  return false;
}

absl::StatusOr<std::string> WriteStixBundle(const v1::SharedRecord& record, std::string_view tlp, std::string_view destination_key) {
  for (const Tlp& known : kTlps) {
    if (known.word != tlp) continue;
    Writer writer(record, known, destination_key);
    return StrCat(kBeforeId, writer.Id("bundle", "bundle"), kBeforeObjects, writer.Objects(), kAfterObjects);
  }
  return absl::InvalidArgumentError(StrCat("tlp ", tlp, " does not exist (clear, green, amber, amber+strict, red)"));
}

absl::StatusOr<std::string> TaxiiEnvelope(std::string_view bundle) {
  const size_t objects = bundle.find(kBeforeObjects);
  if (bundle.substr(0, kBeforeId.size()) != kBeforeId || objects == std::string_view::npos || bundle.size() < kAfterObjects.size() ||
      bundle.substr(bundle.size() - kAfterObjects.size()) != kAfterObjects) {
    return absl::DataLossError("the stored bundle is not one that was written here");
  }
  const size_t begin = objects + kBeforeObjects.size();
  return StrCat("{\"objects\":", bundle.substr(begin, bundle.size() - kAfterObjects.size() - begin), "}");
}

}  // namespace firebreak
