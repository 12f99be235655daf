#include "firebreak/playbooks/test_table.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/incident_values.h"
#include "firebreak/playbooks/lint.h"
#include "services/playbooks/findings.h"
#include "services/playbooks/yaml_fields.h"
#include "services/playbooks/yaml_tree.h"

namespace firebreak {
namespace {

class TableReader {
 public:
  explicit TableReader(Findings& findings) : findings_(findings) {}

  void Read(const YamlNode& root, TestTable& table) {
    const Fields fields(root, "table", {"playbook", "playbooks", "coverage", "cases"}, findings_);
    fields.Require("playbook");
    table.playbook = fields.Text("playbook");
    table.playbooks = fields.Texts("playbooks");
    if (const YamlNode* coverage = fields.Find("coverage")) {
      table.cover_all = fields.Text("coverage") == "all";
      if (!table.cover_all) findings_.Error(coverage->position, "value", "coverage can only be all");
    }
    const YamlNode* cases = fields.Require("cases");
    if (cases == nullptr) return;
    if (cases->kind != YamlNode::Kind::kList || cases->items.empty()) {
      return findings_.Error(cases->position, "shape", "cases must be a list of at least one case", "- approved: {…}");
    }
    if (cases->items.size() > kTestCasesMax) {
      return findings_.Error(cases->position, "limit", StrCat("a table has at most ", kTestCasesMax, " cases"));
    }
    for (const YamlNode& item : cases->items) {
      if (item.kind != YamlNode::Kind::kMap || item.entries.size() != 1) {
        findings_.Error(item.position, "shape", "a case is one name with its body", "- approved: {…}");
        continue;
      }
      ReadCase(item.entries[0], table.cases.emplace_back());
    }
  }

 private:
  void ReadCase(const YamlEntry& entry, TestCase& one) {
    const Fields fields(entry.value, StrCat("case ", entry.key),
                        {"about", "incident", "inputs", "started_by", "outcomes", "votes", "cancel_at", "expect"}, findings_);
    one.name = entry.key;
    one.position = entry.position;
    one.about = fields.Text("about");
    if (fields.Find("started_by") != nullptr) one.started_by = fields.Text("started_by");
    if (const YamlNode* node = fields.Find("incident")) ReadIncident(*node, one);
    if (const YamlNode* node = fields.Find("inputs")) ReadStruct(*node, fields.what(), one.inputs);
    if (const YamlNode* node = fields.Find("outcomes")) ReadOutcomes(*node, one);
    if (const YamlNode* node = fields.Find("votes")) ReadVotes(*node, one);
    google::protobuf::Duration span;
    if (fields.Span("cancel_at", span)) one.cancel_at = FromProto(span);
    if (const YamlNode* node = fields.Require("expect")) ReadExpectation(*node, one);
  }

  void ReadStruct(const YamlNode& node, const std::string& what, google::protobuf::Struct& values) {
    const google::protobuf::Value value = ToValue(node);
    if (node.kind == YamlNode::Kind::kMap) {
      values = value.struct_value();
    } else {
      findings_.Error(node.position, "shape", StrCat(what, ": this must be a map, it is ", KindName(node)));
    }
  }

  void ReadIncident(const YamlNode& node, TestCase& one) {
    const Fields fields(node, StrCat("case ", one.name, ": incident"), IncidentFields(), findings_);
    one.incident.set_id("INC-1");
    if (fields.Find("id") != nullptr) one.incident.set_id(fields.Text("id"));
    one.incident.set_title(fields.Text("title"));
    one.incident.set_kind(fields.Text("kind"));
    one.incident.set_model(fields.Text("model"));
    one.incident.set_environment(fields.Text("environment"));
    one.incident.set_deployment(fields.Text("deployment"));
    one.incident.set_snapshot(fields.Text("snapshot"));
    one.incident.set_snapshot_digest(fields.Text("snapshot_digest"));
    one.incident.set_opened_by(fields.Text("opened_by"));
    one.incident.set_severity(static_cast<uint32_t>(fields.Integer("severity", 1, 5).value_or(3)));
  }

  void ReadOutcomes(const YamlNode& node, TestCase& one) {
    if (node.kind != YamlNode::Kind::kMap) {
      return findings_.Error(node.position, "shape", StrCat("case ", one.name, ": outcomes must be a map of steps or actions"));
    }
    for (const YamlEntry& entry : node.entries) {
      std::vector<DeclaredOutcome>& list = one.outcomes[entry.key];
      if (entry.value.kind == YamlNode::Kind::kList && !entry.value.items.empty()) {
        for (const YamlNode& item : entry.value.items) list.push_back(ReadOutcome(item, entry.key));
      } else {
        list.push_back(ReadOutcome(entry.value, entry.key));
      }
    }
  }

