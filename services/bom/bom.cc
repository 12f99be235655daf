#include "firebreak/bom/bom.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_replace.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/crypto/uuid.h"
#include "firebreak/snapshots/lineage_statement.h"
#include "firebreak/snapshots/names.h"
#include "services/bom/json_value.h"
#include "services/bom/model_card.h"

namespace firebreak {
namespace {

using google::protobuf::ListValue;

constexpr char kSerialNamespace[] = "6f9d2a54-3c1e-5b7a-9d40-52c1f0a8e6b3";   // ours, for serial numbers
constexpr char kSerialPlace[] = "urn:uuid:00000000-0000-0000-0000-000000000000";

std::string Hex(std::string_view digest) {   // sha256:… -> …
  return std::string(digest.substr(std::min<size_t>(7, digest.size())));
}

ListValue Sha256Hashes(std::string_view hex) {
  ListValue hashes;
  Append(hashes, JsonObject().Text("alg", "SHA-256").Text("content", hex));
  return hashes;
}

std::string TimeOf(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

// Where signatures, the log and statements are; addresses of this service's own things, resolved by its commands.
ListValue References(const BomSnapshot& one, const BomFacts& facts) {
  ListValue references;
  for (const v1::SignatureSummary& signature : one.signatures) {
    Append(references, JsonObject()
                           .Text("type", "digital-signature")
                           .Text("url", StrCat("firebreak:bundle/", signature.bundle_digest()))
                           .Text("comment", StrCat("OpenSSF Model Signing bundle, signed by ", signature.signer(), ", ",
                                                   signature.algorithm(), ", key ", signature.key_id()))
                           .List("hashes", Sha256Hashes(Hex(signature.bundle_digest()))));
  }
  for (const v1::LineageStatement& statement : one.statements) {
    Append(references, JsonObject()
                           .Text("type", "attestation")
                           .Text("url", StrCat("firebreak:lineage-statement/", statement.digest()))
                           .Text("comment", StrCat(statement.removes() ? "takes back: " : "", RelationText(statement.relation()), " ",
                                                   statement.parent_name(), ", signed by ", statement.signer()))
                           .List("hashes", Sha256Hashes(Hex(statement.digest()))));
  }
  if (one.log_index) {
    Append(references, JsonObject()
                           .Text("type", "log")
                           .Text("url", StrCat("firebreak:log/", *one.log_index))
                           .Text("comment", StrCat("entry of the audit log ", facts.log_origin, " that recorded the push")));
  }
  return references;
}

Properties PropertiesOf(const BomSnapshot& one) {
  const v1::Snapshot& snapshot = one.snapshot;
  Properties properties;
  properties.Add("firebreak:snapshot-digest", snapshot.digest());
  properties.Add("firebreak:files", StrCat(snapshot.file_count()));
  properties.Add("firebreak:size-bytes", StrCat(snapshot.size_bytes()));
  if (one.files.size() < snapshot.file_count()) properties.Add("firebreak:files-listed", StrCat(one.files.size()));
  properties.Add("firebreak:pushed-at", TimeOf(FromProto(snapshot.pushed_at())));
  properties.Add("firebreak:pushed-by", snapshot.pushed_by());
  if (one.log_index) properties.Add("firebreak:log-index", StrCat(*one.log_index));
  if (one.proven_at != absl::InfinitePast()) {
    properties.Add(one.proven_intact ? "firebreak:proven-intact-at" : "firebreak:found-damaged-at", TimeOf(one.proven_at));
  }
  if (snapshot.has_quarantine()) {
    const v1::Quarantine& quarantine = snapshot.quarantine();
    properties.Add("firebreak:quarantine", quarantine.reason());
    if (!quarantine.tainted_path().empty()) properties.Add("firebreak:tainted-through", quarantine.tainted_path());
  }
  for (const v1::LineageEdge& edge : snapshot.lineage()) {
    properties.Add(StrCat("firebreak:", RelationText(edge.relation())), edge.parent_name());
  }
  const std::map<std::string, std::string> labels(snapshot.labels().begin(), snapshot.labels().end());
  for (const auto& [name, value] : labels) properties.Add(StrCat("firebreak:label:", name), value);
  return properties;
}

// Base models and earlier versions whose content went into it.
JsonObject Pedigree(const v1::Snapshot& snapshot) {
  ListValue ancestors;
  for (const v1::LineageEdge& edge : snapshot.lineage()) {
    const bool content = edge.relation() == v1::LINEAGE_RELATION_FINE_TUNED_FROM || edge.relation() == v1::LINEAGE_RELATION_DERIVED_FROM;
    if (!content) continue;
    const bool model = edge.parent_name().compare(0, 6, "model/") == 0;
    Append(ancestors, JsonObject()
                          .Text("type", model ? "machine-learning-model" : "data")
                          .Text("name", edge.parent_name())
                          .List("properties", Properties().Add("firebreak:snapshot-digest", edge.parent_digest()).list()));
  }
  return JsonObject().ListUnlessEmpty("ancestors", std::move(ancestors));
}

JsonObject Component(const BomSnapshot& one, const BomFacts& facts) {
  const v1::Snapshot& snapshot = one.snapshot;
  const bool model = snapshot.kind() == v1::SNAPSHOT_KIND_MODEL;
  JsonObject component;
  component.Text("type", model ? "machine-learning-model" : "data");
  component.Text("bom-ref", RefOf(snapshot.digest()));
  component.Text("name", snapshot.name());
  component.Text("version", StrCat(snapshot.version()));
  component.TextUnlessEmpty("description", snapshot.description());
  // A snapshot of one file is that file; of several, only the files themselves have a SHA-256 others can compute.
  if (snapshot.file_count() == 1 && one.files.size() == 1) component.List("hashes", Sha256Hashes(one.files[0].sha256_hex));
  ListValue files;
  for (const BomFile& file : one.files) {
    Append(files, JsonObject()
                      .Text("type", "file")
                      .Text("bom-ref", StrCat(RefOf(snapshot.digest()), "#", file.path))
                      .Text("name", file.path)
                      .List("hashes", Sha256Hashes(file.sha256_hex))
                      .List("properties", Properties().Add("firebreak:size-bytes", StrCat(file.size_bytes)).list()));
  }
  component.ListUnlessEmpty("components", std::move(files));
  component.ListUnlessEmpty("externalReferences", References(one, facts));
  component.List("properties", PropertiesOf(one).list());
  component.ObjectUnlessEmpty("pedigree", Pedigree(snapshot));
  if (model) {
    component.ObjectUnlessEmpty("modelCard", ModelCard(snapshot));
  } else {
    ListValue data;
    Append(data, DataEntry(snapshot));
    component.List("data", std::move(data));
  }
  return component;
}

// How a model came to be: one workflow for what went into it, one for what it was measured with.
void AddWorkflows(const v1::Snapshot& model, ListValue& workflows) {
  for (const bool evaluation : {false, true}) {
    ListValue inputs;
    for (const v1::LineageEdge& edge : model.lineage()) {
      if ((edge.relation() == v1::LINEAGE_RELATION_EVALUATED_ON) != evaluation) continue;
      Append(inputs, JsonObject()
                         .Object("resource", JsonObject().Text("ref", RefOf(edge.parent_digest())))
                         .List("properties", Properties().Add("firebreak:relation", RelationText(edge.relation())).list()));
    }
    if (inputs.values().empty()) continue;
    ListValue outputs, types;
    JsonObject output;
    output.Text("type", evaluation ? "metrics" : "artifact").Object("resource", JsonObject().Text("ref", RefOf(model.digest())));
    Append(outputs, output);
    Append(types, evaluation ? "test" : "build");
    const std::string what = evaluation ? "evaluation" : "training";
    Append(workflows, JsonObject()
                          .Text("bom-ref", StrCat(what, ":", model.digest()))
                          .Text("uid", NameUuid(kSerialNamespace, StrCat(what, "\n", model.digest())))
                          .Text("name", StrCat(what, " of ", SnapshotName(model)))
                          .List("taskTypes", std::move(types))
                          .List("inputs", std::move(inputs))
                          .List("outputs", std::move(outputs)));
  }
}

// Only what the BOM holds may be referred to.
ListValue Dependencies(const BomFacts& facts, const std::set<std::string>& known, const std::string& top) {
  ListValue dependencies;
  if (facts.deployment) {
    ListValue parts;
    for (const BomSnapshot& part : facts.subjects) Append(parts, RefOf(part.snapshot.digest()));
    Append(dependencies, JsonObject().Text("ref", top).List("dependsOn", std::move(parts)));
  }
  for (const std::vector<BomSnapshot>* group : {&facts.subjects, &facts.ancestors}) {
    for (const BomSnapshot& one : *group) {
      std::set<std::string> parents;   // a dataset may be both trained on and evaluated on
      for (const v1::LineageEdge& edge : one.snapshot.lineage()) {
        if (known.contains(edge.parent_digest())) parents.insert(RefOf(edge.parent_digest()));
      }
      ListValue list;
      for (const std::string& parent : parents) Append(list, parent);
      Append(dependencies, JsonObject().Text("ref", RefOf(one.snapshot.digest())).ListUnlessEmpty("dependsOn", std::move(list)));
    }
  }
  return dependencies;
}

absl::Time NewestFact(const BomFacts& facts) {
  absl::Time newest = absl::UnixEpoch();
  for (const std::vector<BomSnapshot>* group : {&facts.subjects, &facts.ancestors}) {
    for (const BomSnapshot& one : *group) {
      newest = std::max(newest, FromProto(one.snapshot.pushed_at()));
      if (one.snapshot.has_quarantine()) newest = std::max(newest, FromProto(one.snapshot.quarantine().time()));
      if (one.proven_at != absl::InfinitePast()) newest = std::max(newest, one.proven_at);
      for (const v1::LineageStatement& statement : one.statements) newest = std::max(newest, FromProto(statement.accepted_at()));
    }
  }
  if (facts.deployment) {
    for (const v1::ReleaseRecord& record : facts.deployment->history()) newest = std::max(newest, FromProto(record.served_from()));
  }
  return newest;
}

JsonObject DeploymentComponent(const v1::Deployment& deployment, const std::string& ref) {
  Properties properties;
  properties.Add("firebreak:epoch", StrCat(deployment.epoch()));
  properties.Add("firebreak:release-digest", deployment.wanted().digest());
  properties.Add("firebreak:decision-digest", deployment.last_decision_digest());
  properties.Add("firebreak:contained", deployment.contained() ? "true" : "false");
  if (!deployment.environment().empty()) properties.Add("firebreak:environment", deployment.environment());
  return JsonObject()
      .Text("type", "application")
      .Text("bom-ref", ref)
      .Text("name", deployment.name())
      .Text("version", StrCat("epoch ", deployment.epoch()))
      .List("properties", properties.list());
}

JsonObject Metadata(const BomFacts& facts, const std::string& top) {
  ListValue tools;
  Append(tools, JsonObject().Text("type", "application").Text("name", "firebreak").Text("version", facts.service_version));
  ListValue lifecycles;
  Append(lifecycles, JsonObject().Text("phase", facts.deployment ? "operations" : "post-build"));
  Properties properties;
  properties.Add("firebreak:log-origin", facts.log_origin);
  if (!facts.checkpoint.empty()) properties.Add("firebreak:log-checkpoint", facts.checkpoint);
  if (facts.ancestors_left_out > 0) properties.Add("firebreak:ancestors-left-out", StrCat(facts.ancestors_left_out));
  return JsonObject()
      .Text("timestamp", TimeOf(NewestFact(facts)))
      .List("lifecycles", std::move(lifecycles))
      .Object("tools", JsonObject().List("components", std::move(tools)))
      .Object("component", facts.deployment ? DeploymentComponent(*facts.deployment, top) : Component(facts.subjects[0], facts))
      .List("properties", properties.list());
}

ListValue Compositions(const BomFacts& facts, const std::string& top) {
  bool complete = facts.ancestors_left_out == 0;
  for (const BomSnapshot& one : facts.subjects) complete = complete && one.files.size() == one.snapshot.file_count();
  ListValue assemblies, compositions;
  Append(assemblies, top);
  Append(compositions, JsonObject().Text("aggregate", complete ? "complete" : "incomplete").List("assemblies", std::move(assemblies)));
  return compositions;
}

}  // namespace

Bom ComposeBom(const BomFacts& facts) {
  Bom bom;
  bom.spec_version = facts.spec == v1::BOM_SPEC_1_7 ? "1.7" : "1.6";
  const std::string top = facts.deployment ? StrCat("deployment:", facts.deployment->name()) : RefOf(facts.subjects[0].snapshot.digest());
  std::set<std::string> known;
  ListValue components, workflows;
  for (const BomSnapshot& one : facts.subjects) {
    known.insert(one.snapshot.digest());
    if (facts.deployment) Append(components, Component(one, facts));
  }
  for (const BomSnapshot& one : facts.ancestors) {
    known.insert(one.snapshot.digest());
    Append(components, Component(one, facts));
  }
  for (const BomSnapshot& one : facts.subjects) {
    if (one.snapshot.kind() == v1::SNAPSHOT_KIND_MODEL) AddWorkflows(one.snapshot, workflows);
  }
  JsonObject root;
  root.Text("$schema", StrCat("http://cyclonedx.org/schema/bom-", bom.spec_version, ".schema.json"));
  root.Text("bomFormat", "CycloneDX").Text("specVersion", bom.spec_version).Text("serialNumber", kSerialPlace).Number("version", 1);
  root.Object("metadata", Metadata(facts, top));
  root.ListUnlessEmpty("components", std::move(components));
  root.List("dependencies", Dependencies(facts, known, top));
  root.List("compositions", Compositions(facts, top));
  if (!workflows.values().empty()) {
    ListValue formulation;
    Append(formulation, JsonObject().Text("bom-ref", "formulation").List("workflows", std::move(workflows)));
    root.List("formulation", std::move(formulation));
  }
  google::protobuf::Value value;
  *value.mutable_struct_value() = root.object();
  const std::string unnumbered = PrintJsonPretty(value);
  bom.serial_number = StrCat("urn:uuid:", NameUuid(kSerialNamespace, Sha256(unnumbered).text()));
  (*value.mutable_struct_value()->mutable_fields())["serialNumber"].set_string_value(bom.serial_number);
  bom.json = PrintJsonPretty(value);
  if (bom.json.empty() || bom.json.back() != '\n') bom.json += '\n';
  return bom;
}

std::string BomStatement(const BomFacts& facts, const Bom& bom) {
  std::string subjects;
  const auto add = [&](std::string_view name, std::string_view algorithm, std::string_view hex) {
    StrAppend(&subjects, subjects.empty() ? "" : ",", "{\"name\":", QuoteJson(name), ",\"digest\":{\"", algorithm, "\":\"", hex, "\"}}");
  };
  for (const BomSnapshot& one : facts.subjects) {
    add(SnapshotName(one.snapshot), kSnapshotDigestName, Hex(one.snapshot.digest()));
    for (const BomFile& file : one.files) add(StrCat(SnapshotName(one.snapshot), "/", file.path), "sha256", file.sha256_hex);
  }
  return StrCat("{\"_type\":\"", kInTotoStatementType, "\",\"subject\":[", subjects,
                "],\"predicateType\":\"https://cyclonedx.org/bom\",\"predicate\":", bom.json, "}");
}

}  // namespace firebreak
