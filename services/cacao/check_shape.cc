// The shape of every object: members, their kinds, identifiers, timestamps. Tables after the OASIS schemas.
#include "services/cacao/check_shape.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "services/cacao/json_view.h"

namespace firebreak {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

enum class Kind { kText, kInteger, kPercent, kFlag, kObject, kList, kTexts, kId, kIds, kTime, kTextOrNull, kIdMap };
struct Rule {
  const char* name;
  Kind kind;
  bool required = false;
};
using Rules = std::vector<Rule>;

const Rules& PlaybookRules() {
  static const auto& rules = *new Rules{
      {"type", Kind::kText, true}, {"spec_version", Kind::kText, true}, {"id", Kind::kId, true}, {"name", Kind::kText, true},
      {"description", Kind::kText}, {"playbook_types", Kind::kTexts}, {"playbook_activities", Kind::kTexts},
      {"playbook_processing_summary", Kind::kObject}, {"created_by", Kind::kId, true}, {"created", Kind::kTime, true},
      {"modified", Kind::kTime, true}, {"revoked", Kind::kFlag}, {"valid_from", Kind::kTime}, {"valid_until", Kind::kTime},
      {"derived_from", Kind::kIds}, {"related_to", Kind::kIds}, {"priority", Kind::kPercent}, {"severity", Kind::kPercent},
      {"impact", Kind::kPercent}, {"industry_sectors", Kind::kTexts}, {"labels", Kind::kTexts}, {"external_references", Kind::kList},
      {"markings", Kind::kIds}, {"playbook_variables", Kind::kObject}, {"workflow_start", Kind::kId, true},
      {"workflow_exception", Kind::kId}, {"workflow", Kind::kIdMap, true}, {"playbook_extensions", Kind::kIdMap},
      {"authentication_info_definitions", Kind::kIdMap}, {"agent_definitions", Kind::kIdMap}, {"target_definitions", Kind::kIdMap},
      {"extension_definitions", Kind::kIdMap}, {"data_marking_definitions", Kind::kIdMap}, {"signatures", Kind::kList}};
  return rules;
}

// What every step has; each type adds its own.
Rules StepRules(const std::string& type) {
  Rules rules = {{"type", Kind::kText, true}, {"name", Kind::kText}, {"description", Kind::kText}, {"external_references", Kind::kList},
                 {"delay", Kind::kInteger}, {"timeout", Kind::kInteger}, {"step_variables", Kind::kObject}, {"owner", Kind::kId},
                 {"on_completion", Kind::kId}, {"on_success", Kind::kId}, {"on_failure", Kind::kId}, {"step_extensions", Kind::kIdMap}};
  const auto add = [&rules](Rules more) { rules.insert(rules.end(), more.begin(), more.end()); };
  if (type == "action") {
    add({{"commands", Kind::kList, true}, {"agent", Kind::kId, true}, {"targets", Kind::kIds}, {"in_args", Kind::kTexts}, {"out_args", Kind::kTexts}});
  } else if (type == "playbook-action") {
    add({{"playbook_id", Kind::kId, true}, {"playbook_version", Kind::kTime}, {"in_args", Kind::kTexts}, {"out_args", Kind::kTexts}});
  } else if (type == "parallel") {
    add({{"next_steps", Kind::kIds, true}});
  } else if (type == "if-condition") {
    add({{"condition", Kind::kText, true}, {"on_true", Kind::kId, true}, {"on_false", Kind::kId}});
  } else if (type == "while-condition") {
    add({{"condition", Kind::kText, true}, {"on_true", Kind::kId, true}});
  } else if (type == "switch-condition") {
    add({{"switch", Kind::kText, true}, {"cases", Kind::kObject, true}});
  }
  return rules;
}

Rules CommandRules(const std::string& type) {
  Rules rules = {{"type", Kind::kText, true}, {"description", Kind::kText}, {"version", Kind::kText}, {"playbook_activity", Kind::kText},
                 {"external_references", Kind::kList}, {"command", Kind::kText}, {"command_b64", Kind::kText}};
  const auto add = [&rules](Rules more) { rules.insert(rules.end(), more.begin(), more.end()); };
  if (type == "http-api" || type == "openc2-http") {
    rules[5].required = true;
    add({{"headers", Kind::kObject}, {"content", Kind::kText}, {"content_b64", Kind::kText, type == "openc2-http"}});
  }
  return rules;
}

const Rules& SignatureRules() {
  static const auto& rules = *new Rules{
      {"type", Kind::kText, true}, {"id", Kind::kId, true}, {"created_by", Kind::kId}, {"created", Kind::kTime, true},
      {"modified", Kind::kTime, true}, {"revoked", Kind::kFlag}, {"signee", Kind::kText, true}, {"valid_from", Kind::kTime},
      {"valid_until", Kind::kTime}, {"related_to", Kind::kId, true}, {"related_version", Kind::kTime, true},
      {"hash_algorithm", Kind::kText, true}, {"algorithm", Kind::kText, true}, {"public_key", Kind::kText},
      {"public_cert_chain", Kind::kTexts}, {"cert_url", Kind::kText}, {"thumbprint", Kind::kText}, {"value", Kind::kText, true},
      {"signature", Kind::kObject}};
  return rules;
}

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class Shape {
 public:
  explicit Shape(std::vector<CacaoFinding>& findings) : findings_(findings) {}

  void Add(std::string pointer, std::string rule, std::string message, std::string hint = "", bool error = true) {
    AddFinding(findings_, {std::move(pointer), std::move(rule), std::move(message), std::move(hint), error});
  }

  void Object(const std::string& pointer, const Struct& object, const Rules& rules, std::string_view what) {
    std::vector<std::string> known;
    for (const Rule& rule : rules) {
      known.emplace_back(rule.name);
      const Value* value = FindMember(object, rule.name);
      if (value == nullptr) {
        if (rule.required) Missing(pointer, object, rule.name, what);
        continue;
      }
      Check(Below(pointer, rule.name), *value, rule.kind);
    }
    for (const std::string& name : NamesOf(object)) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      if (IsFull(findings_)) return;   // with nothing but warnings to come
      const std::string nearest = NearestName(name, known);
      Add(Below(pointer, name), "unknown-member", StrCat(what, " has no member ", CutText(name, 120)), nearest.empty() ? "" : StrCat("did you mean ", nearest), false);
    }
  }

