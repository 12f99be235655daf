// evidence.capture: the state of things before anybody touches them, kept byte for byte with its digest in the audit log.
#include <memory>
#include <utility>

#include "firebreak/actions/specs.h"
#include "firebreak/base/jcs.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/crypto/hash.h"
#include "firebreak/ledger/read.h"
#include "firebreak/snapshots/names.h"
#include "firebreak/storage/keys/actions.h"
#include "firebreak/storage/keys/alerts.h"
#include "firebreak/storage/keys/incidents.h"
#include "services/actions/fields.h"
#include "services/actions/groups.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kEvidenceBytesMax = size_t{512} << 10;
constexpr size_t kAlertsMax = 100;
constexpr size_t kRelativesMax = 500;

absl::StatusOr<Value> AsValue(const google::protobuf::Message& message) { return ParseJson(MessageToJson(message)); }

void PutText(Struct& object, const std::string& name, std::string_view text) {
  (*object.mutable_fields())[name].set_string_value(std::string(text));
}

absl::Status AddIncident(const ActionParts& parts, const ActionCall& call, Struct& all) {
  if (call.incident.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::Incident incident, parts.incidents.Load(call.incident));
  ASSIGN_OR_RETURN((*all.mutable_fields())["incident"], AsValue(incident));
  ASSIGN_OR_RETURN(const uint64_t number, ParseIncidentId(call.incident.text()));
  auto& alerts = *(*all.mutable_fields())["alerts"].mutable_list_value();
  for (const char* state : {"firing", "stale", "resolved"}) {
    const size_t left = kAlertsMax - static_cast<size_t>(alerts.values_size());
    if (left == 0) break;
    const auto prefix = keys::IncidentAlerts(number, state);
    ASSIGN_OR_RETURN(const auto page, ListRecords(parts.ledger.store(), prefix, "", left));
    for (const auto& [key, mark] : page.records) {
      std::string fingerprint = key.substr(prefix.bytes.size());
      if (!fingerprint.empty() && fingerprint.back() == '\0') fingerprint.pop_back();
      ASSIGN_OR_RETURN(const std::optional<v1::Alert> alert, FindRecord(parts.ledger.store(), keys::Alert(fingerprint)));
      if (!alert) continue;
      ASSIGN_OR_RETURN(*alerts.add_values(), AsValue(*alert));
    }
  }
  return absl::OkStatus();
}