  DeclaredOutcome ReadOutcome(const YamlNode& node, const std::string& of) {
    const Fields fields(node, StrCat("outcome of ", of), {"outputs", "fail", "message", "takes"}, findings_);
    DeclaredOutcome outcome;
    if (const YamlNode* outputs = fields.Find("outputs")) ReadStruct(*outputs, fields.what(), outcome.outputs);
    outcome.fail = fields.Text("fail");
    outcome.message = fields.Text("message");
    if (!outcome.fail.empty() &&
        std::find(FailureCodes().begin(), FailureCodes().end(), outcome.fail) == FailureCodes().end()) {
      const std::string nearest = NearestName(outcome.fail, FailureCodes());
      findings_.Error(fields.Find("fail")->position, "unknown-code", StrCat(fields.what(), ": there is no code '", outcome.fail, "'"),
                      nearest.empty() ? "UNAVAILABLE, NOT_FOUND" : StrCat("did you mean ", nearest));
    }
    google::protobuf::Duration span;
    if (fields.Span("takes", span)) outcome.takes = FromProto(span);
    return outcome;
  }

  void ReadVotes(const YamlNode& node, TestCase& one) {
    if (node.kind != YamlNode::Kind::kList) {
      return findings_.Error(node.position, "shape", StrCat("case ", one.name, ": votes must be a list"), "- {step: gate, by: ada}");
    }
    for (const YamlNode& item : node.items) {
      const Fields fields(item, StrCat("case ", one.name, ": vote"), {"step", "by", "as", "approve", "at"}, findings_);
      DeclaredVote& vote = one.votes.emplace_back();
      fields.Require("step");
      fields.Require("by");
      vote.step = fields.Text("step");
      vote.by = fields.Text("by");
      vote.as = fields.Text("as");
      vote.approve = fields.Bool("approve").value_or(true);
      google::protobuf::Duration span;
      if (fields.Span("at", span)) vote.at = FromProto(span);
    }
  }

  void ReadExpectation(const YamlNode& node, TestCase& one) {
    const Fields fields(node, StrCat("case ", one.name, ": expect"),
                        {"state", "reached", "not_reached", "failed", "undone", "calls", "outputs", "within"}, findings_);
    CaseExpectation& expect = one.expect;
    expect.state = fields.Text("state");
    static const auto& states = *new std::vector<std::string>{"succeeded", "failed", "cancelled"};
    if (const YamlNode* state = fields.Find("state");
        state != nullptr && std::find(states.begin(), states.end(), expect.state) == states.end()) {
      findings_.Error(state->position, "value", StrCat(fields.what(), ": a run cannot end as '", expect.state, "'"),
                      "succeeded, failed or cancelled");
    }
    expect.reached = fields.Texts("reached");
    expect.not_reached = fields.Texts("not_reached");
    expect.failed = fields.Texts("failed");
    expect.undone = fields.Texts("undone");
    if (fields.Find("calls") != nullptr) expect.calls = fields.Texts("calls");
    if (const YamlNode* outputs = fields.Find("outputs")) {
      google::protobuf::Struct values;
      ReadStruct(*outputs, fields.what(), values);
      for (const auto& [name, value] : values.fields()) expect.outputs.emplace(name, value);
    }
    google::protobuf::Duration span;
    if (fields.Span("within", span)) expect.within = FromProto(span);
  }

  Findings& findings_;
};

}  // namespace

bool TestTable::ok() const {
  return std::none_of(findings.begin(), findings.end(), [](const v1::LintFinding& finding) { return finding.error(); });
}

TestTable ReadTestTable(std::string_view file, std::string_view yaml) {
  TestTable table;
  Findings findings(file);
  std::variant<YamlNode, YamlFault> tree = ReadYaml(yaml);
  if (const auto* fault = std::get_if<YamlFault>(&tree)) {
    findings.Error(fault->position, fault->rule, fault->message, fault->hint);
  } else {
    for (const YamlFault& odd : CheckCoreSchema(std::get<YamlNode>(tree))) {
      if (odd.error) findings.Error(odd.position, odd.rule, odd.message, odd.hint);
    }
    TableReader(findings).Read(std::get<YamlNode>(tree), table);
  }
  table.findings = findings.TakeSorted();
  return table;
}

}  // namespace firebreak
