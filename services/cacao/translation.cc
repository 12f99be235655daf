#include <algorithm>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/json.h"
#include "firebreak/base/status.h"
#include "firebreak/playbooks/lint.h"
#include "services/cacao/check_shape.h"
#include "services/cacao/graph.h"
#include "services/cacao/import_foreign.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kNameBytesMax = 48;

std::string OurType(std::string_view type) {
  if (type == "integer" || type == "long") return "int";
  if (type == "float") return "number";
  if (type == "bool") return "bool";
  return "string";
}

}  // namespace

std::string Slug(std::string_view text, char filler) {
  std::string slug;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      slug.push_back(c);
    } else if (c >= 'A' && c <= 'Z') {
      slug.push_back(static_cast<char>(c + 32));
    } else if (!slug.empty() && slug.back() != filler) {
      slug.push_back(filler);
    }
  }
  while (!slug.empty() && !(slug.front() >= 'a' && slug.front() <= 'z')) slug.erase(slug.begin());
  if (slug.size() > kNameBytesMax) slug.resize(kNameBytesMax);
  while (!slug.empty() && slug.back() == filler) slug.pop_back();
  return slug;
}

Translation::Translation(const Struct& document, CacaoImport& result)
    : document_(document), workflow_(ObjectOf(document, "workflow")), result_(result) {
  for (const auto& [id, step] : workflow_.fields()) {
    for (const char* name : {"condition", "switch"}) {
      for (const std::string& variable : VariablesIn(TextOf(step.struct_value(), name))) compared_.insert(variable);
    }
  }
}

void Translation::Error(std::string pointer, std::string rule, std::string message, std::string hint) {
  AddFinding(result_.findings, {std::move(pointer), std::move(rule), std::move(message), std::move(hint), true});
}
void Translation::Note(std::string pointer, std::string rule, std::string message, std::string hint) {
  AddFinding(result_.findings, {std::move(pointer), std::move(rule), std::move(message), std::move(hint), false});
}

std::string Translation::StepName(std::string_view title, std::string_view fallback) {
  std::string base = Slug(title, '_');
  // Words that mean something in an expression are no names.
  static const std::set<std::string> kTaken = {"and",  "or",   "not",     "in",     "true",  "false", "incident", "count",
                                             "empty", "null", "then",    "else",   "undo",  "default", "on_failure", "ok",
                                             "error", "steps", "always", "item"};
  if (base.empty()) base = std::string(fallback);
  if (kTaken.contains(base)) base += "_step";
  std::string name = base;
  for (int i = 2; !names_.insert(name).second; ++i) name = StrCat(base, "_", i);
  return name;
}

absl::StatusOr<ForeignVariable> Translation::Variable(const std::string& name, const Struct& step) {
  if (const auto found = filled_.find(name); found != filled_.end()) return found->second;
  if (const auto found = inputs_.find(name); found != inputs_.end()) return found->second;
  if (inputs_.size() >= kInputsMax) return absl::InvalidArgumentError(StrCat("more than ", kInputsMax, " variables are used"));
  const Struct* declared = &ObjectOf(ObjectOf(document_, "playbook_variables"), name);
  if (declared->fields().empty()) declared = &ObjectOf(ObjectOf(step, "step_variables"), name);
  for (const auto& [id, other] : workflow_.fields()) {
    if (declared->fields().empty()) declared = &ObjectOf(ObjectOf(other.struct_value(), "step_variables"), name);
  }
  if (declared->fields().empty()) return absl::InvalidArgumentError(StrCat("variable ", CutText(name, 100), " is not declared"));
  v1::InputDeclaration& input = *result_.playbook.add_inputs();
  std::string own = Slug(std::string_view(name).substr(2, name.size() - 4), '_');
  if (own.empty()) own = "value";
  const auto is_taken = [&](const std::string& candidate) {
    const auto& inputs = result_.playbook.inputs();
    return std::count_if(inputs.begin(), inputs.end(), [&](const auto& one) { return one.name() == candidate; }) > 0;
  };
  std::string unique = own;
  for (int i = 2; is_taken(unique); ++i) unique = StrCat(own, "_", i);
  input.set_name(unique);
  // What only stands in texts is a text, whatever it is to a network.
  const std::string type = compared_.contains(name) ? OurType(TextOf(*declared, "type")) : "string";
  input.set_type(type);
  input.set_about(std::string(CutText(TextOf(*declared, "description"), 200)));
  const Value* value = FindMember(*declared, "value");
  if (value != nullptr && value->kind_case() == Value::kStringValue) {
    Value& standard = *input.mutable_default_value();
    standard = *value;
    if (type != "string") {
      const absl::StatusOr<Value> parsed = ParseJson(value->string_value());
      if (parsed.ok()) standard = *parsed;
    }
  }
  const ForeignVariable made{StrCat("$", unique), type};
  inputs_[name] = made;
  return made;
}

std::string Translation::TextForPeople(const std::string& text, const Struct& step, const std::string& pointer) {
  std::string out = text;
  // What looks like one of our references would be read as one.
  for (size_t at = out.find("{$"); at != std::string::npos; at = out.find("{$", at + 3)) out.insert(at + 1, 1, ' ');
  for (size_t at = out.find("{incident."); at != std::string::npos; at = out.find("{incident.", at + 3)) out.insert(at + 1, 1, ' ');
  for (const std::string& variable : VariablesIn(out)) {
    const absl::StatusOr<ForeignVariable> value = Variable(variable, step);
    if (!value.ok()) {
      Error(pointer, "undeclared-variable", std::string(MessageOf(value.status())));
      continue;
    }
    const std::string from = variable + ":value";
    const std::string to = StrCat("{", value->expression, "}");
    for (size_t at = out.find(from); at != std::string::npos; at = out.find(from, at + to.size())) out.replace(at, from.size(), to);
  }
  return out;
}

bool Translation::TooManySteps(const std::string& pointer) {
  if (names_.size() <= static_cast<size_t>(kStepsMax)) return false;
  Error(pointer, "limit", StrCat("the playbook would have more than ", kStepsMax, " steps"), "divide it");
  return true;
}

void Translation::UseHook(const std::string& hook) {
  if (std::find(result_.hooks.begin(), result_.hooks.end(), hook) == result_.hooks.end()) result_.hooks.push_back(hook);
}

}  // namespace firebreak