absl::Status AddDeployment(const ActionParts& parts, const DeploymentName& name, Struct& all) {
  if (name.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(v1::Deployment deployment, parts.fleet.LoadDeployment(name));
  ASSIGN_OR_RETURN((*all.mutable_fields())["deployment"], AsValue(deployment));
  if (deployment.epoch() == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::IssuedDecision newest, parts.fleet.LoadDecision(name, Epoch{deployment.epoch()}));
  ASSIGN_OR_RETURN((*all.mutable_fields())["decision"], AsValue(newest));
  return absl::OkStatus();
}

void AddNames(const std::vector<v1::LineageNode>& nodes, const std::string& name, Struct& object) {
  auto& list = *(*object.mutable_fields())[name].mutable_list_value();
  for (const v1::LineageNode& node : nodes) {
    if (list.values_size() >= static_cast<int>(kRelativesMax)) break;
    Struct& entry = *list.add_values()->mutable_struct_value();
    PutText(entry, "name", SnapshotName(node.snapshot()));
    PutText(entry, "digest", node.snapshot().digest());
  }
  (*object.mutable_fields())[name + "_total"].set_number_value(static_cast<double>(nodes.size()));
}

absl::Status AddSnapshot(const ActionParts& parts, const std::string& given, Struct& all) {
  if (given.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::Snapshot snapshot, parts.vault.Resolve(given));
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(snapshot.digest()));
  Struct& object = *(*all.mutable_fields())["snapshot"].mutable_struct_value();
  ASSIGN_OR_RETURN((*object.mutable_fields())["record"], AsValue(snapshot));
  ASSIGN_OR_RETURN(const std::vector<v1::GateResult> gates, parts.vault.CheckGates(digest, given));
  for (const v1::GateResult& gate : gates) {
    ASSIGN_OR_RETURN(*(*object.mutable_fields())["gates"].mutable_list_value()->add_values(), AsValue(gate));
  }
  ASSIGN_OR_RETURN(const std::vector<v1::LineageNode> ancestors, parts.vault.Ancestors(digest));
  ASSIGN_OR_RETURN(const std::vector<v1::LineageNode> descendants, parts.vault.Descendants(digest));
  AddNames(ancestors, "ancestors", object);
  AddNames(descendants, "descendants", object);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Compose(const ActionParts& parts, const ActionCall& call) {
  Value root;
  Struct& all = *root.mutable_struct_value();
  PutText(all, "type", "firebreak-evidence-v1");
  PutText(all, "run", call.run.text());
  PutText(all, "effect", call.effect.text());
  PutText(all, "captured_by", call.started_by.text());
  // The log as it stood: what came later cannot have been part of it.
  const uint64_t size = parts.ledger.size();
  ASSIGN_OR_RETURN(const std::string root_hash, parts.ledger.Root(size));
  PutText(all, "log_size", StrCat(size));
  PutText(all, "log_root", ToHex(root_hash));
  RETURN_IF_ERROR(AddIncident(parts, call, all));
  RETURN_IF_ERROR(AddDeployment(parts, DeploymentOf(call), all));
  RETURN_IF_ERROR(AddSnapshot(parts, TextField(call.inputs, "snapshot"), all));
  ASSIGN_OR_RETURN(std::string json, CanonicalJson(root));
  if (json.size() > kEvidenceBytesMax) {
    return absl::ResourceExhaustedError(StrCat("evidence is ", json.size(), " bytes, at most ", kEvidenceBytesMax));
  }
  return json;
}

absl::StatusOr<ActionResult> Capture(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(auto answered, FindAnswer(parts.ledger, call.effect));
  if (answered) return ActionResult(ActionDone{*std::move(answered)});
  ASSIGN_OR_RETURN(const std::string json, Compose(parts, call));
  v1::Evidence evidence;
  evidence.set_digest(Sha256(json).text());
  evidence.set_json(json);
  evidence.set_size_bytes(json.size());
  evidence.set_incident(call.incident.text());
  evidence.set_run(call.run.text());
  evidence.set_captured_by(RunActor(call).text());
  if (parts.clock != nullptr) *evidence.mutable_captured_at() = ToProto(parts.clock->Now());
  Outputs outputs;
  RETURN_IF_ERROR(Write(parts.ledger, [&](Draft& draft) -> absl::Status {
    ASSIGN_OR_RETURN(const auto written, draft.Find(keys::AnswerOfEffect(call.effect)));
    if (written) return absl::OkStatus();   // captured by somebody who asked for the same effect: theirs counts
    ASSIGN_OR_RETURN(const uint64_t number, draft.NextNumber("evidence"));
    evidence.set_id(NumberedId("EVD", number));
    outputs = Outputs();
    outputs.Text("evidence", evidence.id()).Text("digest", evidence.digest()).Number("size", json.size());
    draft.Put(keys::Evidence(number), evidence);
    PutAnswer(draft, call, specs::Capture().name, outputs.fields());
    v1::AuditEntry entry = EntryOf(call, "evidence.captured", StrCat(evidence.id(), " is kept: ", json.size(), " bytes, ", evidence.digest()));
    entry.add_subjects(StrCat("evidence/", evidence.id()));
    if (const DeploymentName name = DeploymentOf(call); !name.empty()) entry.add_subjects(StrCat("deployment/", name.text()));
    entry.set_payload_digest(evidence.digest());
    draft.Record(std::move(entry));
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(answered, FindAnswer(parts.ledger, call.effect));
  if (!answered) return absl::InternalError("evidence was committed but is not there");
  return ActionResult(ActionDone{*std::move(answered)});
}

absl::StatusOr<ActionPreview> PreviewCapture(const ActionParts& parts, const ActionCall& call) {
  ASSIGN_OR_RETURN(const std::string json, Compose(parts, call));
  ActionPreview preview;
  preview.now = "nothing is kept";
  preview.then = StrCat("about ", json.size(), " bytes of evidence are kept");
  preview.expected = specs::Capture().typical;
  return preview;
}

}  // namespace

void AddEvidenceActions(ActionCatalogue& catalogue, const ActionParts& parts) {
  catalogue.Add(std::make_unique<FunctionAction>(
      specs::Capture(), [parts](const ActionCall& call) { return Capture(parts, call); },
      [parts](const ActionCall& call) { return PreviewCapture(parts, call); }));
}

}  // namespace firebreak
