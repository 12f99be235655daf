// The workflow of a foreign playbook as nested steps. CACAO is a graph, a playbook of ours a tree: where two paths meet again, the
// tree goes on behind the branches.
#include "services/cacao/import_foreign.h"

#include <algorithm>
#include <utility>

#include "firebreak/base/clock.h"
#include "firebreak/base/status.h"
#include "services/cacao/graph.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using StepList = google::protobuf::RepeatedPtrField<v1::Step>;
using Stops = std::set<std::string>;

constexpr int kDepthMax = 7;            // the language allows 8 levels of steps
constexpr uint32_t kRoundsOfAWhile = 100;

class WorkflowTranslator {
 public:
  explicit WorkflowTranslator(Translation& translation) : translation_(translation), workflow_(translation.workflow()) {}

  void Run(v1::Playbook& playbook) {
    const Struct& start = ObjectOf(workflow_, TextOf(translation_.document(), "workflow_start"));
    Chain(TextOf(start, "on_completion"), {}, 0, *playbook.mutable_steps());
    Chain(TextOf(translation_.document(), "workflow_exception"), {}, 0, *playbook.mutable_on_failure());
  }

 private:
  bool IsEnd(const std::string& id) const { return id.empty() || TextOf(ObjectOf(workflow_, id), "type") == "end"; }

  // Everything that can be reached from `from`, nearest first.
  std::vector<std::string> Reach(const std::string& from) const {
    std::vector<std::string> reached;
    Stops seen;
    std::vector<std::string> left = {from};
    for (size_t i = 0; i < left.size(); ++i) {
      if (IsEnd(left[i]) || !seen.insert(left[i]).second) continue;
      reached.push_back(left[i]);
      for (const Edge& edge : EdgesOf(ObjectOf(workflow_, left[i]))) left.push_back(edge.target);
    }
    return reached;
  }

  // Where paths that part meet again; empty when they do not.
  std::string Meeting(const std::vector<std::string>& starts) const {
    if (starts.empty()) return "";
    for (const std::string& candidate : Reach(starts.front())) {
      bool all = true;
      for (size_t i = 1; all && i < starts.size(); ++i) {
        const std::vector<std::string> other = Reach(starts[i]);
        all = std::find(other.begin(), other.end(), candidate) != other.end();
      }
      if (all && starts.size() > 1) return candidate;
    }
    return "";
  }

  static Stops With(Stops stops, const std::string& more) {
    if (!more.empty()) stops.insert(more);
    return stops;
  }

  void Chain(std::string id, const Stops& stops, int depth, StepList& steps) {
    while (!IsEnd(id) && !stops.contains(id)) {
      const std::string pointer = Below("/workflow", id);
      if (depth > kDepthMax) return translation_.Error(pointer, "limit", "steps are nested more than 8 deep");
      if (!done_.insert(id).second) {
        return translation_.Error(pointer, "shared-step", "is reached on paths that do not meet in one place", "give each path a step of its own");
      }
      id = Step(id, pointer, stops, depth, steps);
    }
  }

  // Adds the step and answers where it goes on.
  std::string Step(const std::string& id, const std::string& pointer, const Stops& stops, int depth, StepList& steps) {
    const Struct& step = ObjectOf(workflow_, id);
    const std::string type = TextOf(step, "type");
    if (type == "action") return Action(step, pointer, stops, depth, steps);
    if (type == "if-condition") return If(step, pointer, stops, depth, steps);
    if (type == "while-condition") return While(id, step, pointer, stops, depth, steps);
    if (type == "switch-condition") return Switch(step, pointer, stops, depth, steps);
    if (type == "parallel") return Parallel(step, pointer, stops, depth, steps);
    if (type == "playbook-action") {
      translation_.Note(pointer, "disabled-playbook", StrCat("another playbook (", TextOf(step, "playbook_id").substr(0, 60), ") is not run: a person is asked to"),
                        "import it, then use `run: name@digest`");
      Struct manual = step;
      PutText(manual, "type", "action");
      Struct& command = *(*manual.mutable_fields())["commands"].mutable_list_value()->add_values()->mutable_struct_value();
      PutText(command, "type", "manual");
      PutText(command, "command", StrCat("Run the playbook ", TextOf(step, "playbook_id").substr(0, 60), " and confirm that it is done."));
      for (v1::Step& made : TranslateAction(translation_, pointer, manual)) *steps.Add() = std::move(made);
      return AfterOf(step);
    }
    return AfterOf(step);
  }

