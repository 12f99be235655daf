// The names a playbook's values get as CACAO variables, and walking all places that use a value.
#ifndef FIREBREAK_SERVICES_CACAO_NAMES_H_
#define FIREBREAK_SERVICES_CACAO_NAMES_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "firebreak/playbooks/expression.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

// Every reference of a playbook in the order of its steps, those in texts for people included; `step` is the path's last part.
std::vector<Reference> ReferencesOf(const v1::Playbook& playbook);

// Calls `visit` for every step, handlers included, parents first.
void ForEachStep(const v1::Playbook& playbook, const std::function<void(const v1::Step&)>& visit);

// $step.field -> __step_field__; two values never share a name.
class VariableNames {
 public:
  explicit VariableNames(const v1::Playbook& playbook);
  std::string Of(const Reference& reference) const;   // of one that the playbook does not hold: as if it stood alone
  const std::map<std::string, Reference>& all() const { return references_; }
  // The variables that a step's answer fills, in name order.
  std::vector<std::string> FilledBy(std::string_view step) const;

 private:
  std::map<std::string, Reference> references_;          // by name
  std::map<std::string, std::string> names_;             // by Reference::text()
};

// A text for people with "{$plan.target}" as "__plan_target__:value".
std::string TextWithVariables(std::string_view text, const VariableNames& names);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_NAMES_H_
