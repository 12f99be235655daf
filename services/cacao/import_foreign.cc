// The workflow of a foreign playbook as nested steps. CACAO is a graph, a playbook of ours a tree: where two paths meet again, the
// tree goes on behind the branches.
#include "services/cacao/import_foreign.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/playbooks/lint.h"
#include "services/cacao/graph.h"
#include "services/cacao/json_view.h"
#include "services/cacao/paths.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using StepList = google::protobuf::RepeatedPtrField<v1::Step>;
using Stops = std::set<std::string>;

constexpr int kDepthMax = 7;            // the language allows 8 levels of steps
constexpr uint32_t kRoundsOfAWhile = 100;

// A finite number as JSON writes it, and nothing around it.
std::optional<double> NumberIn(std::string_view text) {
  if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;   // blanks around it
  const absl::StatusOr<Value> value = ParseJson(text, {.size_bytes_max = 64, .depth_max = 1, .values_max = 1});
  if (!value.ok() || value->kind_case() != Value::kNumberValue) return std::nullopt;
  return value->number_value();
}

class WorkflowTranslator {
 public:
  explicit WorkflowTranslator(Translation& translation) : translation_(translation), workflow_(translation.workflow()), paths_(workflow_) {}

  void Run(v1::Playbook& playbook) {
    const Struct& start = ObjectOf(workflow_, TextOf(translation_.document(), "workflow_start"));
    Chain(TextOf(start, "on_completion"), {}, 0, *playbook.mutable_steps());
    Chain(TextOf(translation_.document(), "workflow_exception"), {}, 0, *playbook.mutable_on_failure());
  }

 private:
  bool IsEnd(const std::string& id) const { return paths_.IsEnd(id); }

  static Stops With(Stops stops, const std::string& more) {
    if (!more.empty()) stops.insert(more);
    return stops;
  }

  void Chain(std::string id, const Stops& stops, int depth, StepList& steps) {
    while (!IsEnd(id) && !stops.contains(id)) {
      const std::string pointer = Below("/workflow", id);
      if (translation_.TooManySteps(pointer)) return;
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
      translation_.Note(pointer, "disabled-playbook", StrCat("another playbook (", CutText(TextOf(step, "playbook_id"), 60), ") is not run: a person is asked to"),
                        "import it, then use `run: name@digest`");
      Struct manual = step;
      PutText(manual, "type", "action");
      Struct& command = *(*manual.mutable_fields())["commands"].mutable_list_value()->add_values()->mutable_struct_value();
      PutText(command, "type", "manual");
      PutText(command, "command", StrCat("Run the playbook ", CutText(TextOf(step, "playbook_id"), 60), " and confirm that it is done."));
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
    const std::string meeting = paths_.Meeting({after, failure});
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
    if (after.empty() && !on_false.empty()) after = paths_.Meeting({on_true, on_false});
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
    if (starts.size() > kBranchesMax) {
      translation_.Error(Below(pointer, "cases"), "limit", StrCat("has more than ", kBranchesMax, " cases"));
      return after;
    }
    if (after.empty()) after = paths_.Meeting(starts);
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
        const std::optional<double> number = NumberIn(name);
        if (!number) translation_.Error(Below(Below(pointer, "cases"), name), "condition", "is compared with a number and is none");
        one.mutable_value()->set_number_value(number.value_or(0));
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
    if (starts.size() > kBranchesMax) {
      translation_.Error(Below(pointer, "next_steps"), "limit", StrCat("has more than ", kBranchesMax, " branches"));
      return after;
    }
    if (after.empty()) after = paths_.Meeting(starts);
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
    if (made.parallel().branches_size() >= 2) {
      *steps.Add() = std::move(made);
    } else if (made.parallel().branches_size() == 1) {
      *steps.Add() = made.parallel().branches(0);
    }
    return after;
  }

  Translation& translation_;
  const Struct& workflow_;
  WorkflowPaths paths_;
  Stops done_;
};

}  // namespace

void TranslateForeign(const Struct& document, CacaoImport& result) {
  v1::Playbook& playbook = result.playbook;
  std::string name = Slug(TextOf(document, "name"), '-');
  playbook.set_name(name.empty() ? "imported" : name);
  playbook.set_title(std::string(CutText(TextOf(document, "name"), 200)));
  playbook.set_about(std::string(CutText(TextOf(document, "description"), 2000)));
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
