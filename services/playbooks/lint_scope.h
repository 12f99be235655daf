// What the linter knows while it walks the steps: declared inputs, every step by name, and which steps have surely run
// before the place it stands at.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_LINT_SCOPE_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_LINT_SCOPE_H_

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/playbooks/expression.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

// Names of steps that have surely run, or that may have run on some path.
struct Seen {
  std::set<std::string> surely;
  std::set<std::string> maybe;
};

class LintScope {
 public:
  LintScope(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions);

  const ActionSpec* FindAction(std::string_view name) const;
  std::vector<std::string> ActionNames() const;

  // The type of `reference` at a place where `seen` holds, or the fault to report. Notes what is used.
  std::variant<ValueType, ExpressionFault> TypeOf(const Reference& reference, const Seen& seen);

  // Only incident.* may be named: inputs are not bound yet.
  static std::variant<ValueType, ExpressionFault> IncidentTypeOf(const Reference& reference);

  bool InputUsed(const std::string& name) const { return used_inputs_.count(name) > 0; }
  bool FieldUsed(const std::string& step, const std::string& field) const {
    return used_fields_.count({step, field}) > 0;
  }
  const std::map<std::string, const v1::Step*>& steps() const { return steps_; }

 private:
  void CollectSteps(const google::protobuf::RepeatedPtrField<v1::Step>& steps);
  std::variant<ValueType, ExpressionFault> StepFieldType(const v1::Step& step, const Reference& reference);

  std::map<std::string, const ActionSpec*> actions_;
  std::map<std::string, ValueType> inputs_;
  std::map<std::string, const v1::Step*> steps_;
  std::set<std::string> used_inputs_;
  std::set<std::pair<std::string, std::string>> used_fields_;
};

// The outputs of every ask: decision ("approve" | "deny"), approved, expired, approvers.
const std::vector<ActionField>& AskOutputs();

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_LINT_SCOPE_H_