  std::string Action(const Struct& step, const std::string& pointer, const Stops& stops, int depth, StepList& steps) {
    std::vector<v1::Step> made = TranslateAction(translation_, pointer, step);
    const std::string after = AfterOf(step);
    const std::string failure = TextOf(step, "on_failure");
    // A failure that leads to an end is what a failed step does anyway.
    if (made.empty() || IsEnd(failure) || failure == after) {
      for (v1::Step& one : made) *steps.Add() = std::move(one);
      return after;
    }
    v1::Step& tried = *steps.Add();
    if (made.size() == 1) {
      tried = std::move(made[0]);
    } else {
      tried.set_name(translation_.StepName(TextOf(step, "name") + " all", "all"));
      for (v1::Step& one : made) *tried.mutable_group()->add_steps() = std::move(one);
    }
    tried.set_continue_on_failure(true);
    const std::string meeting = Meeting({after, failure});
    v1::Step branch;
    branch.set_name(translation_.StepName(tried.name() + " went well", "went_well"));
    branch.mutable_branch()->mutable_condition()->set_text(StrCat("$", tried.name(), ".ok"));
    Chain(after, With(stops, meeting), depth + 1, *branch.mutable_branch()->mutable_then_steps());
    Chain(failure, With(stops, meeting), depth + 1, *branch.mutable_branch()->mutable_else_steps());
    Keep(std::move(branch), steps);
    return meeting;
  }

  // An `if` whose then is empty is turned round; one that does nothing is left out.
  void Keep(v1::Step branch, StepList& steps) {
    v1::IfStep& both = *branch.mutable_branch();
    if (both.then_steps().empty() && both.else_steps().empty()) return;
    if (both.then_steps().empty()) {
      both.mutable_condition()->set_text(StrCat("not (", both.condition().text(), ")"));
      both.mutable_then_steps()->Swap(both.mutable_else_steps());
    }
    *steps.Add() = std::move(branch);
  }

  std::string Condition(const Struct& step, const std::string& pointer) {
    const absl::StatusOr<std::string> text =
        FromStix(TextOf(step, "condition"), [&](const std::string& name) { return translation_.Variable(name, step); });
    if (text.ok()) return *text;
    translation_.Error(Below(pointer, "condition"), "condition", std::string(MessageOf(text.status())));
    return "true";
  }

  void Name(const Struct& step, std::string_view fallback, v1::Step& made) {
    made.set_name(translation_.StepName(TextOf(step, "name"), fallback));
    if (const int64_t delay = IntegerOf(step, "delay"); delay > 0) *made.mutable_delay() = ToProto(std::min(absl::Milliseconds(delay), absl::Hours(720)));
  }

  std::string If(const Struct& step, const std::string& pointer, const Stops& stops, int depth, StepList& steps) {
    v1::Step made;
    Name(step, "decide", made);
    made.mutable_branch()->mutable_condition()->set_text(Condition(step, pointer));
    std::string after = AfterOf(step);
    const std::string on_true = TextOf(step, "on_true");
    const std::string on_false = TextOf(step, "on_false");
    if (after.empty() && !on_false.empty()) after = Meeting({on_true, on_false});
    Chain(on_true, With(stops, after), depth + 1, *made.mutable_branch()->mutable_then_steps());
    Chain(on_false, With(stops, after), depth + 1, *made.mutable_branch()->mutable_else_steps());
    Keep(std::move(made), steps);
    return after;
  }

  std::string While(const std::string& id, const Struct& step, const std::string& pointer, const Stops& stops, int depth, StepList& steps) {
    v1::Step made;
    Name(step, "repeat", made);
    made.mutable_loop()->mutable_condition()->set_text(Condition(step, pointer));
    made.mutable_loop()->set_max(kRoundsOfAWhile);
    translation_.Note(pointer, "while-max", StrCat("goes round at most ", kRoundsOfAWhile, " times, then it fails"), "set max in the YAML");
    const std::string after = AfterOf(step);
    Chain(TextOf(step, "on_true"), With(With(stops, after), id), depth + 1, *made.mutable_loop()->mutable_steps());
    if (!made.loop().steps().empty()) *steps.Add() = std::move(made);
    return after;
  }