  void Check(const std::string& pointer, const Value& value, Kind kind) {
    switch (kind) {
      case Kind::kText:
        if (value.kind_case() != Value::kStringValue) Wrong(pointer, "a text");
        return;
      case Kind::kTextOrNull:
        if (value.kind_case() != Value::kStringValue && value.kind_case() != Value::kNullValue) Wrong(pointer, "a text or null", "numbers and bools are written as text");
        return;
      case Kind::kInteger:
      case Kind::kPercent: {
        const double most = kind == Kind::kPercent ? 100 : 9e15;
        const double number = value.number_value();
        if (value.kind_case() != Value::kNumberValue || number != std::floor(number) || number < 0 || number > most) {
          Wrong(pointer, kind == Kind::kPercent ? "an integer from 0 to 100" : "an integer, 0 or more");
        }
        return;
      }
      case Kind::kFlag:
        if (value.kind_case() != Value::kBoolValue) Wrong(pointer, "true or false");
        return;
      case Kind::kObject:
        if (!value.has_struct_value()) Wrong(pointer, "an object");
        return;
      case Kind::kList:
        if (!value.has_list_value() || value.list_value().values().empty()) Wrong(pointer, "a list with at least one element");
        return;
      case Kind::kTexts:
      case Kind::kIds: {
        if (!value.has_list_value() || value.list_value().values().empty()) return Wrong(pointer, "a list with at least one text");
        for (int i = 0; i < value.list_value().values_size(); ++i) {
          Check(Below(pointer, i), value.list_value().values(i), kind == Kind::kIds ? Kind::kId : Kind::kText);
        }
        return;
      }
      case Kind::kId:
        if (value.kind_case() != Value::kStringValue) return Wrong(pointer, "an identifier");
        Identifier(pointer, value.string_value());
        return;
      case Kind::kTime:
        if (value.kind_case() != Value::kStringValue || !IsCacaoTime(value.string_value())) {
          Add(pointer, "timestamp", "is no timestamp", "2026-11-20T10:04:21.123Z: UTC, with three digits of a second");
        }
        return;
      case Kind::kIdMap:
        if (!value.has_struct_value() || value.struct_value().fields().empty()) return Wrong(pointer, "an object with at least one member");
        for (const std::string& name : NamesOf(value.struct_value())) {
          Identifier(Below(pointer, name), name);
          if (!value.struct_value().fields().at(name).has_struct_value()) Wrong(Below(pointer, name), "an object");
        }
        return;
    }
  }

