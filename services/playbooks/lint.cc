#include "firebreak/playbooks/lint.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_join.h"
#include "firebreak/base/bytes.h"
#include "firebreak/base/text.h"
#include "firebreak/crypto/hash.h"
#include "services/playbooks/findings.h"
#include "services/playbooks/lint_scope.h"
#include "services/playbooks/read_playbook.h"
#include "services/playbooks/step_linter.h"
#include "services/playbooks/yaml_tree.h"

namespace firebreak {
namespace {

constexpr uint32_t kHighSeverity = 70;  // CACAO 2.0 section 4.1: 70 to 100 is high

// An expression over incident.* only, before any input is bound.
std::optional<DataType> LintBinding(const v1::Expression& expression, Findings& findings) {
  const auto parsed = ParseExpression(expression.text());
  const auto* fault = std::get_if<ExpressionFault>(&parsed);
  TypeAnswer type;
  if (fault == nullptr) {
    type = CheckExpression(std::get<ParsedExpression>(parsed), LintScope::IncidentTypeOf);
    fault = std::get_if<ExpressionFault>(&type);
  }
  if (fault == nullptr) return std::get<DataType>(type);
  findings.Fault(expression.position(), *fault);
  return std::nullopt;
}

void LintTrigger(const v1::Playbook& playbook, const Marks& marks, Findings& findings) {
  const v1::Trigger& trigger = playbook.trigger();
  if (trigger.event() != "incident.opened") {
    findings.Error(marks.At("", "trigger/event", trigger.when().position()), "value",
                   StrCat("trigger: unknown event '", trigger.event(), "'"), "incident.opened");
  }
  for (const v1::InputDeclaration& input : playbook.inputs()) {
    if (input.has_from() || input.has_default_value()) continue;
    findings.Warning(input.position(), "unbound-input",
                     StrCat("an incident cannot start this playbook: input ", input.name(), " has neither from nor default"),
                     StrCat("from: incident.", FindValueType(input.type()) == ValueType::kSnapshot ? "snapshot" : "deployment"));
  }
  if (!trigger.has_when()) return;
  const std::optional<DataType> type = LintBinding(trigger.when(), findings);
  if (type && type->kind != ValueType::kBool) {
    findings.Error(trigger.when().position(), "type", "trigger: when must be true or false",
                   "incident.kind == \"model-poisoning\"");
  }
}

void LintInput(const v1::InputDeclaration& input, const Marks& marks, Findings& findings) {
  const auto at = [&](const char* key) { return marks.At("", StrCat("inputs/", input.name(), "/", key), input.position()); };
  if (!IsStepName(input.name())) {
    findings.Error(
        input.position(), "name",
        StrCat("input '", input.name(), "': names are lowercase letters, digits and _, starting with a letter"));
  }
  const std::vector<std::string> known = TypeNames();
  if (std::find(known.begin(), known.end(), input.type()) == known.end()) {
    if (input.type().empty()) return;  // reported as missing
    const std::string nearest = NearestName(input.type(), known);
    findings.Error(at("type"), "type", StrCat("input ", input.name(), ": unknown type '", input.type(), "'"),
                   nearest.empty() ? absl::StrJoin(known, ", ") : StrCat("did you mean ", nearest));
    return;
  }
  const std::optional<ValueType> element = FindValueType(input.element_type());
  if (!input.element_type().empty() && (!element || *element == ValueType::kList || *element == ValueType::kEnum)) {
    const std::string nearest = NearestName(input.element_type(), known);
    findings.Error(at("of"), "type", StrCat("input ", input.name(), ": a list cannot hold '", input.element_type(), "'"),
                   nearest.empty() ? "string" : StrCat("did you mean ", nearest));
  }
  const DataType type = TypeOfInput(input);
  if (input.has_default_value() && !ValueMatches(input.default_value(), type)) {
    const std::string nearest = NearestName(input.default_value().string_value(), type.choices);
    findings.Error(at("default"), "type", StrCat("input ", input.name(), ": the default is no ", TypeName(type)),
                   nearest.empty() ? "" : StrCat("did you mean ", nearest));
  }
  if (!input.has_from()) return;
  const std::optional<DataType> from = LintBinding(input.from(), findings);
  // Whether a text is one of an enum's choices is only known when the run starts, which refuses it then.
  if (!from || Accepts(type, *from) || (type.kind == ValueType::kEnum && from->kind == ValueType::kString)) return;
  findings.Error(
      input.from().position(), "type",
      StrCat("input ", input.name(), " is ", TypeName(type), ", ", input.from().text(), " is ", TypeName(*from)));
}

// "deployment/$name": the one kind of lock there is.
void LintLock(const v1::Playbook& playbook, const Marks& marks, LintScope& scope, Findings& findings) {
  const v1::SourcePosition& if_locked = marks.At("", "run/if_locked", playbook.lock().position());
  if (!playbook.has_lock()) {
    if (!playbook.if_locked().empty())
      findings.Warning(if_locked, "lock", "if_locked says nothing without a lock", "lock: deployment/$deployment");
    return;
  }
  if (playbook.if_locked() == "preempt" && playbook.severity() < kHighSeverity) {
    findings.Warning(if_locked, "preempt-severity",
                     StrCat("preempt takes the lock from a run of lower severity, and this playbook's is ", playbook.severity()),
                     StrCat("severity of at least ", kHighSeverity, ", or wait"));
  }
  const std::string& text = playbook.lock().text();
  const std::string wanted = "deployment/$";
  if (!text.starts_with(wanted)) {
    return findings.Error(playbook.lock().position(), "lock",
                          StrCat("lock '", text, "' is not of the form deployment/$input"), "deployment/$deployment");
  }
  TypeAnswer type = scope.TypeOf({"", text.substr(wanted.size())}, {});
  if (auto* bad = std::get_if<ExpressionFault>(&type)) {
    bad->offset = wanted.size() - 1;
    return findings.Fault(playbook.lock().position(), *bad);
  }
  if (!Accepts(ValueType::kDeployment, std::get<DataType>(type))) {
    findings.Error(playbook.lock().position(), "type",
                   StrCat("lock: ", text.substr(wanted.size() - 1), " is no deployment"));
  }
}

bool IsNumbered(std::string_view text, std::string_view form) {  // '9' in `form` stands for a digit
  return text.size() == form.size() && std::equal(text.begin(), text.end(), form.begin(), [](char c, char f) {
           return f == '9' ? c >= '0' && c <= '9' : c == f;
         });
}

bool IsSubcategory(std::string_view text) {
  for (std::string_view function : {"GOVERN ", "MAP ", "MEASURE ", "MANAGE "}) {
    if (!text.starts_with(function)) continue;
    const std::string_view number = text.substr(function.size());
    return IsNumbered(number, "9.9") || IsNumbered(number, "9.99");
  }
  return false;
}

void LintLabels(const v1::Playbook& playbook, const Marks& marks, Findings& findings) {
  static const auto& types = *new std::vector<std::string>{"attack",     "detection",    "engagement", "investigation",
                                                           "mitigation", "notification", "prevention", "remediation"};
  const v1::SourcePosition start;
  for (int i = 0; i < playbook.types_size(); ++i) {
    if (std::find(types.begin(), types.end(), playbook.types(i)) != types.end()) continue;
    const std::string nearest = NearestName(playbook.types(i), types);
    findings.Warning(marks.At("", StrCat("types/", i), start), "label",
                     StrCat("'", playbook.types(i), "' is no playbook type of CACAO 2.0"),
                     nearest.empty() ? absl::StrJoin(types, ", ") : StrCat("did you mean ", nearest));
  }
  for (int i = 0; i < playbook.techniques_size(); ++i) {
    const std::string& id = playbook.techniques(i);
    if (IsNumbered(id, "AML.T9999") || IsNumbered(id, "AML.T9999.999")) continue;
    findings.Warning(marks.At("", StrCat("techniques/", i), start), "label",
                     StrCat("'", id, "' is no technique id of MITRE ATLAS"), "AML.T0020, AML.T0051.001");
  }
  for (int i = 0; i < playbook.subcategories_size(); ++i) {
    if (IsSubcategory(playbook.subcategories(i))) continue;
    findings.Warning(marks.At("", StrCat("subcategories/", i), start), "label",
                     StrCat("'", playbook.subcategories(i), "' is no subcategory of the NIST AI RMF"), "MANAGE 2.4");
  }
}

void LintWhole(const v1::Playbook& playbook, const LintSurroundings& surroundings, const Marks& marks,
               Findings& findings) {
  LintScope scope(playbook, surroundings.actions);
  LintLabels(playbook, marks, findings);
  if (playbook.has_trigger()) LintTrigger(playbook, marks, findings);
  for (const v1::InputDeclaration& input : playbook.inputs()) LintInput(input, marks, findings);
  StepLinter steps(playbook, surroundings, marks, scope, findings);
  steps.Run();
  LintLock(playbook, marks, scope, findings);
  if (!playbook.has_lock() && steps.changes_production()) {
    findings.Warning(*steps.changes_production(), "no-lock",
                     "this changes production without a lock: two runs may act on one deployment",
                     "run: {lock: deployment/$deployment}");
  }
  for (const v1::InputDeclaration& input : playbook.inputs()) {
    if (!scope.InputUsed(input.name()))
      findings.Warning(input.position(), "unused-input", StrCat("input ", input.name(), " is never used"));
  }
}

}  // namespace

LintReport LintPlaybook(std::string_view file, std::string_view yaml, const LintSurroundings& surroundings) {
  Findings findings(file);
  LintReport report;
  std::variant<YamlNode, YamlFault> tree = ReadYaml(yaml);
  if (const auto* fault = std::get_if<YamlFault>(&tree)) {
    findings.Error(fault->position, fault->rule, fault->message, fault->hint);
  } else {
    const auto& root = std::get<YamlNode>(tree);
    for (const YamlFault& odd : CheckCoreSchema(root)) {
      if (odd.error) {
        findings.Error(odd.position, odd.rule, odd.message, odd.hint);
      } else {
        findings.Warning(odd.position, odd.rule, odd.message, odd.hint);
      }
    }
    Marks marks;
    report.playbook = ReadPlaybook(root, findings, marks);
    LintWhole(report.playbook, surroundings, marks, findings);
  }
  report.playbook.set_digest(Sha256(yaml).text());
  report.findings = findings.TakeSorted();
  return report;
}

LintReport LintPlaybook(std::string_view file, std::string_view yaml, absl::Span<const ActionSpec* const> actions) {
  LintSurroundings surroundings;
  surroundings.actions = actions;
  return LintPlaybook(file, yaml, surroundings);
}

}  // namespace firebreak
