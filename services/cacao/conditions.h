// Conditions: typed expressions of ours <-> STIX comparison expressions over CACAO variables.
#ifndef FIREBREAK_SERVICES_CACAO_CONDITIONS_H_
#define FIREBREAK_SERVICES_CACAO_CONDITIONS_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "firebreak/playbooks/expression.h"

namespace firebreak {

// "$gate.approved and $verify.verdict == \"intact\"" -> "__gate_approved__:value = true AND __verify_verdict__:value = 'intact'".
// What STIX cannot say (count, empty) is written as a function of the variable; our own extension carries the exact text.
using VariableName = std::function<std::string(const Reference&)>;
std::string ToStix(std::string_view expression, const VariableName& name_of);

// What a variable of a foreign playbook is with us.
struct ForeignVariable {
  std::string expression;   // $ip, $probe.status
  std::string type;         // int, number, bool, string
};
using VariableLookup = std::function<absl::StatusOr<ForeignVariable>(const std::string& variable)>;
// kInvalidArgument says what cannot be read, and at which byte.
absl::StatusOr<std::string> FromStix(std::string_view condition, const VariableLookup& find);

}  // namespace firebreak

#endif  // FIREBREAK_SERVICES_CACAO_CONDITIONS_H_
