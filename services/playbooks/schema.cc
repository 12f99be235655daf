#include "firebreak/playbooks/schema.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "firebreak/access/permissions.h"
#include "firebreak/base/check.h"
#include "firebreak/base/json.h"
#include "firebreak/base/text.h"
#include "firebreak/playbooks/lint.h"
#include "firebreak/playbooks/value_type.h"

namespace firebreak {
namespace {

// JSON text is put together here and read back as a whole at the end, which proves that it is JSON.
std::string Quoted(std::string_view text) { return QuoteJson(text); }

std::string Ref(std::string_view name) { return StrCat("{\"$ref\": \"#/definitions/", name, "\"}"); }

template <typename Names>
std::string EnumOf(const Names& names) {
  std::string list;
  for (const auto& name : names) StrAppend(&list, list.empty() ? "" : ", ", Quoted(name));
  return StrCat("{\"enum\": [", list, "]}");
}

std::string TypeSchema(const DataType& type) {
  switch (type.kind) {
    case ValueType::kInt:
      return "{\"type\": \"integer\"}";
    case ValueType::kNumber:
      return "{\"type\": \"number\"}";
    case ValueType::kBool:
      return "{\"type\": \"boolean\"}";
    case ValueType::kDuration:
      return Ref("duration");
    case ValueType::kList:
      return StrCat("{\"type\": \"array\", \"items\": ", TypeSchema(type.element), "}");
    case ValueType::kEnum:
      return type.choices.empty() ? "{\"type\": \"string\"}" : EnumOf(type.choices);
    case ValueType::kString:
    case ValueType::kIncident:
    case ValueType::kDeployment:
    case ValueType::kSnapshot:
      break;
  }
  return "{\"type\": \"string\"}";
}

// What `with` of one action may hold.
std::string ArgumentsSchema(const ActionSpec& spec) {
  std::string properties;
  std::string required;
  for (const ActionField& field : spec.inputs) {
    const DataType type = ParseType(field.type).value_or(DataType(ValueType::kString));
    StrAppend(&properties, properties.empty() ? "" : ", ", Quoted(field.name), ": {\"description\": ",
              Quoted(StrCat(field.type, field.about.empty() ? "" : StrCat(": ", field.about))), ", \"anyOf\": [", TypeSchema(type),
              ", ", Ref("reference"), "]}");
    if (field.required) StrAppend(&required, required.empty() ? "" : ", ", Quoted(field.name));
  }
  return StrCat("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {", properties, "}, \"required\": [",
                required, "]}");
}

// {do, with} of every action: the name is completed, and the arguments follow it.
std::string CallSchema(absl::Span<const ActionSpec* const> actions) {
  std::vector<std::string> names;
  std::string rules;
  for (const ActionSpec* spec : actions) {
    names.push_back(spec->name);
    const bool needs = std::any_of(spec->inputs.begin(), spec->inputs.end(), [](const ActionField& input) { return input.required; });
    StrAppend(&rules, rules.empty() ? "" : ", ", "{\"if\": {\"properties\": {\"do\": {\"const\": ", Quoted(spec->name),
              "}}, \"required\": [\"do\"]}, \"then\": {\"properties\": {\"do\": {\"description\": ", Quoted(spec->about),
              "}, \"with\": ", ArgumentsSchema(*spec), "}", needs ? ", \"required\": [\"with\"]" : "", "}}");
  }
  return StrCat("{\"properties\": {\"do\": ", EnumOf(names), "}, \"allOf\": [", rules, "]}");
}

struct Kind {
  const char* key;
  const char* properties;
  const char* required;
};

// The kinds of steps; every one is an object with exactly these keys and the common ones.
constexpr Kind kKinds[] = {
    {"do", R"("do": {"type": "string"}, "with": {"type": "object"}, "timeout": {"$ref": "#/definitions/duration"},
           "retry": {"$ref": "#/definitions/retry"}, "always": {"type": "boolean"}, "undo": {"allOf": [{"type": "object",
           "additionalProperties": false, "required": ["do"], "properties": {"do": {}, "with": {"type": "object"}}}, {"$ref": "#/definitions/call"}]})",
     R"("do")"},
    {"ask", R"("ask": {"type": "string", "minLength": 1, "description": "shown to people; {$step.field} is replaced"},
            "who": {"$ref": "#/definitions/who"}, "timeout": {"$ref": "#/definitions/duration"})",
     R"("ask", "who")"},
    {"if", R"("if": {"$ref": "#/definitions/expression"}, "then": {"$ref": "#/definitions/steps"}, "else": {"$ref": "#/definitions/steps"})",
     R"("if", "then")"},
    {"while", R"("while": {"$ref": "#/definitions/expression"}, "max": {"$ref": "#/definitions/rounds"}, "steps": {"$ref": "#/definitions/steps"})",
     R"("while", "max", "steps")"},
    {"switch", R"("switch": {"$ref": "#/definitions/expression"}, "cases": {"type": "array", "minItems": 1, "items": {"type": "object",
               "additionalProperties": false, "required": ["is", "steps"], "properties": {"is": {"type": ["string", "number", "boolean"]},
               "steps": {"$ref": "#/definitions/steps"}}}}, "default": {"$ref": "#/definitions/steps"})",
     R"("switch", "cases")"},
    {"parallel", R"("parallel": {"allOf": [{"$ref": "#/definitions/steps"}, {"minItems": 2}]},
                 "join": {"oneOf": [{"const": "all"}, {"type": "integer", "minimum": 1}]})",
     R"("parallel")"},
    {"run", R"("run": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]*@sha256:[0-9a-f]{64}$"}, "with": {"type": "object"})",
     R"("run")"},
    {"for_each", R"("for_each": {"$ref": "#/definitions/expression"}, "as": {"$ref": "#/definitions/name"}, "type": {"enum": ["string",
                 "int", "number", "bool", "duration", "incident", "deployment", "snapshot"]}, "max": {"$ref": "#/definitions/rounds"},
                 "steps": {"$ref": "#/definitions/steps"})",
     R"("for_each", "as", "max", "steps")"},
    {"steps", R"("steps": {"$ref": "#/definitions/steps"}, "always": {"type": "boolean"})", R"("steps")"},
};