  std::string Switch(const Struct& step, const std::string& pointer, const Stops& stops, int depth, StepList& steps) {
    v1::Step made;
    Name(step, "choose", made);
    const std::vector<std::string> variables = VariablesIn(TextOf(step, "switch"));
    const absl::StatusOr<ForeignVariable> subject =
        variables.empty() ? absl::StatusOr<ForeignVariable>(absl::InvalidArgumentError("names no variable")) : translation_.Variable(variables[0], step);
    std::string after = AfterOf(step);
    if (!subject.ok()) {
      translation_.Error(Below(pointer, "switch"), "condition", std::string(MessageOf(subject.status())));
      return after;
    }
    made.mutable_choice()->mutable_subject()->set_text(subject->expression);
    const Struct& cases = ObjectOf(step, "cases");
    std::vector<std::string> starts;
    for (const std::string& name : NamesOf(cases)) starts.push_back(cases.fields().at(name).string_value());
    if (after.empty()) after = Meeting(starts);
    for (const std::string& name : NamesOf(cases)) {
      StepList inner;
      Chain(cases.fields().at(name).string_value(), With(stops, after), depth + 1, inner);
      if (inner.empty()) continue;
      if (name == "default") {
        made.mutable_choice()->mutable_default_steps()->Swap(&inner);
        continue;
      }
      v1::SwitchCase& one = *made.mutable_choice()->add_cases();
      one.mutable_steps()->Swap(&inner);
      if (subject->type == "bool") {
        one.mutable_value()->set_bool_value(name == "true");
      } else if (subject->type == "string") {
        one.mutable_value()->set_string_value(name);
      } else {
        one.mutable_value()->set_number_value(std::strtod(name.c_str(), nullptr));
      }
    }
    if (!made.choice().cases().empty()) *steps.Add() = std::move(made);
    return after;
  }

  std::string Parallel(const Struct& step, const std::string& pointer, const Stops& stops, int depth, StepList& steps) {
    v1::Step made;
    Name(step, "together", made);
    const std::vector<std::string> starts = TextsOf(step, "next_steps");
    std::string after = AfterOf(step);
    if (after.empty()) after = Meeting(starts);
    for (size_t i = 0; i < starts.size(); ++i) {
      StepList inner;
      Chain(starts[i], With(stops, after), depth + 2, inner);
      if (inner.empty()) continue;
      v1::Step& branch = *made.mutable_parallel()->add_branches();
      if (inner.size() == 1) {
        branch = inner[0];
        continue;
      }
      branch.set_name(translation_.StepName(StrCat(made.name(), " ", i + 1), "branch"));
      branch.mutable_group()->mutable_steps()->Swap(&inner);
    }
    if (made.parallel().branches_size() > 32) translation_.Error(Below(pointer, "next_steps"), "limit", "has more than 32 branches");
    if (made.parallel().branches_size() >= 2) {
      *steps.Add() = std::move(made);
    } else if (made.parallel().branches_size() == 1) {
      *steps.Add() = made.parallel().branches(0);
    }
    return after;
  }

  Translation& translation_;
  const Struct& workflow_;
  Stops done_;
};

}  // namespace

void TranslateForeign(const Struct& document, CacaoImport& result) {
  v1::Playbook& playbook = result.playbook;
  std::string name = Slug(TextOf(document, "name"), '-');
  playbook.set_name(name.empty() ? "imported" : name);
  playbook.set_title(TextOf(document, "name").substr(0, 200));
  playbook.set_about(TextOf(document, "description").substr(0, 2000));
  playbook.set_severity(static_cast<uint32_t>(std::min<int64_t>(IntegerOf(document, "severity"), 100)));
  for (const std::string& type : TextsOf(document, "playbook_types")) playbook.add_types(type);
  Translation translation(document, result);
  WorkflowTranslator(translation).Run(playbook);
  if (playbook.steps().empty()) translation.Error("/workflow", "no-steps", "nothing is left to do");
  if (FindMember(document, "signatures") != nullptr) {
    translation.Note("/signatures", "signatures", "are not carried over: what was signed is the document, not its translation", "firebreak playbook verify");
  }
}

}  // namespace firebreak
