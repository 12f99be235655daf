// What the linter knows while it walks the steps: declared inputs, every step by name, and which steps have surely run
// before the place it stands at.
#ifndef FIREBREAK_SERVICES_PLAYBOOKS_LINT_SCOPE_H_
#define FIREBREAK_SERVICES_PLAYBOOKS_LINT_SCOPE_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/playbooks/expression.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

// What holds at one place of a playbook. Names are those of steps.
struct Seen {
  std::set<std::string> surely;               // done: all outputs are there
  std::set<std::string> ended;                // done, or failed and gone on from: only ok and error are there
  std::set<std::string> maybe;                // may have run on some path
  std::set<std::string> beside;               // run in another branch of a parallel
  std::map<std::string, std::string> hidden;  // inside a loop that is over -> the loop
  std::set<std::string> approved;             // asks surely approved
  std::map<std::string, DataType> items;      // elements of the for_each around it
};

using TypeAnswer = std::variant<DataType, ExpressionFault>;

class LintScope {
 public:
  LintScope(const v1::Playbook& playbook, absl::Span<const ActionSpec* const> actions);

  const ActionSpec* FindAction(std::string_view name) const;
  std::vector<std::string> ActionNames() const;

  // The type of `reference` at a place where `seen` holds and the steps of `done` are done besides, or the fault to
  // report. Notes what is used.
  TypeAnswer TypeOf(const Reference& reference, const Seen& seen, const std::set<std::string>& done = {});

  // Only incident.* may be named: inputs are not bound yet.
  static TypeAnswer IncidentTypeOf(const Reference& reference);

  bool InputUsed(const std::string& name) const { return used_inputs_.count(name) > 0; }
  bool FieldUsed(const std::string& step, const std::string& field) const {
    return used_fields_.count({step, field}) > 0;
  }
  const std::map<std::string, const v1::Step*>& steps() const { return steps_; }

 private:
  TypeAnswer InputType(const Reference& reference, const Seen& seen);
  TypeAnswer StepFieldType(const v1::Step& step, const Reference& reference);

  std::map<std::string, const ActionSpec*> actions_;
  std::map<std::string, DataType> inputs_;
  std::map<std::string, const v1::Step*> steps_;
  std::set<std::string> used_inputs_;  // inputs and elements
  std::set<std::pair<std::string, std::string>> used_fields_;
};

// The declared type; unknown names count as string (they are findings of their own).
DataType TypeOfInput(const v1::InputDeclaration& input);

// What a step of this kind answers besides `ok` and `error`. `spec` belongs to a do step and may be nullptr.
const std::vector<ActionField>& OutputsOf(const v1::Step& step, const ActionSpec* spec);

// The lists of steps nested directly in `step`.
std::vector<const google::protobuf::RepeatedPtrField<v1::Step>*> NestedLists(const v1::Step& step);
// Calls `visit` for every step and what is nested in it, outer ones first.
void ForEachStep(const v1::Step& step, const std::function<void(const v1::Step&)>& visit);
void ForEachStep(const google::protobuf::RepeatedPtrField<v1::Step>& steps,
                 const std::function<void(const v1::Step&)>& visit);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_PLAYBOOKS_LINT_SCOPE_H_
