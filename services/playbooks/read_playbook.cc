#include "services/playbooks/read_playbook.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"

namespace firebreak {
namespace {

void ReadInput(const YamlEntry& entry, Findings& findings, Marks& marks, v1::InputDeclaration& input) {
  const Fields fields(entry.value, StrCat("input ", entry.key), {"type", "of", "about", "from", "default"}, findings);
  input.set_name(entry.key);
  *input.mutable_position() = entry.position;
  fields.Require("type");
  input.set_type(fields.Text("type"));
  input.set_about(fields.Text("about"));
  if (fields.Find("from") != nullptr) *input.mutable_from() = fields.Expression("from");
  for (const char* key : {"type", "of", "default"}) {
    if (const YamlNode* node = fields.Find(key)) marks.Set("", StrCat("inputs/", entry.key, "/", key), node->position);
  }
  if (const YamlNode* value = fields.Find("default")) *input.mutable_default_value() = ToValue(*value);
  const YamlNode* of = fields.Find("of");
  if (input.type() == "enum") {
    if (of != nullptr && of->kind != YamlNode::Kind::kList) {
      findings.Error(of->position, "shape", StrCat("input ", entry.key, ": of must be the list of its values"),
                     "of: [warn, block]");
    } else if (of == nullptr || of->items.empty()) {
      findings.Error(of == nullptr ? entry.value.position : of->position, "missing-key",
                     StrCat("input ", entry.key, ": an enum needs its values"), "of: [warn, block]");
    } else if (of->items.size() > kChoicesMax) {
      findings.Error(of->position, "limit",
                     StrCat("input ", entry.key, ": an enum has at most ", kChoicesMax, " values, this has ", of->items.size()));
    } else {
      for (std::string& choice : fields.Texts("of")) {
        if (std::find(input.choices().begin(), input.choices().end(), choice) != input.choices().end())
          findings.Error(of->position, "value", StrCat("input ", entry.key, ": '", choice, "' stands in of twice"));
        input.add_choices(std::move(choice));
      }
    }
  } else if (input.type() == "list") {
    if (of != nullptr) input.set_element_type(fields.Text("of"));
  } else if (of != nullptr) {
    findings.Error(of->position, "value", StrCat("input ", entry.key, ": only a list and an enum have 'of'"));
  }
}

void ReadInputs(const YamlNode& node, Findings& findings, Marks& marks, v1::Playbook& playbook) {
  if (node.kind != YamlNode::Kind::kMap) {
    findings.Error(node.position, "shape", StrCat("inputs must be a map of names, this is ", KindName(node)));
    return;
  }
  if (node.entries.size() > kInputsMax) {
    findings.Error(node.position, "limit",
                   StrCat("a playbook has at most ", kInputsMax, " inputs, this has ", node.entries.size()));
  }
  for (const YamlEntry& entry : node.entries) {
    if (static_cast<size_t>(playbook.inputs_size()) == kInputsMax) return;
    ReadInput(entry, findings, marks, *playbook.add_inputs());
  }
}

void ReadTrigger(const YamlNode& node, Findings& findings, Marks& marks, v1::Playbook& playbook) {
  const Fields fields(node, "trigger", {"event", "when"}, findings);
  if (const YamlNode* event = fields.Require("event")) marks.Set("", "trigger/event", event->position);
  playbook.mutable_trigger()->set_event(fields.Text("event"));
  if (fields.Find("when") != nullptr) *playbook.mutable_trigger()->mutable_when() = fields.Expression("when");
}

void ReadRun(const YamlNode& node, Findings& findings, Marks& marks, v1::Playbook& playbook) {
  static const auto& choices = *new std::vector<std::string>{"attach", "wait", "preempt", "fail"};
  const Fields fields(node, "run", {"timeout", "lock", "if_locked"}, findings);
  google::protobuf::Duration timeout;
  if (fields.Span("timeout", timeout)) *playbook.mutable_timeout() = timeout;
  if (fields.Find("lock") != nullptr) *playbook.mutable_lock() = fields.Expression("lock");
  playbook.set_if_locked(fields.Text("if_locked"));
  const YamlNode* choice = fields.Find("if_locked");
  if (choice == nullptr) return;
  marks.Set("", "run/if_locked", choice->position);
  if (std::find(choices.begin(), choices.end(), playbook.if_locked()) != choices.end()) return;
  const std::string nearest = NearestName(playbook.if_locked(), choices);
  findings.Error(choice->position, "value", StrCat("if_locked cannot be '", playbook.if_locked(), "'"),
                 nearest.empty() ? absl::StrJoin(choices, ", ") : StrCat("did you mean ", nearest));
}

// A list of texts, each marked with where it stands.
std::vector<std::string> ReadNames(const Fields& fields, const char* key, Marks& marks) {
  if (const YamlNode* node = fields.Find(key)) {
    for (size_t i = 0; i < node->items.size(); ++i) marks.Set("", StrCat(key, "/", i), node->items[i].position);
    marks.Set("", StrCat(key, "/0"), node->position);  // one text instead of a list
  }
  return fields.Texts(key);
}

}  // namespace

v1::Playbook ReadPlaybook(const YamlNode& root, Findings& findings, Marks& marks) {
  v1::Playbook playbook;
  const Fields fields(root, "playbook",
                      {"playbook", "title", "about", "types", "severity", "techniques", "subcategories", "trigger",
                       "inputs", "run", "steps", "on_failure"},
                      findings);
  if (root.kind != YamlNode::Kind::kMap) return playbook;
  if (const YamlNode* name = fields.Require("playbook")) {
    marks.Set("", "playbook", name->position);
    playbook.set_name(fields.Text("playbook"));
    if (const absl::Status status = CheckName("playbook name", playbook.name()); !status.ok()) {
      findings.Error(name->position, "name", std::string(MessageOf(status)), "poisoned-model");
    }
  }
  fields.Require("title");
  playbook.set_title(fields.Text("title"));
  playbook.set_about(fields.Text("about"));
  for (std::string& type : ReadNames(fields, "types", marks)) playbook.add_types(std::move(type));
  for (std::string& technique : ReadNames(fields, "techniques", marks)) playbook.add_techniques(std::move(technique));
  for (std::string& name : ReadNames(fields, "subcategories", marks)) playbook.add_subcategories(std::move(name));
  playbook.set_severity(static_cast<uint32_t>(fields.Integer("severity", 0, 100).value_or(0)));
  if (const YamlNode* node = fields.Find("trigger")) ReadTrigger(*node, findings, marks, playbook);
  if (const YamlNode* node = fields.Find("inputs")) ReadInputs(*node, findings, marks, playbook);
  if (const YamlNode* node = fields.Find("run")) ReadRun(*node, findings, marks, playbook);
  StepReader steps(findings, marks);
  if (const YamlNode* node = fields.Require("steps")) {
    steps.ReadSteps(*node, 0, *playbook.mutable_steps());
    if (node->items.empty()) findings.Error(node->position, "no-steps", "a playbook needs at least one step");
  }
  if (const YamlNode* node = fields.Find("on_failure")) steps.ReadSteps(*node, 0, *playbook.mutable_on_failure());
  return playbook;
}

}  // namespace firebreak