std::string StepSchema() {
  std::string kinds;
  for (const Kind& kind : kKinds) {
    StrAppend(&kinds, kinds.empty() ? "" : ", ", "{\"title\": ", Quoted(kind.key),
              ", \"type\": \"object\", \"additionalProperties\": false, \"required\": [", kind.required, "], \"properties\": {",
              kind.properties, R"(, "about": {"type": "string"}, "delay": {"$ref": "#/definitions/duration"},
              "on_failure": {"const": "continue", "description": "go on when this step fails"}})");
    if (std::string_view(kind.key) == "do") kinds += R"(, "allOf": [{"$ref": "#/definitions/call"}])";
    kinds += "}";
  }
  return StrCat("{\"oneOf\": [", kinds, "]}");
}

std::string Definitions(absl::Span<const ActionSpec* const> actions) {
  std::vector<std::string> roles;
  for (const v1::Role role : RolesGranting(Permission::kRespond)) roles.emplace_back(RoleName(role));
  return StrCat(
      R"({"name": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"},
      "duration": {"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "description": "90s, 10m, 1h30m; at most 30 days"},
      "reference": {"type": "string", "pattern": "^(\\$[a-z_][a-z0-9_]*(\\.[a-z_][a-z0-9_]*)?|incident\\.[a-z_]+)$",
                    "description": "$input, $step.output or incident.field"},
      "expression": {"type": ["string", "boolean"], "description": "$step.field == \"x\" and (not $other.ok or count($step.list) > 3) and true"},
      "rounds": {"type": "integer", "minimum": 1, "maximum": )",
      kRoundsMax, R"(},
      "retry": {"type": "object", "additionalProperties": false, "required": ["times"], "properties": {"times": {"type": "integer",
        "minimum": 0, "maximum": 100}, "backoff": {"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+(\\.\\.([0-9]+(ms|s|m|h|d))+)?$"},
        "unless": {"oneOf": [{"$ref": "#/definitions/code"}, {"type": "array", "items": {"$ref": "#/definitions/code"}}]}}},
      "code": )",
      EnumOf(FailureCodes()), R"(,
      "who": {"type": "object", "additionalProperties": false, "required": ["roles"], "properties": {"roles": {"oneOf": [)",
      EnumOf(roles), R"(, {"type": "array", "minItems": 1, "items": )", EnumOf(roles),
      R"(}]}, "need": {"type": "integer", "minimum": 1, "maximum": )", kNeedMax,
      R"(}, "not": {"oneOf": [{"enum": ["author", "trigger"]}, {"type": "array", "items": {"enum": ["author", "trigger"]}}]}}},
      "steps": {"type": "array", "minItems": 1, "items": {"type": "object", "minProperties": 1, "maxProperties": 1,
        "propertyNames": {"$ref": "#/definitions/name"}, "additionalProperties": {"$ref": "#/definitions/step"}}},
      "step": )",
      StepSchema(), ", \"call\": ", CallSchema(actions), "}");
}

}  // namespace