  void Variables(const std::string& pointer, const Struct& variables) {
    static const auto& rules = *new Rules{{"type", Kind::kText, true}, {"description", Kind::kText}, {"value", Kind::kTextOrNull},
                                          {"constant", Kind::kFlag}, {"external", Kind::kFlag}};
    for (const std::string& name : NamesOf(variables)) {
      if (!IsCacaoVariable(name)) Add(Below(pointer, name), "variable-name", StrCat(CutText(name, 120), " is no name of a variable"), "__name__: two underscores, letters, digits, _ and -");
      const Value& value = variables.fields().at(name);
      if (!value.has_struct_value()) {
        Wrong(Below(pointer, name), "an object");
        continue;
      }
      Object(Below(pointer, name), value.struct_value(), rules, "a variable");
    }
  }

  void Signature(const std::string& pointer, const Struct& signature, int depth) {
    Object(pointer, signature, SignatureRules(), "a signature");
    if (TextOf(signature, "type") != "jss") Add(Below(pointer, "type"), "value", "must be jss");
    int keys = 0;
    for (const char* name : {"public_key", "public_cert_chain", "cert_url", "thumbprint"}) keys += FindMember(signature, name) != nullptr ? 1 : 0;
    if (keys != 1) Add(pointer, "signature-key", "needs exactly one of public_key, public_cert_chain, cert_url, thumbprint");
    const Value* nested = FindMember(signature, "signature");
    if (nested == nullptr) return;
    if (depth >= 4) return Add(Below(pointer, "signature"), "limit", "countersignatures are nested more than 4 deep");
    if (nested->has_struct_value()) Signature(Below(pointer, "signature"), nested->struct_value(), depth + 1);
  }

 private:
  void Wrong(const std::string& pointer, std::string_view wanted, std::string hint = "") {
    Add(pointer, "type", StrCat("must be ", wanted), std::move(hint));
  }
  void Missing(const std::string& pointer, const Struct& object, const std::string& name, std::string_view what) {
    const std::string nearest = IsWorthAHint(findings_) ? NearestMember(name, object) : "";
    Add(pointer, "missing-member", StrCat(what, " needs the member ", name), nearest.empty() ? "" : StrCat("is ", nearest, " meant to be it?"));
  }
  void Identifier(const std::string& pointer, std::string_view id) {
    if (IsCacaoId(id)) return;
    Add(pointer, "id", StrCat(CutText(id, 80), " is no identifier"), "type--UUID with a UUID of version 1 to 5");
  }

  std::vector<CacaoFinding>& findings_;
};

