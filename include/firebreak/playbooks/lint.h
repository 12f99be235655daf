// The linter: YAML bytes in, the parsed playbook and every finding out, each with file, line, column, rule and hint. A
// playbook without error findings can be run: every reference, argument and type in it has been checked.
#ifndef FIREBREAK_PLAYBOOKS_LINT_H_
#define FIREBREAK_PLAYBOOKS_LINT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "firebreak/playbooks/action_spec.h"
#include "firebreak/v1/playbook.pb.h"

namespace firebreak {

inline constexpr size_t kPlaybookBytesMax = 256 * 1024;  // one screen of YAML is 2 KiB; generated ones stay far below
inline constexpr int kPlaybookDepthMax = 32;             // nesting of the YAML itself
inline constexpr int kStepDepthMax = 8;                  // nesting of steps in branches
inline constexpr int kStepsMax = 200;                    // in one playbook, handlers included
inline constexpr int kFindingsMax = 200;                 // past it the linter stops listing

struct LintReport {
  v1::Playbook playbook;                  // complete only when ok()
  std::vector<v1::LintFinding> findings;  // in order of position
  bool ok() const;                        // no finding is an error; warnings are allowed
};

// Pure. `file` is only used in findings. Never fails: unreadable YAML is a finding. playbook.digest is the SHA-256 of
// `yaml`.
LintReport LintPlaybook(std::string_view file, std::string_view yaml, absl::Span<const ActionSpec* const> actions);

// "poisoned-model.yaml:12:9: error: step verify: unknown action snapshot.verfy [unknown-action] (did you mean
// snapshot.verify)"
std::string FormatFinding(const v1::LintFinding& finding);

}  // namespace firebreak

#endif  // FIREBREAK_PLAYBOOKS_LINT_H_
