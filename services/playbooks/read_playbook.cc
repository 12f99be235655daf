#include "services/playbooks/read_playbook.h"

#include "firebreak/base/ids.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "services/playbooks/yaml_fields.h"

namespace firebreak {
namespace {

void ReadInputs(const YamlNode& node, Findings& findings, v1::Playbook& playbook) {
  if (node.kind != YamlNode::Kind::kMap) {
    findings.Error(node.position, "shape", StrCat("inputs must be a map of names, this is ", KindName(node)));
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    const Fields fields(entry.value, StrCat("input ", entry.key), {"type", "about", "from", "default"}, findings);
    v1::InputDeclaration& input = *playbook.add_inputs();
    input.set_name(entry.key);
    *input.mutable_position() = entry.position;
    fields.Require("type");
    input.set_type(fields.Text("type"));
    input.set_about(fields.Text("about"));
    if (fields.Find("from") != nullptr) *input.mutable_from() = fields.Expression("from");
    if (const YamlNode* value = fields.Find("default")) *input.mutable_default_value() = ToValue(*value);
  }
}

void ReadTrigger(const YamlNode& node, Findings& findings, v1::Playbook& playbook) {
  const Fields fields(node, "trigger", {"event", "when"}, findings);
  fields.Require("event");
  playbook.mutable_trigger()->set_event(fields.Text("event"));
  if (fields.Find("when") != nullptr) *playbook.mutable_trigger()->mutable_when() = fields.Expression("when");
}

void ReadRun(const YamlNode& node, Findings& findings, v1::Playbook& playbook) {
  const Fields fields(node, "run", {"timeout", "lock", "if_locked"}, findings);
  google::protobuf::Duration timeout;
  if (fields.Span("timeout", timeout)) *playbook.mutable_timeout() = timeout;
  if (fields.Find("lock") != nullptr) *playbook.mutable_lock() = fields.Expression("lock");
  playbook.set_if_locked(fields.Text("if_locked"));
  if (const YamlNode* choice = fields.Find("if_locked"); choice != nullptr && playbook.if_locked() != "attach" &&
                                                         playbook.if_locked() != "wait" &&
                                                         playbook.if_locked() != "fail") {
    findings.Error(choice->position, "value", StrCat("if_locked cannot be '", playbook.if_locked(), "'"),
                   "attach, wait or fail");
  }
}

}  // namespace

v1::Playbook ReadPlaybook(const YamlNode& root, Findings& findings) {
  v1::Playbook playbook;
  const Fields fields(
      root, "playbook",
      {"playbook", "title", "types", "severity", "techniques", "trigger", "inputs", "run", "steps", "on_failure"},
      findings);
  if (root.kind != YamlNode::Kind::kMap) return playbook;
  if (const YamlNode* name = fields.Require("playbook")) {
    playbook.set_name(fields.Text("playbook"));
    if (const absl::Status status = CheckName("playbook name", playbook.name()); !status.ok()) {
      findings.Error(name->position, "name", std::string(MessageOf(status)), "poisoned-model");
    }
  }
  fields.Require("title");
  playbook.set_title(fields.Text("title"));
  for (std::string& type : fields.Texts("types")) playbook.add_types(std::move(type));
  for (std::string& technique : fields.Texts("techniques")) playbook.add_techniques(std::move(technique));
  playbook.set_severity(static_cast<uint32_t>(fields.Integer("severity", 0, 100).value_or(0)));
  if (const YamlNode* node = fields.Find("trigger")) ReadTrigger(*node, findings, playbook);
  if (const YamlNode* node = fields.Find("inputs")) ReadInputs(*node, findings, playbook);
  if (const YamlNode* node = fields.Find("run")) ReadRun(*node, findings, playbook);
  if (const YamlNode* node = fields.Require("steps")) {
    ReadSteps(*node, 0, findings, *playbook.mutable_steps());
    if (node->items.empty()) findings.Error(node->position, "no-steps", "a playbook needs at least one step");
  }
  if (const YamlNode* node = fields.Find("on_failure")) ReadSteps(*node, 0, findings, *playbook.mutable_on_failure());
  return playbook;
}

}  // namespace firebreak