void CheckCommand(Shape& shape, const std::string& pointer, const Value& value) {
  if (!value.has_struct_value()) return shape.Add(pointer, "type", "must be an object");
  const Struct& command = value.struct_value();
  const std::string type = TextOf(command, "type");
  shape.Object(pointer, command, CommandRules(type), "a command");
  if (FindMember(command, "command") != nullptr && FindMember(command, "command_b64") != nullptr) {
    shape.Add(pointer, "exclusive", "command and command_b64 exclude one another");
  }
  if (FindMember(command, "content") != nullptr && FindMember(command, "content_b64") != nullptr) {
    shape.Add(pointer, "exclusive", "content and content_b64 exclude one another");
  }
  for (const char* name : {"command_b64", "content_b64"}) {
    const Value* member = FindMember(command, name);
    if (member != nullptr && !FromBase64(member->string_value()).ok()) shape.Add(Below(pointer, name), "base64", "is not base64");
  }
}

void CheckStep(Shape& shape, const std::string& pointer, const Struct& step, std::string_view id) {
  static const auto& types = *new std::vector<std::string>{"start", "end", "action", "playbook-action", "parallel", "if-condition", "while-condition", "switch-condition"};
  const std::string type = TextOf(step, "type");
  if (std::find(types.begin(), types.end(), type) == types.end()) {
    const std::string nearest = NearestName(type, types);
    shape.Add(Below(pointer, "type"), "step-type", StrCat("there is no step type '", CutText(type, 80), "'"),
              type == "decision" ? "if-condition or switch-condition" : nearest.empty() ? "action, if-condition, parallel …" : StrCat("did you mean ", nearest));
    return;
  }
  if (!id.starts_with(StrCat(type, "--"))) shape.Add(pointer, "id", StrCat("the id of a step of type ", type, " begins with ", type, "--"));
  shape.Object(pointer, step, StepRules(type), StrCat("a step of type ", type));
  const bool completion = FindMember(step, "on_completion") != nullptr;
  const bool success = FindMember(step, "on_success") != nullptr;
  const bool failure = FindMember(step, "on_failure") != nullptr;
  if (completion && (success || failure)) shape.Add(pointer, "exclusive", "on_completion excludes on_success and on_failure");
  if (failure && !success) shape.Add(pointer, "missing-member", "on_failure needs on_success beside it", "", type != "end" && type != "start");
  if (type == "end" && (completion || success || failure)) shape.Add(pointer, "exclusive", "an end step goes nowhere");
  if (type == "start" && (success || failure || !completion)) shape.Add(pointer, "missing-member", "a start step has on_completion and nothing else");
  if (const Value* commands = FindMember(step, "commands"); commands != nullptr) {
    for (int i = 0; i < commands->list_value().values_size(); ++i) CheckCommand(shape, Below(Below(pointer, "commands"), i), commands->list_value().values(i));
  }
  if (type == "parallel" && TextsOf(step, "next_steps").size() < 2) shape.Add(Below(pointer, "next_steps"), "type", "must be a list with at least two steps");
  for (const std::string& name : NamesOf(ObjectOf(step, "cases"))) {
    shape.Check(Below(Below(pointer, "cases"), name), ObjectOf(step, "cases").fields().at(name), Kind::kId);
  }
  shape.Variables(Below(pointer, "step_variables"), ObjectOf(step, "step_variables"));
}

void CheckDefinitions(Shape& shape, const Struct& playbook) {
  for (const char* map : {"agent_definitions", "target_definitions", "authentication_info_definitions", "extension_definitions", "data_marking_definitions"}) {
    const Struct& definitions = ObjectOf(playbook, map);
    const std::string_view name(map);
    for (const std::string& id : NamesOf(definitions)) {
      const Struct& one = definitions.fields().at(id).struct_value();
      const std::string pointer = Below(Below("", map), id);
      const bool agent = name == "agent_definitions" || name == "target_definitions";
      if (FindMember(one, "type") == nullptr) shape.Add(pointer, "missing-member", "needs the member type");
      if ((agent || name == "extension_definitions") && FindMember(one, "name") == nullptr) shape.Add(pointer, "missing-member", "needs the member name");
      if (const Value* port = FindMember(one, "port"); agent && port != nullptr && port->kind_case() != Value::kStringValue) {
        shape.Add(Below(pointer, "port"), "type", "must be a text", "\"8443\"");
      }
    }
  }
}

}  // namespace