std::string PlaybookSchema(absl::Span<const ActionSpec* const> actions) {
  const std::string text = StrCat(
      R"({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Firebreak playbook", "type": "object",
      "description": "An executable runbook. firebreak playbook lint knows more than this schema.",
      "additionalProperties": false, "required": ["playbook", "title", "steps"], "properties": {
      "playbook": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]*$", "description": "stable name"},
      "title": {"type": "string"}, "about": {"type": "string"}, "severity": {"type": "integer", "minimum": 0, "maximum": 100},
      "types": {"type": "array", "items": {"enum": ["attack", "detection", "engagement", "investigation", "mitigation",
                "notification", "prevention", "remediation"]}},
      "techniques": {"type": "array", "items": {"type": "string", "pattern": "^AML\\.T[0-9]{4}(\\.[0-9]{3})?$"}},
      "subcategories": {"type": "array", "items": {"type": "string", "pattern": "^(GOVERN|MAP|MEASURE|MANAGE) [0-9]\\.[0-9]{1,2}$"}},
      "trigger": {"type": "object", "additionalProperties": false, "required": ["event"], "properties": {
                  "event": {"const": "incident.opened"}, "when": {"$ref": "#/definitions/expression"}}},
      "inputs": {"type": "object", "maxProperties": )",
      kInputsMax, R"(, "propertyNames": {"$ref": "#/definitions/name"}, "additionalProperties": {"type": "object",
                 "additionalProperties": false, "required": ["type"], "properties": {"type": )",
      EnumOf(TypeNames()), R"(, "of": {"oneOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}]},
                 "about": {"type": "string"}, "from": {"type": "string", "pattern": "^incident\\.[a-z_]+$"}, "default": {}}}},
      "run": {"type": "object", "additionalProperties": false, "properties": {"timeout": {"$ref": "#/definitions/duration"},
              "lock": {"type": "string", "pattern": "^deployment/\\$[a-z][a-z0-9_]*$"},
              "if_locked": {"enum": ["attach", "wait", "preempt", "fail"]}}},
      "steps": {"$ref": "#/definitions/steps"}, "on_failure": {"$ref": "#/definitions/steps"}},
      "definitions": )",
      Definitions(actions), "}");
  const absl::StatusOr<google::protobuf::Value> schema = ParseJson(text);
  FIREBREAK_CHECK(schema.ok());
  return PrintJsonPretty(*schema) + "\n";
}

}  // namespace firebreak
