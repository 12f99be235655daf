// Steps of a playbook: "- name: {do: …, with: …}", "- name: {ask: …}", "- name: {if: …, then: […]}".
#include <optional>

#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/value_type.h"
#include "services/playbooks/read_playbook.h"
#include "services/playbooks/yaml_fields.h"

namespace firebreak {
namespace {

bool LooksLikeReference(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar && node.plain &&
         (node.text.starts_with('$') || node.text.starts_with("incident."));
}

bool HoldsReference(const YamlNode& node) {
  if (LooksLikeReference(node)) return true;
  for (const YamlNode& item : node.items) {
    if (HoldsReference(item)) return true;
  }
  for (const YamlEntry& entry : node.entries) {
    if (HoldsReference(entry.value)) return true;
  }
  return false;
}

void ReadArguments(const YamlNode& node, const std::string& what, Findings& findings, v1::DoStep& step) {
  if (node.kind != YamlNode::Kind::kMap) {
    findings.Error(node.position, "shape", StrCat(what, ": with must be a map of arguments, this is ", KindName(node)));
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    v1::Argument& argument = *step.add_with();
    argument.set_name(entry.key);
    *argument.mutable_position() = entry.position;
    if (LooksLikeReference(entry.value)) {
      argument.mutable_expression()->set_text(entry.value.text);
      *argument.mutable_expression()->mutable_position() = entry.value.position;
      continue;
    }
    if (HoldsReference(entry.value)) {
      findings.Error(entry.value.position, "shape", StrCat(what, ": a reference cannot stand inside a list or map"),
                     "give the reference alone");
    }
    if (entry.value.kind == YamlNode::Kind::kScalar && !entry.value.plain && entry.value.text.starts_with('$')) {
      findings.Warning(entry.value.position, "quoted-reference",
                       StrCat(what, ": \"", entry.value.text, "\" in quotes is plain text, not a reference"),
                       "leave the quotes out");
    }
    *argument.mutable_literal() = ToValue(entry.value);
  }
}

void ReadDo(const Fields& fields, Findings& findings, v1::DoStep& step) {
  step.set_action(fields.Text("do"));
  if (const YamlNode* action = fields.Find("do")) *step.mutable_position() = action->position;
  if (const YamlNode* with = fields.Find("with")) ReadArguments(*with, fields.what(), findings, step);
}

void ReadAsk(const Fields& fields, Findings& findings, v1::AskStep& step) {
  step.set_question(fields.Text("ask"));
  if (const YamlNode* question = fields.Find("ask")) {
    *step.mutable_position() = question->position;
    if (!question->plain) step.mutable_position()->set_column(question->position.column() + 1);
  }
  step.set_need(1);
  if (fields.Find("about") != nullptr) *step.mutable_about() = fields.Expression("about");
  const YamlNode* who = fields.Require("who");
  if (who == nullptr) return;
  const Fields people(*who, StrCat(fields.what(), ": who"), {"roles", "need", "not"}, findings);
  for (std::string& role : people.Texts("roles")) step.add_roles(std::move(role));
  step.set_need(static_cast<uint32_t>(people.Integer("need", 1, 10).value_or(1)));
  for (std::string& identity : people.Texts("not")) step.add_not_identities(std::move(identity));
}

void ReadRetry(const YamlNode& node, const std::string& what, Findings& findings, v1::RetryPolicy& retry) {
  const Fields fields(node, StrCat(what, ": retry"), {"times", "backoff"}, findings);
  fields.Require("times");
  retry.set_times(static_cast<uint32_t>(fields.Integer("times", 0, 100).value_or(0)));
  const YamlNode* backoff = fields.Find("backoff");
  if (backoff == nullptr) return;
  const size_t dots = backoff->text.find("..");
  const auto lo = ParseSpan(std::string_view(backoff->text).substr(0, dots));
  const auto hi = dots == std::string::npos ? lo : ParseSpan(std::string_view(backoff->text).substr(dots + 2));
  if (!lo || !hi || *lo > *hi || *lo <= absl::ZeroDuration()) {
    findings.Error(backoff->position, "type", StrCat(what, ": backoff is a duration or a range of two, smaller first"),
                   "2s..1m");
    return;
  }
  *retry.mutable_backoff_min() = ToProto(*lo);
  *retry.mutable_backoff_max() = ToProto(*hi);
}

// Settings any kind of step may have.
void ReadCommon(const Fields& fields, Findings& findings, v1::Step& step) {
  google::protobuf::Duration timeout;
  if (fields.Span("timeout", timeout)) *step.mutable_timeout() = timeout;
  if (const YamlNode* retry = fields.Find("retry")) ReadRetry(*retry, fields.what(), findings, *step.mutable_retry());
  step.set_always(fields.Bool("always").value_or(false));
  if (const YamlNode* undo = fields.Find("undo")) {
    const Fields undo_fields(*undo, StrCat(fields.what(), ": undo"), {"do", "with"}, findings);
    undo_fields.Require("do");
    ReadDo(undo_fields, findings, *step.mutable_undo());
  }
}

void ReadBody(const YamlNode& body, int depth, Findings& findings, v1::Step& step) {
  const std::string what = StrCat("step ", step.name());
  const bool is_do = body.Find("do") != nullptr;
  const bool is_ask = body.Find("ask") != nullptr;
  const bool is_if = body.Find("if") != nullptr;
  if (body.kind == YamlNode::Kind::kMap && int{is_do} + int{is_ask} + int{is_if} != 1) {
    findings.Error(body.position, "shape", StrCat(what, " needs exactly one of do, ask and if"));
    return;
  }
  if (is_ask) {
    const Fields fields(body, what, {"ask", "who", "about", "timeout"}, findings);
    ReadAsk(fields, findings, *step.mutable_ask());
    ReadCommon(fields, findings, step);
  } else if (is_if) {
    const Fields fields(body, what, {"if", "then", "else"}, findings);
    v1::IfStep& branch = *step.mutable_branch();
    *branch.mutable_condition() = fields.Expression("if");
    if (const YamlNode* list = fields.Require("then"))
      ReadSteps(*list, depth + 1, findings, *branch.mutable_then_steps());
    if (const YamlNode* list = fields.Find("else")) ReadSteps(*list, depth + 1, findings, *branch.mutable_else_steps());
  } else {
    const Fields fields(body, what, {"do", "with", "timeout", "retry", "always", "undo"}, findings);
    ReadDo(fields, findings, *step.mutable_do_());
    ReadCommon(fields, findings, step);
  }
}

}  // namespace

void ReadSteps(const YamlNode& list, int depth, Findings& findings,
               google::protobuf::RepeatedPtrField<v1::Step>& steps) {
  if (list.kind != YamlNode::Kind::kList) {
    findings.Error(list.position, "shape", StrCat("steps must be a list, this is ", KindName(list)),
                   "- contain: {do: fleet.contain}");
    return;
  }
  if (depth >= kStepDepthMax) {
    findings.Error(list.position, "limit", StrCat("steps are nested more than ", kStepDepthMax, " deep"));
    return;
  }
  for (const YamlNode& item : list.items) {
    if (item.kind != YamlNode::Kind::kMap || item.entries.size() != 1) {
      findings.Error(item.position, "shape", "a step is one name with its body", "- contain: {do: fleet.contain}");
      continue;
    }
    v1::Step& step = *steps.Add();
    step.set_name(item.entries[0].key);
    *step.mutable_position() = item.entries[0].position;
    ReadBody(item.entries[0].value, depth, findings, step);
  }
}

}  // namespace firebreak
