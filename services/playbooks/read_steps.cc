// Steps of a playbook: "- name: {do: …, with: …}", "- name: {ask: …}", "- name: {if: …, then: […]}" and the other kinds.
#include <array>
#include <charconv>
#include <optional>

#include "absl/strings/str_join.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/ids.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "services/playbooks/read_playbook.h"

namespace firebreak {
namespace {

struct StepKind {
  const char* key;                     // the key that makes a step one of this kind
  std::vector<std::string> own;        // keys only this kind has
};

// What every kind may have beside its own keys. (The `about` of an ask is an expression, of the others a text.)
const std::vector<std::string>& CommonKeys() {
  static const auto& keys = *new std::vector<std::string>{"about", "delay", "on_failure"};
  return keys;
}

const std::vector<StepKind>& Kinds() {
  static const auto& kinds = *new std::vector<StepKind>{
      {"do", {"do", "with", "timeout", "retry", "always", "undo"}},
      {"ask", {"ask", "who", "timeout"}},
      {"if", {"if", "then", "else"}},
      {"while", {"while", "max", "steps"}},
      {"switch", {"switch", "cases", "default"}},
      {"parallel", {"parallel", "join"}},
      {"run", {"run", "with"}},
      {"for_each", {"for_each", "as", "type", "max", "steps"}},
      {"steps", {"steps", "always"}},
  };
  return kinds;
}

// The kind of a body; nullptr when it has no kind's key or those of several.
const StepKind* KindOf(const YamlNode& body) {
  const StepKind* found = nullptr;
  for (const StepKind& kind : Kinds()) {
    if (body.Find(kind.key) == nullptr) continue;
    if (found != nullptr && std::string_view(kind.key) != "steps") return nullptr;  // while and for_each have steps too
    if (found == nullptr) found = &kind;
  }
  return found;
}

}  // namespace

void StepReader::Nested(const Fields& fields, const char* key, int depth, Steps& steps) {
  const YamlNode* list = fields.Require(key);
  if (list == nullptr) return;
  if (list->kind == YamlNode::Kind::kList && list->items.empty()) {
    findings_.Error(list->position, "no-steps", StrCat(fields.what(), ": ", key, " needs at least one step"));
    return;
  }
  ReadSteps(*list, depth + 1, steps);
}

void StepReader::ReadIf(const Fields& fields, int depth, v1::IfStep& branch) {
  *branch.mutable_condition() = fields.Expression("if");
  Nested(fields, "then", depth, *branch.mutable_then_steps());
  if (fields.Find("else") != nullptr) Nested(fields, "else", depth, *branch.mutable_else_steps());
}

void StepReader::ReadWhile(const Fields& fields, int depth, v1::WhileStep& loop) {
  *loop.mutable_condition() = fields.Expression("while");
  fields.Require("max");
  loop.set_max(static_cast<uint32_t>(fields.Integer("max", 1, kRoundsMax).value_or(1)));
  Nested(fields, "steps", depth, *loop.mutable_steps());
}

void StepReader::ReadSwitch(const Fields& fields, int depth, v1::Step& step) {
  v1::SwitchStep& choice = *step.mutable_choice();
  *choice.mutable_subject() = fields.Expression("switch");
  const YamlNode* cases = fields.Require("cases");
  if (cases != nullptr && (cases->kind != YamlNode::Kind::kList || cases->items.empty())) {
    findings_.Error(cases->position, "shape", StrCat(fields.what(), ": cases must be a list of at least one case"),
                    "- {is: \"warn\", steps: […]}");
    cases = nullptr;
  }
  if (cases != nullptr && cases->items.size() > static_cast<size_t>(kStepsMax)) {
    findings_.Error(cases->position, "limit", StrCat(fields.what(), " has more than ", kStepsMax, " cases"));
    cases = nullptr;
  }
  for (size_t i = 0; cases != nullptr && i < cases->items.size(); ++i) {
    const Fields one(cases->items[i], StrCat(fields.what(), ": case ", i + 1), {"is", "steps"}, findings_);
    v1::SwitchCase& added = *choice.add_cases();
    *added.mutable_position() = cases->items[i].position;
    if (const YamlNode* value = one.Require("is")) {
      *added.mutable_value() = ToValue(*value);
      *added.mutable_position() = value->position;
    }
    Nested(one, "steps", depth, *added.mutable_steps());
  }
  if (const YamlNode* list = fields.Find("default")) {
    marks_.Set(step.name(), "default", list->position);
    Nested(fields, "default", depth, *choice.mutable_default_steps());
  }
}

void StepReader::ReadParallel(const Fields& fields, int depth, v1::Step& step) {
  v1::ParallelStep& parallel = *step.mutable_parallel();
  Nested(fields, "parallel", depth, *parallel.mutable_branches());
  if (const YamlNode* list = fields.Find("parallel");
      list->kind == YamlNode::Kind::kList && list->items.size() > kBranchesMax) {
    findings_.Error(list->position, "limit", StrCat(fields.what(), " has more than ", kBranchesMax, " branches"));
  }
  const YamlNode* join = fields.Find("join");
  if (join == nullptr) return;
  marks_.Set(step.name(), "join", join->position);
  if (join->kind == YamlNode::Kind::kScalar && join->text == "all") return;
  uint32_t need = 0;
  const char* end = join->text.data() + join->text.size();
  const auto [last, error] = std::from_chars(join->text.data(), end, need);
  if (join->kind != YamlNode::Kind::kScalar || error != std::errc() || last != end || need == 0) {
    findings_.Error(join->position, "type", StrCat(fields.what(), ": join is all or how many branches must be done"),
                    "join: all");
    return;
  }
  parallel.set_need(need);
}

void StepReader::ReadRun(const Fields& fields, v1::RunStep& run) {
  const YamlNode* node = fields.Find("run");
  *run.mutable_position() = node->position;
  const std::string text = fields.Text("run");
  const size_t at = text.find('@');
  run.set_playbook(text.substr(0, at));
  if (at != std::string::npos) run.set_digest(text.substr(at + 1));
  if (!run.digest().empty() && !Digest::Parse(run.digest()).ok()) {
    v1::SourcePosition position = node->position;
    position.set_column(position.column() + static_cast<uint32_t>(at) + 1 + (node->plain ? 0 : 1));
    findings_.Error(position, "digest", StrCat(fields.what(), ": '", run.digest(), "' is no digest"),
                    "sha256: and 64 hex digits, as firebreak playbook list -o json shows them");
    run.clear_digest();
  } else if (run.digest().empty()) {
    findings_.Error(node->position, "unpinned-run",
                    StrCat(fields.what(), ": '", text, "' names no version: what runs must be what was reviewed"),
                    StrCat("run: ", run.playbook(), "@sha256:…"));
  }
  if (const YamlNode* with = fields.Find("with")) ReadArguments(*with, fields.what(), *run.mutable_with());
}

void StepReader::ReadForEach(const Fields& fields, int depth, v1::Step& step) {
  v1::ForEachStep& loop = *step.mutable_for_each();
  *loop.mutable_list() = fields.Expression("for_each");
  fields.Require("as");
  loop.set_item_name(fields.Text("as"));
  loop.set_item_type(fields.Text("type"));
  for (const char* key : {"as", "type", "max"}) {
    if (const YamlNode* node = fields.Find(key)) marks_.Set(step.name(), key, node->position);
  }
  fields.Require("max");
  loop.set_max(static_cast<uint32_t>(fields.Integer("max", 1, kRoundsMax).value_or(1)));
  Nested(fields, "steps", depth, *loop.mutable_steps());
}

void StepReader::ReadCommon(const Fields& fields, v1::Step& step) {
  google::protobuf::Duration span;
  if (fields.Span("timeout", span)) *step.mutable_timeout() = span;
  if (fields.Span("delay", span)) *step.mutable_delay() = span;
  for (const char* key : {"timeout", "delay", "always", "on_failure", "retry"}) {
    if (const YamlNode* node = fields.Find(key)) marks_.Set(step.name(), key, node->position);
  }
  if (const YamlNode* retry = fields.Find("retry")) ReadRetry(*retry, step);
  if (const YamlNode* undo = fields.Find("undo")) ReadUndo(*undo, fields.what(), step);
  step.set_always(fields.Bool("always").value_or(false));
  if (!step.has_ask()) step.set_about(fields.Text("about"));
  if (const YamlNode* node = fields.Find("on_failure")) {
    if (fields.Text("on_failure") == "continue") {
      step.set_continue_on_failure(true);
    } else {
      findings_.Error(node->position, "value", StrCat(fields.what(), ": the one on_failure of a step is continue"),
                      "handlers stand in the playbook's own on_failure");
    }
  }
}

void StepReader::ReadBody(const YamlNode& body, int depth, v1::Step& step) {
  const std::string what = StrCat("step ", step.name());
  const StepKind* kind = body.kind == YamlNode::Kind::kMap ? KindOf(body) : nullptr;
  if (kind == nullptr) {
    std::vector<std::string> names;
    for (const StepKind& one : Kinds()) names.emplace_back(one.key);
    findings_.Error(body.position, "shape", StrCat(what, " needs exactly one of ", absl::StrJoin(names, ", ")));
    return;
  }
  std::vector<std::string> known = kind->own;
  known.insert(known.end(), CommonKeys().begin(), CommonKeys().end());
  const Fields fields(body, what, std::move(known), findings_);
  const std::string_view key = kind->key;
  if (key == "do") ReadDo(fields, *step.mutable_do_());
  if (key == "ask") ReadAsk(fields, step);
  if (key == "if") ReadIf(fields, depth, *step.mutable_branch());
  if (key == "while") ReadWhile(fields, depth, *step.mutable_loop());
  if (key == "switch") ReadSwitch(fields, depth, step);
  if (key == "parallel") ReadParallel(fields, depth, step);
  if (key == "run") ReadRun(fields, *step.mutable_run());
  if (key == "for_each") ReadForEach(fields, depth, step);
  if (key == "steps") Nested(fields, "steps", depth, *step.mutable_group()->mutable_steps());
  ReadCommon(fields, step);
}

void StepReader::ReadSteps(const YamlNode& list, int depth, Steps& steps) {
  if (list.kind != YamlNode::Kind::kList) {
    findings_.Error(list.position, "shape", StrCat("steps must be a list, this is ", KindName(list)),
                    "- contain: {do: fleet.contain}");
    return;
  }
  if (depth >= kStepDepthMax) {
    findings_.Error(list.position, "limit", StrCat("steps are nested more than ", kStepDepthMax, " deep"));
    return;
  }
  for (const YamlNode& item : list.items) {
    if (item.kind != YamlNode::Kind::kMap || item.entries.size() != 1) {
      findings_.Error(item.position, "shape", "a step is one name with its body", "- contain: {do: fleet.contain}");
      continue;
    }
    if (++steps_ > kStepsMax) {   // what follows is not looked at: a finding for each would help nobody
      if (steps_ == kStepsMax + 1) {
        findings_.Error(item.entries[0].position, "limit", StrCat("a playbook has at most ", kStepsMax, " steps, this is one more"));
      }
      return;
    }
    v1::Step& step = *steps.Add();
    step.set_name(item.entries[0].key);
    *step.mutable_position() = item.entries[0].position;
    ReadBody(item.entries[0].value, depth, step);
  }
}

}  // namespace firebreak
