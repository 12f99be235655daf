// The JSON Schema (draft-07) of a playbook's YAML, for editors: keys, shapes, limits, and every action with its arguments. The
// linter knows more; whatever it passes fits the schema.
#ifndef FIREBREAK_PLAYBOOKS_SCHEMA_H_
#define FIREBREAK_PLAYBOOKS_SCHEMA_H_

#include <string>

#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"

namespace firebreak {

// Pure; the same specs give the same bytes. Ends with a line break.
std::string PlaybookSchema(absl::Span<const ActionSpec* const> actions);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_SCHEMA_H_
