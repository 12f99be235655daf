// The parts of a step that call something: do, with, undo, retry, ask.
#include <algorithm>
#include <optional>

#include "firebreak/base/bytes.h"
#include "firebreak/base/clock.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/value_type.h"
#include "services/playbooks/read_playbook.h"

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

}  // namespace

const std::vector<std::string>& FailureCodes() {
  static const auto& codes = *new std::vector<std::string>{
      "CANCELLED",         "UNKNOWN",           "INVALID_ARGUMENT",    "DEADLINE_EXCEEDED", "NOT_FOUND",
      "ALREADY_EXISTS",    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",  "FAILED_PRECONDITION", "ABORTED",
      "OUT_OF_RANGE",      "UNIMPLEMENTED",     "INTERNAL",            "UNAVAILABLE",       "DATA_LOSS",
      "UNAUTHENTICATED"};
  return codes;
}

void StepReader::ReadArguments(const YamlNode& node, const std::string& what,
                               google::protobuf::RepeatedPtrField<v1::Argument>& arguments) {
  if (node.kind != YamlNode::Kind::kMap) {
    findings_.Error(node.position, "shape", StrCat(what, ": with must be a map of arguments, this is ", KindName(node)));
    return;
  }
  for (const YamlEntry& entry : node.entries) {
    v1::Argument& argument = *arguments.Add();
    argument.set_name(entry.key);
    *argument.mutable_position() = entry.position;
    if (LooksLikeReference(entry.value)) {
      argument.mutable_expression()->set_text(entry.value.text);
      *argument.mutable_expression()->mutable_position() = entry.value.position;
      continue;
    }
    if (HoldsReference(entry.value)) {
      findings_.Error(entry.value.position, "shape", StrCat(what, ": a reference cannot stand inside a list or map"),
                      "give the reference alone");
    }
    if (entry.value.kind == YamlNode::Kind::kScalar && !entry.value.plain && entry.value.text.starts_with('$')) {
      findings_.Warning(entry.value.position, "quoted-reference",
                        StrCat(what, ": \"", entry.value.text, "\" in quotes is plain text, not a reference"),
                        "leave the quotes out");
    }
    *argument.mutable_literal() = ToValue(entry.value);
  }
}

void StepReader::ReadDo(const Fields& fields, v1::DoStep& call) {
  call.set_action(fields.Text("do"));
  if (const YamlNode* action = fields.Find("do")) *call.mutable_position() = action->position;
  if (const YamlNode* with = fields.Find("with")) ReadArguments(*with, fields.what(), *call.mutable_with());
}

void StepReader::ReadUndo(const YamlNode& node, const std::string& what, v1::Step& step) {
  const Fields fields(node, StrCat(what, ": undo"), {"do", "with"}, findings_);
  fields.Require("do");
  ReadDo(fields, *step.mutable_undo());
}

void StepReader::ReadRetry(const YamlNode& node, v1::Step& step) {
  const std::string what = StrCat("step ", step.name());
  v1::RetryPolicy& retry = *step.mutable_retry();
  const Fields fields(node, StrCat(what, ": retry"), {"times", "backoff", "unless"}, findings_);
  fields.Require("times");
  retry.set_times(static_cast<uint32_t>(fields.Integer("times", 0, 100).value_or(0)));
  for (std::string& code : fields.Texts("unless")) {
    if (std::find(FailureCodes().begin(), FailureCodes().end(), code) == FailureCodes().end()) {
      const std::string nearest = NearestName(code, FailureCodes());
      findings_.Error(fields.Find("unless")->position, "unknown-code",
                      StrCat(what, ": unless: there is no code '", code, "'"),
                      nearest.empty() ? "NOT_FOUND, PERMISSION_DENIED" : StrCat("did you mean ", nearest));
    }
    retry.add_unless(std::move(code));
  }
  const YamlNode* backoff = fields.Find("backoff");
  if (backoff == nullptr) return;
  marks_.Set(step.name(), "backoff", backoff->position);
  const size_t dots = backoff->text.find("..");
  const auto lo = ParseSpan(std::string_view(backoff->text).substr(0, dots));
  const auto hi = dots == std::string::npos ? lo : ParseSpan(std::string_view(backoff->text).substr(dots + 2));
  if (!lo || !hi || *lo > *hi || *lo <= absl::ZeroDuration()) {
    findings_.Error(backoff->position, "type",
                    StrCat(what, ": backoff is a duration or a range of two, smaller first"), "2s..1m");
    return;
  }
  *retry.mutable_backoff_min() = ToProto(*lo);
  *retry.mutable_backoff_max() = ToProto(*hi);
}

void StepReader::ReadAsk(const Fields& fields, v1::Step& step) {
  v1::AskStep& ask = *step.mutable_ask();
  ask.set_question(fields.Text("ask"));
  if (const YamlNode* question = fields.Find("ask")) {
    *ask.mutable_position() = question->position;
    if (!question->plain) ask.mutable_position()->set_column(question->position.column() + 1);
  }
  ask.set_need(1);
  if (fields.Find("about") != nullptr) *ask.mutable_about() = fields.Expression("about");
  const YamlNode* who = fields.Require("who");
  if (who == nullptr) return;
  const Fields people(*who, StrCat(fields.what(), ": who"), {"roles", "need", "not"}, findings_);
  for (const char* key : {"roles", "need", "not"}) {
    const YamlNode* node = people.Find(key);
    if (node == nullptr) continue;
    marks_.Set(step.name(), key, node->position);
    for (size_t i = 0; i < node->items.size(); ++i)
      marks_.Set(step.name(), StrCat(key, "/", i), node->items[i].position);
    marks_.Set(step.name(), StrCat(key, "/0"), node->position);  // one text instead of a list
  }
  for (std::string& role : people.Texts("roles")) ask.add_roles(std::move(role));
  ask.set_need(static_cast<uint32_t>(people.Integer("need", 1, kNeedMax).value_or(1)));
  for (std::string& identity : people.Texts("not")) ask.add_not_identities(std::move(identity));
}

}  // namespace firebreak
