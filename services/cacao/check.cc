#include "firebreak/cacao/check.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/status.h"
#include "services/cacao/check_shape.h"
#include "services/cacao/graph.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

class GraphCheck {
 public:
  GraphCheck(const Struct& playbook, std::vector<CacaoFinding>& findings)
      : playbook_(playbook), workflow_(ObjectOf(playbook, "workflow")), findings_(findings) {
    for (const auto& [id, step] : workflow_.fields()) {
      for (const auto& [name, variable] : ObjectOf(step.struct_value(), "step_variables").fields()) of_steps_.insert(name);
    }
  }

  void Run() {
    const std::string start = TextOf(playbook_, "workflow_start");
    Target("/workflow_start", start);
    if (const std::string exception = TextOf(playbook_, "workflow_exception"); !exception.empty()) Target("/workflow_exception", exception);
    for (const std::string& id : NamesOf(workflow_)) Step(id);
    if (const Value* step = FindMember(workflow_, start); step != nullptr && TextOf(step->struct_value(), "type") != "start") {
      Add("/workflow_start", "step-type", "must name a step of type start");
    }
    Reach();
    Loops();
    Markings();
  }

 private:
  void Add(std::string pointer, std::string rule, std::string message, std::string hint = "", bool error = true) {
    AddFinding(findings_, {std::move(pointer), std::move(rule), std::move(message), std::move(hint), error});
  }

  void Target(const std::string& pointer, const std::string& id) {
    if (id.empty() || FindMember(workflow_, id) != nullptr) return;
    const std::string nearest = IsWorthAHint(findings_) ? NearestMember(id, workflow_) : "";
    Add(pointer, "dangling-step", StrCat("there is no step ", CutText(id, 120)), nearest.empty() ? "" : StrCat("did you mean ", nearest));
  }

  void Definition(const std::string& pointer, const std::string& id, const char* map, bool error) {
    if (id.empty() || FindMember(ObjectOf(playbook_, map), id) != nullptr) return;
    Add(pointer, "dangling-definition", StrCat("there is no ", CutText(id, 120), " in ", map), "", error);
  }

  void Step(const std::string& id) {
    const Struct& step = workflow_.fields().at(id).struct_value();
    const std::string pointer = Below("/workflow", id);
    for (const Edge& edge : EdgesOf(step)) Target(pointer + edge.pointer, edge.target);
    Definition(Below(pointer, "agent"), TextOf(step, "agent"), "agent_definitions", true);
    const std::vector<std::string> targets = TextsOf(step, "targets");
    for (size_t i = 0; i < targets.size(); ++i) {
      if (FindMember(ObjectOf(playbook_, "agent_definitions"), targets[i]) != nullptr) continue;
      Definition(Below(Below(pointer, "targets"), static_cast<int>(i)), targets[i], "target_definitions", false);   // the OASIS examples leave some out
    }
    for (const char* name : {"in_args", "out_args"}) {
      const std::vector<std::string> variables = TextsOf(step, name);
      for (size_t i = 0; i < variables.size(); ++i) Variable(Below(Below(pointer, name), static_cast<int>(i)), variables[i], step);
    }
    for (const char* name : {"condition", "switch"}) Uses(Below(pointer, name), TextOf(step, name), step);
    const Value* commands = FindMember(step, "commands");
    for (int i = 0; commands != nullptr && i < commands->list_value().values_size(); ++i) {
      const Struct& command = commands->list_value().values(i).struct_value();
      for (const char* name : {"command", "content"}) Uses(Below(Below(Below(pointer, "commands"), i), name), TextOf(command, name), step);
    }
  }

  void Uses(const std::string& pointer, const std::string& text, const Struct& step) {
    for (const std::string& variable : VariablesIn(text)) Variable(pointer, variable, step);
  }

  void Variable(const std::string& pointer, const std::string& name, const Struct& step) {
    if (FindMember(ObjectOf(playbook_, "playbook_variables"), name) != nullptr || FindMember(ObjectOf(step, "step_variables"), name) != nullptr) return;
    // Declared by another step: the specification gives it no scope here, published stock relies on it all the same.
    const bool elsewhere = of_steps_.contains(name);
    Add(pointer, elsewhere ? "variable-scope" : "undeclared-variable",
        elsewhere ? StrCat("variable ", name, " is declared by another step only") : StrCat("variable ", name, " is not declared"),
        elsewhere ? "declare it in playbook_variables" : IsWorthAHint(findings_) ? NearestMember(name, ObjectOf(playbook_, "playbook_variables")) : "", !elsewhere);
  }