void AddFinding(std::vector<CacaoFinding>& findings, CacaoFinding finding) {
  if (IsFull(findings)) {
    if (!finding.error) return;
    const auto last_warning = std::find_if(findings.rbegin(), findings.rend(), [](const CacaoFinding& one) { return !one.error; });
    if (last_warning == findings.rend()) return;
    findings.erase(std::next(last_warning).base());
  }
  findings.push_back(std::move(finding));
}

std::string NearestMember(std::string_view name, const Struct& object) {
  constexpr int kLookedAtMax = 1000;
  return object.fields_size() > kLookedAtMax ? "" : NearestName(name, NamesOf(object));
}

bool IsCacaoId(std::string_view id) {
  const size_t at = id.find("--");
  if (at == std::string_view::npos || at == 0) return false;
  const std::string_view type = id.substr(0, at);
  const std::string_view uuid = id.substr(at + 2);
  if (!std::all_of(type.begin(), type.end(), [](char c) { return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-'; })) return false;
  if (uuid.size() != 36) return false;
  for (size_t i = 0; i < uuid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? uuid[i] != '-' : !IsHex(uuid[i])) return false;
  }
  return uuid[14] >= '1' && uuid[14] <= '5' && std::string_view("89abAB").find(uuid[19]) != std::string_view::npos;
}

bool IsCacaoTime(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() < kForm.size() + 1 || text.back() != 'Z') return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == '0' ? !IsDigit(text[i]) : text[i] != kForm[i]) return false;
  }
  std::string_view rest = text.substr(kForm.size(), text.size() - kForm.size() - 1);
  if (!rest.empty() && (rest.front() != '.' || rest.size() < 2 || !std::all_of(rest.begin() + 1, rest.end(), IsDigit))) return false;
  const auto two = [&](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  return two(5) >= 1 && two(5) <= 12 && two(8) >= 1 && two(8) <= 31 && two(11) <= 23 && two(14) <= 59 && two(17) <= 60;
}

bool IsCacaoVariable(std::string_view name) {
  if (name.size() < 5 || name.size() > 204 || !name.starts_with("__") || !name.ends_with("__")) return false;
  const std::string_view inner = name.substr(2, name.size() - 4);
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return letter(inner.front()) && std::all_of(inner.begin(), inner.end(), [&](char c) { return letter(c) || IsDigit(c) || c == '-'; });
}

void CheckShape(const Struct& playbook, std::vector<CacaoFinding>& findings) {
  Shape shape(findings);
  shape.Object("", playbook, PlaybookRules(), "a playbook");
  if (TextOf(playbook, "type") != "playbook") shape.Add("/type", "value", "must be playbook", TextOf(playbook, "type") == "identity" ? "this is a STIX identity" : "");
  if (TextOf(playbook, "spec_version") != "cacao-2.0") {
    shape.Add("/spec_version", "value", "must be cacao-2.0", TextOf(playbook, "spec_version") == "1.0" ? "CACAO 1.0 playbooks are not read" : "");
  }
  shape.Variables("/playbook_variables", ObjectOf(playbook, "playbook_variables"));
  const Struct& workflow = ObjectOf(playbook, "workflow");
  if (workflow.fields_size() > static_cast<int>(kCacaoStepsMax)) {
    return shape.Add("/workflow", "limit", StrCat("has ", workflow.fields_size(), " steps, at most ", kCacaoStepsMax, " are read"));
  }
  for (const std::string& id : NamesOf(workflow)) {
    if (workflow.fields().at(id).has_struct_value()) CheckStep(shape, Below("/workflow", id), workflow.fields().at(id).struct_value(), id);
  }
  CheckDefinitions(shape, playbook);
  const Value* signatures = FindMember(playbook, "signatures");
  for (int i = 0; signatures != nullptr && i < signatures->list_value().values_size(); ++i) {
    shape.Signature(Below("/signatures", i), signatures->list_value().values(i).struct_value(), 0);
  }
}

}  // namespace firebreak