  void Reach() {
    std::set<std::string> seen;
    std::vector<std::string> left = {TextOf(playbook_, "workflow_start"), TextOf(playbook_, "workflow_exception")};
    while (!left.empty()) {
      const std::string id = left.back();
      left.pop_back();
      const Value* step = FindMember(workflow_, id);
      if (step == nullptr || !seen.insert(id).second) continue;
      for (const Edge& edge : EdgesOf(step->struct_value())) left.push_back(edge.target);
    }
    for (const std::string& id : NamesOf(workflow_)) {
      if (!seen.contains(id)) Add(Below("/workflow", id), "unreachable-step", "no path from workflow_start or workflow_exception leads here");
    }
  }

  // A circle of steps never ends: a while-condition is the one way to repeat, and its rounds end in an end step of their own.
  void Loops() {
    std::map<std::string, int> state;   // 1 on the way, 2 done
    struct Frame {
      std::string id;
      std::vector<Edge> edges;
      size_t next = 0;
    };
    for (const std::string& root : NamesOf(workflow_)) {
      if (state[root] != 0) continue;
      std::vector<Frame> way = {{root, EdgesOf(workflow_.fields().at(root).struct_value())}};
      state[root] = 1;
      while (!way.empty()) {
        Frame& top = way.back();
        if (top.next == top.edges.size()) {
          state[top.id] = 2;
          way.pop_back();
          continue;
        }
        const Edge edge = top.edges[top.next++];
        const Value* step = FindMember(workflow_, edge.target);
        if (step == nullptr || state[edge.target] == 2) continue;
        if (state[edge.target] == 1) {
          Add(Below("/workflow", top.id) + edge.pointer, "endless-loop", StrCat("leads back to ", edge.target, ", so the playbook never ends"),
              "repeat with a while-condition whose branch ends in an end step");
          state[edge.target] = 2;
          continue;
        }
        state[edge.target] = 1;
        way.push_back({edge.target, EdgesOf(step->struct_value())});
      }
    }
  }

  void Markings() {
    const std::vector<std::string> markings = TextsOf(playbook_, "markings");
    for (size_t i = 0; i < markings.size(); ++i) {
      if (FindMember(ObjectOf(playbook_, "data_marking_definitions"), markings[i]) != nullptr) continue;
      Add(Below("/markings", static_cast<int>(i)), "dangling-definition", StrCat("there is no ", CutText(markings[i], 120), " in data_marking_definitions"), "", false);
    }
  }

  const Struct& playbook_;
  const Struct& workflow_;
  std::vector<CacaoFinding>& findings_;
  std::set<std::string> of_steps_;   // variables that some step declares
};

}  // namespace

absl::StatusOr<Value> ParseCacao(std::string_view text) { return ParseJson(text, kCacaoLimits); }

std::vector<CacaoFinding> CheckCacao(const Value& document) {
  std::vector<CacaoFinding> findings;
  if (!document.has_struct_value()) {
    findings.push_back({"", "type", "a playbook is a JSON object", "", true});
    return findings;
  }
  CheckShape(document.struct_value(), findings);
  const bool too_large = std::any_of(findings.begin(), findings.end(), [](const CacaoFinding& finding) { return finding.rule == "limit"; });
  if (!too_large) GraphCheck(document.struct_value(), findings).Run();
  return findings;
}

bool HasErrors(const std::vector<CacaoFinding>& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const CacaoFinding& finding) { return finding.error; });
}

std::string FormatCacaoFinding(std::string_view file, const CacaoFinding& finding) {
  return StrCat(file, ": ", finding.pointer.empty() ? "/" : finding.pointer, ": ", finding.error ? "error: " : "warning: ", finding.message, " [",
                finding.rule, "]", finding.hint.empty() ? "" : StrCat(" (", finding.hint, ")"));
}

}  // namespace firebreak
